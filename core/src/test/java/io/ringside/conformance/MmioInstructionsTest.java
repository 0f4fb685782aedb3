package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDI;
import static io.ringside.cpu.CpuState.RSI;
import static io.ringside.cpu.CpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;
import io.ringside.machine.Exit;
import java.util.HexFormat;

/** Every form of access that drivers use where there is no RAM: what the device sees, and what the guest gets. */
class MmioInstructionsTest {
  private static final long A = 0x8182_8384_8586_8788L;
  private static final long B = 0x9192_9394_9596_9798L;
  private static final int CF = 1;
  private static final int ZF = 0x40;
  private static final int SF = 0x80;

  /**
   * One instruction with [RBX] as its operand.
   *
   * @param code the instruction
   * @param reads size of the read, 0 for none; the device answers {@link #B}'s lowest bytes
   * @param writes size of the write, 0 for none
   * @param written what the device gets
   * @param rax RAX afterwards; {@link #A} before
   */
  private record Form(String name, int[] code, int reads, int writes, long written, long rax) {}

  private static int[] x(String code) {
    byte[] bytes = HexFormat.of().parseHex(code);
    int[] ints = new int[bytes.length];
    for (int n = 0; n < ints.length; n++) {
      ints[n] = bytes[n] & 0xff;
    }
    return ints;
  }

  // spotless:off
  private static final Form[] LOADS = {
    new Form("MOV AL, m8", x("8a03"), 1, 0, 0, 0x8182_8384_8586_8798L),
    new Form("MOV AH, m8", x("8a23"), 1, 0, 0, 0x8182_8384_8586_9888L),
    new Form("MOV AX, m16", x("668b03"), 2, 0, 0, 0x8182_8384_8586_9798L),
    new Form("MOV EAX, m32", x("8b03"), 4, 0, 0, 0x9596_9798L),
    new Form("MOV RAX, m64", x("488b03"), 8, 0, 0, B),
    new Form("MOVZX AX, m8", x("660fb603"), 1, 0, 0, 0x8182_8384_8586_0098L),
    new Form("MOVZX EAX, m8", x("0fb603"), 1, 0, 0, 0x98),
    new Form("MOVZX RAX, m8", x("480fb603"), 1, 0, 0, 0x98),
    new Form("MOVZX EAX, m16", x("0fb703"), 2, 0, 0, 0x9798),
    new Form("MOVZX RAX, m16", x("480fb703"), 2, 0, 0, 0x9798),
    new Form("MOVSX AX, m8", x("660fbe03"), 1, 0, 0, 0x8182_8384_8586_ff98L),
    new Form("MOVSX EAX, m8", x("0fbe03"), 1, 0, 0, 0xffff_ff98L),
    new Form("MOVSX RAX, m8", x("480fbe03"), 1, 0, 0, -0x68),
    new Form("MOVSX EAX, m16", x("0fbf03"), 2, 0, 0, 0xffff_9798L),
    new Form("MOVSX RAX, m16", x("480fbf03"), 2, 0, 0, 0xffff_ffff_ffff_9798L),
    new Form("MOVSXD RAX, m32", x("486303"), 4, 0, 0, 0xffff_ffff_9596_9798L),
    new Form("ADD EAX, m32", x("0303"), 4, 0, 0, 0x1b1d_1f20L),
    new Form("AND RAX, m64", x("482303"), 8, 0, 0, A & B),
    new Form("XOR AL, m8", x("3203"), 1, 0, 0, 0x8182_8384_8586_8710L),
    new Form("OR AX, m16", x("660b03"), 2, 0, 0, 0x8182_8384_8586_9798L),
    new Form("CMP EAX, m32", x("3b03"), 4, 0, 0, A),
    new Form("CMP m32, EAX", x("3903"), 4, 0, 0, A),
    new Form("TEST m8, imm8", x("f60301"), 1, 0, 0, A),
    new Form("TEST m32, EAX", x("8503"), 4, 0, 0, A),
    new Form("BT m32, imm8", x("0fba2303"), 4, 0, 0, A),
    new Form("CMOVZ EAX, m32 (not taken)", x("0f4403"), 4, 0, 0, 0x8586_8788L),
    new Form("CMOVNZ EAX, m32", x("0f4503"), 4, 0, 0, 0x9596_9798L),
    new Form("IMUL EAX, m32, 2", x("6b0302"), 4, 0, 0, 0x2b2d_2f30L),
  };

