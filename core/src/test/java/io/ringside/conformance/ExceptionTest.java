package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDX;
import static io.ringside.cpu.CpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertAll;

import io.ringside.cpu.CpuState;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Every exception that a program in 64-bit mode can raise, but for those of paging, the FPU and single-stepping, which
 * have tests of their own: vector, error code and the address that is pushed (SDM vol. 3, 6.15).
 */
class ExceptionTest {
  private static final long NOT_CANONICAL = 0x8000_0000_0000L;

  /** A selector in the GDT behind the ones that are used, and its descriptor's place. */
  private static final int SPARE = 0x18;

  private static final long SPARE_AT = GuestTables.GDT + SPARE;
  private static final long NOT_PRESENT_DATA = 0x00cf_1300_0000_ffffL;

  /** One instruction that faults with RAX, RBX, RCX and RDX as given; nothing may change. */
  private record Case(String name, String code, long rax, long rbx, int vector, int error) {}

  // spotless:off
  private static final Case[] KERNEL = {
    new Case("DIV AL by 0", "f6f3", 7, 0, 0, 0),
    new Case("DIV AX overflows", "66f7f3", 0, 1, 0, 0),
    new Case("DIV RAX by 0", "48f7f3", 7, 0, 0, 0),
    new Case("IDIV AL overflows", "f6fb", 0x80, 1, 0, 0),
    new Case("IDIV EAX by 0", "f7fb", 1, 0, 0, 0),
    new Case("UD2", "0f0b", 0, 0, 6, 0),
    new Case("INTO", "ce", 0, 0, 6, 0),
    new Case("PUSHA", "60", 0, 0, 6, 0),
    new Case("AAM", "d40a", 0, 0, 6, 0),
    new Case("far CALL with an immediate", "9a0000000008", 0, 0, 6, 0),
    new Case("MOV CR1, RAX", "0f22c8", 0, 0, 6, 0),
    new Case("MOV CR7, RAX", "0f22f8", 0, 0, 6, 0),
    new Case("MOV to segment register 6", "8ef0", 0, 0, 6, 0),
    new Case("MOV CS, EAX", "8ec8", 8, 0, 6, 0),
    new Case("LOCK on a register", "f0ffc0", 0, 0, 6, 0),
    new Case("MOV RAX, [not canonical]", "488b03", 0, NOT_CANONICAL, 13, 0),
    new Case("MOV [not canonical], RAX", "488903", 0, -NOT_CANONICAL - 8, 13, 0),
    new Case("MOV CR8, 10h", "440f22c3", 0, 0x10, 13, 0),
    new Case("MOV DR7, 1 << 32", "0f23fb", 0, 1L << 32, 13, 0),
    new Case("MOV DR6, 1 << 32", "0f23f3", 0, 1L << 32, 13, 0),
    new Case("MOV DS, beyond the GDT", "8ed8", 0x38, 0, 13, 0x38),
    new Case("MOV ES, beyond the GDT, RPL 3", "8ec0", 0x1003, 0, 13, 0x1000),
    new Case("MOV FS, of the LDT, which is none", "8ee0", 0xc, 0, 13, 0xc),
    new Case("MOV DS, a TSS", "8ed8", 0x28, 0, 13, 0x28),
    new Case("MOV SS, ring 3's data", "8ed0", 0x1b, 0, 13, 0x18),
    new Case("MOV SS, code", "8ed0", 8, 0, 13, 8),
    new Case("LTR of a busy TSS", "0f00d8", 0x28, 0, 13, 0x28),
    new Case("LLDT of code", "0f00d0", 8, 0, 13, 8),
    new Case("RDPMC of a counter that is not", "0f33", 0, 0, 13, 0),
    new Case("RDMSR of an MSR that is not", "0f32", 0, 0, 13, 0),
    new Case("XSETBV of register 4242h", "0f01d1", 0, 0, 13, 0),
  };

