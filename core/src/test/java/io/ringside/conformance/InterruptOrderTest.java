package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDI;
import static io.ringside.cpu.CpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;
import io.ringside.machine.Exit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * When the processor lets interrupts in (SDM vol. 3, 6.8 and 6.9): what holds them, in which order several are taken,
 * and non-maskable ones beside them.
 */
class InterruptOrderTest {
  private static final int VECTOR = 0x41;
  private static final long IF = 1 << 9;

  /** In an interrupt's frame it is set where the VM was left at the same instruction before: SDM vol. 3, 28.3.3. */
  private static final long RF = 1 << 16;

  private static final long HANDLER = Guest.KERNEL + 0x400;
  private static final long LOG = Guest.KERNEL_DATA;

  private static long frame(Guest g, int word) {
    return g.ram.getLong(GuestTables.IST1_TOP - 40 + 8L * word);
  }

  /** Handlers of some vectors that append their vector and the RIP that they return to to a log: R14 is its end. */
  private static void log(Guest g, int... vectors) {
    g.gpr(14, LOG);
    for (int n = 0; n < vectors.length; n++) {
      // MOV qword [R14], vector; PUSH RAX; MOV RAX,[RSP+8]; MOV [R14+8],RAX; ADD R14,16; POP RAX
      g.handler(vectors[n], HANDLER + 0x40 * n)
          .bytes(0x49, 0xc7, 0x06, vectors[n], 0, 0, 0)
          .bytes(0x50, 0x48, 0x8b, 0x44, 0x24, 0x08, 0x49, 0x89, 0x46, 0x08, 0x49, 0x83, 0xc6, 0x10)
          .bytes(0x58)
          .iretq();
    }
  }

  private static List<Long> logged(Guest g, int word) {
    List<Long> values = new ArrayList<>();
    for (long at = LOG; at < g.gpr(14); at += 16) {
      values.add(g.ram.getLong(at + 8L * word));
    }
    return values;
  }

