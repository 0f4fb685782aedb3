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

/** DR0 to DR3: a #DB after an access to data and before an instruction (SDM vol. 3, 17.2 and 17.3). Programs end with UD2. */
class BreakpointTest {
  private static final long DATA = Guest.USER_DATA + 0x100;
  private static final long LOG = Guest.KERNEL_DATA;
  private static final long RF = 1 << 16;
  private static final long TF = 1 << 8;

  private static final int EXECUTION = 0;
  private static final int WRITE = 1;
  private static final int ACCESS = 3;

  /** A handler of #DB that writes RIP and DR6 to a log, sets RF in its frame, and clears DR6: R14 is where. */
  private static void logger(Guest g) {
    g.gpr(14, LOG);
    // PUSH RAX; MOV RAX,[RSP+8]; MOV [R14],RAX; MOV RAX,DR6; MOV [R14+8],RAX; ADD R14,16; XOR
    // EAX,EAX;
    // MOV DR6,RAX; BTS DWORD [RSP+24],16; POP RAX; IRETQ
    g.handler(1, Guest.KERNEL + 0xc00)
        .bytes(0x50, 0x48, 0x8b, 0x44, 0x24, 0x08, 0x49, 0x89, 0x06)
        .bytes(0x0f, 0x21, 0xf0, 0x49, 0x89, 0x46, 0x08, 0x49, 0x83, 0xc6, 0x10)
        .bytes(0x31, 0xc0, 0x0f, 0x23, 0xf0)
        .bytes(0x0f, 0xba, 0x6c, 0x24, 0x18, 0x10)
        .bytes(0x58)
        .iretq();
  }

  /** Offsets of RIPs in the kernel, and the causes in DR6, as "1:8" for breakpoint 3 before the instruction at 1. */
  private static List<String> log(Guest g) {
    List<String> entries = new ArrayList<>();
    for (long at = LOG; at < g.gpr(14); at += 16) {
      long rip = g.ram.getLong(at) - Guest.KERNEL;
      entries.add(rip + ":" + Long.toHexString(g.ram.getLong(at + 8) & 0xe00f));
    }
    return entries;
  }

  private static void set(Guest g, int number, long address, int kind, int size) {
    int code = size == 8 ? 2 : size - 1;
    g.state.set(CpuState.DEBUG_REGISTERS + 8 * number, address);
    int dr7 = CpuState.DEBUG_REGISTERS + 56;
    long control = (long) (kind | code << 2) << 16 + 4 * number | 2L << 2 * number;
    g.state.set(dr7, g.state.get(dr7) | control | 0x400);
  }

  private static Guest guest(Method method) {
    Guest g = new Guest(method);
    g.needs(Need.HARDWARE_BREAKPOINTS);
    logger(g);
    g.gpr(RBX, DATA);
    return g;
  }

  @ForEachMethod
  void eachKindOfAccess(Method method) {
    try (Guest g = guest(method)) {
      set(g, 0, DATA, WRITE, 4);
      set(g, 3, DATA + 8, ACCESS, 8);
      // MOV EAX,[RBX]; MOV [RBX],EAX; ADD [RBX],EAX; MOV EAX,[RBX+8]; MOV [RBX+12],AL; MOV
      // [RBX+4],EAX
      g.kernel()
          .bytes(0x8b, 0x03, 0x89, 0x03, 0x01, 0x03)
          .bytes(0x8b, 0x43, 0x08, 0x88, 0x43, 0x0c, 0x89, 0x43, 0x04)
          .bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly("4:1", "6:1", "9:8", "12:8");
    }
  }

  /** An access hits if one byte of it does, by its linear address alone. */
  @ForEachMethod
  void overlapsAndCrossings(Method method) {
    try (Guest g = guest(method)) {
      set(g, 1, Guest.USER_DATA + 0x1000, ACCESS, 1);
      g.gpr(RBX, Guest.USER_DATA + 0xff8);
      // MOV RAX,[RBX]; MOV RAX,[RBX+1]; MOV [RBX+5],EAX; MOVUPS [RBX-8],XMM0; MOVUPS XMM0,[RBX-7]
      g.kernel()
          .bytes(0x48, 0x8b, 0x03, 0x48, 0x8b, 0x43, 0x01, 0x89, 0x43, 0x05)
          .bytes(0x0f, 0x11, 0x43, 0xf8, 0x0f, 0x10, 0x43, 0xf9)
          .bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly("7:2", "10:2", "18:2");
    }
  }

  /** The stack is data too. */
  @ForEachMethod
  void stack(Method method) {
    try (Guest g = guest(method)) {
      set(g, 2, Guest.KERNEL_STACK - 8, ACCESS, 8);
      // The handler's own frame is on another stack. PUSH RAX; POP RAX; CALL +0; POP RAX; PUSHF;
      // POPF
      g.kernel().bytes(0x50, 0x58, 0xe8, 0, 0, 0, 0, 0x58, 0x9c, 0x9d).bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly("1:4", "2:4", "7:4", "8:4", "9:4", "10:4");
    }
  }

