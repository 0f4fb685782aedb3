package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDI;
import static io.ringside.cpu.CpuState.RDX;
import static io.ringside.cpu.CpuState.RSI;
import static io.ringside.cpu.CpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;
import io.ringside.machine.Exit;
import java.util.ArrayList;
import java.util.List;

/** INS and OUTS (SDM vol. 2, INS and OUTS): sizes, REP, direction, pages, segments, and faults in the middle. */
class PortStringTest {
  private static final int PORT = 0x5658;
  private static final long DATA = Guest.KERNEL_DATA;
  private static final int DF = 1 << 10;

  /** Two pages in a row at FREE, in RAM the second one first. */
  private static long scattered(Guest g, long firstFlags, long secondFlags) {
    g.pages.map(Guest.FREE, DATA + 0x1000, firstFlags);
    g.pages.map(Guest.FREE + 0x1000, DATA, secondFlags);
    return Guest.FREE + 0x1000;
  }

  /** Writes a byte to where {@link #scattered} maps an address. */
  private static void poke(Guest g, long address, int value) {
    g.ram.putByte(DATA + (address - Guest.FREE ^ 0x1000), value);
  }

  private static int peek(Guest g, long address) {
    return g.ram.getByte(DATA + (address - Guest.FREE ^ 0x1000));
  }

  @ForEachMethod
  void singleOuts(Method method) {
    try (Guest g = new Guest(method)) {
      g.ram.putLong(DATA, 0x8877_6655_4433_2211L);
      g.gpr(RSI, DATA);
      g.gpr(RDX, PORT);
      g.gpr(RCX, 7);
      g.kernel().bytes(0x6e).bytes(0x66, 0x6f).bytes(0x6f).hlt();
      g.expect(new Exit.PortWrite(PORT, 1, 0x11));
      g.expect(new Exit.PortWrite(PORT, 2, 0x3322));
      g.expect(new Exit.PortWrite(PORT, 4, 0x7766_5544));
      g.runToHalt();
      assertThat(g.gpr(RSI)).isEqualTo(DATA + 7);
      assertThat(g.gpr(RCX)).isEqualTo(7);
      assertThat(g.state.rflags()).isEqualTo(2);
    }
  }

  @ForEachMethod
  void singleIns(Method method) {
    try (Guest g = new Guest(method)) {
      g.ram.putLong(DATA, -1);
      g.gpr(RDI, DATA);
      g.gpr(RDX, PORT);
      g.kernel().bytes(0x6c).bytes(0x66, 0x6d).bytes(0x6d).hlt();
      g.answer(new Exit.PortRead(PORT, 1), 0x11);
      g.answer(new Exit.PortRead(PORT, 2), 0x3322);
      g.answer(new Exit.PortRead(PORT, 4), 0x7766_5544);
      g.runToHalt();
      assertThat(g.ram.getLong(DATA)).isEqualTo(0xff77_6655_4433_2211L);
      assertThat(g.gpr(RDI)).isEqualTo(DATA + 7);
    }
  }