  /** With IF clear nothing is taken, nor asked for, however long the guest runs and whatever it does. */
  @ForEachMethod
  void heldWhileInterruptsAreOff(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel().mov(RCX, 1000);
      long top = k.here();
      k.bytes(0xe2, (int) (top - (k.here() + 2)));
      k.bytes(0xe6, 0x80).pushf().popf().bytes(0x0f, 0xa2).hlt().nop().hlt();
      g.machine.interrupts().raise(VECTOR);
      g.expect(new Exit.PortWrite(0x80, 1, 0));
      g.expect(new Exit.Halt(false));
      assertThat(g.machine.interrupts().hasPending()).isTrue();
      g.expect(new Exit.Halt(false));
      assertThat(g.state.rip()).isEqualTo(k.here());
      assertThat(g.machine.interrupts().hasPending()).isTrue();
    }
  }

  /** Several that wait are taken one after the other, each when the one before has returned. */
  @ForEachMethod
  void severalInOrder(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      log(g, 0x51, 0x42, 0x63);
      Program k = g.kernel().sti().nop();
      long first = k.here();
      k.nop().nop().cli().hlt();
      for (int vector : new int[] {0x51, 0x42, 0x63}) {
        g.machine.interrupts().raise(vector);
      }
      g.expect(new Exit.Halt(false));
      assertThat(logged(g, 0)).containsExactly(0x51L, 0x42L, 0x63L);
      // IRET opens the window again, before any instruction of the program.
      assertThat(logged(g, 1)).containsExactly(first, first, first);
      assertThat(g.machine.interrupts().hasPending()).isFalse();
    }
  }

  /** A handler that sets IF is interrupted itself. */
  @ForEachMethod
  void nested(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      GuestTables.gate(g.ram, 0x51, HANDLER, 0, 0, false);
      GuestTables.gate(g.ram, 0x52, HANDLER + 0x100, 0, 0, false);
      // The first handler: STI; NOP; MOV RAX,RBX; IRETQ. The second: MOV RBX,1; IRETQ
      g.at(HANDLER).sti().nop().bytes(0x48, 0x89, 0xd8).iretq();
      g.at(HANDLER + 0x100).bytes(0x48, 0xc7, 0xc3, 1, 0, 0, 0).iretq();
      g.kernel().nop().hlt();
      g.state.rflags(IF | 2);
      g.machine.interrupts().raise(0x51);
      g.machine.interrupts().raise(0x52);
      g.expect(new Exit.Halt(true));
      assertThat(g.gpr(RAX)).isOne();
      assertThat(g.gpr(RSP)).isEqualTo(Guest.KERNEL_STACK);
    }
  }

  /** POPF and IRET that set IF have no shadow: not one further instruction is executed. */
  @ForEachMethod
  void windowOpensAtOnce(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      log(g, VECTOR);
      Program k = g.kernel().push(IF | 2).bytes(0xe6, 0x80).popf();
      long after = k.here();
      k.bytes(0xff, 0xc3).cli().hlt();
      g.expect(new Exit.PortWrite(0x80, 1, 0));
      g.machine.interrupts().raise(VECTOR);
      g.expect(new Exit.Halt(false));
      assertThat(logged(g, 1)).containsExactly(after);
    }
  }

  /** MOV to SS holds interrupts for one further instruction (SDM vol. 3, 6.8.3). */
  @ForEachMethod
  void movSsShadow(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.INTERRUPT_SHADOW);
      g.pages.map(Guest.FREE, Guest.MMIO, GuestPages.ALL);
      g.gpr(RBX, Guest.FREE);
      g.state.rflags(IF | 2);
      // MOV SS, [RBX], a device register, so that the interrupt can come while it is executed
      Program k = g.kernel().bytes(0x8e, 0x13);
      k.bytes(0xff, 0xc0);
      long after = k.here();
      k.bytes(0xeb, 0xfe);
      g.expect(new Exit.MmioRead(Guest.MMIO, 2));
      g.machine.interrupts().raise(VECTOR);
      g.machine.vcpu().completeRead(GuestTables.KERNEL_DATA);
      g.runToHalt();
      assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(VECTOR);
      assertThat(frame(g, 0)).isEqualTo(after);
      assertThat(g.gpr(RAX)).isOne();
    }
  }

  /** Raised while the guest halts: HLT ends, the handler runs, and the program goes on behind HLT. */
  @ForEachMethod
  void duringHalt(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      log(g, VECTOR, 0x52);
      Program k = g.kernel().sti().hlt();
      long after = k.here();
      k.cli().hlt();
      g.expect(new Exit.Halt(true));
      g.machine.interrupts().raise(VECTOR);
      g.machine.interrupts().raise(0x52);
      g.expect(new Exit.Halt(false));
      assertThat(logged(g, 0)).containsExactly((long) VECTOR, 0x52L);
      assertThat(logged(g, 1)).containsExactly(after, after);
    }
  }

  /** An interrupt that goes away before it is taken is none. */
  @ForEachMethod
  void withdrawn(Method method) {
    try (Guest g = new Guest(method)) {
      g.machine.interrupts().raise(VECTOR);
      Program k = g.kernel().bytes(0xe6, 0x80).sti().nop().nop().bytes(0xe6, 0x81).cli().hlt();
      g.expect(new Exit.PortWrite(0x80, 1, 0));
      g.machine.interrupts().withdraw();
      g.expect(new Exit.PortWrite(0x81, 1, 0));
      g.expect(new Exit.Halt(false));
      assertThat(g.state.rip()).isEqualTo(k.here());
    }
  }

  /** From ring 3 by an IST gate: the stack is the IST's, not RSP0. */
  @ForEachMethod
  void fromUserModeOnAnInterruptStack(Method method) {
    try (Guest g = new Guest(method)) {
      GuestTables.gate(g.ram, VECTOR, GuestTables.HANDLERS + 16 * VECTOR, 0, 2, false);
      g.ram.putLong(GuestTables.TSS + 0x2c, GuestTables.IST2_TOP - 5);
      g.user().bytes(0xeb, 0xfe);
      g.startInUserMode();
      g.state.rflags(IF | 0x2d7);
      g.machine.interrupts().raise(VECTOR);
      g.runToHalt();
      long frame = GuestTables.IST2_TOP - 16 - 40;
      assertThat(g.gpr(RSP)).isEqualTo(frame);
      assertThat(g.ram.getLong(frame)).isEqualTo(Guest.USER);
      assertThat(g.ram.getLong(frame + 8)).isEqualTo(GuestTables.USER_CODE);
      assertThat(g.ram.getLong(frame + 16) & ~RF).isEqualTo(IF | 0x2d7);
      assertThat(g.ram.getLong(frame + 24)).isEqualTo(Guest.USER_STACK);
      assertThat(g.ram.getLong(frame + 32)).isEqualTo(GuestTables.USER_DATA);
      assertThat(g.state.cpl()).isZero();
    }
  }

  /** In ring 3, into a loop that computes, from another thread; IRET goes back to it. */
  @ForEachMethod
  void manyIntoUserMode(Method method) throws InterruptedException {
    try (Guest g = new Guest(method)) {
      GuestTables.gate(g.ram, VECTOR, HANDLER, 0, 0, false);
      // INC RAX; LEA RBX,[RBX+1]; MOV RCX,[RDI]; JRCXZ the top; HLT, which faults
      g.user().bytes(0x48, 0xff, 0xc0, 0x48, 0x8d, 0x5b, 0x01, 0x48, 0x8b, 0x0f, 0xe3, 0xf4).hlt();
      g.at(HANDLER).bytes(0xff, 0xc2).iretq();
      g.gpr(RDI, Guest.USER_DATA);
      g.startInUserMode();
      g.state.rflags(IF | 2);
      int count = 50;
      Thread thread =
          new Thread(
              () -> {
                for (int n = 0; n < count; ) {
                  if (!g.machine.interrupts().hasPending()) {
                    g.machine.interrupts().raise(VECTOR);
                    n++;
                  }
                  LockSupport.parkNanos(200_000);
                }
                while (g.machine.interrupts().hasPending()) {
                  LockSupport.parkNanos(200_000);
                }
                g.ram.putLong(Guest.USER_DATA, 1);
              });
      thread.start();
      g.runToHalt();
      thread.join();
      assertThat(g.fault().vector()).isEqualTo(13);
      assertThat(g.gpr(RAX)).isPositive().isEqualTo(g.gpr(RBX));
      assertThat(g.gpr(CpuState.RDX)).isEqualTo(count);
      assertThat(g.gpr(RSP)).isEqualTo(GuestTables.IST1_TOP - 48);
    }
  }

  /** An interrupt and a fault: the interrupt comes before the instruction, whose fault comes after it returns. */
  @ForEachMethod
  void beforeAFaultingInstruction(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      log(g, VECTOR);
      g.gpr(RBX, Guest.FREE);
      Program k = g.kernel().push(IF | 2).popf();
      long rip = k.here();
      k.bytes(0x8b, 0x03);
      g.machine.interrupts().raise(VECTOR);
      g.expectPageFault(0, Guest.FREE, rip);
      assertThat(logged(g, 1)).containsExactly(rip);
    }
  }

  /** The interrupt's own gate is not present: #NP whose error code has EXT, and the program's RIP. */
  @ForEachMethod
  void gateThatIsNotPresent(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.NESTED_EXCEPTIONS, Need.GATE_FAULTS);
      long gate = GuestTables.IDT + 16 * VECTOR;
      g.ram.putLong(gate, g.ram.getLong(gate) & ~(1L << 47));
      g.kernel().nop();
      g.state.rflags(IF | 2);
      g.machine.interrupts().raise(VECTOR);
      g.expectFault(11, VECTOR * 8 + 3, Guest.KERNEL);
    }
  }

  @ForEachMethod
  void nmiIsNotMasked(Method method) {
    try (Guest g = new Guest(method)) {
      log(g, 2);
      Program k = g.kernel().bytes(0xe6, 0x80);
      long after = k.here();
      k.nop().hlt().hlt();
      g.expect(new Exit.PortWrite(0x80, 1, 0));
      g.machine.interrupts().raiseNmi();
      g.expect(new Exit.Halt(false));
      assertThat(logged(g, 1)).containsExactly(after);
      // And it ends a HLT whose IF is clear.
      g.machine.interrupts().raiseNmi();
      g.expect(new Exit.Halt(false));
      assertThat(logged(g, 1)).containsExactly(after, k.here() - 1);
    }
  }

  @ForEachMethod
  void nmiInUserMode(Method method) {
    try (Guest g = new Guest(method)) {
      GuestTables.gate(g.ram, 2, GuestTables.HANDLERS + 32, 0, 2, false);
      g.user().bytes(0xeb, 0xfe);
      g.startInUserMode();
      g.machine.interrupts().raiseNmi();
      g.runToHalt();
      assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(2);
      assertThat(g.gpr(RSP)).isEqualTo(GuestTables.IST2_TOP - 40);
      assertThat(g.fault()).isEqualTo(new Guest.Fault(2, 0, Guest.USER, 2, Guest.USER_STACK));
    }
  }

  /** Both wait: the NMI comes first (SDM vol. 3, table 6-2), the interrupt when it has returned. */
  @ForEachMethod
  void nmiBeforeInterrupt(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      log(g, VECTOR, 2);
      g.kernel().nop().cli().hlt();
      g.state.rflags(IF | 2);
      g.machine.interrupts().raise(VECTOR);
      g.machine.interrupts().raiseNmi();
      g.expect(new Exit.Halt(false));
      assertThat(logged(g, 0)).containsExactly(2L, (long) VECTOR);
      assertThat(logged(g, 1)).containsExactly(Guest.KERNEL, Guest.KERNEL);
    }
  }

  /** While an NMI's handler runs, interrupts are taken if it sets IF, another NMI is not until IRET. */
  @ForEachMethod
  void nmiBlocking(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      GuestTables.gate(g.ram, VECTOR, HANDLER + 0x100, 0, 2, false);
      // NMI: INC EBX; OUT 80h; NOP; NOP; IRETQ
      g.handler(2, HANDLER, 0, 0).bytes(0xff, 0xc3).bytes(0xe6, 0x80).nop().nop().iretq();
      Program k = g.kernel().nop();
      long end = k.here();
      k.hlt();
      g.machine.interrupts().raiseNmi();
      g.expect(new Exit.PortWrite(0x80, 1, 0));
      g.machine.interrupts().raiseNmi();
      // The first one's IRET lets the second in, at the same place.
      g.expect(new Exit.PortWrite(0x80, 1, 0));
      assertThat(g.gpr(RBX)).isEqualTo(2);
      assertThat(g.ram.getLong(Guest.KERNEL_STACK - 40)).isEqualTo(Guest.KERNEL);
      g.expect(new Exit.Halt(false));
      assertThat(g.state.rip()).isEqualTo(end + 1);
    }
  }

  /** IRET from an exception in an NMI's handler ends the blocking too (SDM vol. 3, 6.7.1). */
  @ForEachMethod
  void anyIretUnblocksNmi(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PROMPT_WINDOWS);
      // NMI: INC EBX; INT 40h; after that INC ECX; IRETQ. INT 40h: IRETQ.
      GuestTables.gate(g.ram, 0x40, HANDLER + 0x100, 0, 0, false);
      Program nmi = g.handler(2, HANDLER, 0, 0).bytes(0xff, 0xc3).bytes(0xe6, 0x80);
      nmi.bytes(0x0f, 0x0b);
      long inner = nmi.here();
      nmi.bytes(0xff, 0xc1).iretq();
      // #UD: ADD qword [RSP], 2; IRETQ
      g.handler(6, HANDLER + 0x100, 0, 0).bytes(0x48, 0x83, 0x04, 0x24, 0x02).iretq();
      g.kernel().nop().hlt();
      g.machine.interrupts().raiseNmi();
      g.expect(new Exit.PortWrite(0x80, 1, 0));
      g.machine.interrupts().raiseNmi();
      g.expect(new Exit.PortWrite(0x80, 1, 0));
      assertThat(g.gpr(RCX)).isZero();
      assertThat(g.ram.getLong(g.gpr(RSP))).isEqualTo(inner);
      g.expect(new Exit.Halt(false));
      assertThat(g.gpr(RBX)).isEqualTo(2);
      assertThat(g.gpr(RCX)).isEqualTo(2);
    }
  }

  /** The task priority that the guest sets by CR8 is the controller's, and the other way round. */
  @ForEachMethod
  void taskPriority(Method method) {
    try (Guest g = new Guest(method)) {
      // MOV CR8,RAX; MOV RBX,CR8; HLT; MOV RBX,CR8; MOV CR8,RCX
      Program k =
          g.kernel()
              .bytes(0x44, 0x0f, 0x22, 0xc0, 0x44, 0x0f, 0x20, 0xc3)
              .hlt()
              .bytes(0x44, 0x0f, 0x20, 0xc3);
      long rip = k.here();
      k.bytes(0x44, 0x0f, 0x22, 0xc1);
      g.gpr(RAX, 5);
      g.gpr(RCX, 0x10);
      g.runToHalt();
      assertThat(g.gpr(RBX)).isEqualTo(5);
      assertThat(g.machine.interrupts().readCr8()).isEqualTo(5);
      g.machine.interrupts().writeCr8(9);
      g.expectFault(13, 0, rip);
      assertThat(g.gpr(RBX)).isEqualTo(9);
      assertThat(g.machine.interrupts().readCr8()).isEqualTo(9);
    }
  }

  /** What the frame of an interrupt says of the program, whatever the flags are. */
  @ForEachMethod
  void flagsInTheFrame(Method method) {
    for (long flags : new long[] {0x202, 0xad7, 0x24_0602, 0x7202}) {
      try (Guest g = new Guest(method)) {
        g.needs(Need.KEPT_AC);
        g.kernel().nop();
        g.state.rflags(flags);
        g.machine.interrupts().raise(VECTOR);
        g.runToHalt();
        assertThat(frame(g, 2) & ~RF).isEqualTo(flags);
        // IF, TF, NT, RF are cleared; the others stay.
        assertThat(g.state.rflags()).isEqualTo(flags & ~(IF | 0x1_4100));
      }
    }
  }
}
