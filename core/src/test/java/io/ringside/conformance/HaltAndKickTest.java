package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDI;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.machine.Exit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/** HLT, and how the VMM gets a vCPU back that does not come by itself. */
class HaltAndKickTest {
  private static final long IF = 1 << 9;
  private static final Exit INTERRUPTED = new Exit.Interrupted();

  @ForEachMethod
  void haltTellsWhetherInterruptsAreOn(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel().hlt();
      long first = k.here();
      k.sti().hlt();
      g.expect(new Exit.Halt(false));
      assertThat(g.state.rip()).isEqualTo(first);
      g.expect(new Exit.Halt(true));
      assertThat(g.state.rip()).isEqualTo(k.here());
      assertThat(g.state.rflags()).isEqualTo(IF | 2);
    }
  }

  /** The VMM decides how long a halt lasts: another run goes on behind it, interrupt or not. */
  @ForEachMethod
  void runAfterHaltGoesOn(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel().hlt().bytes(0xff, 0xc0).hlt().bytes(0xff, 0xc0).hlt();
      for (int n = 0; n < 3; n++) {
        g.expect(new Exit.Halt(false));
        assertThat(g.gpr(RAX)).isEqualTo(n);
      }
    }
  }

  /** A kick while nothing runs makes the next run return before it does anything, and only that one. */
  @ForEachMethod
  void kickBeforeRun(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel().bytes(0xff, 0xc0).hlt();
      g.machine.vcpu().kick();
      g.machine.vcpu().kick();
      g.expect(INTERRUPTED);
      assertThat(g.state.rip()).isEqualTo(Guest.KERNEL);
      assertThat(g.gpr(RAX)).isZero();
      g.expect(new Exit.Halt(false));
      assertThat(g.gpr(RAX)).isOne();
    }
  }

  @ForEachMethod
  void kickAfterHalt(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel().hlt();
      long behind = k.here();
      k.bytes(0xff, 0xc0).hlt();
      g.expect(new Exit.Halt(false));
      g.machine.vcpu().kick();
      g.expect(INTERRUPTED);
      assertThat(g.state.rip()).isEqualTo(behind);
      g.expect(new Exit.Halt(false));
      assertThat(g.gpr(RAX)).isOne();
    }
  }

  /** A kick while a device is asked: the answer is not lost, the instruction is not executed twice. */
  @ForEachMethod
  void kickDuringReads(Method method) {
    try (Guest g = new Guest(method)) {
      g.pages.map(Guest.FREE, Guest.MMIO, GuestPages.ALL);
      g.gpr(RBX, Guest.FREE);
      // IN EAX, 60h; MOV ECX, [RBX]; ADD [RBX], EAX
      g.kernel().bytes(0xe5, 0x60).bytes(0x8b, 0x0b).bytes(0x01, 0x03).hlt();
      g.expect(new Exit.PortRead(0x60, 4));
      g.machine.vcpu().kick();
      g.machine.vcpu().completeRead(0x11);
      g.expect(INTERRUPTED);
      g.expect(new Exit.MmioRead(Guest.MMIO, 4));
      assertThat(g.gpr(RAX)).isEqualTo(0x11);
      g.machine.vcpu().kick();
      g.machine.vcpu().completeRead(0x22);
      g.expect(INTERRUPTED);
      g.expect(new Exit.MmioRead(Guest.MMIO, 4));
      assertThat(g.gpr(RCX)).isEqualTo(0x22);
      g.machine.vcpu().kick();
      g.machine.vcpu().completeRead(0x33);
      Exit next = g.run();
      // Whether the write or the kick comes first is open.
      boolean kickFirst = next.equals(INTERRUPTED);
      assertThat(kickFirst ? g.run() : next).isEqualTo(new Exit.MmioWrite(Guest.MMIO, 4, 0x44));
      if (!kickFirst) {
        g.expect(INTERRUPTED);
      }
      g.expect(new Exit.Halt(false));
    }
  }

  /** From another thread, out of loops in both rings, with interrupts off and nothing that waits. */
  @ForEachMethod
  void kickOutOfALoop(Method method) throws InterruptedException {
    for (boolean user : new boolean[] {false, true}) {
      try (Guest g = new Guest(method)) {
        if (user) {
          g.startInUserMode();
        }
        long start = g.state.rip();
        g.at(start).bytes(0xeb, 0xfe);
        Thread thread =
            new Thread(
                () -> {
                  LockSupport.parkNanos(10_000_000);
                  // Tells of a change where there is none: no reason to leave.
                  g.machine.vcpu().interruptChanged();
                  LockSupport.parkNanos(10_000_000);
                  g.machine.vcpu().kick();
                });
        thread.start();
        g.expect(INTERRUPTED);
        thread.join();
        assertThat(g.state.rip()).isEqualTo(start);
        assertThat(g.state.cpl()).isEqualTo(user ? 3 : 0);
      }
    }
  }

  /** Many kicks into a loop that computes disturb nothing, and each comes through. */
  @ForEachMethod
  void manyKicksDisturbNothing(Method method) throws InterruptedException {
    try (Guest g = new Guest(method)) {
      // STC; top: ADC RAX,0; STC; LEA RBX,[RBX+1]; MOV RCX,[RDI]; JRCXZ the top; HLT
      g.kernel()
          .bytes(0xf9)
          .bytes(0x48, 0x83, 0xd0, 0x00, 0xf9, 0x48, 0x8d, 0x5b, 0x01, 0x48, 0x8b, 0x0f, 0xe3, 0xf2)
          .hlt();
      g.gpr(RDI, Guest.KERNEL_DATA);
      AtomicBoolean taken = new AtomicBoolean();
      int count = 40;
      Thread thread =
          new Thread(
              () -> {
                for (int n = 0; n < count; n++) {
                  g.machine.vcpu().kick();
                  while (!taken.getAndSet(false)) {
                    LockSupport.parkNanos(50_000);
                  }
                }
                g.ram.putLong(Guest.KERNEL_DATA, 1);
              });
      thread.start();
      int kicks = 0;
      Exit exit = g.run();
      while (exit.equals(INTERRUPTED)) {
        kicks++;
        taken.set(true);
        exit = g.run();
      }
      thread.join();
      assertThat(exit).isEqualTo(new Exit.Halt(false));
      assertThat(kicks).isEqualTo(count);
      assertThat(g.gpr(RAX)).isPositive().isEqualTo(g.gpr(RBX));
    }
  }

  /** A triple fault shuts the processor down, and a second one at once does too. */
  @ForEachMethod
  void shutdown(Method method) {
    try (Guest g = new Guest(method)) {
      // LIDT of a table without entries; UD2
      g.gpr(RBX, Guest.KERNEL_DATA);
      g.kernel().bytes(0x0f, 0x01, 0x1b).bytes(0x0f, 0x0b);
      assertThat(g.run())
          .isInstanceOfSatisfying(
              Exit.Shutdown.class, shutdown -> assertThat(shutdown.detail()).doesNotContain("\n"));
    }
  }
}
