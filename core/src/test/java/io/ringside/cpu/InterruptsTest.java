package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertFault;
import static io.ringside.cpu.TestProcessor.CODE;
import static io.ringside.cpu.TestProcessor.GDT;
import static io.ringside.cpu.TestProcessor.IDT;
import static io.ringside.cpu.TestProcessor.IST1;
import static io.ringside.cpu.TestProcessor.KERNEL_CS;
import static io.ringside.cpu.TestProcessor.KERNEL_DS;
import static io.ringside.cpu.TestProcessor.RSP0;
import static io.ringside.cpu.TestProcessor.STACK;
import static io.ringside.cpu.TestProcessor.TSS;
import static io.ringside.cpu.TestProcessor.USER_CS;
import static io.ringside.cpu.TestProcessor.USER_DS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.ringside.machine.Exit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InterruptsTest {
  private static final long HANDLER = CODE + 0x1000;
  private static final int INTERRUPT_GATE = 0xe;
  private static final int TRAP_GATE = 0xf;
  private static final long DEFAULT_FLAGS = 0x202;

  private final TestProcessor cpu = new TestProcessor();
  private final CpuState state = cpu.state;
  private final Interrupts interrupts = cpu.processor.interrupts();

  private void assertFrame(long frame, long rip, long cs, long flags, long rsp, long ss) {
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(frame);
    assertThat(cpu.get(frame)).as("RIP").isEqualTo(rip);
    assertThat(cpu.get(frame + 8)).as("CS").isEqualTo(cs);
    assertThat(cpu.get(frame + 16)).as("RFLAGS").isEqualTo(flags);
    assertThat(cpu.get(frame + 24)).as("RSP").isEqualTo(rsp);
    assertThat(cpu.get(frame + 32)).as("SS").isEqualTo(ss);
  }

  @Test
  void interruptInTheKernelKeepsTheStack() {
    cpu.gate(0x20, HANDLER, INTERRUPT_GATE, 0, 0);
    state.rflags(DEFAULT_FLAGS | RegisterBits.FLAG_ZF);
    interrupts.deliverExternal(0x20, false);
    assertFrame(STACK - 40, CODE, KERNEL_CS, 0x242, STACK, KERNEL_DS);
    assertThat(state.rip()).isEqualTo(HANDLER);
    assertThat(state.rflags()).isEqualTo(0x42);
    assertThat(state.selector(CpuState.SS)).isEqualTo(KERNEL_DS);
    assertThat(cpu.events).contains("modeChanged");
  }

  @Test
  void interruptInUserModeTakesRsp0() {
    cpu.gate(0x20, HANDLER, INTERRUPT_GATE, 0, 0);
    cpu.enterUser();
    state.gpr(CpuState.RSP, 0x7fff_1234);
    state.rip(0x40_1000);
    state.rflags(DEFAULT_FLAGS);
    interrupts.deliverExternal(0x20, false);
    assertFrame(RSP0 - 40, 0x40_1000, USER_CS, DEFAULT_FLAGS, 0x7fff_1234, USER_DS);
    assertThat(state.cpl()).isZero();
    assertThat(state.selector(CpuState.CS)).isEqualTo(KERNEL_CS);
    assertThat(state.accessRights(CpuState.CS)).isEqualTo(0xa09b);
    assertThat(state.selector(CpuState.SS)).as("null").isZero();
  }

  @ParameterizedTest
  @CsvSource({"0, 40", "1, 41", "8, 48", "15, 55"})
  void theStackIsAlignedTo16(int skew, int distance) {
    cpu.gate(0x20, HANDLER, INTERRUPT_GATE, 0, 0);
    state.gpr(CpuState.RSP, STACK + skew);
    interrupts.deliverExternal(0x20, false);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK + skew - distance);
    assertThat(cpu.get(STACK - 40 + 24)).isEqualTo(STACK + skew);
  }

  @Test
  void anIstAppliesWithoutAChangeOfPrivilege() {
    cpu.gate(2, HANDLER, INTERRUPT_GATE, 0, 1);
    interrupts.deliverNmi();
    assertFrame(IST1 - 40, CODE, KERNEL_CS, 2, STACK, KERNEL_DS);
    assertThat(state.selector(CpuState.SS)).isEqualTo(KERNEL_DS);
    assertThat(interrupts.nmiBlocked()).isTrue();
  }

  @Test
  void trapGatesLeaveInterruptsEnabled() {
    cpu.gate(3, HANDLER, TRAP_GATE, 3, 0);
    state.rflags(
        DEFAULT_FLAGS | RegisterBits.FLAG_TF | RegisterBits.FLAG_NT | RegisterBits.FLAG_AC);
    interrupts.software(3, CODE + 1);
    assertThat(state.rflags()).isEqualTo(DEFAULT_FLAGS | RegisterBits.FLAG_AC);
    assertThat(cpu.get(STACK - 40 + 16))
        .isEqualTo(
            DEFAULT_FLAGS | RegisterBits.FLAG_TF | RegisterBits.FLAG_NT | RegisterBits.FLAG_AC);
    assertThat(cpu.get(STACK - 40)).isEqualTo(CODE + 1);
  }

  @Test
  void faultsPushTheErrorCodeAndRf() {
    cpu.gate(13, HANDLER, INTERRUPT_GATE, 0, 0);
    interrupts.deliver(GuestFault.gp(0x28));
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK - 48);
    assertThat(cpu.get(STACK - 48)).isEqualTo(0x28);
    assertThat(cpu.get(STACK - 40)).isEqualTo(CODE);
    assertThat(cpu.get(STACK - 24)).isEqualTo(2 | RegisterBits.FLAG_RF);
    assertThat(state.rflags()).isEqualTo(2);
  }

  @Test
  void aRepeatedStringInstructionIsResumedWithRf() {
    cpu.gate(0x20, HANDLER, INTERRUPT_GATE, 0, 0);
    interrupts.deliverExternal(0x20, true);
    assertThat(cpu.get(STACK - 24)).isEqualTo(2 | RegisterBits.FLAG_RF);
  }

  @Test
  void pageFaultsSetCr2() {
    cpu.gate(14, HANDLER, INTERRUPT_GATE, 0, 0);
    interrupts.deliver(GuestFault.pageFault(6, 0x1234_5678));
    assertThat(state.get(CpuState.CR2)).isEqualTo(0x1234_5678);
    assertThat(cpu.get(STACK - 48)).isEqualTo(6);
  }

  @Test
  void singleStepIsATrapAndClearsGeneralDetect() {
    cpu.gate(1, HANDLER, INTERRUPT_GATE, 0, 0);
    state.set(CpuState.DEBUG_REGISTERS + 56, 0x2400);
    state.rflags(DEFAULT_FLAGS | RegisterBits.FLAG_TF);
    interrupts.deliverSingleStep();
    assertThat(state.get(CpuState.DEBUG_REGISTERS + 48)).isEqualTo(0xffff_4ff0L);
    assertThat(state.get(CpuState.DEBUG_REGISTERS + 56)).isEqualTo(0x400);
    assertThat(cpu.get(STACK - 24)).isEqualTo(DEFAULT_FLAGS | RegisterBits.FLAG_TF);
    assertThat(state.rflags()).isEqualTo(2);
  }

  @Test
  void framesMayCrossPages() {
    cpu.gate(13, HANDLER, INTERRUPT_GATE, 0, 0);
    cpu.map(0x50_0000, 0x30_0000, 3);
    cpu.map(0x50_1000, 0x32_0000, 3);
    state.gpr(CpuState.RSP, 0x50_1010);
    interrupts.deliver(GuestFault.GP0);
    assertThat(cpu.ram.getLong(0x32_0000)).isEqualTo(0x50_1010);
    assertThat(cpu.ram.getLong(0x32_0008)).isEqualTo(KERNEL_DS);
    assertThat(cpu.ram.getLong(0x30_0fe8)).isEqualTo(CODE);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(0x50_0fe0);
  }

  @Test
  void softwareInterruptsNeedTheGatesPrivilege() {
    cpu.gate(0x80, HANDLER, INTERRUPT_GATE, 0, 0);
    cpu.enterUser();
    assertFault(() -> interrupts.software(0x80, CODE + 2), 13, 0x80 * 8 + 2);
    assertThat(state.cpl()).isEqualTo(3);
    cpu.gate(0x80, HANDLER, INTERRUPT_GATE, 3, 0);
    interrupts.software(0x80, CODE + 2);
    assertThat(cpu.get(RSP0 - 40)).isEqualTo(CODE + 2);
  }

  @Test
  void int1NeedsNoPrivilege() {
    cpu.gate(1, HANDLER, INTERRUPT_GATE, 0, 0);
    cpu.enterUser();
    cpu.execute("f1");
    assertThat(state.rip()).isEqualTo(HANDLER);
    assertThat(cpu.get(RSP0 - 40)).isEqualTo(CODE + 1);
  }

  @Test
  void gatesAreChecked() {
    cpu.gate(0x80, HANDLER, INTERRUPT_GATE, 3, 0);
    long low = cpu.get(IDT + 0x800);
    int error = 0x80 * 8 + 2;
    cpu.put(IDT + 0x800, low & ~(1L << 47));
    assertFault(() -> interrupts.software(0x80, CODE), GuestFault.SEGMENT_NOT_PRESENT, error);
    cpu.put(IDT + 0x800, low & ~(0xfL << 40) | 0xcL << 40);
    assertFault(() -> interrupts.software(0x80, CODE), 13, error);
    state.set(CpuState.IDTR_LIMIT, 0x80e);
    cpu.put(IDT + 0x800, low);
    assertFault(() -> interrupts.software(0x80, CODE), 13, error);
    state.set(CpuState.IDTR_LIMIT, 0x80f);
    cpu.put(IDT + 0x800, low & ~0xffff_0000L);
    assertFault(() -> interrupts.software(0x80, CODE), 13, 0);
    cpu.put(IDT + 0x800, low & ~0xffff_0000L | 0x78L << 16);
    assertFault(() -> interrupts.software(0x80, CODE), 13, 0x78);
    cpu.put(IDT + 0x800, low & ~0xffff_0000L | (long) KERNEL_DS << 16);
    assertFault(() -> interrupts.software(0x80, CODE), 13, KERNEL_DS);
  }

  @Test
  void theCodeSegmentOfAGateMustBe64BitAndPresent() {
    cpu.gate(0x80, HANDLER, INTERRUPT_GATE, 3, 0);
    cpu.descriptor(KERNEL_CS, 0x00cf_9b00_0000_ffffL);
    assertFault(() -> interrupts.software(0x80, CODE), 13, KERNEL_CS);
    cpu.descriptor(KERNEL_CS, 0x00af_1b00_0000_ffffL);
    assertFault(() -> interrupts.software(0x80, CODE), GuestFault.SEGMENT_NOT_PRESENT, KERNEL_CS);
    cpu.descriptor(KERNEL_CS, 0x00af_fb00_0000_ffffL);
    assertFault(() -> interrupts.software(0x80, CODE), 13, KERNEL_CS);
  }

  @Test
  void conformingHandlersRunWithThePrivilegeOfTheInterruptedCode() {
    cpu.gate(0x80, HANDLER, INTERRUPT_GATE, 3, 0);
    cpu.descriptor(KERNEL_CS, 0x00af_9f00_0000_ffffL);
    cpu.enterUser();
    cpu.map(0x50_0000, 0x30_0000, 7);
    state.gpr(CpuState.RSP, 0x50_0800);
    interrupts.software(0x80, CODE + 2);
    assertThat(state.cpl()).isEqualTo(3);
    assertThat(state.selector(CpuState.CS)).isEqualTo(KERNEL_CS | 3);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(0x50_0800 - 40);
  }

  @Test
  void loadingTheCodeSegmentSetsItsAccessedFlag() {
    cpu.gate(0x80, HANDLER, INTERRUPT_GATE, 0, 0);
    cpu.descriptor(KERNEL_CS, 0x00af_9a00_0000_ffffL);
    interrupts.software(0x80, CODE);
    assertThat(cpu.get(GDT + KERNEL_CS)).isEqualTo(0x00af_9b00_0000_ffffL);
  }

  @Test
  void theTssMustReachTheStackPointer() {
    cpu.gate(0x80, HANDLER, INTERRUPT_GATE, 3, 1);
    state.segment(CpuState.TR, TestProcessor.TSS_SELECTOR, 0x8b, 0x2a, TSS);
    assertFault(
        () -> interrupts.software(0x80, CODE), GuestFault.INVALID_TSS, TestProcessor.TSS_SELECTOR);
    state.segment(CpuState.TR, TestProcessor.TSS_SELECTOR, 0x8b, 0x2b, TSS);
    interrupts.software(0x80, CODE);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(IST1 - 40);
  }

  @Test
  void targetsMustBeCanonical() {
    cpu.gate(0x80, 0x8000_0000_0000L, INTERRUPT_GATE, 0, 0);
    assertFault(() -> interrupts.software(0x80, CODE), 13, 0);
    cpu.gate(0x80, HANDLER, INTERRUPT_GATE, 0, 0);
    interrupts.software(0x80, CODE);
    assertThat(state.rip()).isEqualTo(HANDLER);
  }

  @Test
  void aStackThatIsNotCanonicalIsAStackFault() {
    cpu.gate(0x80, HANDLER, INTERRUPT_GATE, 0, 0);
    state.gpr(CpuState.RSP, 0x9000_0000_0000L);
    assertFault(() -> interrupts.software(0x80, CODE), GuestFault.STACK_SEGMENT, 0);
    assertThat(state.rip()).isEqualTo(CODE);
  }

  @Test
  void aFaultDuringABenignExceptionIsDeliveredInItsPlace() {
    cpu.gate(6, HANDLER, INTERRUPT_GATE, 0, 0);
    cpu.put(IDT + 0x60, cpu.get(IDT + 0x60) & ~(1L << 47));
    cpu.gate(11, HANDLER, INTERRUPT_GATE, 0, 0);
    interrupts.deliver(GuestFault.UD);
    assertThat(state.rip()).isEqualTo(HANDLER);
    assertThat(cpu.get(STACK - 48)).isEqualTo(6 * 8 + 2 + 1);
  }

  @Test
  void aFaultDuringAnInterruptIsDeliveredInItsPlaceWithExt() {
    cpu.gate(13, HANDLER, INTERRUPT_GATE, 0, 0);
    interrupts.deliverExternal(0x21, false);
    assertThat(state.rip()).isEqualTo(HANDLER);
    assertThat(cpu.get(STACK - 48)).isEqualTo(0x21 * 8 + 2 + 1);
    assertThat(cpu.get(STACK - 40)).isEqualTo(CODE);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 10, 11, 12, 13})
  void contributoryTwiceIsADoubleFault(int vector) {
    cpu.gate(8, HANDLER, INTERRUPT_GATE, 0, 1);
    interrupts.deliver(vector == 0 ? GuestFault.DE : GuestFault.withCode(vector, 0));
    assertThat(state.rip()).isEqualTo(HANDLER);
    assertThat(cpu.get(IST1 - 48)).isZero();
    assertThat(cpu.get(IST1 - 40)).isEqualTo(CODE);
  }

  @Test
  void aPageFaultDuringAPageFaultIsADoubleFault() {
    cpu.gate(8, HANDLER, INTERRUPT_GATE, 0, 1);
    cpu.gate(14, HANDLER + 0x100, INTERRUPT_GATE, 0, 0);
    state.gpr(CpuState.RSP, 0x60_0000);
    interrupts.deliver(GuestFault.pageFault(0, 0x1111));
    assertThat(state.rip()).isEqualTo(HANDLER);
    assertThat(state.get(CpuState.CR2)).isEqualTo(0x60_0000 - 48);
    assertThat(cpu.get(IST1 - 40 + 24)).isEqualTo(0x60_0000);
  }

  @Test
  void aPageFaultDuringAContributoryExceptionIsDeliveredInItsPlace() {
    cpu.gate(13, HANDLER, INTERRUPT_GATE, 0, 0);
    cpu.gate(14, HANDLER + 0x100, INTERRUPT_GATE, 0, 1);
    state.gpr(CpuState.RSP, 0x60_0000);
    interrupts.deliver(GuestFault.GP0);
    assertThat(state.rip()).isEqualTo(HANDLER + 0x100);
    assertThat(cpu.get(IST1 - 48)).as("a supervisor's write to no page").isEqualTo(2);
    assertThat(state.get(CpuState.CR2)).isEqualTo(0x60_0000 - 48);
  }

  @Test
  void aFaultDuringADoubleFaultShutsDown() {
    state.set(CpuState.IDTR_LIMIT, 0);
    assertThatExceptionOfType(TripleFault.class)
        .isThrownBy(() -> interrupts.deliver(GuestFault.pageFault(2, 0x1234)))
        .withMessageContaining("triple fault")
        .withMessageContaining("#PF(0x2) at address 0x1234")
        .withMessageContaining(Long.toHexString(CODE));
    assertThat(cpu.processor.deliver(GuestFault.UD)).isEqualTo(Outcome.EXIT);
    assertThat(cpu.processor.exit()).isInstanceOf(Exit.Shutdown.class);
  }

  @Test
  void smapDoesNotConcernTheStackOfAUserWithAlignmentCheckSet() {
    cpu.gate(0x20, HANDLER, INTERRUPT_GATE, 0, 0);
    state.set(CpuState.CR4, state.get(CpuState.CR4) | RegisterBits.CR4_SMAP);
    cpu.map(0x50_0000, 0x30_0000, 7);
    cpu.put(TSS + 4, 0x50_1000);
    cpu.gate(14, HANDLER, INTERRUPT_GATE, 0, 1);
    cpu.enterUser();
    cpu.setFlags(RegisterBits.FLAG_AC);
    interrupts.deliverExternal(0x20, false);
    assertThat(state.gpr(CpuState.RSP)).as("the page fault's stack").isEqualTo(IST1 - 48);
    assertThat(cpu.get(IST1 - 48)).isEqualTo(3);
  }
}
