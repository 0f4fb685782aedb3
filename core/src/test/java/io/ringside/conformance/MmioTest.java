package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDI;
import static io.ringside.cpu.CpuState.RSI;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.machine.Exit;

/** Loads and stores where there is no RAM. */
class MmioTest {
  private static Guest guest(Method method) {
    Guest g = new Guest(method);
    g.pages.map(Guest.FREE, Guest.MMIO, GuestPages.ALL);
    g.gpr(RBX, Guest.FREE);
    return g;
  }

  private static void answer(Guest g, int offset, int size, long value) {
    assertThat(g.run()).isEqualTo(new Exit.MmioRead(Guest.MMIO + offset, size));
    g.machine.vcpu().completeRead(value);
  }

  @ForEachMethod
  void loadsOfAllSizes(Method method) {
    try (Guest g = guest(method)) {
      g.gpr(RAX, -1);
      g.kernel()
          .bytes(0x8a, 0x03)
          .nop()
          .bytes(0x66, 0x8b, 0x43, 0x10)
          .nop()
          .bytes(0x8b, 0x4b, 0x20)
          .bytes(0x48, 0x8b, 0x73, 0x30)
          .hlt();
      answer(g, 0, 1, 0x12);
      answer(g, 0x10, 2, 0x3456);
      answer(g, 0x20, 4, 0x89ab_cdefL);
      answer(g, 0x30, 8, 0x1122_3344_5566_7788L);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0xffff_ffff_ffff_3456L);
      assertThat(g.gpr(RCX)).isEqualTo(0x89ab_cdefL);
      assertThat(g.gpr(RSI)).isEqualTo(0x1122_3344_5566_7788L);
    }
  }

  @ForEachMethod
  void storesOfAllSizes(Method method) {
    try (Guest g = guest(method)) {
      g.gpr(RAX, 0x1122_3344_5566_7788L);
      g.kernel()
          .bytes(0x88, 0x03, 0x66, 0x89, 0x43, 0x10, 0x89, 0x43, 0x20, 0x48, 0x89, 0x43, 0x30)
          .bytes(0xc7, 0x43, 0x40, 1, 0, 0, 0)
          .hlt();
      assertThat(g.run()).isEqualTo(new Exit.MmioWrite(Guest.MMIO, 1, 0x88));
      assertThat(g.run()).isEqualTo(new Exit.MmioWrite(Guest.MMIO + 0x10, 2, 0x7788));
      assertThat(g.run()).isEqualTo(new Exit.MmioWrite(Guest.MMIO + 0x20, 4, 0x5566_7788));
      assertThat(g.run())
          .isEqualTo(new Exit.MmioWrite(Guest.MMIO + 0x30, 8, 0x1122_3344_5566_7788L));
      assertThat(g.run()).isEqualTo(new Exit.MmioWrite(Guest.MMIO + 0x40, 4, 1));
      g.runToHalt();
    }
  }

  @ForEachMethod
  void readModifyWrite(Method method) {
    try (Guest g = guest(method)) {
      g.kernel().bytes(0x83, 0x4b, 0x08, 0x01).bytes(0x0f, 0x92, 0xc0).bytes(0xff, 0x03).hlt();
      answer(g, 8, 4, 0x8000_0000L);
      assertThat(g.run()).isEqualTo(new Exit.MmioWrite(Guest.MMIO + 8, 4, 0x8000_0001L));
      answer(g, 0, 4, 0xffff_ffffL);
      assertThat(g.run()).isEqualTo(new Exit.MmioWrite(Guest.MMIO, 4, 0));
      g.runToHalt();
      assertThat(g.state.rflags() & 0x40).isEqualTo(0x40);
    }
  }

  @ForEachMethod
  void pushOfMmioAndIndirectCall(Method method) {
    try (Guest g = guest(method)) {
      g.kernel().bytes(0xff, 0x33).bytes(0xff, 0x53, 0x10).hlt();
      g.at(Guest.KERNEL + 0x800).mov(RAX, 5).ret();
      answer(g, 0, 8, 0x1234);
      answer(g, 0x10, 8, Guest.KERNEL + 0x800);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(5);
      assertThat(g.ram.getLong(Guest.KERNEL_STACK - 8)).isEqualTo(0x1234);
    }
  }

  @ForEachMethod
  void stringFromMmio(Method method) {
    try (Guest g = guest(method)) {
      g.kernel()
          .mov(RSI, Guest.FREE)
          .mov(RDI, Guest.KERNEL_DATA)
          .mov(RCX, 2)
          .bytes(0xf3, 0x48, 0xa5)
          .hlt();
      answer(g, 0, 8, 0x1111);
      answer(g, 8, 8, 0x2222);
      g.runToHalt();
      assertThat(g.ram.getLong(Guest.KERNEL_DATA)).isEqualTo(0x1111);
      assertThat(g.ram.getLong(Guest.KERNEL_DATA + 8)).isEqualTo(0x2222);
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  @ForEachMethod
  void stringToMmio(Method method) {
    try (Guest g = guest(method)) {
      g.kernel().mov(RAX, 0x77).mov(RDI, Guest.FREE + 4).mov(RCX, 3).bytes(0xf3, 0xaa).hlt();
      for (int n = 0; n < 3; n++) {
        assertThat(g.run()).isEqualTo(new Exit.MmioWrite(Guest.MMIO + 4 + n, 1, 0x77));
      }
      g.runToHalt();
      assertThat(g.gpr(RDI)).isEqualTo(Guest.FREE + 7);
    }
  }

  @ForEachMethod
  void vectorLoadAndStore(Method method) {
    try (Guest g = guest(method)) {
      // MOVDQU XMM0, [RBX]; MOVDQU [RBX+40h], XMM0
      g.kernel().bytes(0xf3, 0x0f, 0x6f, 0x03).bytes(0xf3, 0x0f, 0x7f, 0x43, 0x40).hlt();
      answer(g, 0, 8, 0x0102_0304_0506_0708L);
      answer(g, 8, 8, 0x1112_1314_1516_1718L);
      assertThat(g.run())
          .isEqualTo(new Exit.MmioWrite(Guest.MMIO + 0x40, 8, 0x0102_0304_0506_0708L));
      assertThat(g.run())
          .isEqualTo(new Exit.MmioWrite(Guest.MMIO + 0x48, 8, 0x1112_1314_1516_1718L));
      g.runToHalt();
    }
  }

  /** An interrupt that arrives while the device answers is taken after the instruction, which happens once. */
  @ForEachMethod
  void interruptDuringRead(Method method) {
    try (Guest g = guest(method)) {
      Program k = g.kernel().sti().nop().bytes(0x8b, 0x03);
      long next = k.here();
      k.nop().hlt();
      g.handler(0x40, Guest.KERNEL + 0x400).bytes(0x8b, 0x4b, 0x10).iretq();
      assertThat(g.run()).isEqualTo(new Exit.MmioRead(Guest.MMIO, 4));
      g.machine.interrupts().raise(0x40);
      g.machine.vcpu().completeRead(0x55);
      answer(g, 0x10, 4, 0x66);
      assertThat(g.gpr(RAX)).isEqualTo(0x55);
      assertThat(g.ram.getLong(GuestTables.IST1_TOP - 40)).isEqualTo(next);
      g.runToHalt();
      assertThat(g.gpr(RCX)).isEqualTo(0x66);
    }
  }

  @ForEachMethod
  void acrossTheEndOfRam(Method method) {
    try (Guest g = guest(method)) {
      g.pages.map(Guest.FREE - 4096, Guest.KERNEL_DATA, GuestPages.ALL);
      g.ram.putInt(Guest.KERNEL_DATA + 4092, 0x1122_3344);
      g.kernel().mov(RSI, Guest.FREE - 4).bytes(0x48, 0x8b, 0x06).hlt();
      answer(g, 0, 4, 0x5566_7788L);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0x5566_7788_1122_3344L);
    }
  }
}