  private static final Form[] STORES = {
    new Form("MOV m8, AL", x("8803"), 0, 1, 0x88, A),
    new Form("MOV m8, AH", x("8823"), 0, 1, 0x87, A),
    new Form("MOV m16, AX", x("668903"), 0, 2, 0x8788, A),
    new Form("MOV m32, EAX", x("8903"), 0, 4, 0x8586_8788L, A),
    new Form("MOV m64, RAX", x("488903"), 0, 8, A, A),
    new Form("MOV m8, imm8", x("c603fe"), 0, 1, 0xfe, A),
    new Form("MOV m16, imm16", x("66c703fedc"), 0, 2, 0xdcfe, A),
    new Form("MOV m32, imm32", x("c703fedcba98"), 0, 4, 0x98ba_dcfeL, A),
    new Form("MOV m64, imm32", x("48c703fedcba98"), 0, 8, 0xffff_ffff_98ba_dcfeL, A),
    new Form("SETNZ m8", x("0f9503"), 0, 1, 1, A),
    new Form("MOVNTI m32, EAX", x("0fc303"), 0, 4, 0x8586_8788L, A),
    new Form("MOVNTI m64, RAX", x("480fc303"), 0, 8, A, A),
  };

  private static final Form[] MODIFY = {
    new Form("XCHG m8, AL", x("8603"), 1, 1, 0x88, 0x8182_8384_8586_8798L),
    new Form("XCHG m16, AX", x("668703"), 2, 2, 0x8788, 0x8182_8384_8586_9798L),
    new Form("XCHG m32, EAX", x("8703"), 4, 4, 0x8586_8788L, 0x9596_9798L),
    new Form("XCHG m64, RAX", x("488703"), 8, 8, A, B),
    new Form("ADD m8, AL", x("0003"), 1, 1, 0x20, A),
    new Form("OR m16, AX", x("660903"), 2, 2, 0x9798, A),
    new Form("AND m32, imm8", x("8323f0"), 4, 4, 0x9596_9790L, A),
    new Form("SUB m64, RAX", x("482903"), 8, 8, B - A, A),
    new Form("XOR m32, imm32", x("8133ffffffff"), 4, 4, 0x6a69_6867L, A),
    new Form("ADC m32, EAX", x("1103"), 4, 4, 0x1b1d_1f20L, A),
    new Form("INC m8", x("fe03"), 1, 1, 0x99, A),
    new Form("DEC m16", x("66ff0b"), 2, 2, 0x9797, A),
    new Form("NOT m32", x("f713"), 4, 4, 0x6a69_6867L, A),
    new Form("NEG m64", x("48f71b"), 8, 8, -B, A),
    new Form("SHL m32, 4", x("c12304"), 4, 4, 0x5969_7980L, A),
    new Form("ROR m8, 1", x("d00b"), 1, 1, 0x4c, A),
    new Form("BTS m32, imm8", x("0fba2b00"), 4, 4, 0x9596_9799L, A),
    new Form("BTR m32, imm8", x("0fba3303"), 4, 4, 0x9596_9790L, A),
    new Form("LOCK OR m32, EAX", x("f00903"), 4, 4, 0x9596_9798L, A),
    new Form("LOCK INC m64", x("f048ff03"), 8, 8, B + 1, A),
    new Form("LOCK XADD m32, EAX", x("f00fc103"), 4, 4, 0x1b1d_1f20L, 0x9596_9798L),
    new Form("LOCK BTS m32, imm8", x("f00fba2b00"), 4, 4, 0x9596_9799L, A),
  };
  // spotless:on

  private static Guest guest(Method method) {
    Guest g = new Guest(method);
    g.pages.map(Guest.FREE, Guest.MMIO, GuestPages.ALL);
    g.gpr(RBX, Guest.FREE + 0x40);
    g.gpr(RAX, A);
    return g;
  }

  private static long low(long value, int size) {
    return size == 8 ? value : value & (1L << 8 * size) - 1;
  }