  private static final Case[] USER = {
    new Case("DIV by 0", "f7f3", 7, 0, 0, 0),
    new Case("IDIV RAX overflows", "48f7fb", Long.MIN_VALUE, -1, 0, 0),
    new Case("UD2", "0f0b", 0, 0, 6, 0),
    new Case("HLT", "f4", 0, 0, 13, 0),
    new Case("MOV SS, null", "8ed0", 0, 0, 13, 0),
    new Case("MOV SS, null with RPL 3", "8ed0", 3, 0, 13, 0),
    new Case("MOV SS, ring 0's data", "8ed0", 0x10, 0, 13, 0x10),
    new Case("MOV DS, ring 0's data", "8ed8", 0x10, 0, 13, 0x10),
    new Case("MOV GS, ring 0's data with RPL 3", "8ee8", 0x13, 0, 13, 0x10),
    new Case("MOV [kernel's half, not canonical]", "8903", 0, 0xf000_0000_0000_0000L, 13, 0),
    new Case("JMP to kernel's page", "ffe3", 0, Guest.KERNEL, 14, 0x15),
  };

  private static final Case[] UNDEFINED = {
    new Case("UD0", "0fffc3", 0, 0, 6, 0),
    new Case("UD1", "0fb9c3", 0, 0, 6, 0),
    new Case("LGDT of a register", "0f01d3", 0, 0, 6, 0),
  };

  private static final Case[] KERNELS_GATES = {
    new Case("INT 21h of the kernel's gate", "cd21", 0, 0, 13, 0x21 * 8 + 2),
    new Case("INT 0 of the kernel's gate", "cd00", 0, 0, 13, 2),
  };
  // spotless:on

  private static void check(Method method, Case c, boolean user) {
    try (Guest g = new Guest(method)) {
      int[] code = new int[c.code.length() / 2];
      for (int n = 0; n < code.length; n++) {
        code[n] = HexFormat.fromHexDigits(c.code, 2 * n, 2 * n + 2);
      }
      if (user) {
        g.startInUserMode();
      }
      long start = g.state.rip();
      g.at(start).nop().bytes(code);
      g.gpr(RAX, c.rax);
      g.gpr(RBX, c.rbx);
      g.gpr(RCX, 0x4242);
      g.gpr(RDX, 0x99);
      long stack = g.gpr(RSP);
      g.runToHalt();
      assertThat(GuestTables.vectorOf(g.state.rip())).as(c.name).isEqualTo(c.vector);
      boolean atTarget = c.vector == 14;
      assertThat(g.fault())
          .as(c.name)
          .isEqualTo(Guest.Fault.of(c.vector, c.error, atTarget ? c.rbx : start + 1, g));
      assertThat(g.fault().rsp()).as(c.name).isEqualTo(stack);
      assertThat(g.gpr(RAX)).as(c.name).isEqualTo(c.rax);
      assertThat(g.gpr(RBX)).as(c.name).isEqualTo(c.rbx);
      assertThat(g.gpr(RCX)).as(c.name).isEqualTo(0x4242);
      assertThat(g.gpr(RDX)).as(c.name).isEqualTo(0x99);
      // Faults push RF set; it is clear in the handler.
      assertThat(g.state.rflags() & 0x1_0000).as(c.name).isZero();
    }
  }

  private static void checkAll(Method method, Case[] cases, boolean user) {
    assertAll(Arrays.stream(cases).map(c -> () -> check(method, c, user)));
  }

  @ForEachMethod
  void inKernelMode(Method method) {
    checkAll(method, KERNEL, false);
  }

  @ForEachMethod
  void inUserMode(Method method) {
    checkAll(method, USER, true);
  }

