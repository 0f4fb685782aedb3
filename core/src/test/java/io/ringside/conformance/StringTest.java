package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDI;
import static io.ringside.cpu.CpuState.RSI;
import static org.assertj.core.api.Assertions.assertThat;

/** REP string instructions across pages, with overlap, and with faults midway. */
class StringTest {
  @ForEachMethod
  void movsAcrossScatteredPages(Method method) {
    try (Guest g = new Guest(method)) {
      // Three pages in a row, their RAM in another order.
      for (int n = 0; n < 3; n++) {
        g.pages.map(Guest.FREE + 4096L * n, Guest.KERNEL_DATA + 4096L * (2 - n), GuestPages.ALL);
      }
      for (int n = 0; n < 0x2000; n++) {
        g.ram.putByte(Guest.USER_DATA + n, n * 7);
      }
      g.kernel()
          .mov(RSI, Guest.USER_DATA + 3)
          .mov(RDI, Guest.FREE + 0x801)
          .mov(RCX, 0x1f00)
          .bytes(0xf3, 0xa4)
          .hlt();
      g.runToHalt();
      for (int n = 0; n < 0x1f00; n++) {
        int at = 0x801 + n;
        long gpa = Guest.KERNEL_DATA + 4096L * (2 - (at >> 12)) + (at & 4095);
        assertThat(g.ram.getByte(gpa)).as("byte %d", n).isEqualTo((n + 3) * 7 & 0xff);
      }
      assertThat(g.gpr(RCX)).isZero();
      assertThat(g.gpr(RSI)).isEqualTo(Guest.USER_DATA + 3 + 0x1f00);
      assertThat(g.gpr(RDI)).isEqualTo(Guest.FREE + 0x801 + 0x1f00);
    }
  }

  @ForEachMethod
  void movsThatOverlapsRepeatsItsSource(Method method) {
    try (Guest g = new Guest(method)) {
      g.ram.putLong(Guest.KERNEL_DATA, 0x0807_0605_0403_0201L);
      g.kernel()
          .mov(RSI, Guest.KERNEL_DATA)
          .mov(RDI, Guest.KERNEL_DATA + 3)
          .mov(RCX, 5000)
          .bytes(0xf3, 0xa4)
          .hlt();
      g.runToHalt();
      for (int n = 0; n < 5000; n++) {
        assertThat(g.ram.getByte(Guest.KERNEL_DATA + 3 + n)).as("byte %d", n).isEqualTo(1 + n % 3);
      }
    }
  }

