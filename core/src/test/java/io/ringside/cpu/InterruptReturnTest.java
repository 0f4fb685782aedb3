package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertFault;
import static io.ringside.cpu.Faults.assertPageFault;
import static io.ringside.cpu.Faults.assertProtection;
import static io.ringside.cpu.TestProcessor.CODE;
import static io.ringside.cpu.TestProcessor.KERNEL_CS;
import static io.ringside.cpu.TestProcessor.KERNEL_DS;
import static io.ringside.cpu.TestProcessor.STACK;
import static io.ringside.cpu.TestProcessor.USER_CS;
import static io.ringside.cpu.TestProcessor.USER_DS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.ringside.machine.Exit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InterruptReturnTest {
  private static final String IRETQ = "48 cf";
  private static final String LRETQ = "48 cb";
  private static final long USER_RIP = 0x40_1234;
  private static final long USER_RSP = 0x7fff_f008;
  private static final long ALL_FLAGS = 0x3f_7fd7;

  private final TestProcessor cpu = new TestProcessor();
  private final CpuState state = cpu.state;

  private void frame(long rip, long cs, long flags, long rsp, long ss) {
    cpu.put(STACK, rip);
    cpu.put(STACK + 8, cs);
    cpu.put(STACK + 16, flags);
    cpu.put(STACK + 24, rsp);
    cpu.put(STACK + 32, ss);
  }

  @Test
  void returnsWithinTheKernel() {
    frame(CODE + 0x100, KERNEL_CS, 0x246, STACK + 0x100, KERNEL_DS);
    assertThat(cpu.execute(IRETQ)).isEqualTo(Outcome.NEXT);
    assertThat(state.rip()).isEqualTo(CODE + 0x100);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK + 0x100);
    assertThat(state.rflags()).isEqualTo(0x246);
    assertThat(state.cpl()).isZero();
  }

  @Test
  void returnsToUserMode() {
    frame(USER_RIP, USER_CS, 0x202, USER_RSP, USER_DS);
    state.segment(CpuState.DS, KERNEL_DS, 0xc093, 0xffff_ffffL, 0);
    state.segment(CpuState.ES, USER_DS, 0xc0f3, 0xffff_ffffL, 0);
    cpu.execute(IRETQ);
    assertThat(state.cpl()).isEqualTo(3);
    assertThat(state.rip()).isEqualTo(USER_RIP);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(USER_RSP);
    assertThat(state.selector(CpuState.CS)).isEqualTo(USER_CS);
    assertThat(state.accessRights(CpuState.CS)).isEqualTo(0xa0fb);
    assertThat(state.selector(CpuState.SS)).isEqualTo(USER_DS);
    assertThat(state.selector(CpuState.DS)).as("not for users").isZero();
    assertThat(state.selector(CpuState.ES)).isEqualTo(USER_DS);
    assertThat(cpu.events).contains("modeChanged");
  }

  @Test
  void undoesADelivery() {
    cpu.gate(14, CODE + 0x1000, 0xe, 0, 0);
    cpu.enterUser();
    state.rip(USER_RIP);
    state.gpr(CpuState.RSP, USER_RSP);
    state.rflags(0x246);
    cpu.processor.interrupts().deliver(GuestFault.pageFault(4, 0x1000));
    state.gpr(CpuState.RSP, state.gpr(CpuState.RSP) + 8);
    cpu.execute(IRETQ);
    assertThat(state.rip()).isEqualTo(USER_RIP);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(USER_RSP);
    assertThat(state.rflags()).as("RF would last one instruction only").isEqualTo(0x246);
    assertThat(state.cpl()).isEqualTo(3);
  }

  @ParameterizedTest
  @CsvSource({
    // CPL, IOPL before, size, RFLAGS after popping all ones onto none
    "0, 0, 8, 3c7fd7",
    "0, 0, 2, 7fd7",
    "3, 0, 8, 244dd7",
    "3, 3, 8, 247fd7",
    "3, 0, 2, 4dd7"
  })
  void flagsDependOnPrivilege(int cpl, int iopl, int size, String expected) {
    long old = 2 | (long) iopl << 12;
    assertThat(Long.toHexString(InterruptReturn.restoredFlags(old, ALL_FLAGS, cpl, size)))
        .isEqualTo(expected);
  }

  @Test
  void shortFormsPopShortValues() {
    cpu.descriptor(USER_CS, 0x00af_fb00_0000_ffffL);
    cpu.put(STACK, 0x33_0040_1234L);
    cpu.put(STACK + 8, 0x7fff_f008_0000_0202L);
    cpu.put(STACK + 16, 0x2b);
    cpu.execute("cf");
    assertThat(state.rip()).isEqualTo(0x40_1234);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(0x7fff_f008);
    assertThat(state.selector(CpuState.SS)).isEqualTo(USER_DS);
  }

  @Test
  void nullStackSegmentsAreForInnerLevelsOnly() {
    frame(CODE, KERNEL_CS, 2, STACK, 0);
    cpu.execute(IRETQ);
    assertThat(state.selector(CpuState.SS)).isZero();
    frame(USER_RIP, USER_CS, 2, USER_RSP, 3);
    state.gpr(CpuState.RSP, STACK);
    assertProtection(() -> cpu.execute(IRETQ));
  }

  @Test
  void nestedTasksDoNotExist() {
    frame(CODE, KERNEL_CS, 2, STACK, KERNEL_DS);
    cpu.setFlags(RegisterBits.FLAG_NT);
    assertProtection(() -> cpu.execute(IRETQ));
  }

  @Test
  void selectorsAreChecked() {
    frame(CODE, 0, 2, STACK, KERNEL_DS);
    assertProtection(() -> cpu.execute(IRETQ));
    frame(CODE, 0x78, 2, STACK, KERNEL_DS);
    assertFault(() -> cpu.execute(IRETQ), 13, 0x78);
    frame(CODE, 0x80, 2, STACK, KERNEL_DS);
    assertFault(() -> cpu.execute(IRETQ), 13, 0x80);
    frame(CODE, KERNEL_DS, 2, STACK, KERNEL_DS);
    assertFault(() -> cpu.execute(IRETQ), 13, KERNEL_DS);
    frame(CODE, KERNEL_CS | 3, 2, STACK, USER_DS);
    assertFault(() -> cpu.execute(IRETQ), 13, KERNEL_CS);
    frame(CODE, KERNEL_CS, 2, STACK, USER_DS);
    assertFault(() -> cpu.execute(IRETQ), 13, USER_DS & ~3);
    frame(USER_RIP, USER_CS, 2, USER_RSP, USER_CS);
    assertFault(() -> cpu.execute(IRETQ), 13, USER_CS & ~3);
    cpu.descriptor(USER_DS, 0x00cf_7300_0000_ffffL);
    frame(USER_RIP, USER_CS, 2, USER_RSP, USER_DS);
    assertFault(() -> cpu.execute(IRETQ), GuestFault.STACK_SEGMENT, USER_DS & ~3);
    cpu.descriptor(USER_CS, 0x00af_7b00_0000_ffffL);
    assertFault(() -> cpu.execute(IRETQ), GuestFault.SEGMENT_NOT_PRESENT, USER_CS & ~3);
    assertThat(state.rip()).isEqualTo(CODE);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK);
    assertThat(state.cpl()).isZero();
  }

  @Test
  void usersCannotReturnInward() {
    cpu.enterUser();
    cpu.map(0x50_0000, 0x30_0000, 7);
    state.gpr(CpuState.RSP, 0x50_0000);
    cpu.ram.putLong(0x30_0000, CODE);
    cpu.ram.putLong(0x30_0008, KERNEL_CS);
    assertFault(() -> cpu.execute(IRETQ), 13, KERNEL_CS);
  }

  @Test
  void targetsMustBeCanonical() {
    frame(0x8000_0000_0000L, USER_CS, 2, USER_RSP, USER_DS);
    assertProtection(() -> cpu.execute(IRETQ));
    assertThat(state.cpl()).isZero();
  }

  @Test
  void theFrameIsReadBeforeAnythingChanges() {
    cpu.map(0x50_0000, 0x30_0000, 3);
    state.gpr(CpuState.RSP, 0x50_0fe8);
    assertPageFault(() -> cpu.execute(IRETQ), 0, 0x50_1000);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(0x50_0fe8);
  }

  @ParameterizedTest
  @ValueSource(strings = {IRETQ, LRETQ})
  void thirtyTwoBitCodeIsRefusedInWords(String code) {
    cpu.descriptor(0x20, 0x00cf_fb00_0000_ffffL);
    frame(0x8048000, 0x23, 0x202, USER_RSP, USER_DS);
    if (code.equals(LRETQ)) {
      cpu.put(STACK + 16, USER_RSP);
      cpu.put(STACK + 24, USER_DS);
    }
    assertThatExceptionOfType(UnsupportedGuestException.class)
        .isThrownBy(() -> cpu.execute(code))
        .withMessageContaining("32-bit");
    assertThat(cpu.emulate(code)).isEqualTo(Outcome.EXIT);
    assertThat(cpu.processor.exit()).isInstanceOf(Exit.Failure.class);
  }

  @Test
  void unblocksNmis() {
    cpu.gate(2, CODE + 0x1000, 0xe, 0, 0);
    cpu.processor.interrupts().deliverNmi();
    cpu.execute(IRETQ);
    assertThat(cpu.processor.interrupts().nmiBlocked()).isFalse();
    assertThat(state.rip()).isEqualTo(CODE);
  }

  @Test
  void farReturnsWithinALevelPopTwoValues() {
    cpu.put(STACK, CODE + 0x40);
    cpu.put(STACK + 8, KERNEL_CS);
    cpu.execute(LRETQ);
    assertThat(state.rip()).isEqualTo(CODE + 0x40);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK + 16);
    state.gpr(CpuState.RSP, STACK);
    cpu.execute("48 ca 20 00");
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK + 48);
  }

  @Test
  void farReturnsToUsersPopTheStackToo() {
    cpu.put(STACK, USER_RIP);
    cpu.put(STACK + 8, USER_CS);
    cpu.put(STACK + 32, USER_RSP);
    cpu.put(STACK + 40, USER_DS);
    cpu.execute("48 ca 10 00");
    assertThat(state.rip()).isEqualTo(USER_RIP);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(USER_RSP + 16);
    assertThat(state.cpl()).isEqualTo(3);
    assertThat(state.selector(CpuState.SS)).isEqualTo(USER_DS);
  }

  @Test
  void farJumpsAndCallsChangeTheCodeSegment() {
    // AMD's processors have no 64-bit offset (APM vol. 3, JMP Far).
    boolean amd = cpu.processor.cpuid().isAmd();
    long pointer = STACK - 0x100;
    long target = amd ? CODE + 0x80 & 0xffff_ffffL : CODE + 0x80;
    cpu.put(pointer, target);
    cpu.put(pointer + (amd ? 4 : 8), KERNEL_CS);
    state.gpr(CpuState.RBX, pointer);
    cpu.execute("48 ff 2b");
    assertThat(state.rip()).isEqualTo(target);
    cpu.execute("48 ff 1b");
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK - 16);
    assertThat(cpu.get(STACK - 16)).isEqualTo(target + 3);
    assertThat(cpu.get(STACK - 8)).isEqualTo(KERNEL_CS);
    cpu.put(pointer + (amd ? 4 : 8), USER_CS);
    assertFault(() -> cpu.execute("48 ff 2b"), 13, USER_CS & ~3);
  }
}
