package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDX;
import static io.ringside.cpu.CpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;
import io.ringside.machine.Exit;
import java.util.concurrent.locks.LockSupport;

/** Interrupts from outside: when they are taken, with what frame, and when they are not. */
class InterruptTest {
  private static final int VECTOR = 0x41;
  private static final long IF = 1 << 9;

  private static long frame(Guest g, int word) {
    return g.ram.getLong(GuestTables.IST1_TOP - 40 + 8L * word);
  }

  @ForEachMethod
  void takenBeforeTheFirstInstruction(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel().mov(RAX, 1).hlt();
      g.state.rflags(IF | 0x8d7);
      g.machine.interrupts().raise(VECTOR);
      g.runToHalt();
      assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(VECTOR);
      assertThat(frame(g, 0)).isEqualTo(Guest.KERNEL);
      assertThat(frame(g, 1)).isEqualTo(GuestTables.KERNEL_CODE);
      assertThat(frame(g, 2) & ~0x1_0000).isEqualTo(IF | 0x8d7);
      assertThat(frame(g, 3)).isEqualTo(Guest.KERNEL_STACK);
      assertThat(frame(g, 4)).isEqualTo(GuestTables.KERNEL_DATA);
      assertThat(g.state.rflags() & IF).isZero();
      assertThat(g.gpr(RAX)).isZero();
    }
  }

  @ForEachMethod
  void waitsForSti(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      Program k = g.kernel().mov(RAX, 1).sti().bytes(0xff, 0xc0);
      long after = k.here();
      k.bytes(0xff, 0xc0).hlt();
      g.machine.interrupts().raise(VECTOR);
      g.runToHalt();
      assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(VECTOR);
      // One instruction after STI is in its shadow.
      assertThat(frame(g, 0)).isEqualTo(after);
      assertThat(g.gpr(RAX)).isEqualTo(2);
    }
  }

  /** STI as the last instruction of a page: HLT in the next one still is in its shadow. */
  @ForEachMethod
  void stiAtTheEndOfAPage(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.STI_SHADOW);
      g.at(Guest.KERNEL + 0xfff).sti().hlt();
      g.state.rip(Guest.KERNEL + 0xfff);
      g.machine.interrupts().raise(VECTOR);
      assertThat(g.run()).isEqualTo(new Exit.Halt(true));
      g.runToHalt();
      assertThat(frame(g, 0)).isEqualTo(Guest.KERNEL + 0x1001);
    }
  }

  /** A kick does not make an interrupt be forgotten. */
  @ForEachMethod
  void kickAndInterrupt(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel().nop().hlt();
      g.state.rflags(IF | 2);
      g.machine.interrupts().raise(VECTOR);
      g.machine.vcpu().kick();
      assertThat(g.run()).isInstanceOf(Exit.Interrupted.class);
      g.runToHalt();
      assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(VECTOR);
    }
  }

  @ForEachMethod
  void stiThenCliLetsNothingIn(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel().mov(RCX, 1000);
      long top = k.here();
      k.sti().cli().bytes(0xe2, (int) (top - (k.here() + 4))).hlt();
      g.machine.interrupts().raise(VECTOR);
      g.runToHalt();
      assertThat(g.gpr(RCX)).isZero();
      assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(-1);
    }
  }

  @ForEachMethod
  void stiThenHltWakes(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel().sti().hlt();
      long after = k.here();
      k.bytes(0xff, 0xc0).cli().hlt();
      g.handler(VECTOR, Guest.KERNEL + 0x400).bytes(0x83, 0xc3, 0x01).iretq();
      assertThat(g.run()).isEqualTo(new Exit.Halt(true));
      assertThat(g.state.rip()).isEqualTo(after);
      g.machine.interrupts().raise(VECTOR);
      assertThat(g.run()).isEqualTo(new Exit.Halt(false));
      assertThat(g.gpr(RBX)).isOne();
      assertThat(g.gpr(RAX)).isOne();
    }
  }

  /** An interrupt that waits before STI; HLT: HLT is in the shadow, and then the interrupt is taken at once. */
  @ForEachMethod
  void pendingAtStiHlt(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel().sti().hlt();
      long after = k.here();
      k.hlt();
      g.machine.interrupts().raise(VECTOR);
      assertThat(g.run()).isEqualTo(new Exit.Halt(true));
      g.runToHalt();
      assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(VECTOR);
      assertThat(frame(g, 0)).isEqualTo(after);
    }
  }

  @ForEachMethod
  void popfLetsIn(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      Program k = g.kernel().push(IF | 2).popf();
      long first = k.here();
      k.nop().nop().nop();
      Program far = g.at(Guest.KERNEL + 0x100);
      k.jmp(far.address);
      far.nop().jmp(Guest.KERNEL + 0x40);
      g.at(Guest.KERNEL + 0x40).hlt();
      g.machine.interrupts().raise(VECTOR);
      g.runToHalt();
      assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(VECTOR);
      assertThat(frame(g, 0)).isGreaterThanOrEqualTo(first);
      assertThat(frame(g, 2) & IF).isEqualTo(IF);
    }
  }

  @ForEachMethod
  void iretLetsIn(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      g.kernel()
          .push(GuestTables.KERNEL_DATA)
          .push(Guest.KERNEL_STACK)
          .push(IF | 2)
          .push(GuestTables.KERNEL_CODE)
          .push(Guest.KERNEL + 0x100)
          .iretq();
      g.at(Guest.KERNEL + 0x100).mov(RAX, 5).hlt();
      g.machine.interrupts().raise(VECTOR);
      g.runToHalt();
      assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(VECTOR);
      assertThat(frame(g, 0)).isEqualTo(Guest.KERNEL + 0x100);
    }
  }

  @ForEachMethod
  void fromUserModeOnTheStackOfTheTss(Method method) {
    try (Guest g = new Guest(method)) {
      GuestTables.gate(g.ram, VECTOR, GuestTables.HANDLERS + 16 * VECTOR, 0, 0, false);
      g.user().bytes(0xeb, 0xfe);
      g.startInUserMode();
      g.state.rflags(IF | 2);
      g.machine.interrupts().raise(VECTOR);
      g.runToHalt();
      long top = GuestTables.RSP0_TOP;
      assertThat(g.gpr(RSP)).isEqualTo(top - 40);
      assertThat(g.ram.getLong(top - 40)).isEqualTo(Guest.USER);
      assertThat(g.ram.getLong(top - 32)).isEqualTo(GuestTables.USER_CODE);
      assertThat(g.ram.getLong(top - 16)).isEqualTo(Guest.USER_STACK);
      assertThat(g.ram.getLong(top - 8)).isEqualTo(GuestTables.USER_DATA);
      assertThat(g.state.cpl()).isZero();
      assertThat(g.state.selector(CpuState.CS)).isEqualTo(GuestTables.KERNEL_CODE);
      assertThat(g.state.selector(CpuState.SS)).isZero();
    }
  }

  /** Without IST and without a change of ring the frame goes to the current stack, aligned to 16. */
  @ForEachMethod
  void frameIsAligned(Method method) {
    try (Guest g = new Guest(method)) {
      GuestTables.gate(g.ram, VECTOR, GuestTables.HANDLERS + 16 * VECTOR, 0, 0, false);
      g.gpr(RSP, Guest.KERNEL_STACK - 3);
      g.kernel().nop();
      g.state.rflags(IF | 2);
      g.machine.interrupts().raise(VECTOR);
      g.runToHalt();
      assertThat(g.gpr(RSP)).isEqualTo(Guest.KERNEL_STACK - 16 - 40);
      assertThat(g.ram.getLong(Guest.KERNEL_STACK - 16 - 16)).isEqualTo(Guest.KERNEL_STACK - 3);
    }
  }

  @ForEachMethod
  void trapGateLeavesInterruptsOn(Method method) {
    try (Guest g = new Guest(method)) {
      GuestTables.gate(g.ram, VECTOR, GuestTables.HANDLERS + 16 * VECTOR, 0, 1, true);
      g.kernel().nop();
      g.state.rflags(IF | 2);
      g.machine.interrupts().raise(VECTOR);
      assertThat(g.run()).isEqualTo(new Exit.Halt(true));
    }
  }

  @ForEachMethod
  void nmi(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      Program k = g.kernel().nop().hlt();
      g.handler(2, Guest.KERNEL + 0x400).bytes(0xff, 0xc3).hlt().iretq();
      g.machine.interrupts().raiseNmi();
      assertThat(k.here()).isPositive();
      g.runToHalt();
      assertThat(g.gpr(RBX)).isOne();
      // Blocked until IRET.
      g.machine.interrupts().raiseNmi();
      g.runToHalt();
      assertThat(g.gpr(RBX)).isEqualTo(2);
      g.runToHalt();
      assertThat(g.gpr(RBX)).isEqualTo(2);
      assertThat(g.state.rip()).isEqualTo(k.here());
    }
  }

  /** A loop that does nothing is interrupted in bounded time, from another thread. */
  @ForEachMethod
  void loopingGuestIsInterrupted(Method method) throws InterruptedException {
    for (int[] loop :
        new int[][] {
          {0xeb, 0xfe}, {0xff, 0xe3}, {0xf3, 0x90, 0xeb, 0xfc}, {0x48, 0xff, 0xc0, 0x75, 0xfb}
        }) {
      try (Guest g = new Guest(method)) {
        g.gpr(RBX, Guest.KERNEL);
        g.kernel().bytes(loop);
        g.state.rflags(IF | 2);
        Thread thread =
            new Thread(
                () -> {
                  LockSupport.parkNanos(20_000_000);
                  g.machine.interrupts().raise(VECTOR);
                });
        thread.start();
        g.runToHalt();
        thread.join();
        assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(VECTOR);
      }
    }
  }

  @ForEachMethod
  void kickedOutOfALoop(Method method) throws InterruptedException {
    try (Guest g = new Guest(method)) {
      g.kernel().bytes(0xeb, 0xfe);
      Thread thread =
          new Thread(
              () -> {
                LockSupport.parkNanos(20_000_000);
                g.machine.vcpu().kick();
              });
      thread.start();
      assertThat(g.run()).isInstanceOf(Exit.Interrupted.class);
      thread.join();
      assertThat(g.state.rip()).isEqualTo(Guest.KERNEL);
    }
  }

  /** Many interrupts into a loop that computes: nothing is lost, no register is disturbed. */
  @ForEachMethod
  void manyInterruptsDisturbNothing(Method method) throws InterruptedException {
    try (Guest g = new Guest(method)) {
      // RAX and RSI count the rounds, RAX by the carry flag, which is alive across the back edge.
      // STC; top: ADC RAX,0; STC; LEA RSI,[RSI+1]; MOV RCX,[RBX]; JRCXZ top; CLI; HLT
      g.gpr(RBX, Guest.KERNEL_DATA);
      g.kernel()
          .sti()
          .bytes(0xf9)
          .bytes(0x48, 0x83, 0xd0, 0x00, 0xf9, 0x48, 0x8d, 0x76, 0x01, 0x48, 0x8b, 0x0b, 0xe3, 0xf2)
          .cli()
          .hlt();
      g.handler(VECTOR, Guest.KERNEL + 0x400).bytes(0x83, 0xc2, 0x01).bytes(0xf8).iretq();
      int count = 200;
      Thread thread =
          new Thread(
              () -> {
                for (int n = 0; n < count; n++) {
                  g.machine.interrupts().raise(VECTOR);
                  while (g.machine.interrupts().hasPending()) {
                    LockSupport.parkNanos(50_000);
                  }
                }
                g.ram.putLong(Guest.KERNEL_DATA, 1);
              });
      thread.start();
      g.runToHalt();
      thread.join();
      assertThat(g.gpr(RAX)).isPositive().isEqualTo(g.gpr(CpuState.RSI));
      assertThat(g.gpr(RDX)).isEqualTo(count);
    }
  }
}