  /** Of a repeated string instruction each iteration counts. */
  @ForEachMethod
  void repeatedString(Method method) {
    try (Guest g = guest(method)) {
      set(g, 0, DATA + 2, WRITE, 1);
      g.gpr(RDI, DATA);
      g.gpr(RSI, Guest.USER_DATA);
      g.gpr(RCX, 8);
      g.kernel().bytes(0xf3, 0xa4).nop().bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).hasSize(1);
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  /** Instructions that a translator leaves to an emulator, and an exchange. */
  @ForEachMethod
  void emulatedInstructions(Method method) {
    try (Guest g = guest(method)) {
      set(g, 0, DATA, WRITE, 8);
      // SIDT [RBX]; FXSAVE [RBX]; XCHG [RBX],RAX
      g.kernel().bytes(0x0f, 0x01, 0x0b, 0x0f, 0xae, 0x03, 0x48, 0x87, 0x03).bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly("3:1", "6:1", "9:1");
    }
  }

  /** The #DB comes before the instruction, and with RF set once only. */
  @ForEachMethod
  void execution(Method method) {
    try (Guest g = guest(method)) {
      set(g, 0, Guest.KERNEL + 3, EXECUTION, 1);
      set(g, 1, Guest.KERNEL + 6, EXECUTION, 1);
      // NOP; INC EAX; DEC ECX; NOP; JNZ back to DEC
      g.gpr(RCX, 2);
      g.gpr(RAX, 0);
      g.kernel().nop().bytes(0xff, 0xc0, 0xff, 0xc9).nop().bytes(0x75, 0xfb).bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly("3:1", "6:2", "3:1", "6:2");
      assertThat(g.gpr(RAX)).isEqualTo(1);
    }
  }

  /** Without RF the handler would come back to the breakpoint; a fault's frame has RF set, so that it does not. */
  @ForEachMethod
  void resumeFlagOfFaults(Method method) {
    try (Guest g = guest(method)) {
      set(g, 0, Guest.KERNEL + 1, EXECUTION, 1);
      g.gpr(RBX, Guest.FREE);
      g.gpr(RCX, DATA);
      // The handler of #PF makes RBX good: MOV RBX,RCX; ADD RSP,8; IRETQ
      g.handler(14, Guest.KERNEL + 0xe00).bytes(0x48, 0x89, 0xcb, 0x48, 0x83, 0xc4, 0x08).iretq();
      g.kernel().nop().bytes(0x8b, 0x03).nop().bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly("1:1");
    }
  }

  /** With RFLAGS.TF there is one #DB for both. */
  @ForEachMethod
  void togetherWithSingleStep(Method method) {
    try (Guest g = guest(method)) {
      set(g, 0, DATA, WRITE, 1);
      g.state.rflags(TF | 2);
      g.kernel().nop().bytes(0x88, 0x03).nop().bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly("1:4000", "3:4001", "4:4000");
    }
  }

  /** MOV SS puts the trap off until after the next instruction. */
  @ForEachMethod
  void shadowOfMovSs(Method method) {
    try (Guest g = guest(method)) {
      g.needs(Need.INTERRUPT_SHADOW);
      set(g, 0, DATA, ACCESS, 2);
      g.ram.putShort(DATA, g.state.selector(CpuState.SS));
      g.kernel().bytes(0x8e, 0x13).nop().nop().bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly("3:1");
    }
  }

  /** An instruction that faults has hit nothing. */
  @ForEachMethod
  void faultingInstruction(Method method) {
    try (Guest g = guest(method)) {
      set(g, 0, DATA, ACCESS, 8);
      // MOVAPS XMM0,[RBX+4]: not aligned
      g.kernel().bytes(0x0f, 0x28, 0x43, 0x04).bytes(0x0f, 0x0b);
      g.expectFault(13, 0, Guest.KERNEL);
      assertThat(log(g)).isEmpty();
      assertThat(g.fault().flags() & RF).isEqualTo(RF);
    }
  }

  /** Set and taken away by the guest itself. */
  @ForEachMethod
  void switchedOnAndOff(Method method) {
    try (Guest g = guest(method)) {
      Program k = g.kernel();
      k.bytes(0x88, 0x03);
      // MOV DR0,RBX; MOV DR7,RAX
      k.mov(RAX, 0x402 | WRITE << 16).bytes(0x0f, 0x23, 0xc3, 0x0f, 0x23, 0xf8);
      k.bytes(0x88, 0x03);
      long after = k.here() - Guest.KERNEL;
      k.mov(RAX, 0x400).bytes(0x0f, 0x23, 0xf8).bytes(0x88, 0x03, 0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly(after + ":1");
    }
  }

  /** Ring 3, with several accesses that a translator may look up together. */
  @ForEachMethod
  void userMode(Method method) {
    try (Guest g = guest(method)) {
      set(g, 3, DATA + 16, WRITE, 8);
      g.kernel().enterUser(Guest.USER, 2);
      Program u = g.user();
      // MOV [RBX],RAX; MOV [RBX+8],RAX; MOV [RBX+16],RAX; MOV [RBX+24],RAX
      u.bytes(0x48, 0x89, 0x03, 0x48, 0x89, 0x43, 0x08, 0x48, 0x89, 0x43, 0x10);
      long after = u.here() - Guest.KERNEL;
      u.bytes(0x48, 0x89, 0x43, 0x18).bytes(0x0f, 0x0b);
      g.runToHalt();
      assertThat(log(g)).containsExactly(after + ":8");
    }
  }
}