  /** Elements of 4 bytes, one of them across the pages. */
  @ForEachMethod
  void outsAcrossPages(Method method) {
    try (Guest g = new Guest(method)) {
      long border = scattered(g, GuestPages.ALL, GuestPages.ALL);
      for (int n = 0; n < 16; n++) {
        poke(g, border - 6 + n, 0x10 + n);
      }
      g.gpr(RSI, border - 6);
      g.gpr(RDX, PORT);
      g.gpr(RCX, 4);
      g.kernel().bytes(0xf3, 0x6f).hlt();
      for (int n = 0x10; n < 0x20; n += 4) {
        g.expect(new Exit.PortWrite(PORT, 4, n + 3 << 24 | n + 2 << 16 | n + 1 << 8 | n));
      }
      g.runToHalt();
      assertThat(g.gpr(RSI)).isEqualTo(border + 10);
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  @ForEachMethod
  void insAcrossPages(Method method) {
    try (Guest g = new Guest(method)) {
      long border = scattered(g, GuestPages.ALL, GuestPages.ALL);
      g.gpr(RDI, border - 6);
      g.gpr(RDX, PORT);
      g.gpr(RCX, 4);
      g.kernel().bytes(0xf3, 0x6d).hlt();
      for (int n = 0x10; n < 0x20; n += 4) {
        g.answer(new Exit.PortRead(PORT, 4), n + 3 << 24 | n + 2 << 16 | n + 1 << 8 | n);
      }
      g.runToHalt();
      for (int n = 0; n < 16; n++) {
        assertThat(peek(g, border - 6 + n)).as("byte %d", n).isEqualTo(0x10 + n);
      }
      assertThat(g.gpr(RDI)).isEqualTo(border + 10);
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  /** From one page down into the one before, by words. */
  @ForEachMethod
  void outsDownwards(Method method) {
    try (Guest g = new Guest(method)) {
      long border = scattered(g, GuestPages.ALL, GuestPages.ALL);
      for (int n = 0; n < 8; n++) {
        poke(g, border - 4 + n, n);
      }
      g.state.rflags(DF | 2);
      g.gpr(RSI, border + 2);
      g.gpr(RDX, PORT);
      g.gpr(RCX, 4);
      g.kernel().bytes(0xf3, 0x66, 0x6f).hlt();
      for (int value : new int[] {0x0706, 0x0504, 0x0302, 0x0100}) {
        g.expect(new Exit.PortWrite(PORT, 2, value));
      }
      g.runToHalt();
      assertThat(g.gpr(RSI)).isEqualTo(border - 6);
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  @ForEachMethod
  void insbDownwards(Method method) {
    try (Guest g = new Guest(method)) {
      long border = scattered(g, GuestPages.ALL, GuestPages.ALL);
      g.state.rflags(DF | 2);
      g.gpr(RDI, border + 1);
      g.gpr(RDX, PORT);
      g.gpr(RCX, 4);
      g.kernel().bytes(0xf3, 0x6c).hlt();
      for (int n = 1; n <= 4; n++) {
        g.answer(new Exit.PortRead(PORT, 1), n);
      }
      g.runToHalt();
      for (int n = 1; n <= 4; n++) {
        assertThat(peek(g, border + 2 - n)).isEqualTo(n);
      }
      assertThat(g.gpr(RDI)).isEqualTo(border - 3);
    }
  }

  /** More elements than a VMM would hand over at once. */
  @ForEachMethod
  void longStrings(Method method) {
    try (Guest g = new Guest(method)) {
      g.gpr(RDI, Guest.USER_DATA + 0x800);
      g.gpr(RSI, Guest.USER_DATA + 0x800);
      g.gpr(RDX, PORT);
      g.kernel()
          .mov(RCX, 1500)
          .bytes(0xf3, 0x66, 0x6d)
          .mov(RCX, 1500)
          .bytes(0xf3, 0x66, 0x6f)
          .hlt();
      for (int n = 0; n < 1500; n++) {
        g.answer(new Exit.PortRead(PORT, 2), n * 13 & 0xffff);
      }
      for (int n = 0; n < 1500; n++) {
        g.expect(new Exit.PortWrite(PORT, 2, n * 13 & 0xffff));
      }
      g.runToHalt();
      assertThat(g.gpr(RCX)).isZero();
      assertThat(g.gpr(RDI)).isEqualTo(Guest.USER_DATA + 0x800 + 3000);
      assertThat(g.gpr(RSI)).isEqualTo(Guest.USER_DATA + 0x800 + 3000);
    }
  }

  @ForEachMethod
  void countOfZeroDoesNothing(Method method) {
    try (Guest g = new Guest(method)) {
      g.gpr(RSI, Guest.FREE);
      g.gpr(RDI, Guest.FREE);
      g.gpr(RDX, PORT);
      g.kernel().bytes(0xf3, 0x6e, 0xf3, 0x6d).hlt();
      g.runToHalt();
      assertThat(g.gpr(RSI)).isEqualTo(Guest.FREE);
      assertThat(g.gpr(RDI)).isEqualTo(Guest.FREE);
    }
  }

  /** With 67h ESI and ECX count, and the upper halves are cleared. */
  @ForEachMethod
  void addressSizeOf32(Method method) {
    try (Guest g = new Guest(method)) {
      g.ram.putShort(DATA, 0x2211);
      g.gpr(RSI, 0x77_0000_0000L | DATA);
      g.gpr(RCX, 0x5_0000_0002L);
      g.gpr(RDX, 0xffff_0000_0000L | PORT);
      g.kernel().bytes(0xf3, 0x67, 0x6e).hlt();
      g.expect(new Exit.PortWrite(PORT, 1, 0x11));
      g.expect(new Exit.PortWrite(PORT, 1, 0x22));
      g.runToHalt();
      assertThat(g.gpr(RSI)).isEqualTo(DATA + 2);
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  /** OUTS reads through FS if it is told to, INS writes to ES whatever it is told. */
  @ForEachMethod
  void segments(Method method) {
    try (Guest g = new Guest(method)) {
      g.state.set(CpuState.FS_BASE, 0x1000);
      g.ram.putByte(DATA + 0x1000, 0x31);
      g.gpr(RSI, DATA);
      g.gpr(RDI, DATA);
      g.gpr(RDX, PORT);
      g.kernel().bytes(0x64, 0x6e, 0x64, 0x6c).hlt();
      g.expect(new Exit.PortWrite(PORT, 1, 0x31));
      g.answer(new Exit.PortRead(PORT, 1), 0x32);
      g.runToHalt();
      assertThat(g.ram.getByte(DATA)).isEqualTo(0x32);
    }
  }

  /** What was done stays done; RCX and RSI are those of the element that faults (SDM vol. 2, REP). */
  @ForEachMethod
  void outsFaultsMidway(Method method) {
    try (Guest g = new Guest(method)) {
      long border = scattered(g, GuestPages.ALL, 0);
      for (int n = 1; n <= 3; n++) {
        poke(g, border - 4 + n, n);
      }
      g.gpr(RSI, border - 3);
      g.gpr(RDX, PORT);
      g.gpr(RCX, 8);
      g.kernel().bytes(0xf3, 0x6e);
      for (int n = 1; n <= 3; n++) {
        g.expect(new Exit.PortWrite(PORT, 1, n));
      }
      g.expectPageFault(0, border, Guest.KERNEL);
      assertThat(g.gpr(RCX)).isEqualTo(5);
      assertThat(g.gpr(RSI)).isEqualTo(border);
    }
  }

  /**
   * The same for INS. The processor looks at memory before it reads the port; a VMM that emulates INS may have read
   * more elements than it could store, so only those that were stored are compared.
   */
  @ForEachMethod
  void insFaultsMidway(Method method) {
    for (long flags : new long[] {0, GuestPages.ALL & ~GuestPages.WRITABLE}) {
      try (Guest g = new Guest(method)) {
        long border = scattered(g, GuestPages.ALL, flags);
        g.gpr(RDI, border - 3);
        g.gpr(RDX, PORT);
        g.gpr(RCX, 8);
        g.kernel().bytes(0xf3, 0x6c);
        assertThat(answerAll(g, 1)).isGreaterThanOrEqualTo(3);
        assertThat(g.fault()).isEqualTo(Guest.Fault.of(14, flags == 0 ? 2 : 3, Guest.KERNEL, g));
        assertThat(g.state.get(CpuState.CR2)).isEqualTo(border);
        assertThat(g.gpr(RCX)).isEqualTo(5);
        assertThat(g.gpr(RDI)).isEqualTo(border);
        for (int n = 1; n <= 3; n++) {
          assertThat(peek(g, border - 4 + n)).isEqualTo(n);
        }
        assertThat(peek(g, border)).isZero();
      }
    }
  }

  /** Answers reads with 1, 2, ... up to the next HLT; how many there were. */
  private static int answerAll(Guest g, int size) {
    int count = 0;
    while (true) {
      Exit exit = g.run();
      if (exit instanceof Exit.Halt) {
        return count;
      }
      assertThat(exit).isEqualTo(new Exit.PortRead(PORT, size));
      g.machine.vcpu().completeRead(++count);
    }
  }

  /** The handler maps the page and returns: the instruction goes on where it was. */
  @ForEachMethod
  void outsGoesOnAfterAFault(Method method) {
    try (Guest g = new Guest(method)) {
      long border = scattered(g, GuestPages.ALL, GuestPages.ALL & ~GuestPages.PRESENT);
      for (int n = 1; n <= 6; n++) {
        poke(g, border - 4 + n, n);
      }
      g.gpr(RSI, border - 3);
      g.gpr(RDX, PORT);
      g.gpr(RCX, 6);
      g.kernel().bytes(0xf3, 0x6e).hlt();
      // OR byte [entry], 1; ADD RSP, 8; IRETQ
      g.handler(14, Guest.KERNEL + 0x400)
          .mov(15, g.pages.entry(border))
          .bytes(0x41, 0x80, 0x0f, 0x01, 0x48, 0x83, 0xc4, 0x08)
          .iretq();
      for (int n = 1; n <= 6; n++) {
        g.expect(new Exit.PortWrite(PORT, 1, n));
      }
      g.runToHalt();
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  /** An interrupt that comes in the middle is taken once, between elements or behind the last; none is lost. */
  @ForEachMethod
  void interruptInTheMiddle(Method method) {
    try (Guest g = new Guest(method)) {
      List<Integer> written = new ArrayList<>();
      for (int n = 0; n < 6; n++) {
        g.ram.putByte(DATA + n, n);
      }
      g.gpr(RSI, DATA);
      g.gpr(RDX, PORT);
      g.gpr(RCX, 6);
      g.state.rflags(1 << 9 | 2);
      Program k = g.kernel().bytes(0xf3, 0x6e);
      long after = k.here();
      k.cli().hlt();
      // INC RBX; MOV R8, [RSP]; MOV R9, RCX; IRETQ
      g.handler(0x40, Guest.KERNEL + 0x400)
          .bytes(0x48, 0xff, 0xc3, 0x4c, 0x8b, 0x04, 0x24, 0x49, 0x89, 0xc9)
          .iretq();
      for (Exit exit = g.run(); exit instanceof Exit.PortWrite write; exit = g.run()) {
        assertThat(write.port()).isEqualTo(PORT);
        written.add(write.value());
        if (write.value() == 2) {
          g.machine.interrupts().raise(0x40);
        }
      }
      assertThat(written).containsExactly(0, 1, 2, 3, 4, 5);
      assertThat(g.gpr(CpuState.RBX)).isOne();
      assertThat(g.gpr(8)).isEqualTo(g.gpr(9) == 0 ? after : Guest.KERNEL);
      assertThat(g.gpr(9)).isBetween(0L, 3L);
      assertThat(g.gpr(RSP)).isEqualTo(Guest.KERNEL_STACK);
    }
  }

  /** In ring 3 with IOPL 3 the user's pages are what counts. */
  @ForEachMethod
  void inUserMode(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.RING_3_PORTS);
      g.ram.putByte(Guest.USER_DATA, 0x21);
      g.gpr(RSI, Guest.USER_DATA);
      g.gpr(RDI, DATA);
      g.gpr(RDX, PORT);
      g.user().bytes(0x6e, 0x6c);
      g.startInUserMode();
      g.state.rflags(0x3002);
      g.expect(new Exit.PortWrite(PORT, 1, 0x21));
      answerAll(g, 1);
      assertThat(g.fault()).isEqualTo(Guest.Fault.of(14, 7, Guest.USER + 1, g));
      assertThat(g.state.get(CpuState.CR2)).isEqualTo(DATA);
      assertThat(g.gpr(RDI)).isEqualTo(DATA);
    }
  }
}
