package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDX;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;
import io.ringside.machine.Exit;

/** x87, SSE and AVX state: kept across exits, saved and restored, switched off, and its exceptions. */
class FpuTest {
  private static final long DATA = Guest.KERNEL_DATA;

  /** Loads XMM0, YMM7's upper half, ST(0) and MXCSR with values, by RBX = DATA. */
  private static Program load(Guest g) {
    for (int n = 0; n < 32; n++) {
      g.ram.putByte(DATA + n, n + 1);
    }
    g.ram.putInt(DATA + 0x40, 0x5f80);
    g.gpr(RBX, DATA);
    // MOVDQU XMM0,[RBX]; VMOVDQU YMM7,[RBX]; FLDPI; FLD1; LDMXCSR [RBX+40h]
    return g.kernel()
        .bytes(0xf3, 0x0f, 0x6f, 0x03)
        .bytes(0xc5, 0xfe, 0x6f, 0x3b)
        .bytes(0xd9, 0xeb, 0xd9, 0xe8)
        .bytes(0x0f, 0xae, 0x53, 0x40);
  }

  /** Stores them: XMM0 at 100h, YMM7 at 120h, ST(0) and ST(1) as doubles at 140h, MXCSR at 150h. */
  private static Program store(Program p) {
    return p.bytes(0xf3, 0x0f, 0x7f, 0x83, 0, 1, 0, 0)
        .bytes(0xc5, 0xfe, 0x7f, 0xbb, 0x20, 1, 0, 0)
        .bytes(0xdd, 0x9b, 0x40, 1, 0, 0)
        .bytes(0xdd, 0x9b, 0x48, 1, 0, 0)
        .bytes(0x0f, 0xae, 0x9b, 0x50, 1, 0, 0);
  }

  private static void check(Guest g) {
    for (int n = 0; n < 16; n++) {
      assertThat(g.ram.getByte(DATA + 0x100 + n)).isEqualTo(n + 1);
    }
    for (int n = 0; n < 32; n++) {
      assertThat(g.ram.getByte(DATA + 0x120 + n)).isEqualTo(n + 1);
    }
    assertThat(Double.longBitsToDouble(g.ram.getLong(DATA + 0x140))).isEqualTo(1.0);
    assertThat(Double.longBitsToDouble(g.ram.getLong(DATA + 0x148))).isEqualTo(Math.PI);
    assertThat(g.ram.getInt(DATA + 0x150)).isEqualTo(0x5f80);
  }

