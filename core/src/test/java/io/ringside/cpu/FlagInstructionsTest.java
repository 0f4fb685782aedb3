package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertFault;
import static io.ringside.cpu.Faults.assertProtection;
import static io.ringside.cpu.Faults.assertUndefined;
import static io.ringside.cpu.TestProcessor.CODE;
import static io.ringside.cpu.TestProcessor.STACK;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FlagInstructionsTest {
  private final TestProcessor cpu = new TestProcessor();
  private final CpuState state = cpu.state;

  private Outcome execute(String code) {
    state.rip(CODE);
    return cpu.execute(code);
  }

  @Test
  void stiHoldsInterruptsBackForOneInstruction() {
    assertThat(execute("fb")).isEqualTo(Outcome.NEXT_INHIBITED);
    assertThat(state.rflags()).isEqualTo(0x202);
    assertThat(execute("fb")).isEqualTo(Outcome.NEXT);
    assertThat(execute("fa")).isEqualTo(Outcome.NEXT);
    assertThat(state.rflags()).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"fa", "fb"})
  void interruptFlagNeedsIoPrivilege(String code) {
    cpu.enterUser();
    assertProtection(() -> execute(code));
    cpu.setFlags(RegisterBits.FLAG_IOPL);
    execute(code);
  }

  @Test
  void alignmentCheckIsForTheSupervisor() {
    execute("0f 01 cb");
    assertThat(state.rflags()).isEqualTo(2 | RegisterBits.FLAG_AC);
    execute("0f 01 ca");
    assertThat(state.rflags()).isEqualTo(2);
    assertThat(cpu.events).containsExactly("modeChanged", "modeChanged");
    cpu.enterUser();
    assertUndefined(() -> execute("0f 01 cb"));
  }

  @Test
  void direction() {
    execute("fd");
    assertThat(state.rflags()).isEqualTo(2 | RegisterBits.FLAG_DF);
    execute("fc");
    assertThat(state.rflags()).isEqualTo(2);
  }

  @Test
  void pushesFlagsWithoutRf() {
    state.rflags(0x246 | RegisterBits.FLAG_RF | RegisterBits.FLAG_ID);
    execute("9c");
    assertThat(cpu.get(STACK - 8)).isEqualTo(0x246 | RegisterBits.FLAG_ID);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK - 8);
    execute("66 9c");
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK - 10);
    assertThat(cpu.get(STACK - 10) & 0xffff).isEqualTo(0x246);
  }

  @Test
  void popsFlags() {
    cpu.put(STACK, 0x246 | RegisterBits.FLAG_AC);
    execute("9d");
    assertThat(state.rflags()).isEqualTo(0x246 | RegisterBits.FLAG_AC);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK + 8);
    assertThat(cpu.events).containsExactly("modeChanged");
  }

  @ParameterizedTest
  @CsvSource({
    // CPL, size, flags before, popped, after
    "0, 8, 2, ffffffff, 247fd7",
    "3, 8, 2, ffffffff, 244dd7",
    "3, 8, 3002, ffffffff, 247fd7",
    "3, 8, 3202, 0, 3002",
    "3, 8, 202, 0, 202",
    "0, 2, 250002, ffff, 257fd7",
    "0, 8, 1b0002, 0, 1a0002",
    "3, 2, 40202, 0, 40202"
  })
  void poppedFlagsDependOnPrivilege(int cpl, int size, String before, String popped, String after) {
    long flags =
        FlagInstructions.poppedFlags(
            Long.parseLong(before, 16), Long.parseLong(popped, 16), cpl, size);
    assertThat(Long.toHexString(flags | 2)).isEqualTo(after);
  }

  @Test
  void stackFaults() {
    state.gpr(CpuState.RSP, 0x8000_0000_0000L);
    assertFault(() -> execute("9d"), GuestFault.STACK_SEGMENT, 0);
    state.gpr(CpuState.RBP, 0x9000_0000_0000L);
    assertFault(() -> execute("c9"), GuestFault.STACK_SEGMENT, 0);
  }

  @Test
  void entersAndLeavesFrames() {
    state.gpr(CpuState.RBP, STACK + 0x100);
    cpu.put(STACK + 0xf8, 0x1111);
    cpu.put(STACK + 0xf0, 0x2222);
    execute("c8 20 00 03");
    assertThat(cpu.get(STACK - 8)).isEqualTo(STACK + 0x100);
    assertThat(cpu.get(STACK - 16)).isEqualTo(0x1111);
    assertThat(cpu.get(STACK - 24)).isEqualTo(0x2222);
    assertThat(cpu.get(STACK - 32)).isEqualTo(STACK - 8);
    assertThat(state.gpr(CpuState.RBP)).isEqualTo(STACK - 8);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK - 64);
    execute("c9");
    assertThat(state.gpr(CpuState.RBP)).isEqualTo(STACK + 0x100);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK);
  }

  @Test
  void translatesBytes() {
    state.gpr(CpuState.RBX, STACK);
    state.gpr(CpuState.RAX, 0x1105);
    cpu.put(STACK, 0x0011_2233_4455_6677L);
    execute("d7");
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(0x1122);
  }
}