  private static void check(Method method, Form[] forms) {
    for (Form form : forms) {
      try (Guest g = guest(method)) {
        g.kernel().bytes(form.code).hlt();
        if (form.reads != 0) {
          assertThat(g.run())
              .as(form.name)
              .isEqualTo(new Exit.MmioRead(Guest.MMIO + 0x40, form.reads));
          g.machine.vcpu().completeRead(low(B, form.reads));
        }
        if (form.writes != 0) {
          Exit exit = g.run();
          assertThat(exit).as(form.name).isInstanceOf(Exit.MmioWrite.class);
          Exit.MmioWrite write = (Exit.MmioWrite) exit;
          assertThat(write.gpa()).as(form.name).isEqualTo(Guest.MMIO + 0x40);
          assertThat(write.size()).as(form.name).isEqualTo(form.writes);
          assertThat(low(write.value(), form.writes)).as(form.name).isEqualTo(form.written);
        }
        assertThat(g.run()).as(form.name).isInstanceOf(Exit.Halt.class);
        assertThat(g.gpr(RAX)).as(form.name).isEqualTo(form.rax);
        assertThat(g.state.rip()).as(form.name).isEqualTo(Guest.KERNEL + form.code.length + 1);
      }
    }
  }

  @ForEachMethod
  void loads(Method method) {
    check(method, LOADS);
  }

  @ForEachMethod
  void stores(Method method) {
    check(method, STORES);
  }

  @ForEachMethod
  void readsThenWrites(Method method) {
    check(method, MODIFY);
  }

