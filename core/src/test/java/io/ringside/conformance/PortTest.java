package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDI;
import static io.ringside.cpu.CpuState.RDX;
import static io.ringside.cpu.CpuState.RSI;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.machine.Exit;

/** Port I/O of all sizes, single and in strings, and who may do it. */
class PortTest {
  @ForEachMethod
  void outSizes(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel()
          .mov(RDX, 0x3f8)
          .mov(RAX, 0x1122_3344_5566_7788L)
          .bytes(0xee, 0x66, 0xef, 0xef, 0xe6, 0x80, 0x66, 0xe7, 0x81, 0xe7, 0x82)
          .hlt();
      assertThat(g.run()).isEqualTo(new Exit.PortWrite(0x3f8, 1, 0x88));
      assertThat(g.run()).isEqualTo(new Exit.PortWrite(0x3f8, 2, 0x7788));
      assertThat(g.run()).isEqualTo(new Exit.PortWrite(0x3f8, 4, 0x5566_7788));
      assertThat(g.run()).isEqualTo(new Exit.PortWrite(0x80, 1, 0x88));
      assertThat(g.run()).isEqualTo(new Exit.PortWrite(0x81, 2, 0x7788));
      assertThat(g.run()).isEqualTo(new Exit.PortWrite(0x82, 4, 0x5566_7788));
      g.runToHalt();
    }
  }

  @ForEachMethod
  void inWritesOnlyItsSize(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel()
          .mov(RDX, 0x60)
          .mov(RAX, -1)
          .bytes(0xec)
          .nop()
          .bytes(0x66, 0xed)
          .nop()
          .bytes(0xed)
          .hlt();
      assertThat(g.run()).isEqualTo(new Exit.PortRead(0x60, 1));
      g.machine.vcpu().completeRead(0x12);
      assertThat(g.run()).isEqualTo(new Exit.PortRead(0x60, 2));
      assertThat(g.gpr(RAX)).isEqualTo(0xffff_ffff_ffff_ff12L);
      g.machine.vcpu().completeRead(0x3456);
      assertThat(g.run()).isEqualTo(new Exit.PortRead(0x60, 4));
      assertThat(g.gpr(RAX)).isEqualTo(0xffff_ffff_ffff_3456L);
      g.machine.vcpu().completeRead(0x789a_bcdeL);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0x789a_bcdeL);
    }
  }

  /** With an immediate port; and REX.W, which changes nothing. */
  @ForEachMethod
  void inFromImmediatePorts(Method method) {
    try (Guest g = new Guest(method)) {
      g.gpr(RAX, -1);
      g.kernel().bytes(0xe4, 0x60).nop().bytes(0x66, 0xe5, 0x61).nop().bytes(0xe5, 0xff);
      g.at(Guest.KERNEL + 9).bytes(0x48, 0xed).bytes(0x48, 0xef).hlt();
      g.gpr(RDX, 0xffff_ffff_0000_cf8L);
      g.answer(new Exit.PortRead(0x60, 1), 0x80);
      g.expect(new Exit.PortRead(0x61, 2));
      assertThat(g.gpr(RAX)).isEqualTo(0xffff_ffff_ffff_ff80L);
      g.machine.vcpu().completeRead(0x8001);
      g.expect(new Exit.PortRead(0xff, 4));
      assertThat(g.gpr(RAX)).isEqualTo(0xffff_ffff_ffff_8001L);
      g.machine.vcpu().completeRead(0x8000_0002L);
      g.expect(new Exit.PortRead(0xcf8, 4));
      assertThat(g.gpr(RAX)).isEqualTo(0x8000_0002L);
      g.machine.vcpu().completeRead(0x8000_0003L);
      g.expect(new Exit.PortWrite(0xcf8, 4, 0x8000_0003));
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0x8000_0003L);
      assertThat(g.gpr(RDX)).isEqualTo(0xffff_ffff_0000_cf8L);
    }
  }

  @ForEachMethod
  void highestPort(Method method) {
    try (Guest g = new Guest(method)) {
      g.gpr(RDX, 0xffff);
      g.gpr(RAX, 0x5a);
      g.kernel().bytes(0xee, 0xec).hlt();
      g.expect(new Exit.PortWrite(0xffff, 1, 0x5a));
      g.answer(new Exit.PortRead(0xffff, 1), 0xa5);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0xa5);
    }
  }

  @ForEachMethod
  void repOutsb(Method method) {
    try (Guest g = new Guest(method)) {
      g.ram.putInt(Guest.KERNEL_DATA, 0x44332211);
      g.kernel().mov(RDX, 0x402).mov(RSI, Guest.KERNEL_DATA).mov(RCX, 3).bytes(0xf3, 0x6e).hlt();
      assertThat(g.run()).isEqualTo(new Exit.PortWrite(0x402, 1, 0x11));
      assertThat(g.run()).isEqualTo(new Exit.PortWrite(0x402, 1, 0x22));
      assertThat(g.run()).isEqualTo(new Exit.PortWrite(0x402, 1, 0x33));
      g.runToHalt();
      assertThat(g.gpr(RSI)).isEqualTo(Guest.KERNEL_DATA + 3);
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  @ForEachMethod
  void repInswDown(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel()
          .bytes(0xfd)
          .mov(RDX, 0x1f0)
          .mov(RDI, Guest.KERNEL_DATA + 0x1002)
          .mov(RCX, 3)
          .bytes(0xf3, 0x66, 0x6d)
          .hlt();
      for (int n = 1; n <= 3; n++) {
        assertThat(g.run()).isEqualTo(new Exit.PortRead(0x1f0, 2));
        g.machine.vcpu().completeRead(0x101 * n);
      }
      g.runToHalt();
      assertThat(g.ram.getShort(Guest.KERNEL_DATA + 0x1002)).isEqualTo(0x101);
      assertThat(g.ram.getShort(Guest.KERNEL_DATA + 0x1000)).isEqualTo(0x202);
      assertThat(g.ram.getShort(Guest.KERNEL_DATA + 0xffe)).isEqualTo(0x303);
      assertThat(g.gpr(RDI)).isEqualTo(Guest.KERNEL_DATA + 0xffc);
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  @ForEachMethod
  void userModeNeedsIoPrivilege(Method method) {
    try (Guest g = new Guest(method)) {
      g.user().mov(RDX, 0x80).bytes(0xee);
      g.startInUserMode();
      g.expectFault(13, 0, Guest.USER + 5);
    }
  }

  @ForEachMethod
  void userModeWithIopl3(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.RING_3_PORTS);
      g.user().mov(RDX, 0x80).mov(RAX, 7).bytes(0xee).nop();
      g.startInUserMode();
      g.state.rflags(0x3002);
      assertThat(g.run()).isEqualTo(new Exit.PortWrite(0x80, 1, 7));
    }
  }

  @ForEachMethod
  void userModeByThePermissionBitmap(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PORT_BITMAP);
      g.state.segment(
          io.ringside.cpu.CpuState.TR,
          GuestTables.TSS_SELECTOR,
          0x8b,
          0x68 + 0x20,
          GuestTables.TSS);
      g.ram.fill(GuestTables.TSS + 0x68, 0x21, 0xff);
      g.ram.putByte(GuestTables.TSS + 0x68 + 0x10, 0xfe);
      g.user().mov(RDX, 0x80).mov(RAX, 7).bytes(0xee, 0x66, 0xef);
      g.startInUserMode();
      assertThat(g.run()).isEqualTo(new Exit.PortWrite(0x80, 1, 7));
      g.expectFault(13, 0, Guest.USER + 11);
    }
  }
}
