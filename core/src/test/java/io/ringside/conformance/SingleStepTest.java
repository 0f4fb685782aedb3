package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDI;
import static io.ringside.cpu.CpuState.RSI;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;
import java.util.ArrayList;
import java.util.List;

/** RFLAGS.TF: a #DB after every instruction, with RIP at the next. The programs end with UD2. */
class SingleStepTest {
  private static final long TF = 1 << 8;
  private static final long LOG = Guest.KERNEL_DATA;

  /** A handler of #DB that writes each RIP to a log: R14 is where. */
  private static void logger(Guest g) {
    g.gpr(14, LOG);
    // PUSH RAX; MOV RAX,[RSP+8]; MOV [R14],RAX; ADD R14,8; POP RAX; IRETQ
    g.handler(1, Guest.KERNEL + 0xc00)
        .bytes(0x50, 0x48, 0x8b, 0x44, 0x24, 0x08, 0x49, 0x89, 0x06, 0x49, 0x83, 0xc6, 0x08)
        .bytes(0x58)
        .iretq();
  }

  private static List<Long> log(Guest g) {
    List<Long> rips = new ArrayList<>();
    for (long at = LOG; at < g.gpr(14); at += 8) {
      rips.add(g.ram.getLong(at) - Guest.KERNEL);
    }
    return rips;
  }

  @ForEachMethod
  void straightCodeAndBranches(Method method) {
    try (Guest g = new Guest(method)) {
      logger(g);
      g.state.rflags(TF | 2);
      // NOP; INC EAX; JNZ +1; HLT; PUSH RAX; POP RBX; CALL +0; POP RCX; JMP +0; MOV EAX,[RSP-8];
      // UD2
      g.kernel()
          .nop()
          .bytes(0xff, 0xc0, 0x75, 1, 0xf4, 0x50, 0x5b, 0xe8, 0, 0, 0, 0, 0x59, 0xeb, 0)
          .bytes(0x8b, 0x44, 0x24, 0xf8)
          .bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly(1L, 3L, 6L, 7L, 8L, 13L, 14L, 16L, 20L);
    }
  }

  /** POPF that sets TF: the trap comes after the next instruction; the one that clears it still traps. */
  @ForEachMethod
  void switchedOnAndOffByPopf(Method method) {
    try (Guest g = new Guest(method)) {
      logger(g);
      Program k = g.kernel().push(TF | 2);
      k.popf().nop().nop();
      long second = k.here() - Guest.KERNEL;
      k.bytes(0x6a, 2).popf().nop().bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly(second - 1, second, second + 2, second + 3);
    }
  }

  @ForEachMethod
  void repeatedStringTrapsEachTime(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.STRING_STEPS);
      logger(g);
      g.state.rflags(TF | 2);
      g.gpr(RCX, 3);
      g.gpr(RSI, Guest.USER_DATA);
      g.gpr(RDI, Guest.USER_DATA + 0x100);
      g.kernel().bytes(0xf3, 0xa4).bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly(0L, 0L, 2L);
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  @ForEachMethod
  void emulatedInstructions(Method method) {
    try (Guest g = new Guest(method)) {
      logger(g);
      g.state.rflags(TF | 2);
      // CPUID; RDTSC; MOV RAX,CR3; MOV CR3,RAX; CLI; STI; NOP
      g.kernel()
          .bytes(0x0f, 0xa2, 0x0f, 0x31, 0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8)
          .cli()
          .nop()
          .bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly(2L, 4L, 7L, 10L, 11L, 12L);
    }
  }

  /** DR6.BS is set, and TF is clear in the handler. */
  @ForEachMethod
  void statusRegister(Method method) {
    try (Guest g = new Guest(method)) {
      g.state.rflags(TF | 2);
      g.kernel().nop();
      g.expectFault(1, Guest.KERNEL + 1);
      assertThat(g.state.get(CpuState.DEBUG_REGISTERS + 48) & 0x4000).isEqualTo(0x4000);
      assertThat(g.state.rflags() & TF).isZero();
      assertThat(g.fault().flags() & TF).isEqualTo(TF);
    }
  }

  /** An instruction that faults is not done: no trap, but the fault. */
  @ForEachMethod
  void faultingInstruction(Method method) {
    try (Guest g = new Guest(method)) {
      g.state.rflags(TF | 2);
      g.gpr(RBX, Guest.FREE);
      g.kernel().bytes(0x8b, 0x03);
      g.expectPageFault(0, Guest.FREE, Guest.KERNEL);
    }
  }

  /** User mode steps through a system call: the kernel runs with TF cleared by SFMASK. */
  @ForEachMethod
  void acrossSyscall(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.SYSRET);
      logger(g);
      g.kernel()
          .wrmsr(0xc000_0082, Guest.KERNEL + 0x800)
          .wrmsr(0xc000_0084, 0x700)
          .enterUser(Guest.USER, TF | 2);
      g.at(Guest.KERNEL + 0x800).nop().nop().bytes(0x48, 0x0f, 0x07);
      Program user = g.user().nop().syscall();
      long after = user.here() - Guest.KERNEL;
      user.nop().bytes(0x0f, 0x0b);
      g.runToHalt();
      // SYSRET, unlike IRET and POPF, is trapped by the TF that it sets, as if SYSCALL was stepped.
      assertThat(log(g)).containsExactly(Guest.USER + 1 - Guest.KERNEL, after, after + 1);
      assertThat(g.gpr(RAX)).isNotNegative();
    }
  }

  /** The trap after MOV to SS comes after the instruction behind it (SDM vol. 3, 6.8.3). */
  @ForEachMethod
  void movSsHoldsTheTrap(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.INTERRUPT_SHADOW);
      logger(g);
      g.state.rflags(TF | 2);
      g.gpr(RAX, GuestTables.KERNEL_DATA);
      // MOV SS,EAX; NOP; NOP; UD2
      g.kernel().bytes(0x8e, 0xd0).nop().nop().bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly(3L, 4L);
    }
  }

  /** An operand across two pages, which a translator may treat in a way of its own. */
  @ForEachMethod
  void operandAcrossPages(Method method) {
    try (Guest g = new Guest(method)) {
      logger(g);
      g.state.rflags(TF | 2);
      g.gpr(RBX, Guest.USER_DATA + 0xffd);
      g.kernel().bytes(0x83, 0x03, 0x05).bytes(0xff, 0x33).bytes(0x8f, 0x03).bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly(3L, 5L, 7L);
      assertThat(g.ram.getInt(Guest.USER_DATA + 0xffd)).isEqualTo(5);
    }
  }
}
