package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ringside.cpu.CpuidModel;
import io.ringside.cpu.GuestFault;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PvCpuidTest {
  private static final long CR4_OSXSAVE = 1 << 18;

  private final ServiceGuest guest = new ServiceGuest();

  static Stream<CpuidModel> models() {
    return Stream.of(PvProcessors.amd(), PvProcessors.intel());
  }

  private PvCpuid cpuid(CpuidModel model) {
    return new PvCpuid(guest.domain, model);
  }

  private int[] amd(int leaf, int subleaf) {
    return cpuid(PvProcessors.amd()).read(leaf, subleaf, 0, 1, false);
  }

  private int[] intel(int leaf, int subleaf) {
    return cpuid(PvProcessors.intel()).read(leaf, subleaf, 0, 1, false);
  }

  @Test
  void xenSaysWhoItIs() {
    int[] r = amd(0x4000_0000, 0);
    assertThat(r[0]).isEqualTo(0x4000_0005);
    ByteBuffer name = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
    name.putInt(r[1]).putInt(r[2]).putInt(r[3]);
    assertThat(new String(name.array(), StandardCharsets.US_ASCII)).isEqualTo("XenVMMXenVMM");
    assertThat(amd(0x4000_0001, 0)).containsExactly(0x4_0011, 0, 0, 0);
    assertThat(amd(0x4000_0002, 0)).containsExactly(1, 0x4000_0000, 1, 0);
    assertThat(amd(0x4000_0004, 0)).containsExactly(0, 0, 0, 0);
    assertThat(amd(0x4000_0006, 0)).containsExactly(0, 0, 0, 0);
    assertThat(amd(0x4000_0100, 0)).containsExactly(0, 0, 0, 0);
    assertThat(amd(0x7fff_ffff, 0)).containsExactly(0, 0, 0, 0);
  }

  @Test
  void theTimeLeafScalesTheTsc() {
    assertThat(amd(0x4000_0003, 0)).containsExactly(6, 0, 3_000_000, 1);
    assertThat(amd(0x4000_0003, 2)).containsExactly(3_000_000, 0, 0, 0);
    assertThat(amd(0x4000_0003, 3)).containsExactly(0, 0, 0, 0);

    PvCpuid cpuid = cpuid(PvProcessors.amd());
    int[] r = cpuid.read(0x4000_0003, 1, 0, 1, false);
    guest.guest.timers.advance(1_000_000_000);
    long ticks = guest.guest.timers.guestTsc();
    long shifted = r[3] < 0 ? ticks >>> -r[3] : ticks << r[3];
    long nanos =
        Math.multiplyHigh(shifted, Integer.toUnsignedLong(r[2])) << 32
            | shifted * Integer.toUnsignedLong(r[2]) >>> 32;
    long offset = Integer.toUnsignedLong(r[0]) | (long) r[1] << 32;
    assertThat(nanos - offset).isBetween(999_999_900L, 1_000_000_100L);
    assertThat(Integer.toUnsignedLong(r[2])).isGreaterThanOrEqualTo(1L << 31);
  }

  @Test
  void theWidthOfMachineAddresses() {
    int[] r = amd(0x4000_0005, 0);
    assertThat(r[0]).isZero();
    assertThat(1L << r[1]).isBetween(guest.ram.size(), 2 * guest.ram.size());
    assertThat(amd(0x4000_0005, 1)).containsExactly(0, 0, 0, 0);
  }

  @ParameterizedTest
  @MethodSource("models")
  void whatAPvGuestCantUseIsHidden(CpuidModel model) {
    PvCpuid cpuid = cpuid(model);
    int[] r = cpuid.read(1, 0, 0, 1, false);
    // VME PSE MTRR PGE PSE36; PCID x2APIC TSC-deadline OSXSAVE.
    assertThat(r[3] & (1 << 1 | 1 << 3 | 1 << 12 | 1 << 13 | 1 << 17)).isZero();
    assertThat(r[2] & (1 << 17 | 1 << 21 | 1 << 24 | 1 << 27)).isZero();
    // FPU TSC MSR PAE CX8 APIC CMOV PAT FXSR SSE SSE2; SSE3 CX16 XSAVE AVX, hypervisor.
    assertThat(
            ~r[3] & (1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 15 | 1 << 16 | 7 << 24))
        .isZero();
    assertThat(~r[2] & (1 | 1 << 13 | 1 << 26 | 1 << 28 | 1 << 31)).isZero();
    assertThat(r[1] >>> 24).isZero();

    r = cpuid.read(7, 0, 0, 1, false);
    // FSGSBASE TSC_ADJUST SMEP INVPCID SMAP; UMIP PKU.
    assertThat(r[1] & (1 | 1 << 1 | 1 << 7 | 1 << 10 | 1 << 20)).isZero();
    assertThat(r[2] & (1 << 2 | 1 << 3 | 1 << 4)).isZero();
    // BMI1 AVX2 BMI2; RDPID.
    assertThat(~r[1] & (1 << 3 | 1 << 5 | 1 << 8)).isZero();
    assertThat(r[2] & 1 << 22).isNotZero();
    assertThat(cpuid.read(7, 2, 0, 1, false)).containsExactly(0, 0, 0, 0);

    r = cpuid.read(0x8000_0001, 0, 0, 1, false);
    // 1 GiB pages; SVM TOPOEXT. SYSCALL NX RDTSCP LM are there.
    assertThat(r[3] & 1 << 26).isZero();
    assertThat(r[2] & (1 << 2 | 1 << 22)).isZero();
    assertThat(~r[3] & (1 << 11 | 1 << 20 | 1 << 27 | 1 << 29)).isZero();
    assertThat(cpuid.read(0x8000_0007, 0, 0, 1, false)).containsExactly(0, 0, 0, 0);
  }

  @ParameterizedTest
  @MethodSource("models")
  void leavesWithoutMeaningAreZero(CpuidModel model) {
    PvCpuid cpuid = cpuid(model);
    assertThat(cpuid.read(0, 0, 0, 1, false)[0]).isEqualTo(0xd);
    for (int leaf : new int[] {3, 5, 6, 8, 9, 0xa, 0xb, 0xc, 0xe, 0x15, 0x16, 0x8000_000a}) {
      assertThat(cpuid.read(leaf, 0, 0, 1, false)).as("leaf %x", leaf).containsExactly(0, 0, 0, 0);
    }
  }

  @Test
  void theVendorsDiffer() {
    assertThat(amd(1, 0)[3] & 1 << 11).isZero();
    assertThat(intel(1, 0)[3] & 1 << 11).isNotZero();
    assertThat(amd(0x8000_0001, 0)[3] & 0x0183_f3ff).isEqualTo(amd(1, 0)[3] & 0x0183_f3ff);
    assertThat(intel(0x8000_0001, 0)[3] & 0x0183_f3ff & ~(1 << 11)).isZero();
    assertThat(amd(0x8000_001d, 0)).containsExactly(0, 0, 0, 0);
    assertThat(amd(0x8000_0021, 0)[0] & 1 << 8).isNotZero();
    assertThat(intel(7, 0)[3] & 3 << 26).isEqualTo(3 << 26);
    assertThat(intel(0x8000_0008, 0)[1] & 1 << 12).isNotZero();
    assertThat(amd(0x8000_0008, 0)[1] & 1 << 12).isZero();
  }

  @ParameterizedTest
  @MethodSource("models")
  void osxsaveLeaksToTheKernelThatAsksXen(CpuidModel model) {
    PvCpuid cpuid = cpuid(model);
    assertThat(cpuid.read(1, 0, 0, 1, false)[2] & 1 << 27).isZero();
    assertThat(cpuid.read(1, 0, CR4_OSXSAVE, 1, false)[2] & 1 << 27).isNotZero();
    assertThat(cpuid.read(1, 0, 0, 1, true)[2] & 1 << 27).isNotZero();
  }

  @Test
  void sizesOfTheExtendedStateFollowXcr0() {
    PvCpuid cpuid = cpuid(PvProcessors.amd());
    assertThat(cpuid.read(0xd, 0, 0, 3, false)).startsWith(7, 576, 832);
    assertThat(cpuid.read(0xd, 0, 0, 7, false)).startsWith(7, 832, 832);
    assertThat(cpuid.read(0xd, 1, 0, 7, false)[0]).isEqualTo(7);
  }

  private long code(int... bytes) {
    for (int i = 0; i < bytes.length; i++) {
      guest.ram.putByte(guest.buffer + i, bytes[i]);
    }
    guest.cpu.rip = ServiceGuest.BUFFER;
    return ServiceGuest.BUFFER;
  }

  @Test
  void thePrefixIsEmulated() {
    long rip = code(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2);
    guest.cpu.registers[0] = 0x1234_4000_0000L;
    guest.cpu.registers[3] = -1;
    guest.cpu.rflags = 0x1_0202;

    assertThat(cpuid(PvProcessors.amd()).emulateForced(guest.vcpu, 0, 1, false)).isTrue();
    assertThat(guest.cpu.registers)
        .startsWith(0x4000_0005L, 0x6558_4d4dL, 0x4d4d_566eL, 0x566e_6558L);
    assertThat(guest.cpu.rip).isEqualTo(rip + 7);
    assertThat(guest.cpu.rflags & 0x1_0000).isZero();
  }

  @Test
  void onlyTheKernelIsShownXensOsxsave() {
    PvCpuid cpuid = cpuid(PvProcessors.amd());
    code(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2);
    guest.cpu.registers[0] = 1;
    cpuid.emulateForced(guest.vcpu, 0, 1, false);
    assertThat(guest.cpu.registers[1] & 1 << 27).isNotZero();

    guest.cpu.kernelMode = false;
    guest.cpu.userRoot = guest.cpu.kernelRoot;
    guest.cpu.rip = ServiceGuest.BUFFER;
    guest.cpu.registers[0] = 1;
    cpuid.emulateForced(guest.vcpu, 0, 1, false);
    assertThat(guest.cpu.registers[1] & 1 << 27).isZero();
  }

  @Test
  void otherInstructionsStayUndefined() {
    PvCpuid cpuid = cpuid(PvProcessors.amd());
    long rip = code(0x0f, 0x0b, 'x', 'e', 'N', 0x0f, 0xa2);
    assertThat(cpuid.emulateForced(guest.vcpu, 0, 1, false)).isFalse();
    code(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0x31);
    assertThat(cpuid.emulateForced(guest.vcpu, 0, 1, false)).isFalse();
    assertThat(guest.cpu.rip).isEqualTo(rip);
  }

  @Test
  void codeThatEndsAtAnUnmappedPageFaults() {
    PvCpuid cpuid = cpuid(PvProcessors.amd());
    for (int length : new int[] {2, 4, 5, 6}) {
      guest.cpu.rip = ServiceGuest.NOWHERE - length;
      int[] bytes = {0x0f, 0x0b, 'x', 'e', 'n', 0x0f};
      for (int i = 0; i < length; i++) {
        guest.ram.putByte(guest.buffer + ServiceGuest.SIZE - length + i, bytes[i]);
      }
      assertThatThrownBy(() -> cpuid.emulateForced(guest.vcpu, 0, 1, false))
          .isInstanceOfSatisfying(
              GuestFault.class,
              fault -> {
                assertThat(fault.vector()).isEqualTo(GuestFault.PAGE_FAULT);
                assertThat(fault.cr2()).isEqualTo(ServiceGuest.NOWHERE);
              });
    }
  }

  @Test
  void faultingIsForUserModeOnly() {
    PvCpuid cpuid = cpuid(PvProcessors.amd());
    long rip = code(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2);
    assertThat(cpuid.emulateForced(guest.vcpu, 0, 1, true)).isTrue();

    guest.cpu.kernelMode = false;
    guest.cpu.userRoot = guest.cpu.kernelRoot;
    guest.cpu.rip = rip;
    assertThatThrownBy(() -> cpuid.emulateForced(guest.vcpu, 0, 1, true)).isSameAs(GuestFault.GP0);
    assertThat(guest.cpu.rip).isEqualTo(rip + 5);
  }
}
