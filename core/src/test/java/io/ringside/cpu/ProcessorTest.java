package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertProtection;
import static io.ringside.cpu.Faults.assertUndefined;
import static io.ringside.cpu.TestProcessor.CODE;
import static io.ringside.cpu.TestProcessor.KERNEL_CS;
import static io.ringside.cpu.TestProcessor.RSP0;
import static io.ringside.cpu.TestProcessor.STACK;
import static io.ringside.cpu.TestProcessor.USER_CS;
import static io.ringside.cpu.TestProcessor.USER_DS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.ringside.machine.Exit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProcessorTest {
  private static final long HANDLER = CODE + 0x1000;

  private final TestProcessor cpu = new TestProcessor();
  private final CpuState state = cpu.state;

  @Test
  void faultsAreDeliveredWithRipAtTheInstruction() {
    cpu.gate(13, HANDLER, 0xe, 0, 0);
    cpu.enterUser();
    assertThat(cpu.emulate("f4")).isEqualTo(Outcome.NEXT);
    assertThat(state.rip()).isEqualTo(HANDLER);
    assertThat(cpu.get(RSP0 - 40)).isEqualTo(CODE);
  }

  @Test
  void halts() {
    assertThat(cpu.emulate("f4")).isEqualTo(Outcome.HALT);
    assertThat(state.rip()).isEqualTo(CODE + 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0f 0b", "0f 01 c8", "0f 01 c9"})
  void undefined(String code) {
    assertUndefined(() -> cpu.execute(code));
  }

  @ParameterizedTest
  @ValueSource(strings = {"0f 08", "0f 09", "f4", "0f 06"})
  void privileged(String code) {
    cpu.execute(code);
    cpu.enterUser();
    assertProtection(() -> cpu.execute(code));
  }

  @Test
  void cacheLineInstructionsCheckTheAddress() {
    state.gpr(CpuState.RBX, STACK + 3);
    cpu.execute("0f ae 3b");
    state.gpr(CpuState.RBX, 0x50_0000);
    Faults.assertPageFault(() -> cpu.execute("0f ae 3b"), 0, 0x50_0000);
  }

  @Test
  void softwareInterrupts() {
    cpu.gate(0x80, HANDLER, 0xf, 3, 0);
    cpu.gate(3, HANDLER + 0x40, 0xf, 3, 0);
    cpu.execute("cd 80");
    assertThat(state.rip()).isEqualTo(HANDLER);
    assertThat(cpu.get(STACK - 40)).isEqualTo(CODE + 2);
    cpu.execute("cc");
    assertThat(state.rip()).isEqualTo(HANDLER + 0x40);
    assertThat(cpu.get(STACK - 40 - 48)).isEqualTo(HANDLER + 1);
  }

  @Test
  void theTrapFlagTrapsAfterTheInstruction() {
    cpu.gate(1, HANDLER, 0xe, 0, 0);
    cpu.setFlags(RegisterBits.FLAG_TF);
    cpu.emulate("fc");
    assertThat(state.rip()).isEqualTo(HANDLER);
    assertThat(cpu.get(STACK - 40)).isEqualTo(CODE + 1);
    assertThat(state.get(CpuState.DEBUG_REGISTERS + 48) & 1 << 14).isNotZero();
  }

  @Test
  void popfTrapsOneInstructionLater() {
    cpu.gate(1, HANDLER, 0xe, 0, 0);
    cpu.put(STACK, 0x102);
    assertThat(cpu.emulate("9d")).isEqualTo(Outcome.NEXT);
    assertThat(state.rip()).isEqualTo(CODE + 1);
    cpu.emulate("fc");
    assertThat(state.rip()).isEqualTo(HANDLER);
  }

  @Test
  void storesOfOneInstructionToADeviceLeaveOneByOne() {
    cpu.map(0x50_0000, 0xfee0_0000L, 3);
    state.gpr(CpuState.RBX, 0x50_0000);
    state.set(CpuState.GDTR_LIMIT, 0x7f);
    assertThat(cpu.emulate("0f 01 03")).isEqualTo(Outcome.EXIT);
    assertThat(cpu.processor.exit()).isEqualTo(new Exit.MmioWrite(0xfee0_0000L, 2, 0x7f));
    assertThat(cpu.processor.nextPendingExit()).isTrue();
    assertThat(cpu.processor.exit())
        .isEqualTo(new Exit.MmioWrite(0xfee0_0002L, 8, TestProcessor.GDT));
    assertThat(cpu.processor.nextPendingExit()).isFalse();
    assertThat(state.rip()).isEqualTo(CODE + 3);
  }

  @Test
  void tablesOutsideRamAreAFailure() {
    cpu.map(0x50_0000, 0xfee0_0000L, 3);
    state.set(CpuState.IDTR_BASE, 0x50_0000);
    assertThat(cpu.processor.deliver(GuestFault.UD)).isEqualTo(Outcome.EXIT);
    assertThat(cpu.processor.exit()).isInstanceOf(Exit.Failure.class);
  }

  @Test
  void systemCalls() {
    state.set(CpuState.STAR, 0x0023_0010_0000_0000L);
    state.set(CpuState.LSTAR, HANDLER);
    state.set(CpuState.SFMASK, 0x4_7700);
    cpu.enterUser();
    state.rip(0x40_1000);
    state.rflags(0x4_0346);
    cpu.execute("0f 05");
    assertThat(state.rip()).isEqualTo(HANDLER);
    assertThat(state.gpr(CpuState.RCX)).isEqualTo(0x40_1002);
    assertThat(state.gpr(11)).isEqualTo(0x4_0346);
    assertThat(state.rflags()).isEqualTo(0x46);
    assertThat(state.cpl()).isZero();
    assertThat(state.selector(CpuState.CS)).isEqualTo(KERNEL_CS);
    assertThat(state.selector(CpuState.SS)).isEqualTo(0x18);
    assertThat(state.accessRights(CpuState.CS)).isEqualTo(0xa09b);

    cpu.execute("48 0f 07");
    assertThat(state.rip()).isEqualTo(0x40_1002);
    assertThat(state.rflags()).isEqualTo(0x4_0346);
    assertThat(state.cpl()).isEqualTo(3);
    assertThat(state.selector(CpuState.CS)).isEqualTo(USER_CS);
    assertThat(state.selector(CpuState.SS)).isEqualTo(USER_DS);
    assertThat(state.accessRights(CpuState.SS)).isEqualTo(0xc0f3);
    assertProtection(() -> cpu.execute("48 0f 07"));
  }

  @Test
  void systemCallsMustBeEnabled() {
    state.set(CpuState.EFER, 0xd00);
    assertUndefined(() -> cpu.execute("0f 05"));
    assertUndefined(() -> cpu.execute("48 0f 07"));
  }

  @Test
  void sysretChecksItsTarget() {
    state.gpr(CpuState.RCX, 0x8000_0000_0000L);
    assertProtection(() -> cpu.execute("48 0f 07"));
    assertThatExceptionOfType(UnsupportedGuestException.class)
        .isThrownBy(() -> cpu.execute("0f 07"));
  }

  @Test
  void sysenterIsForIntelOnly() {
    assertUndefined(() -> cpu.execute("0f 34"));
    TestProcessor intel = new TestProcessor(HostCpuidFake.intel());
    assertProtection(() -> intel.execute("0f 34"));
    intel.processor.msrs().write(0x174, KERNEL_CS);
    intel.processor.msrs().write(0x175, STACK);
    intel.processor.msrs().write(0x176, HANDLER);
    intel.enterUser();
    intel.setFlags(RegisterBits.FLAG_IF);
    intel.execute("0f 34");
    assertThat(intel.state.rip()).isEqualTo(HANDLER);
    assertThat(intel.state.gpr(CpuState.RSP)).isEqualTo(STACK);
    assertThat(intel.state.rflags()).isEqualTo(2);
    intel.state.gpr(CpuState.RDX, 0x40_0000);
    intel.state.gpr(CpuState.RCX, 0x7000_0000);
    intel.execute("48 0f 35");
    assertThat(intel.state.rip()).isEqualTo(0x40_0000);
    assertThat(intel.state.gpr(CpuState.RSP)).isEqualTo(0x7000_0000);
    assertThat(intel.state.selector(CpuState.CS)).isEqualTo(USER_CS);
  }
}
