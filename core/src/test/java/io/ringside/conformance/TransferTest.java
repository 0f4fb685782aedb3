package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RSI;
import static io.ringside.cpu.CpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.ringside.cpu.CpuState;
import io.ringside.machine.Exit;

/** Between rings and through gates: SYSCALL, SYSRET, INT, IRET, far transfers, nested exceptions. */
class TransferTest {
  private static final int LSTAR = 0xc000_0082;
  private static final int SFMASK = 0xc000_0084;
  private static final long ENTRY = Guest.KERNEL + 0x800;

  @ForEachMethod
  void syscallAndSysret(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.SYSRET);
      g.kernel().wrmsr(LSTAR, ENTRY).wrmsr(SFMASK, 0x4_7700).enterUser(Guest.USER, 0xad7);
      Program user = g.user().mov(RAX, 1).syscall();
      long back = user.here();
      user.pushf().bytes(0x5e).mov(RBX, 0x77).syscall();
      // The kernel counts in RDX, keeps what it sees at the first time, and halts at the second.
      g.at(ENTRY)
          .bytes(0xff, 0xc2)
          .bytes(0x83, 0xfa, 2)
          .bytes(0x75, 1)
          .hlt()
          .pushf()
          .bytes(0x41, 0x5e)
          .store(Guest.KERNEL_DATA, RCX)
          .store(Guest.KERNEL_DATA + 8, 11)
          .bytes(0x66, 0x8c, 0xd0)
          .bytes(0x48, 0x0f, 0x07);
      g.runToHalt();
      assertThat(g.ram.getLong(Guest.KERNEL_DATA)).isEqualTo(back);
      assertThat(g.ram.getLong(Guest.KERNEL_DATA + 8)).isEqualTo(0xad7);
      // RFLAGS in the kernel: SFMASK's bits are clear (CMP has set the status flags).
      assertThat(g.gpr(14) & ~CpuState.STATUS_MASK).isEqualTo(0x2);
      assertThat(g.gpr(RSI)).isEqualTo(0xad7);
      assertThat(g.gpr(RBX)).isEqualTo(0x77);
      assertThat(g.gpr(RSP)).isEqualTo(Guest.USER_STACK);
      assertThat(g.state.cpl()).isZero();
      assertThat(g.state.selector(CpuState.CS)).isEqualTo(GuestTables.KERNEL_CODE);
      assertThat(g.state.selector(CpuState.SS)).isEqualTo(GuestTables.KERNEL_DATA);
    }
  }

  @ForEachMethod
  void syscallWithoutSce(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.SYSCALL_SWITCHED_OFF);
      g.state.set(CpuState.EFER, GuestTables.EFER & ~1);
      g.user().syscall();
      g.startInUserMode();
      g.expectFault(6, Guest.USER);
    }
  }

  @ForEachMethod
  void sysretToNonCanonicalAddress(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel().mov(RCX, 0x8000_0000_0000L).mov(11, 2);
      long rip = k.here();
      k.bytes(0x48, 0x0f, 0x07);
      if (g.isAmd() && !g.machine.lacks().contains(Need.VENDORS_SYSRET)) {
        // AMD's processors fault in ring 3, at the target.
        g.expectFault(13, 0, 0x8000_0000_0000L);
        assertThat(g.ram.getLong(g.gpr(RSP) + 16) & 3).isEqualTo(3);
      } else {
        g.expectFault(13, 0, rip);
      }
    }
  }

  @ForEachMethod
  void swapgs(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel()
          .wrmsr(0xc000_0101, 0x1000)
          .wrmsr(0xc000_0102, 0xffff_8000_0000_2000L)
          .bytes(0x0f, 0x01, 0xf8)
          .bytes(0xf3, 0x48, 0x0f, 0xae, 0xcb)
          .bytes(0x0f, 0x01, 0xf8)
          .rdmsr(0xc000_0102)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RBX)).isEqualTo(0xffff_8000_0000_2000L);
      assertThat(g.gpr(RAX)).isEqualTo(0xffff_8000_0000_2000L);
    }
  }

  @ForEachMethod
  void intFromUserMode(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.SOFTWARE_INTERRUPTS);
      g.handler(0x80, ENTRY, 3, 0).bytes(0x48, 0xff, 0xc0).iretq();
      g.user().mov(RAX, 5).bytes(0xcd, 0x80).hlt();
      g.startInUserMode();
      g.state.rflags(0x246);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(6);
      assertThat(g.fault()).isEqualTo(Guest.Fault.of(13, 0, Guest.USER + 7, g));
    }
  }

  @ForEachMethod
  void int3IsATrap(Method method) {
    try (Guest g = new Guest(method)) {
      g.handler(3, GuestTables.HANDLERS + 16 * 3, 3, 1).hlt();
      g.user().nop().bytes(0xcc);
      g.startInUserMode();
      g.expectFault(3, Guest.USER + 2);
    }
  }

  /** INT3 of user mode where the gate is the kernel's only: #GP with the gate's number, RIP at the instruction. */
  @ForEachMethod
  void int3WithoutPermission(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.SOFTWARE_INTERRUPTS, Need.GATE_FAULTS);
      g.user().nop().bytes(0xcc);
      g.startInUserMode();
      g.expectFault(13, 3 * 8 + 2, Guest.USER + 1);
    }
  }

  @ForEachMethod
  void divisionByZero(Method method) {
    try (Guest g = new Guest(method)) {
      g.gpr(RAX, 7);
      g.kernel().bytes(0xf9, 0x48, 0xf7, 0xf3);
      g.expectFault(0, Guest.KERNEL + 1);
      assertThat(g.gpr(RAX)).isEqualTo(7);
      assertThat(g.fault().flags() & 1).isOne();
    }
  }

  /** A fault pushes RF set, so that the instruction's breakpoint is not hit again; a trap does not. */
  @ForEachMethod
  void resumeFlag(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.RESUME_FLAG);
      g.kernel().bytes(0x48, 0xf7, 0xf3);
      g.expectFault(0, Guest.KERNEL);
      assertThat(g.fault().flags() & 0x1_0000).isEqualTo(0x1_0000);
    }
    try (Guest g = new Guest(method)) {
      g.handler(3, GuestTables.HANDLERS + 16 * 3, 3, 1).hlt();
      g.user().bytes(0xcc);
      g.startInUserMode();
      g.expectFault(3, Guest.USER + 1);
      assertThat(g.fault().flags() & 0x1_0000).isZero();
    }
  }

  @ForEachMethod
  void iretWithBadSelector(Method method) {
    try (Guest g = new Guest(method)) {
      Program k =
          g.kernel()
              .push(GuestTables.KERNEL_DATA)
              .push(Guest.KERNEL_STACK)
              .push(2)
              .push(0x38)
              .push(Guest.KERNEL);
      long rip = k.here();
      k.iretq();
      g.expectFault(13, 0x38, rip);
    }
  }

  @ForEachMethod
  void iretToNonCanonicalAddress(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.IRET_TARGETS);
      Program k =
          g.kernel()
              .push(GuestTables.KERNEL_DATA)
              .push(Guest.KERNEL_STACK)
              .push(2)
              .push(GuestTables.KERNEL_CODE)
              .push(0x8000_0000_0000L);
      long rip = k.here();
      k.iretq();
      g.expectFault(13, 0, rip);
    }
  }

  /** IRET within ring 0 takes RSP and SS from the frame too. */
  @ForEachMethod
  void iretWithinTheKernel(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel()
          .push(GuestTables.KERNEL_DATA)
          .push(Guest.KERNEL_STACK - 0x77)
          .push(0x8d7)
          .push(GuestTables.KERNEL_CODE)
          .push(ENTRY)
          .iretq();
      g.at(ENTRY).hlt();
      g.runToHalt();
      assertThat(g.state.rip()).isEqualTo(ENTRY + 1);
      assertThat(g.gpr(RSP)).isEqualTo(Guest.KERNEL_STACK - 0x77);
      assertThat(g.state.rflags()).isEqualTo(0x8d7);
    }
  }

  @ForEachMethod
  void farReturnAndFarJump(Method method) {
    try (Guest g = new Guest(method)) {
      g.ram.putInt(Guest.KERNEL_DATA, (int) ENTRY + 0x100);
      g.ram.putShort(Guest.KERNEL_DATA + 4, GuestTables.KERNEL_CODE);
      g.kernel().push(GuestTables.KERNEL_CODE).push(ENTRY).bytes(0x48, 0xcb);
      // JMP far [RBX]
      g.at(ENTRY).mov(RBX, Guest.KERNEL_DATA).bytes(0xff, 0x2b);
      g.at(ENTRY + 0x100).mov(RAX, 3).hlt();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(3);
      assertThat(g.gpr(RSP)).isEqualTo(Guest.KERNEL_STACK);
    }
  }

  /** With REX.W Intel's processors take a 64-bit offset from memory, and AMD's one of 32 bits all the same. */
  @ForEachMethod
  void farJumpWithRexW(Method method) {
    assumeTrue(method == Method.BT, "emulators in KVM and QEMU do as Intel, whatever CPUID says");
    try (Guest g = new Guest(method)) {
      boolean amd = g.isAmd();
      long target = ENTRY + 0x100;
      if (amd) {
        g.ram.putInt(Guest.KERNEL_DATA, (int) target);
        g.ram.putShort(Guest.KERNEL_DATA + 4, GuestTables.KERNEL_CODE);
      } else {
        g.ram.putLong(Guest.KERNEL_DATA, target);
        g.ram.putShort(Guest.KERNEL_DATA + 8, GuestTables.KERNEL_CODE);
      }
      // CALL far [RBX]
      Program k = g.kernel().mov(RBX, Guest.KERNEL_DATA).bytes(0x48, 0xff, 0x1b);
      long next = k.here();
      g.at(target).hlt();
      g.runToHalt();
      assertThat(g.state.rip()).isEqualTo(target + 1);
      assertThat(g.gpr(RSP)).isEqualTo(Guest.KERNEL_STACK - 16);
      assertThat(g.ram.getLong(Guest.KERNEL_STACK - 16)).isEqualTo(next);
      assertThat(g.ram.getLong(Guest.KERNEL_STACK - 8)).isEqualTo(GuestTables.KERNEL_CODE);
    }
  }

  /** A #PF whose handler's stack is not there is a #DF. */
  @ForEachMethod
  void doubleFault(Method method) {
    try (Guest g = new Guest(method)) {
      GuestTables.gate(g.ram, 14, GuestTables.HANDLERS + 16 * 14, 0, 0, false);
      g.kernel().mov(RSP, Guest.FREE).load(RAX, Guest.FREE + 0x5000);
      long rip = Guest.KERNEL + 11;
      g.runToHalt();
      Guest.Fault fault = g.fault();
      assertThat(fault.vector()).isEqualTo(8);
      assertThat(fault.error()).isZero();
      assertThat(fault.rip()).isEqualTo(rip);
    }
  }

  @ForEachMethod
  void tripleFault(Method method) {
    try (Guest g = new Guest(method)) {
      g.state.set(CpuState.IDTR_LIMIT, 0);
      g.kernel().bytes(0x0f, 0x0b);
      Exit exit = g.run();
      assertThat(exit).isInstanceOf(Exit.Shutdown.class);
      assertThat(((Exit.Shutdown) exit).detail()).contains("triple fault").doesNotContain("\n");
    }
  }

  @ForEachMethod
  void gateThatIsNotPresent(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.SOFTWARE_INTERRUPTS, Need.GATE_FAULTS);
      long gate = GuestTables.IDT + 16 * 0x50;
      g.ram.putLong(gate, g.ram.getLong(gate) & ~(1L << 47));
      g.ram.putByte(gate + 5, g.ram.getByte(gate + 5) | 0x60);
      g.user().bytes(0xcd, 0x50);
      g.startInUserMode();
      g.expectFault(11, 0x50 * 8 + 2, Guest.USER);
    }
  }

  /** 32-bit code in ring 3: INC EAX (40h, a REX prefix in 64-bit mode), the stack in ESP, and back by a fault. */
  @ForEachMethod
  void compatibilityMode(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.COMPATIBILITY_MODE);
      g.ram.putLong(GuestTables.GDT + 0x18, 0x00cf_fb00_0000_ffffL);
      g.ram.putLong(GuestTables.GDT + 0x20, 0x00cf_f300_0000_ffffL);
      g.kernel()
          .mov(RAX, 5)
          .push(0x23)
          .push(Guest.USER_STACK)
          .push(2)
          .push(0x1b)
          .push(Guest.USER)
          .iretq();
      // INC EAX; PUSH EAX; POP EBX; HLT
      g.user().bytes(0x40, 0x50, 0x5b).hlt();
      g.runToHalt();
      assertThat(g.gpr(RBX)).isEqualTo(6);
      assertThat(g.ram.getInt(Guest.USER_STACK - 4)).isEqualTo(6);
      assertThat(g.fault()).isEqualTo(Guest.Fault.of(13, 0, Guest.USER + 3, g));
      assertThat(g.ram.getLong(g.gpr(RSP) + 16)).isEqualTo(0x1b);
      assertThat(g.fault().rsp()).isEqualTo(Guest.USER_STACK);
    }
  }

  @ForEachMethod
  void executingMmio(Method method) {
    try (Guest g = new Guest(method)) {
      g.pages.map(Guest.FREE, Guest.MMIO, GuestPages.ALL);
      g.kernel().jmp(Guest.FREE);
      Exit exit = g.run();
      assertThat(exit).isInstanceOf(Exit.Failure.class);
      assertThat(((Exit.Failure) exit).detail()).doesNotContain("\n");
    }
  }

  /** An instruction whose second half is in a page that is no RAM. */
  @ForEachMethod
  void executingIntoMmio(Method method) {
    try (Guest g = new Guest(method)) {
      g.pages.map(Guest.FREE, Guest.KERNEL_DATA, GuestPages.ALL);
      g.pages.map(Guest.FREE + 0x1000, Guest.MMIO, GuestPages.ALL);
      g.ram.putByte(Guest.KERNEL_DATA + 0xfff, 0xb8);
      g.kernel().jmp(Guest.FREE + 0xfff);
      assertThat(g.run()).isInstanceOf(Exit.Failure.class);
    }
  }
}