  @ForEachMethod
  void keptAcrossExits(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.FPU_IN_RING_0);
      store(load(g).bytes(0xe6, 0x80).bytes(0x0f, 0xa2).mov(RBX, DATA).bytes(0xe6, 0x80)).hlt();
      assertThat(g.run()).isInstanceOf(Exit.PortWrite.class);
      assertThat(g.run()).isInstanceOf(Exit.PortWrite.class);
      g.runToHalt();
      check(g);
    }
  }

  /** FXSAVE64, other values, FXRSTOR64; the upper halves of YMM are not part of it. */
  @ForEachMethod
  void fxsaveAndFxrstor(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.FPU_IN_RING_0);
      Program p = load(g).bytes(0x48, 0x0f, 0xae, 0x83, 0, 2, 0, 0);
      p.bytes(0xdb, 0xe3, 0x66, 0x0f, 0xef, 0xc0, 0x66, 0x0f, 0xef, 0xff);
      p.mov(RAX, 0x1f80).bytes(0x89, 0x43, 0x60, 0x0f, 0xae, 0x53, 0x60);
      p.bytes(0x48, 0x0f, 0xae, 0x8b, 0, 2, 0, 0);
      store(p).hlt();
      g.runToHalt();
      check(g);
      assertThat(g.ram.getShort(DATA + 0x200)).isEqualTo(0x37f);
      assertThat(g.ram.getShort(DATA + 0x202) >> 11 & 7).isEqualTo(6);
      assertThat(g.ram.getByte(DATA + 0x204)).isEqualTo(0xc0);
      assertThat(g.ram.getInt(DATA + 0x218)).isEqualTo(0x5f80);
    }
  }

  @ForEachMethod
  void xsaveAndXrstor(Method method) {
    // XSAVE64 and XSAVEC64
    for (int[] save :
        new int[][] {{0x48, 0x0f, 0xae, 0xa3, 0, 2, 0, 0}, {0x48, 0x0f, 0xc7, 0xa3, 0, 2, 0, 0}}) {
      try (Guest g = new Guest(method)) {
        g.needs(Need.FPU_IN_RING_0);
        if (save[1] == 0x0f && save[2] == 0xc7 && (g.cpuid(0xd, 1)[0] & 2) == 0) {
          continue;
        }
        Program p = load(g).mov(RAX, 7).mov(RDX, 0).bytes(save);
        // VZEROALL, FNINIT, MXCSR to its default, XRSTOR64
        p.bytes(0xc5, 0xfc, 0x77, 0xdb, 0xe3)
            .mov(RCX, 0x1f80)
            .bytes(0x89, 0x4b, 0x60, 0x0f, 0xae, 0x53, 0x60);
        p.bytes(0x48, 0x0f, 0xae, 0xab, 0, 2, 0, 0);
        store(p).hlt();
        g.runToHalt();
        check(g);
        assertThat(g.ram.getLong(DATA + 0x400)).isEqualTo(7);
      }
    }
  }

  /** XRSTOR of a component that the header says is in its initial state clears it. */
  @ForEachMethod
  void xrstorInitialises(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.FPU_IN_RING_0);
      g.ram.fill(DATA + 0x200, 1024, 0);
      g.ram.putInt(DATA + 0x218, 0x1f80);
      Program p = load(g).mov(RAX, 7).mov(RDX, 0).bytes(0x48, 0x0f, 0xae, 0xab, 0, 2, 0, 0);
      // MOVDQU [RBX+100h], XMM0; FNSTCW [RBX+110h]; FNSTSW [RBX+112h]
      p.bytes(0xf3, 0x0f, 0x7f, 0x83, 0, 1, 0, 0)
          .bytes(0xd9, 0xbb, 0x10, 1, 0, 0)
          .bytes(0xdd, 0xbb, 0x12, 1, 0, 0)
          .hlt();
      g.ram.fill(DATA + 0x100, 32, 0xff);
      g.runToHalt();
      assertThat(g.ram.getLong(DATA + 0x100)).isZero();
      assertThat(g.ram.getLong(DATA + 0x108)).isZero();
      assertThat(g.ram.getShort(DATA + 0x110)).isEqualTo(0x37f);
      assertThat(g.ram.getShort(DATA + 0x112)).isZero();
    }
  }

  @ForEachMethod
  void xsaveMisaligned(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.FPU_IN_RING_0);
      g.gpr(RBX, DATA + 32);
      g.kernel().mov(RAX, 7).mov(RDX, 0).bytes(0x48, 0x0f, 0xae, 0x23);
      g.expectFault(13, 0, Guest.KERNEL + 10);
    }
  }

  @ForEachMethod
  void taskSwitched(Method method) {
    int[][] codes = {
      {0x0f, 0x57, 0xc0}, {0xd9, 0xe8}, {0xc5, 0xf8, 0x77}, {0x0f, 0xae, 0x03}, {0x9b}
    };
    for (int[] code : codes) {
      try (Guest g = new Guest(method)) {
        g.needs(Need.FPU_IN_RING_0);
        g.state.set(CpuState.CR0, GuestTables.CR0 | 8);
        g.gpr(RBX, DATA);
        g.kernel().bytes(code);
        g.runToHalt();
        assertThat(g.fault())
            .as("%02x %02x", code[0], code.length > 1 ? code[1] : 0)
            .isEqualTo(Guest.Fault.of(7, Guest.KERNEL, g));
      }
    }
    // After CLTS it works; with EM set SSE is undefined and x87 not available.
    try (Guest g = new Guest(method)) {
      g.state.set(CpuState.CR0, GuestTables.CR0 | 8);
      Program p =
          g.kernel()
              .bytes(0x0f, 0x06, 0x0f, 0x57, 0xc0, 0xd9, 0xe8)
              .control(0, GuestTables.CR0 | 4);
      long rip = p.here();
      p.bytes(0x0f, 0x57, 0xc0);
      g.expectFault(6, rip);
    }
  }

  @ForEachMethod
  void emmsWithTaskSwitched(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.FPU_IN_RING_0, Need.EMMS_TRAPS);
      g.state.set(CpuState.CR0, GuestTables.CR0 | 8);
      g.kernel().bytes(0x0f, 0x77);
      g.expectFault(7, Guest.KERNEL);
    }
  }

  @ForEachMethod
  void switchedOffInCr4(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.FPU_IN_RING_0);
      Program p =
          g.kernel()
              .bytes(0xc5, 0xf8, 0x77)
              .control(4, GuestTables.CR4 & ~(1 << 18))
              .bytes(0x0f, 0x57, 0xc0);
      long rip = p.here();
      p.bytes(0xc5, 0xf8, 0x77);
      g.expectFault(6, rip);
    }
    try (Guest g = new Guest(method)) {
      g.state.set(CpuState.CR4, GuestTables.CR4 & ~(1 << 9 | 1 << 18));
      g.kernel().bytes(0x0f, 0x57, 0xc0);
      g.expectFault(6, Guest.KERNEL);
    }
  }

  /** DIVSS by zero with the exception unmasked: #XM, MXCSR shows why, the destination stays. */
  @ForEachMethod
  void simdException(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.FPU_IN_RING_0, Need.SIMD_EXCEPTIONS);
      g.ram.putInt(DATA, 0x1d80);
      g.ram.putInt(DATA + 4, 0x3f80_0000);
      g.gpr(RBX, DATA);
      Program p =
          g.kernel().bytes(0x0f, 0xae, 0x13, 0xf3, 0x0f, 0x10, 0x43, 0x04, 0x0f, 0x57, 0xc9);
      long rip = p.here();
      p.bytes(0xf3, 0x0f, 0x5e, 0xc1);
      g.handler(19, Guest.KERNEL + 0x400)
          .bytes(0x0f, 0xae, 0x5b, 0x10, 0xf3, 0x0f, 0x11, 0x43, 0x14)
          .hlt();
      g.runToHalt();
      assertThat(g.ram.getLong(GuestTables.IST1_TOP - 40)).isEqualTo(rip);
      assertThat(g.ram.getInt(DATA + 0x10) & 4).isEqualTo(4);
      assertThat(g.ram.getInt(DATA + 0x14)).isEqualTo(0x3f80_0000);
    }
  }

  /** FLD1; FLDZ; FDIV unmasked: #MF at the next waiting instruction. */
  @ForEachMethod
  void x87Exception(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.FPU_IN_RING_0);
      g.ram.putShort(DATA, 0x37b);
      g.gpr(RBX, DATA);
      // FLDCW [RBX]; FLD1; FLDZ; FDIVP; NOP; FNSTSW AX; FWAIT
      Program p =
          g.kernel().bytes(0xd9, 0x2b, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, 0x90, 0xdf, 0xe0);
      long rip = p.here();
      p.bytes(0x9b);
      g.expectFault(16, rip);
      assertThat(g.gpr(RAX) & 0x84).isEqualTo(0x84);
    }
  }

  @ForEachMethod
  void misalignedOperand(Method method) {
    try (Guest g = new Guest(method)) {
      g.gpr(RBX, DATA + 8);
      g.kernel().bytes(0x0f, 0x28, 0x03);
      g.expectFault(13, 0, Guest.KERNEL);
    }
  }

  /** User and kernel share the registers; nothing of the host's or another vCPU's shows. */
  @ForEachMethod
  void registersStartAsAfterReset(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.FPU_IN_RING_0);
      g.gpr(RBX, DATA);
      Program p = g.kernel().bytes(0xd9, 0x3b).bytes(0x0f, 0xae, 0x5b, 0x08);
      for (int n = 0; n < 8; n++) {
        p.bytes(0xc5, 0xfe, 0x7f, 0x43 | n << 3, 0x20 + 0);
      }
      p.bytes(0xc5, 0xfd, 0xef, 0xc0).hlt();
      g.runToHalt();
      assertThat(g.ram.getShort(DATA)).isEqualTo(0x37f);
      assertThat(g.ram.getInt(DATA + 8)).isEqualTo(0x1f80);
      assertThat(g.ram.getLong(DATA + 0x20)).isZero();
      assertThat(g.ram.getLong(DATA + 0x38)).isZero();
    }
  }
}