  /** MOV to and from a 64-bit absolute address. */
  @ForEachMethod
  void absoluteAddresses(Method method) {
    try (Guest g = guest(method)) {
      g.kernel()
          .bytes(0xa2)
          .quad(Guest.FREE)
          .bytes(0x48, 0xa3)
          .quad(Guest.FREE + 8)
          .bytes(0xa0)
          .quad(Guest.FREE + 0x10)
          .bytes(0x66, 0xa1)
          .quad(Guest.FREE + 0x20)
          .hlt();
      g.expect(new Exit.MmioWrite(Guest.MMIO, 1, 0x88));
      g.expect(new Exit.MmioWrite(Guest.MMIO + 8, 8, A));
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x10, 1), 0x11);
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x20, 2), 0x2233);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0x8182_8384_8586_2233L);
    }
  }

  /** CMPXCHG with the value expected, and with another: then RAX gets it, and what was there is written back. */
  @ForEachMethod
  void compareAndExchange(Method method) {
    for (boolean equal : new boolean[] {true, false}) {
      try (Guest g = guest(method)) {
        g.gpr(RCX, 0x1234_5678);
        g.kernel().bytes(0xf0, 0x0f, 0xb1, 0x0b).hlt();
        g.answer(new Exit.MmioRead(Guest.MMIO + 0x40, 4), equal ? 0x8586_8788L : 0x4242_4242L);
        Exit next = g.run();
        if (next instanceof Exit.MmioWrite write) {
          assertThat(write)
              .isEqualTo(
                  new Exit.MmioWrite(Guest.MMIO + 0x40, 4, equal ? 0x1234_5678 : 0x4242_4242));
          next = g.run();
        } else {
          assertThat(equal).as("written").isFalse();
        }
        assertThat(next).isInstanceOf(Exit.Halt.class);
        assertThat(g.gpr(RAX)).isEqualTo(equal ? A : 0x4242_4242);
        assertThat(g.state.rflags() & ZF).isEqualTo(equal ? ZF : 0);
      }
    }
  }

  /** The flags of an operation on what the device gave. */
  @ForEachMethod
  void flags(Method method) {
    try (Guest g = guest(method)) {
      // CMP dword [RBX], 5; PUSHF; POP RCX; ADD dword [RBX], -1; PUSHF; POP RDI
      g.kernel().bytes(0x83, 0x3b, 5, 0x9c, 0x59, 0x83, 0x03, 0xff, 0x9c, 0x5f).hlt();
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x40, 4), 4);
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x40, 4), 1);
      g.expect(new Exit.MmioWrite(Guest.MMIO + 0x40, 4, 0));
      g.runToHalt();
      assertThat(g.gpr(RCX) & (CF | ZF | SF)).isEqualTo(CF | SF);
      assertThat(g.gpr(RDI) & (CF | ZF | SF)).isEqualTo(CF | ZF);
    }
  }

  @ForEachMethod
  void stack(Method method) {
    try (Guest g = guest(method)) {
      g.ram.putLong(Guest.KERNEL_STACK - 8, A);
      g.gpr(RSP, Guest.KERNEL_STACK - 8);
      // POP qword [RBX]; then RSP to MMIO: PUSH RAX; POP RCX
      g.kernel().bytes(0x8f, 0x03).mov(RSP, Guest.FREE + 0x88).bytes(0x50, 0x59).hlt();
      g.expect(new Exit.MmioWrite(Guest.MMIO + 0x40, 8, A));
      g.expect(new Exit.MmioWrite(Guest.MMIO + 0x80, 8, A));
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x80, 8), B);
      g.runToHalt();
      assertThat(g.gpr(RCX)).isEqualTo(B);
      assertThat(g.gpr(RSP)).isEqualTo(Guest.FREE + 0x88);
    }
  }

  /** MOVS of each size from RAM, to RAM, and from device to device. */
  @ForEachMethod
  void movs(Method method) {
    int[][] codes = {{0xa4}, {0x66, 0xa5}, {0xa5}, {0x48, 0xa5}};
    for (int n = 0; n < 4; n++) {
      int size = 1 << n;
      try (Guest g = guest(method)) {
        g.ram.putLong(Guest.KERNEL_DATA, A);
        g.kernel()
            .mov(RSI, Guest.KERNEL_DATA)
            .mov(RDI, Guest.FREE)
            .bytes(codes[n])
            .mov(RSI, Guest.FREE + 0x10)
            .mov(RDI, Guest.KERNEL_DATA + 0x10)
            .bytes(codes[n])
            .mov(RSI, Guest.FREE + 0x20)
            .mov(RDI, Guest.FREE + 0x30)
            .bytes(codes[n])
            .hlt();
        Exit exit = g.run();
        assertThat(exit).isInstanceOf(Exit.MmioWrite.class);
        assertThat(low(((Exit.MmioWrite) exit).value(), size)).isEqualTo(low(A, size));
        g.answer(new Exit.MmioRead(Guest.MMIO + 0x10, size), low(B, size));
        g.answer(new Exit.MmioRead(Guest.MMIO + 0x20, size), low(B, size));
        exit = g.run();
        assertThat(exit).isInstanceOf(Exit.MmioWrite.class);
        assertThat(((Exit.MmioWrite) exit).gpa()).isEqualTo(Guest.MMIO + 0x30);
        assertThat(((Exit.MmioWrite) exit).size()).isEqualTo(size);
        assertThat(low(((Exit.MmioWrite) exit).value(), size)).isEqualTo(low(B, size));
        g.runToHalt();
        assertThat(g.ram.getLong(Guest.KERNEL_DATA + 0x10)).isEqualTo(low(B, size));
        assertThat(g.gpr(RSI)).isEqualTo(Guest.FREE + 0x20 + size);
        assertThat(g.gpr(RDI)).isEqualTo(Guest.FREE + 0x30 + size);
      }
    }
  }

  /** REP MOVSD down from device to device, and REP STOSW over the end of a page of RAM into the device. */
  @ForEachMethod
  void repeated(Method method) {
    try (Guest g = guest(method)) {
      g.pages.map(Guest.FREE - 4096, Guest.KERNEL_DATA, GuestPages.ALL);
      g.kernel()
          .bytes(0xfd)
          .mov(RSI, Guest.FREE + 0x24)
          .mov(RDI, Guest.FREE + 0x84)
          .mov(RCX, 3)
          .bytes(0xf3, 0xa5, 0xfc)
          .mov(RDI, Guest.FREE - 4)
          .mov(RCX, 4)
          .mov(RAX, 0x7788)
          .bytes(0xf3, 0x66, 0xab)
          .hlt();
      for (int n = 0; n < 3; n++) {
        g.answer(new Exit.MmioRead(Guest.MMIO + 0x24 - 4 * n, 4), n);
        g.expect(new Exit.MmioWrite(Guest.MMIO + 0x84 - 4 * n, 4, n));
      }
      g.expect(new Exit.MmioWrite(Guest.MMIO, 2, 0x7788));
      g.expect(new Exit.MmioWrite(Guest.MMIO + 2, 2, 0x7788));
      g.runToHalt();
      assertThat(g.ram.getInt(Guest.KERNEL_DATA + 0xffc)).isEqualTo(0x7788_7788);
      assertThat(g.gpr(RSI)).isEqualTo(Guest.FREE + 0x18);
      assertThat(g.gpr(RDI)).isEqualTo(Guest.FREE + 4);
    }
  }

  @ForEachMethod
  void otherStrings(Method method) {
    try (Guest g = guest(method)) {
      g.ram.putInt(Guest.KERNEL_DATA, 0x55);
      // LODSD; SCASB; CMPSD with RAM at RDI, as far as they are equal
      g.kernel()
          .mov(RSI, Guest.FREE)
          .bytes(0xad)
          .mov(RDI, Guest.FREE + 0x10)
          .mov(RAX, 0x33)
          .bytes(0xae)
          .mov(RSI, Guest.FREE + 0x20)
          .mov(RDI, Guest.KERNEL_DATA)
          .mov(RCX, 5)
          .bytes(0xf3, 0xa7)
          .hlt();
      g.answer(new Exit.MmioRead(Guest.MMIO, 4), 0x11);
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x10, 1), 0x33);
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x20, 4), 0x55);
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x24, 4), 0x99);
      g.runToHalt();
      assertThat(g.gpr(RCX)).isEqualTo(3);
      assertThat(g.state.rflags() & ZF).isZero();
      assertThat(g.gpr(RSI)).isEqualTo(Guest.FREE + 0x28);
    }
  }

  /** 16 bytes by SSE's moves: two accesses of 8, as on a bus of that width. */
  @ForEachMethod
  void vectors(Method method) {
    int[][] codes = {
      x("0f2803"), x("0f294340"), // MOVAPS
      x("0f1003"), x("0f114340"), // MOVUPS
      x("660f6f03"), x("660f7f4340"), // MOVDQA
      x("f30f6f03"), x("f30f7f4340"), // MOVDQU
      x("660f2803"), x("660fe74340"), // MOVAPD, MOVNTDQ
    };
    for (int n = 0; n < codes.length; n += 2) {
      try (Guest g = guest(method)) {
        g.kernel().bytes(codes[n]).bytes(codes[n + 1]).hlt();
        g.answer(new Exit.MmioRead(Guest.MMIO + 0x40, 8), A);
        g.answer(new Exit.MmioRead(Guest.MMIO + 0x48, 8), B);
        g.expect(new Exit.MmioWrite(Guest.MMIO + 0x80, 8, A));
        g.expect(new Exit.MmioWrite(Guest.MMIO + 0x88, 8, B));
        g.runToHalt();
      }
    }
  }

  @ForEachMethod
  void bigEndian(Method method) {
    try (Guest g = guest(method)) {
      g.needsFeature("MOVBE", 1, 0, 2, 22);
      g.needs(Need.MOVBE);
      g.kernel().bytes(0x0f, 0x38, 0xf0, 0x03).bytes(0x48, 0x0f, 0x38, 0xf1, 0x03).hlt();
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x40, 4), 0x1122_3344);
      g.expect(new Exit.MmioWrite(Guest.MMIO + 0x40, 8, 0x1122_3344_0000_0000L));
      g.runToHalt();
    }
  }

  /** In ring 3, through a page of the user's. */
  @ForEachMethod
  void inUserMode(Method method) {
    try (Guest g = guest(method)) {
      g.user().bytes(0x8b, 0x03, 0x88, 0x03).bytes(0xf4);
      g.startInUserMode();
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x40, 4), 0x77);
      g.expect(new Exit.MmioWrite(Guest.MMIO + 0x40, 1, 0x77));
      g.expectFault(13, 0, Guest.USER + 4);
    }
  }

  /** A page that may not be written is not: a fault, and the device sees nothing. */
  @ForEachMethod
  void writeProtected(Method method) {
    try (Guest g = guest(method)) {
      g.pages.map(Guest.FREE, Guest.MMIO, GuestPages.ALL & ~GuestPages.WRITABLE);
      g.kernel().bytes(0x89, 0x03);
      g.expectPageFault(3, Guest.FREE + 0x40, Guest.KERNEL);
    }
  }

  /** Base, index, displacement, segment and RIP-relative forms reach the address that they should. */
  @ForEachMethod
  void addressing(Method method) {
    try (Guest g = guest(method)) {
      g.gpr(RCX, 3);
      g.state.set(CpuState.GS_BASE, Guest.FREE);
      // MOV EAX,[RBX+RCX*8+10h]; MOV EAX,GS:[20h]; MOV EAX,[EBX]; MOV EAX,[RIP+...]
      Program k = g.kernel().bytes(0x8b, 0x44, 0xcb, 0x10);
      k.bytes(0x65, 0x8b, 0x04, 0x25, 0x20, 0, 0, 0).bytes(0x67, 0x8b, 0x03);
      k.bytes(0x8b, 0x05).a.byte4((int) (Guest.FREE + 8 - (k.here() + 4)));
      k.hlt();
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x68, 4), 1);
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x20, 4), 2);
      g.answer(new Exit.MmioRead(Guest.MMIO + 0x40, 4), 3);
      g.answer(new Exit.MmioRead(Guest.MMIO + 8, 4), 4);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(4);
    }
  }
}