  @ForEachMethod
  void stosFaultsMidway(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.WHOLE_STORES);
      g.pages.map(Guest.FREE, Guest.KERNEL_DATA, GuestPages.ALL);
      g.kernel()
          .mov(RAX, 0x1122_3344_5566_7788L)
          .mov(RDI, Guest.FREE + 0xfe4)
          .mov(RCX, 10)
          .bytes(0xf3, 0x48, 0xab)
          .hlt();
      long rip = Guest.KERNEL + 20;
      g.expectPageFault(2, Guest.FREE + 0x1000, rip);
      // Three fit; the fourth lies across both pages.
      assertThat(g.gpr(RCX)).isEqualTo(7);
      assertThat(g.gpr(RDI)).isEqualTo(Guest.FREE + 0xffc);
      assertThat(g.ram.getLong(Guest.KERNEL_DATA + 0xff4)).isEqualTo(0x1122_3344_5566_7788L);
      assertThat(g.ram.getInt(Guest.KERNEL_DATA + 0xffc)).isZero();
    }
  }

  @ForEachMethod
  void movsFaultsMidwayAndGoesOn(Method method) {
    try (Guest g = new Guest(method)) {
      g.pages.map(Guest.FREE, Guest.KERNEL_DATA, GuestPages.ALL);
      g.pages.map(
          Guest.FREE + 0x1000, Guest.KERNEL_DATA + 0x1000, GuestPages.ALL & ~GuestPages.PRESENT);
      g.ram.fill(Guest.USER_DATA, 0x2000, 0x5a);
      g.kernel()
          .mov(RSI, Guest.USER_DATA)
          .mov(RDI, Guest.FREE)
          .mov(RCX, 0x1800)
          .bytes(0xf3, 0xa4)
          .hlt();
      // The handler makes the page present and returns: OR byte [entry], 1; ADD RSP, 8; IRETQ.
      g.handler(14, Guest.KERNEL + 0x400)
          .store(Guest.KERNEL_DATA + 0x3000, RCX)
          .mov(15, g.pages.entry(Guest.FREE + 0x1000))
          .bytes(0x41, 0x80, 0x0f, 0x01, 0x48, 0x83, 0xc4, 0x08)
          .iretq();
      g.runToHalt();
      assertThat(g.ram.getLong(Guest.KERNEL_DATA + 0x3000)).isEqualTo(0x800);
      assertThat(g.ram.getByte(Guest.KERNEL_DATA + 0x17ff)).isEqualTo(0x5a);
      assertThat(g.ram.getByte(Guest.KERNEL_DATA + 0x1800)).isZero();
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  @ForEachMethod
  void countOfZeroTouchesNothing(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel()
          .mov(RSI, Guest.FREE)
          .mov(RDI, Guest.FREE)
          .mov(RCX, 0)
          .bytes(0xf3, 0xa4, 0xf3, 0xaa, 0xf3, 0xa6)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RSI)).isEqualTo(Guest.FREE);
    }
  }

  @ForEachMethod
  void downwards(Method method) {
    try (Guest g = new Guest(method)) {
      g.ram.putLong(Guest.KERNEL_DATA + 0xffc, 0x1122_3344_5566_7788L);
      g.kernel()
          .bytes(0xfd)
          .mov(RSI, Guest.KERNEL_DATA + 0x1003)
          .mov(RDI, Guest.KERNEL_DATA + 0x2003)
          .mov(RCX, 8)
          .bytes(0xf3, 0xa4, 0xfc)
          .hlt();
      g.runToHalt();
      assertThat(g.ram.getLong(Guest.KERNEL_DATA + 0x1ffc)).isEqualTo(0x1122_3344_5566_7788L);
      assertThat(g.gpr(RSI)).isEqualTo(Guest.KERNEL_DATA + 0xffb);
      assertThat(g.gpr(RDI)).isEqualTo(Guest.KERNEL_DATA + 0x1ffb);
    }
  }

  @ForEachMethod
  void scasAndCmpsStopWhereTheyShould(Method method) {
    try (Guest g = new Guest(method)) {
      g.ram.fill(Guest.KERNEL_DATA, 100, 'a');
      g.ram.putByte(Guest.KERNEL_DATA + 40, 0);
      g.ram.fill(Guest.KERNEL_DATA + 0x1000, 100, 'a');
      // REPNE SCASB for zero, then REPE CMPSB of both.
      g.kernel()
          .mov(RAX, 0)
          .mov(RDI, Guest.KERNEL_DATA)
          .mov(RCX, -1)
          .bytes(0xf2, 0xae)
          .store(Guest.KERNEL_DATA + 0x2000, RCX)
          .mov(RSI, Guest.KERNEL_DATA)
          .mov(RDI, Guest.KERNEL_DATA + 0x1000)
          .mov(RCX, 100)
          .bytes(0xf3, 0xa6)
          .bytes(0x0f, 0x92, 0xc0)
          .hlt();
      g.runToHalt();
      assertThat(g.ram.getLong(Guest.KERNEL_DATA + 0x2000)).isEqualTo(-42);
      assertThat(g.gpr(RCX)).isEqualTo(59);
      assertThat(g.gpr(RSI)).isEqualTo(Guest.KERNEL_DATA + 41);
      assertThat(g.gpr(RAX)).isOne();
    }
  }

  @ForEachMethod
  void addressSizePrefixCountsInEcx(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel()
          .mov(RAX, 0x41)
          .mov(RDI, 0x1234_0000_0000_0000L | Guest.KERNEL_DATA)
          .mov(RCX, 0x1_0000_0003L)
          .bytes(0xf3, 0x67, 0xaa)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RCX)).isZero();
      assertThat(g.gpr(RDI)).isEqualTo(Guest.KERNEL_DATA + 3);
      assertThat(g.ram.getInt(Guest.KERNEL_DATA)).isEqualTo(0x41_4141);
    }
  }

  /** A store to code by REP STOSB is seen by that code. */
  @ForEachMethod
  void stosToCode(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel().mov(RAX, 1).call(Guest.KERNEL + 0x300).mov(RAX, 0x90);
      k.mov(RDI, Guest.KERNEL + 0x300)
          .mov(RCX, 5)
          .bytes(0xf3, 0xaa)
          .mov(RAX, 1)
          .call(Guest.KERNEL + 0x300)
          .hlt();
      g.at(Guest.KERNEL + 0x300).bytes(0xb8, 2, 0, 0, 0).ret();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isOne();
    }
  }
}
