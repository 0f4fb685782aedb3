package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ringside.cpu.CpuidModel;
import io.ringside.cpu.GuestFault;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PvMsrsTest {
  private final ServiceGuest guest = new ServiceGuest();
  private final List<Long> tscAux = new ArrayList<>();
  private final PvMsrs amd = msrs(PvProcessors.amd(), true);
  private final PvMsrs intel = msrs(PvProcessors.intel(), true);

  private PvMsrs msrs(CpuidModel model, boolean faulting) {
    return new PvMsrs(guest.vcpu, model, faulting, tscAux::add);
  }

  private static void faults(PvMsrs msrs, int msr) {
    assertThatThrownBy(() -> msrs.read(msr, true)).as("read %x", msr).isSameAs(GuestFault.GP0);
  }

  private static void faults(PvMsrs msrs, int msr, long value) {
    assertThatThrownBy(() -> msrs.write(msr, value)).as("write %x", msr).isSameAs(GuestFault.GP0);
  }

  @Test
  void segmentBases() {
    guest.cpu.bases[PvCpu.FS] = 1;
    guest.cpu.bases[PvCpu.GS_KERNEL] = 2;
    guest.cpu.bases[PvCpu.GS_USER] = 3;
    assertThat(amd.read(0xc000_0100, true)).isEqualTo(1);
    assertThat(amd.read(0xc000_0101, true)).isEqualTo(2);
    assertThat(amd.read(0xc000_0102, true)).isEqualTo(3);

    amd.write(0xc000_0100, 0xffff_8800_0000_0000L);
    amd.write(0xc000_0101, 0x7fff_ffff_ffffL);
    amd.write(0xc000_0102, 5);
    assertThat(guest.cpu.bases).containsExactly(0xffff_8800_0000_0000L, 5, 0x7fff_ffff_ffffL);
    for (int msr = 0xc000_0100; msr != 0xc000_0103; msr++) {
      faults(amd, msr, 0x8000_0000_0000L);
    }
  }

  @Test
  void eferIsFixed() {
    assertThat(intel.read(0xc000_0080, true)).isEqualTo(0xd01);
    intel.write(0xc000_0080, 0xd01);
    faults(intel, 0xc000_0080, 0x501);
    // Automatic IBRS, which CPUID shows, is on.
    assertThat(amd.read(0xc000_0080, true)).isEqualTo(0x20_0d01);
    amd.write(0xc000_0080, 0x20_0d01);
  }

  @Test
  void whatXenKeepsForItselfReadsConstant() {
    assertThat(amd.read(0x1b, true)).isEqualTo(0xfee0_0900L);
    faults(amd, 0x1b, 0xfee0_0900L);
    assertThat(amd.read(0x277, true)).isEqualTo(0x0005_0100_0704_06L);
    faults(amd, 0x277, 0x0005_0100_0704_06L);
    assertThat(amd.read(0x10, true)).isEqualTo(guest.guest.timers.guestTsc());
    faults(amd, 0x10, 0);
    assertThat(amd.read(0x345, true)).isZero();
    faults(amd, 0x345, 0);
  }

  @Test
  void tscAuxHas32Bits() {
    assertThat(amd.read(0xc000_0103, true)).isZero();
    amd.write(0xc000_0103, 0xffff_ffffL);
    faults(amd, 0xc000_0103, 1L << 32);
    assertThat(amd.read(0xc000_0103, true)).isEqualTo(0xffff_ffffL);
    assertThat(tscAux).containsExactly(0xffff_ffffL);
  }

  @Test
  void cpuidFaultingIsOfferedWhereTheEngineCan() {
    assertThat(amd.read(0xce, true)).isEqualTo(1L << 31);
    faults(amd, 0xce, 0);
    assertThat(amd.read(0x140, true)).isZero();
    amd.write(0x140, 1);
    assertThat(amd.read(0x140, true)).isEqualTo(1);
    assertThat(amd.cpuidFaults()).isTrue();
    faults(amd, 0x140, 2);
    amd.write(0x140, 0);
    assertThat(amd.cpuidFaults()).isFalse();

    PvMsrs without = msrs(PvProcessors.amd(), false);
    assertThat(without.read(0xce, true)).isZero();
    faults(without, 0x140, 1);
    without.write(0x140, 0);
  }

  @Test
  void speculationControlsAreIntels() {
    assertThat(intel.read(0x48, true)).isZero();
    intel.write(0x48, 3);
    assertThat(intel.read(0x48, true)).isEqualTo(3);
    faults(intel, 0x48, 4);
    intel.write(0x49, 1);
    faults(intel, 0x49, 2);
    faults(intel, 0x49);
    assertThat(intel.read(0x10a, true) & 0xb).isEqualTo(3);
    faults(intel, 0x10a, 0);
    faults(amd, 0x48);
    faults(amd, 0x48, 0);
    faults(amd, 0x49, 1);
    faults(amd, 0x10a);
  }

  @Test
  void theMicrocodeRevision() {
    assertThat(intel.read(0x8b, true)).isEqualTo(0xffff_ffffL << 32);
    intel.write(0x8b, 0);
    faults(intel, 0x8b, 1);
    assertThat(amd.read(0x8b, true)).isNotZero();
    faults(amd, 0x8b, 0);
    for (int msr : new int[] {0x79, 0xc001_0020}) {
      faults(amd, msr, 0);
      faults(intel, msr, 0);
    }
  }

  @Test
  void machineCheckBanksAreEmpty() {
    assertThat(amd.read(0x179, true)).isEqualTo(2);
    assertThat(intel.read(0x179, true) & 0xff).isEqualTo(2);
    amd.write(0x17a, 4);
    assertThat(amd.read(0x17a, true)).isEqualTo(4);
    assertThat(amd.read(0x17b, true)).isZero();
    assertThat(amd.read(0x400, true)).isEqualTo(-1);
    assertThat(amd.read(0x404, true)).isEqualTo(-1);
    assertThat(amd.read(0x408, true)).isZero();
    assertThat(amd.read(0x401, true)).isZero();
    assertThat(amd.read(0x47f, true)).isZero();
    assertThat(amd.read(0x280, true)).isZero();
    amd.write(0x400, 0);
    amd.write(0x401, 0);
    faults(amd, 0x401, 1);
    faults(amd, 0x407, 1);
    amd.write(0x409, 1);
    faults(amd, 0x480);
    faults(amd, 0x4d0);
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        0xc001_0000,
        0xc001_0007,
        0xc001_0200,
        0xc001_020b,
        0xc001_0041,
        0xc001_0042,
        0xc001_0061,
        0xc001_006b,
        0xc001_0015,
      })
  void ofAmdsProcessors(int msr) {
    assertThat(amd.read(msr, true)).isZero();
    amd.write(msr, 0x1234);
    assertThat(amd.read(msr, true)).isZero();
    faults(intel, msr);
    faults(intel, msr, 0x1234);
  }

  @ParameterizedTest
  @ValueSource(ints = {0xc1, 0xc8, 0x186, 0x189, 0x309, 0x30b, 0x38d, 0x390, 0x199})
  void ofIntelsProcessors(int msr) {
    assertThat(intel.read(msr, true)).isZero();
    intel.write(msr, 0x1234);
    assertThat(intel.read(msr, true)).isZero();
    faults(amd, msr);
    faults(amd, msr, 0x1234);
  }

  @Test
  void readOrWrittenOnly() {
    assertThat(intel.read(0x3a, true)).isEqualTo(1);
    faults(intel, 0x3a, 1);
    for (int msr : new int[] {0x17, 0x198, 0x19c}) {
      assertThat(intel.read(msr, true)).isZero();
      faults(intel, msr, 0);
      faults(amd, msr);
    }
    for (int msr : new int[] {0x19a, 0x1b0}) {
      intel.write(msr, 1);
      faults(intel, msr);
      faults(amd, msr, 1);
    }
    for (int msr : new int[] {0xe7, 0xe8}) {
      intel.write(msr, 1);
      amd.write(msr, 1);
      faults(amd, msr);
    }
    assertThat(intel.read(0x1a0, true)).isEqualTo(0x80_1801);
    intel.write(0x1a0, -1);
    assertThat(intel.read(0x1a0, true)).isEqualTo(0x80_1801);
    faults(amd, 0x1a0);
    assertThat(amd.read(0xc001_1029, true)).isEqualTo(2);
    amd.write(0xc001_1029, 0);
    assertThat(amd.read(0xc001_1029, true)).isEqualTo(2);
    faults(intel, 0xc001_1029, 0);
  }

  @Test
  void theNorthbridge() {
    assertThat(intel.read(0xc001_001f, true)).isZero();
    amd.write(0xc001_001f, -1);
    PvMsrs old = msrs(PvProcessors.oldAmd(), false);
    assertThat(old.read(0xc001_0058, true)).isZero();
    old.write(0xc001_0058, 1);
    faults(amd, 0xc001_0058);
    faults(amd, 0xc001_0058, 1);
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        0x33,
        0x4e,
        0xcf,
        0x10b,
        0x10f,
        0x122,
        0x123,
        0x174,
        0x175,
        0x176,
        0x560,
        0x6a0,
        0x6e0,
        0x800,
        0x8ff,
        0xd90,
        0xda0,
        0x2ff,
        0xc000_0081,
        0xc000_0082,
        0xc000_0083,
        0xc000_0084,
        0xc000_0105,
        0xc001_0010,
        0xc001_001a,
        0xc001_011f,
        0xc001_1027,
        0x4000_0001,
        0x4000_0200,
        0x4b56_4d00,
      })
  void notThere(int msr) {
    faults(amd, msr);
    faults(intel, msr);
    faults(amd, msr, 0);
    faults(intel, msr, 0);
  }

  @Test
  void withoutAHandlerReadsOfWhatMayExistGiveZero() {
    assertThat(amd.read(0x174, false)).isZero();
    assertThat(amd.read(0xc000_0082, false)).isZero();
    assertThat(amd.read(0xc001_0010, false)).isZero();
    assertThat(amd.read(0xce, false)).isEqualTo(1L << 31);
    assertThatThrownBy(() -> amd.read(0x4000_0001, false)).isSameAs(GuestFault.GP0);
    assertThatThrownBy(() -> amd.read(0x1234_5678, false)).isSameAs(GuestFault.GP0);
  }

  @Test
  void theHypercallPageIsWritten() {
    assertThat(amd.read(0x4000_0000, true)).isZero();
    amd.write(0x4000_0000, guest.buffer);

    long entry = guest.buffer + 29 * 32;
    int[] bytes = {
      0x51, 0x41, 0x53, 0xb8, 29, 0, 0, 0, 0x0f, 5, 0x41, 0x5b, 0x59, 0xc3, 0xcc, 0xcc
    };
    for (int i = 0; i < bytes.length; i++) {
      assertThat(guest.ram.getByte(entry + i)).isEqualTo(bytes[i]);
    }
    entry = guest.buffer + 23 * 32;
    bytes = new int[] {0x51, 0x41, 0x53, 0x50, 0xb8, 23, 0, 0, 0, 0x0f, 5, 0xcc};
    for (int i = 0; i < bytes.length; i++) {
      assertThat(guest.ram.getByte(entry + i)).isEqualTo(bytes[i]);
    }
    assertThat(guest.ram.getByte(guest.buffer + 127 * 32 + 4)).isEqualTo(127);
    assertThat(guest.cpu.stores).contains(guest.buffer);
    assertThat(guest.domain.frames().references(guest.buffer >>> 12)).isEqualTo(2);
  }

  @Test
  void theHypercallPageMustBeOneOfTheGuestsThatIsWritable() {
    faults(amd, 0x4000_0000, guest.buffer + 1);
    faults(amd, 0x4000_0000, guest.guest.maddr(TestGuest.L1));
    faults(amd, 0x4000_0000, 0x1000);
    faults(amd, 0x4000_0000, guest.ram.size());
    faults(amd, 0x4000_0000, -4096);
    assertThat(guest.domain.frames().references(guest.guest.mfn(TestGuest.L1))).isEqualTo(3);
  }
}
