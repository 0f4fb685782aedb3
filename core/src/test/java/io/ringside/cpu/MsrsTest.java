package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertProtection;
import static io.ringside.cpu.TestProcessor.CODE;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MsrsTest {
  private final TestProcessor cpu = new TestProcessor();
  private final CpuState state = cpu.state;
  private final Msrs msrs = cpu.processor.msrs();

  @Test
  void instructionsSplitTheValue() {
    state.gpr(CpuState.RCX, 0xffff_ffff_c000_0082L);
    state.gpr(CpuState.RAX, 0x7777_7777_8100_0000L);
    state.gpr(CpuState.RDX, 0x7777_7777_ffff_ffffL);
    cpu.execute("0f 30");
    assertThat(state.get(CpuState.LSTAR)).isEqualTo(0xffff_ffff_8100_0000L);
    state.rip(CODE);
    cpu.execute("0f 32");
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(0x8100_0000L);
    assertThat(state.gpr(CpuState.RDX)).isEqualTo(0xffff_ffffL);
    cpu.enterUser();
    assertProtection(() -> cpu.execute("0f 32"));
    assertProtection(() -> cpu.execute("0f 30"));
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        Msrs.LSTAR,
        Msrs.CSTAR,
        Msrs.FS_BASE,
        Msrs.GS_BASE,
        Msrs.KERNEL_GS_BASE,
        0x175,
        0x176
      })
  void addressesMustBeCanonical(int msr) {
    msrs.write(msr, 0x7fff_ffff_f000L);
    assertThat(msrs.read(msr)).isEqualTo(0x7fff_ffff_f000L);
    assertProtection(() -> msrs.write(msr, 0x8000_0000_0000L));
  }

  @Test
  void unknownNumbersRaiseGeneralProtection() {
    assertProtection(() -> msrs.read(0x1234));
    assertThat(msrs.lastUnknown()).isEqualTo(0x1234);
    assertProtection(() -> msrs.write(0x48, 0));
    assertThat(msrs.lastUnknown()).isEqualTo(0x48);
  }

  @Test
  void theTimeStampCounterAndItsAdjustment() {
    cpu.hostTsc = 5000;
    assertThat(msrs.read(Msrs.TSC)).isEqualTo(5000);
    msrs.write(Msrs.TSC, 100);
    assertThat(msrs.read(Msrs.TSC)).isEqualTo(100);
    assertThat(msrs.read(Msrs.TSC_ADJUST)).isEqualTo(-4900);
    msrs.write(Msrs.TSC_ADJUST, 0);
    assertThat(msrs.read(Msrs.TSC)).isEqualTo(5000);
    cpu.hostTsc = 6000;
    cpu.execute("0f 31");
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(6000);
    msrs.write(Msrs.TSC_DEADLINE, 77);
    assertThat(msrs.read(Msrs.TSC_DEADLINE)).isEqualTo(77);
  }

  @Test
  void processorIds() {
    msrs.write(Msrs.TSC_AUX, 0x1005);
    assertProtection(() -> msrs.write(Msrs.TSC_AUX, 1L << 32));
    cpu.hostTsc = 0x1_0000_0002L;
    cpu.execute("0f 01 f9");
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(2);
    assertThat(state.gpr(CpuState.RDX)).isEqualTo(1);
    assertThat(state.gpr(CpuState.RCX)).isEqualTo(0x1005);
    cpu.execute("f3 0f c7 fb");
    assertThat(state.gpr(CpuState.RBX)).isEqualTo(0x1005);
  }

  @Test
  void userModeMayBeKeptFromTheTimeStampCounter() {
    cpu.enterUser();
    cpu.execute("0f 31");
    state.set(CpuState.CR4, state.get(CpuState.CR4) | RegisterBits.CR4_TSD);
    assertProtection(() -> cpu.execute("0f 31"));
    assertProtection(() -> cpu.execute("0f 01 f9"));
  }

  @Test
  void efer() {
    msrs.write(Msrs.EFER, 0xd00);
    assertThat(state.get(CpuState.EFER)).isEqualTo(0xd00);
    assertThat(cpu.events).containsExactly("modeChanged");
    msrs.write(Msrs.EFER, 0x101);
    assertThat(state.get(CpuState.EFER)).as("LMA is read-only").isEqualTo(0x501);
    assertThat(cpu.events).containsExactly("modeChanged", "flushAll", "modeChanged");
    assertProtection(() -> msrs.write(Msrs.EFER, 0xc01));
    assertProtection(() -> msrs.write(Msrs.EFER, 0x1d01));
  }

  @Test
  void controlOfBranchPrediction() {
    msrs.write(Msrs.EFER, 0x20_0d01);
    assertThat(state.get(CpuState.EFER)).as("AIBRSE").isEqualTo(0x20_0d01);
    Msrs intel = new TestProcessor(HostCpuidFake.intel()).processor.msrs();
    assertProtection(() -> intel.write(Msrs.EFER, 0x20_0d01));
    assertThat(intel.read(0x48)).isZero();
    intel.write(0x48, 0x401);
    assertThat(intel.read(0x48)).isEqualTo(0x401);
    assertProtection(() -> intel.write(0x48, 4));
    intel.write(0x49, 1);
    assertProtection(() -> intel.write(0x49, 2));
    assertProtection(() -> intel.read(0x49));
  }

  @Test
  void theInterruptController() {
    assertThat(msrs.read(Msrs.APIC_BASE)).isEqualTo(0xfee0_0900L);
    msrs.write(Msrs.APIC_BASE, 0xfee0_0d00L);
    assertThat(cpu.apicBase).isEqualTo(0xfee0_0d00L);
    assertProtection(() -> msrs.write(Msrs.APIC_BASE, 1));
    assertThat(msrs.read(0x802)).isEqualTo(7);
    assertProtection(() -> msrs.read(0x803));
    msrs.write(0x80b, 0);
    assertProtection(() -> msrs.write(0x802, 0));
  }

  @Test
  void memoryTypes() {
    assertThat(msrs.read(0xfe)).isEqualTo(0x508);
    assertThat(msrs.read(0x2ff)).isEqualTo(0xc06);
    assertThat(msrs.read(0x200)).isEqualTo(0xc000_0000L);
    assertThat(msrs.read(0x201)).isEqualTo(0xff_c000_0800L);
    assertThat(msrs.read(0x20f)).isZero();
    msrs.write(0x20e, 0x1_0000_0006L);
    assertThat(msrs.read(0x20e)).isEqualTo(0x1_0000_0006L);
    assertProtection(() -> msrs.write(0x20e, 2));
    assertProtection(() -> msrs.write(0x20e, 1L << 40));
    assertProtection(() -> msrs.write(0x20f, 0x400));
    assertProtection(() -> msrs.write(0xfe, 0));
    assertProtection(() -> msrs.write(0x2ff, 0x1000));
    for (int msr : new int[] {0x250, 0x258, 0x259, 0x268, 0x26f}) {
      msrs.write(msr, 0x0605_0401_0000_0606L);
      assertThat(msrs.read(msr)).isEqualTo(0x0605_0401_0000_0606L);
      assertProtection(() -> msrs.write(msr, 0x0600_0000_0000_0002L));
    }
    assertProtection(() -> msrs.read(0x251));
    assertProtection(() -> msrs.read(0x210));
  }

  @Test
  void pageAttributes() {
    assertThat(msrs.read(0x277)).isEqualTo(0x0007_0406_0007_0406L);
    msrs.write(0x277, 0x0407_0500_0600_0106L);
    assertThat(msrs.read(0x277)).isEqualTo(0x0407_0500_0600_0106L);
    assertProtection(() -> msrs.write(0x277, 2));
    assertProtection(() -> msrs.write(0x277, 8L << 56));
  }

  @ParameterizedTest
  @CsvSource({"c0010010, 0", "c0010015, 1000000", "c0011029, 2", "8b, 1000065", "179, 0"})
  void whatLinuxReadsOnAmd(String msr, String value) {
    assertThat(Long.toHexString(msrs.read(Integer.parseUnsignedInt(msr, 16)))).isEqualTo(value);
  }

  @Test
  void whatLinuxReadsOnIntel() {
    Msrs intel = new TestProcessor(HostCpuidFake.intel()).processor.msrs();
    assertThat(intel.read(0x3a)).isEqualTo(1);
    assertThat(intel.read(0x1a0) & 1).isEqualTo(1);
    assertThat(intel.read(0x10a) & 0x29).isEqualTo(0x29);
    assertThat(intel.read(0xce)).isZero();
    assertProtection(() -> intel.read(0xc001_0015));
    assertProtection(() -> intel.read(0xc001_0004));
    assertProtection(() -> msrs.read(0x3a));
  }

  @Test
  void segmentBases() {
    state.set(CpuState.GS_BASE, 0x1000);
    state.set(CpuState.KERNEL_GS_BASE, 0x2000);
    cpu.execute("0f 01 f8");
    assertThat(state.get(CpuState.GS_BASE)).isEqualTo(0x2000);
    assertThat(state.get(CpuState.KERNEL_GS_BASE)).isEqualTo(0x1000);
    Faults.assertUndefined(() -> cpu.execute("f3 48 0f ae c0"));
    state.set(CpuState.CR4, state.get(CpuState.CR4) | RegisterBits.CR4_FSGSBASE);
    state.gpr(CpuState.RAX, 0xffff_8000_1234_5678L);
    cpu.execute("f3 48 0f ae d0");
    cpu.execute("f3 0f ae d8");
    assertThat(state.get(CpuState.FS_BASE)).isEqualTo(0xffff_8000_1234_5678L);
    assertThat(state.get(CpuState.GS_BASE)).isEqualTo(0x1234_5678L);
    cpu.execute("f3 48 0f ae c3");
    assertThat(state.gpr(CpuState.RBX)).isEqualTo(0xffff_8000_1234_5678L);
    cpu.execute("f3 0f ae c3");
    assertThat(state.gpr(CpuState.RBX)).isEqualTo(0x1234_5678L);
    state.gpr(CpuState.RAX, 0x8000_0000_0000L);
    assertProtection(() -> cpu.execute("f3 48 0f ae d0"));
    cpu.enterUser();
    assertProtection(() -> cpu.execute("0f 01 f8"));
  }
}