  /** A null selector is good for ring 0's SS only if its RPL is 0. */
  @ForEachMethod
  void nullStackSegment(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel().bytes(0x8e, 0xd0, 0x8c, 0xd3).hlt();
      g.gpr(RBX, -1);
      g.runToHalt();
      assertThat((int) g.gpr(RBX)).isZero();
    }
    try (Guest g = new Guest(method)) {
      g.needs(Need.NULL_SELECTOR_RPL);
      g.gpr(RAX, 3);
      g.kernel().bytes(0x8e, 0xd0);
      g.expectFault(13, 0, Guest.KERNEL);
    }
  }

  @ForEachMethod
  void nullTaskRegister(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.NULL_TASK_REGISTER);
      // LTR AX
      g.kernel().bytes(0x0f, 0x00, 0xd8);
      g.expectFault(13, 0, Guest.KERNEL);
    }
  }

  @ForEachMethod
  void undefinedInKernelMode(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.UNDEFINED_OPCODES);
    }
    checkAll(method, UNDEFINED, false);
  }

  @ForEachMethod
  void softwareInterruptsThatAreNotAllowed(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.SOFTWARE_INTERRUPTS, Need.GATE_FAULTS);
    }
    checkAll(method, KERNELS_GATES, true);
  }

  /** JMP, CALL and RET to an address that is not canonical fault themselves; the stack stays. */
  @ForEachMethod
  void branchesToNonCanonicalAddresses(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.BRANCH_TARGETS);
    }
    for (String code : new String[] {"ffe3", "ffd3"}) {
      Case c = new Case(code, code, 0, NOT_CANONICAL, 13, 0);
      check(method, c, false);
      check(method, c, true);
    }
    try (Guest g = new Guest(method)) {
      g.ram.putLong(Guest.USER_STACK, NOT_CANONICAL);
      g.user().ret();
      g.startInUserMode();
      g.expectFault(13, 0, Guest.USER);
      assertThat(g.fault().rsp()).isEqualTo(Guest.USER_STACK);
    }
  }

  /** INT n of every number through gates of ring 3: RIP is behind it, and no vector has an error code. */
  @ForEachMethod
  void softwareInterruptsOfAllNumbers(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.SOFTWARE_INTERRUPTS);
      for (int vector = 0; vector < 256; vector++) {
        GuestTables.gate(g.ram, vector, GuestTables.HANDLERS + 16L * vector, 3, 1, false);
        g.at(Guest.USER + 2L * vector).bytes(0xcd, vector);
      }
      for (int vector = 0; vector < 256; vector++) {
        g.startInUserMode();
        g.state.rip(Guest.USER + 2L * vector);
        g.state.rflags(0x202);
        g.machine.stateChanged();
        g.runToHalt();
        assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(vector);
        assertThat(g.gpr(RSP)).isEqualTo(GuestTables.IST1_TOP - 40);
        assertThat(g.ram.getLong(g.gpr(RSP))).isEqualTo(Guest.USER + 2L * vector + 2);
        assertThat(g.ram.getLong(g.gpr(RSP) + 16)).isEqualTo(0x202);
      }
    }
  }

  /** In ring 0 the gate's DPL does not matter. */
  @ForEachMethod
  void softwareInterruptsInKernelMode(Method method) {
    for (int vector : new int[] {0, 3, 13, 0x20, 0x80, 0xff}) {
      try (Guest g = new Guest(method)) {
        g.needs(Need.SOFTWARE_INTERRUPTS);
        g.kernel().bytes(0xcd, vector);
        g.runToHalt();
        assertThat(GuestTables.vectorOf(g.state.rip())).isEqualTo(vector);
        assertThat(g.gpr(RSP)).isEqualTo(GuestTables.IST1_TOP - 40);
        assertThat(g.ram.getLong(g.gpr(RSP))).isEqualTo(Guest.KERNEL + 2);
      }
    }
    try (Guest g = new Guest(method)) {
      g.kernel().nop().bytes(0xcc);
      g.expectFault(3, Guest.KERNEL + 2);
    }
  }

  /** INT1 (F1) is a #DB that asks for no DPL and does not touch DR6. */
  @ForEachMethod
  void int1(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.INT1);
      g.user().nop().bytes(0xf1);
      g.startInUserMode();
      g.expectFault(1, Guest.USER + 2);
      assertThat(g.state.get(CpuState.DEBUG_REGISTERS + 48) & 0xe00f).isZero();
    }
  }

  /** An exception of ring 3 by a gate without IST: to RSP0, aligned, the error code below. */
  @ForEachMethod
  void stackOfTheTss(Method method) {
    try (Guest g = new Guest(method)) {
      GuestTables.gate(g.ram, 13, GuestTables.HANDLERS + 16 * 13, 0, 0, false);
      g.ram.putLong(GuestTables.TSS + 4, GuestTables.RSP0_TOP - 7);
      g.user().hlt();
      g.startInUserMode();
      g.gpr(RSP, Guest.USER_STACK - 3);
      g.runToHalt();
      long frame = GuestTables.RSP0_TOP - 16 - 48;
      assertThat(g.gpr(RSP)).isEqualTo(frame);
      long[] expected = {
        0, Guest.USER, GuestTables.USER_CODE, 2, Guest.USER_STACK - 3, GuestTables.USER_DATA
      };
      for (int n = 0; n < expected.length; n++) {
        long mask = n == 3 ? ~0x1_0000L : -1;
        assertThat(g.ram.getLong(frame + 8 * n) & mask).as("word %d", n).isEqualTo(expected[n]);
      }
      assertThat(g.state.selector(CpuState.SS)).isZero();
    }
  }

  /** A data segment that is not present: #NP, and #SS where it is for the stack. */
  @ForEachMethod
  void segmentsThatAreNotPresent(Method method) {
    for (int[] move : new int[][] {{0x8e, 0xd8, 11}, {0x8e, 0xe0, 11}, {0x8e, 0xd0, 12}}) {
      try (Guest g = new Guest(method)) {
        g.ram.putLong(SPARE_AT, NOT_PRESENT_DATA);
        g.gpr(RAX, SPARE);
        g.kernel().bytes(move[0], move[1]);
        g.expectFault(move[2], SPARE, Guest.KERNEL);
      }
    }
  }

  /** A far return to a code segment that is not present, and one to data. */
  @ForEachMethod
  void farReturns(Method method) {
    for (int[] expected : new int[][] {{0x1b, 11}, {0x13, 13}}) {
      try (Guest g = new Guest(method)) {
        g.ram.putLong(SPARE_AT, 0x00af_0000_0000_ffffL | (long) expected[0] << 40);
        Program k = g.kernel().push(SPARE).push(Guest.KERNEL);
        long rip = k.here();
        k.bytes(0x48, 0xcb);
        g.expectFault(expected[1], SPARE, rip);
        assertThat(g.fault().rsp()).isEqualTo(Guest.KERNEL_STACK - 16);
      }
    }
  }

  /** A stack address that is not canonical is #SS wherever the stack is meant. */
  @ForEachMethod
  void stackFaults(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.STACK_FAULTS);
    }
    // PUSH RAX; POP RAX; CALL; RET; MOV RAX,[RSP]; MOV [RBP],RAX
    String[] codes = {"50", "58", "e800000000", "c3", "488b0424", "48894500"};
    for (String code : codes) {
      try (Guest g = new Guest(method)) {
        for (int n = 0; n < code.length(); n += 2) {
          g.ram.putByte(Guest.KERNEL + n / 2, HexFormat.fromHexDigits(code, n, n + 2));
        }
        g.gpr(RSP, NOT_CANONICAL + 0x10);
        g.gpr(CpuState.RBP, NOT_CANONICAL + 0x10);
        g.runToHalt();
        assertThat(g.fault()).as(code).isEqualTo(Guest.Fault.of(12, 0, Guest.KERNEL, g));
        assertThat(g.fault().rsp()).as(code).isEqualTo(NOT_CANONICAL + 0x10);
      }
    }
  }

  /** A vector beyond the IDT's limit, and a gate that is none: #GP with the gate's number. */
  @ForEachMethod
  void badGates(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.SOFTWARE_INTERRUPTS, Need.GATE_FAULTS);
      g.state.set(CpuState.IDTR_LIMIT, 0x50 * 16 - 1);
      g.user().bytes(0xcd, 0x50);
      g.startInUserMode();
      g.expectFault(13, 0x50 * 8 + 2, Guest.USER);
    }
    try (Guest g = new Guest(method)) {
      GuestTables.gate(g.ram, 0x50, GuestTables.HANDLERS, 3, 0, false);
      // A 32-bit task gate's type
      g.ram.putByte(GuestTables.IDT + 16 * 0x50 + 5, 0xe5);
      g.user().bytes(0xcd, 0x50);
      g.startInUserMode();
      g.expectFault(13, 0x50 * 8 + 2, Guest.USER);
    }
    // The gate of an exception: EXT is set.
    try (Guest g = new Guest(method)) {
      g.ram.putByte(GuestTables.IDT + 16 * 6 + 5, 0x85);
      g.user().bytes(0x0f, 0x0b);
      g.startInUserMode();
      g.expectFault(13, 6 * 8 + 3, Guest.USER);
    }
    // A gate into a data segment
    try (Guest g = new Guest(method)) {
      GuestTables.gate(g.ram, 0x50, GuestTables.HANDLERS, 3, 0, false);
      g.ram.putShort(GuestTables.IDT + 16 * 0x50 + 2, GuestTables.KERNEL_DATA);
      g.user().bytes(0xcd, 0x50);
      g.startInUserMode();
      g.expectFault(13, GuestTables.KERNEL_DATA, Guest.USER);
    }
  }

  /** An exception whose gate is not present: #NP with the gate's number and EXT; the handler sees the first RIP. */
  @ForEachMethod
  void exceptionWithoutAGate(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.NESTED_EXCEPTIONS, Need.GATE_FAULTS);
      absent(g, 6);
      g.kernel().nop().bytes(0x0f, 0x0b);
      g.expectFault(11, 6 * 8 + 3, Guest.KERNEL + 1);
    }
  }

  private static void absent(Guest g, int vector) {
    long gate = GuestTables.IDT + 16L * vector;
    g.ram.putLong(gate, g.ram.getLong(gate) & ~(1L << 47));
  }

  /** Two contributory exceptions are a double fault (SDM vol. 3, table 6-5): #DE, then #NP of its gate. */
  @ForEachMethod
  void contributoryTwice(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.DOUBLE_FAULTS_AT_GATES);
      absent(g, 0);
      g.kernel().nop().bytes(0xf7, 0xf3);
      g.expectFault(8, 0, Guest.KERNEL + 1);
    }
  }

  /** A page fault, then a contributory exception: a double fault. */
  @ForEachMethod
  void pageFaultAndContributory(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.DOUBLE_FAULTS_AT_GATES);
      absent(g, 14);
      g.gpr(RBX, Guest.FREE);
      g.kernel().bytes(0x8b, 0x03);
      g.expectFault(8, 0, Guest.KERNEL);
      assertThat(g.state.get(CpuState.CR2)).isEqualTo(Guest.FREE);
    }
  }

  /** #GP whose handler's stack is not mapped: the #PF of its delivery is handled by itself. */
  @ForEachMethod
  void contributoryAndPageFault(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.NESTED_EXCEPTIONS);
      GuestTables.gate(g.ram, 13, GuestTables.HANDLERS + 16 * 13, 0, 2, false);
      g.ram.putLong(GuestTables.TSS + 0x2c, Guest.FREE + 0x1000);
      g.user().hlt();
      g.startInUserMode();
      g.expectFault(14, 2, Guest.USER);
      // Which of the frame's words is written first is open.
      assertThat(g.state.get(CpuState.CR2)).isBetween(Guest.FREE + 0xfd0, Guest.FREE + 0xff8);
      assertThat(g.fault().rsp()).isEqualTo(Guest.USER_STACK);
    }
  }

  /** The stack of the TSS is not canonical: #SS instead of the exception, with EXT in its error code. */
  @ForEachMethod
  void stackOfTheTssIsNotCanonical(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.NESTED_EXCEPTIONS);
      GuestTables.gate(g.ram, 6, GuestTables.HANDLERS + 16 * 6, 0, 2, false);
      g.ram.putLong(GuestTables.TSS + 0x2c, NOT_CANONICAL);
      g.user().bytes(0x0f, 0x0b);
      g.startInUserMode();
      g.runToHalt();
      Guest.Fault fault = g.fault();
      assertThat(fault.vector()).isEqualTo(12);
      // Intel: #SS(EXT). AMD: #SS(0).
      assertThat(fault.error()).isBetween(0L, 1L);
      assertThat(fault.rip()).isEqualTo(Guest.USER);
    }
  }

  /** A TSS too short for the stack that a gate names: #TS with the TSS's selector. */
  @ForEachMethod
  void shortTss(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.TSS_LIMIT);
      GuestTables.gate(g.ram, 6, GuestTables.HANDLERS + 16 * 6, 0, 7, false);
      g.state.segment(CpuState.TR, GuestTables.TSS_SELECTOR, 0x8b, 0x53, GuestTables.TSS);
      g.user().bytes(0x0f, 0x0b);
      g.startInUserMode();
      g.runToHalt();
      Guest.Fault fault = g.fault();
      assertThat(fault.vector()).isEqualTo(10);
      assertThat(fault.error() & ~1).isEqualTo(GuestTables.TSS_SELECTOR);
      assertThat(fault.rip()).isEqualTo(Guest.USER);
    }
  }

  /** IRET with NT set is #GP in 64-bit mode. */
  @ForEachMethod
  void iretWithNestedTask(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel();
      k.enterUser(Guest.USER, 2);
      g.state.rflags(0x4002);
      g.expectFault(13, 0, k.here() - 2);
    }
  }

  /** IRET to ring 3 with a stack segment of another ring, and with none. */
  @ForEachMethod
  void iretWithBadStackSegment(Method method) {
    for (int ss : new int[] {GuestTables.KERNEL_DATA, 0, 3}) {
      try (Guest g = new Guest(method)) {
        Program k =
            g.kernel()
                .push(ss)
                .push(Guest.USER_STACK)
                .push(2)
                .push(GuestTables.USER_CODE)
                .push(Guest.USER);
        long rip = k.here();
        k.iretq();
        g.expectFault(13, ss & ~3, rip);
      }
    }
  }

  @ForEachMethod
  void alignmentCheck(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.ALIGNMENT_CHECK);
      g.gpr(RBX, Guest.USER_DATA + 1);
      g.user().bytes(0x8a, 0x03).bytes(0x8b, 0x03);
      g.startInUserMode();
      g.state.rflags(0x4_0002);
      g.expectFault(17, 0, Guest.USER + 2);
    }
  }

  @ForEachMethod
  void generalDetect(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.GENERAL_DETECT);
      g.state.set(CpuState.DEBUG_REGISTERS + 56, 0x2400);
      g.kernel().nop().bytes(0x0f, 0x21, 0xc0);
      g.expectFault(1, Guest.KERNEL + 1);
      assertThat(g.state.get(CpuState.DEBUG_REGISTERS + 48) & 0x2000).isEqualTo(0x2000);
      assertThat(g.state.get(CpuState.DEBUG_REGISTERS + 56) & 0x2000).isZero();
    }
  }

  /** A breakpoint on an instruction (fault) and one on a store (trap). */
  @ForEachMethod
  void hardwareBreakpoints(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.HARDWARE_BREAKPOINTS);
      g.state.set(CpuState.DEBUG_REGISTERS, Guest.KERNEL + 1);
      g.state.set(CpuState.DEBUG_REGISTERS + 56, 0x402);
      g.kernel().nop().nop();
      g.expectFault(1, Guest.KERNEL + 1);
      assertThat(g.state.get(CpuState.DEBUG_REGISTERS + 48) & 0xe00f).isEqualTo(1);
    }
    try (Guest g = new Guest(method)) {
      g.state.set(CpuState.DEBUG_REGISTERS + 8, Guest.KERNEL_DATA);
      g.state.set(CpuState.DEBUG_REGISTERS + 56, 0x408 | 0xd << 20);
      g.gpr(RBX, Guest.KERNEL_DATA);
      g.kernel().bytes(0x8b, 0x03).bytes(0x89, 0x43, 0x04).bytes(0x89, 0x03).nop();
      g.expectFault(1, Guest.KERNEL + 7);
      assertThat(g.state.get(CpuState.DEBUG_REGISTERS + 48) & 0xe00f).isEqualTo(2);
    }
  }
}
