package io.ringside.cpu;

import io.ringside.x86.Instruction;

/**
 * FXSAVE, FXRSTOR, XSAVE, XSAVEOPT, XSAVEC and XRSTOR between guest memory and {@link FpuState} (SDM vol. 1, 10.5 and
 * 13; vol. 2 under their names). With x87, SSE and AVX the compacted format has AVX where the standard one has it, if
 * it has it at all.
 */
final class FpuInstructions {
  private static final int FX_END = FpuState.XMM + 256;
  private static final long COMPACTED = 1L << 63;
  private static final int FIP = 8;
  private static final int FDP = 16;

  private final CpuState state;
  private final VirtualMemory memory;
  private final Operands operands;
  private final FpuState fpu;

  FpuInstructions(CpuState state, VirtualMemory memory, Operands operands, FpuState fpu) {
    this.state = state;
    this.memory = memory;
    this.operands = operands;
    this.fpu = fpu;
  }

  Outcome fxsave(Instruction insn) {
    long address = fxOperand(insn);
    int mode = memory.mode();
    memory.probeWrite(address, FpuState.LEGACY_SIZE, mode);
    fpu.normalize();
    saveX87(address, insn.w, mode);
    saveMxcsr(address, mode);
    saveXmm(address, mode);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome fxrstor(Instruction insn) {
    long address = fxOperand(insn);
    int mode = memory.mode();
    memory.probeRead(address, FpuState.LEGACY_SIZE, mode);
    int mxcsr = (int) memory.read(address + FpuState.MXCSR, 4, mode);
    fpu.checkMxcsr(mxcsr);
    loadX87(address, insn.w, mode);
    fpu.mxcsr(mxcsr);
    loadXmm(address, mode);
    fpu.markInUse(FpuState.X87 | FpuState.SSE);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  private long fxOperand(Instruction insn) {
    if (!insn.memory || (state.get(CpuState.CR0) & RegisterBits.CR0_EM) != 0) {
      throw GuestFault.UD;
    }
    FpuState.requireTaskSwitched(state.get(CpuState.CR0));
    return aligned(insn, 15);
  }

  private long xsaveOperand(Instruction insn) {
    fpu.requireXsave();
    if (!insn.memory) {
      throw GuestFault.UD;
    }
    FpuState.requireTaskSwitched(state.get(CpuState.CR0));
    return aligned(insn, 63);
  }

  private long aligned(Instruction insn, int mask) {
    long address = operands.address(insn);
    if (Operands.usesStack(insn)) {
      memory.checkStack(address, 1);
    }
    if ((address & mask) != 0) {
      throw GuestFault.GP0;
    }
    return address;
  }

  /** RFBM: the components asked for that XCR0 enables. */
  private int requested() {
    return (int) (state.get(CpuState.XCR0) & state.gpr(CpuState.RAX) & 7);
  }

  Outcome xsave(Instruction insn) {
    return saveStandard(insn, false);
  }

  Outcome xsaveopt(Instruction insn) {
    return saveStandard(insn, true);
  }

  private Outcome saveStandard(Instruction insn, boolean onlyInUse) {
    long address = xsaveOperand(insn);
    int requested = requested();
    int mode = memory.mode();
    memory.probeWrite(address, areaSize(requested), mode);
    long before = memory.read(address + FpuState.XSTATE_BV, 8, mode);
    int inUse = fpu.inUse();
    fpu.normalize();
    saveComponents(address, onlyInUse ? requested & inUse : requested, insn.w, mode);
    if ((requested & (FpuState.SSE | FpuState.AVX)) != 0) {
      saveMxcsr(address, mode);
    }
    memory.write(
        address + FpuState.XSTATE_BV, 8, before & ~(long) requested | inUse & requested, mode);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome xsavec(Instruction insn) {
    long address = xsaveOperand(insn);
    int requested = requested();
    int mode = memory.mode();
    memory.probeWrite(address, areaSize(requested), mode);
    int inUse = fpu.inUse();
    fpu.normalize();
    if (fpu.mxcsr() != FpuState.MXCSR_INIT) {
      inUse |= FpuState.SSE;
    }
    int saved = requested & inUse;
    saveComponents(address, saved, insn.w, mode);
    if ((saved & FpuState.SSE) != 0) {
      saveMxcsr(address, mode);
    }
    memory.write(address + FpuState.XSTATE_BV, 8, saved, mode);
    memory.write(address + FpuState.XCOMP_BV, 8, COMPACTED | requested, mode);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome xrstor(Instruction insn) {
    long address = xsaveOperand(insn);
    int requested = requested();
    int mode = memory.mode();
    memory.probeRead(address, FpuState.LEGACY_SIZE + FpuState.HEADER_SIZE, mode);
    long present = memory.read(address + FpuState.XSTATE_BV, 8, mode);
    long layout = memory.read(address + FpuState.XCOMP_BV, 8, mode);
    checkHeader(address, present, layout, mode);
    int load = (int) present & requested;
    if ((load & FpuState.AVX) != 0) {
      memory.probeRead(address + FpuState.YMM_HIGH, FpuState.AVX_SIZE, mode);
    }
    boolean compacted = layout < 0;
    boolean loadsMxcsr =
        compacted ? (load & FpuState.SSE) != 0 : (requested & (FpuState.SSE | FpuState.AVX)) != 0;
    int mxcsr = FpuState.MXCSR_INIT;
    if (loadsMxcsr) {
      mxcsr = (int) memory.read(address + FpuState.MXCSR, 4, mode);
      fpu.checkMxcsr(mxcsr);
    }
    if ((load & FpuState.X87) != 0) {
      loadX87(address, insn.w, mode);
    }
    if ((load & FpuState.SSE) != 0) {
      loadXmm(address, mode);
    }
    if ((load & FpuState.AVX) != 0) {
      memory.copyFromGuest(
          address + FpuState.YMM_HIGH,
          fpu.block(),
          CpuState.XSAVE + FpuState.YMM_HIGH,
          FpuState.AVX_SIZE,
          mode);
    }
    if (loadsMxcsr || compacted && (requested & FpuState.SSE) != 0) {
      fpu.mxcsr(mxcsr);
    }
    fpu.markInUse(load);
    int initial = requested & ~load;
    if (initial != 0) {
      fpu.initialize(initial);
    }
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  /** SDM vol. 1, 13.8: what raises #GP. */
  private void checkHeader(long address, long present, long layout, int mode) {
    long enabled = state.get(CpuState.XCR0);
    long reserved = memory.read(address + FpuState.XCOMP_BV + 8, 8, mode);
    boolean bad;
    if (layout < 0) {
      bad = (layout & ~COMPACTED & ~enabled) != 0 || (present & ~layout) != 0;
      for (int offset = FpuState.XCOMP_BV + 16;
          offset < FpuState.LEGACY_SIZE + FpuState.HEADER_SIZE;
          offset += 8) {
        reserved |= memory.read(address + offset, 8, mode);
      }
    } else {
      bad = layout != 0 || (present & ~enabled) != 0;
    }
    if (bad || reserved != 0) {
      throw GuestFault.GP0;
    }
  }

  private static int areaSize(int components) {
    int size = FpuState.LEGACY_SIZE + FpuState.HEADER_SIZE;
    return (components & FpuState.AVX) != 0 ? size + FpuState.AVX_SIZE : size;
  }

  private void saveComponents(long address, int components, boolean wide, int mode) {
    if ((components & FpuState.X87) != 0) {
      saveX87(address, wide, mode);
    }
    if ((components & FpuState.SSE) != 0) {
      saveXmm(address, mode);
    }
    if ((components & FpuState.AVX) != 0) {
      memory.copyToGuest(
          address + FpuState.YMM_HIGH,
          fpu.block(),
          CpuState.XSAVE + FpuState.YMM_HIGH,
          FpuState.AVX_SIZE,
          mode);
    }
  }

  /** FCW to FDP and the eight registers; without REX.W the pointers have 32 bits and a null selector. */
  private void saveX87(long address, boolean wide, int mode) {
    memory.copyToGuest(address, fpu.block(), CpuState.XSAVE, FpuState.MXCSR, mode);
    if (!wide) {
      memory.write(address + FIP + 4, 4, 0, mode);
      memory.write(address + FDP + 4, 4, 0, mode);
    }
    memory.copyToGuest(
        address + FpuState.ST,
        fpu.block(),
        CpuState.XSAVE + FpuState.ST,
        FpuState.XMM - FpuState.ST,
        mode);
  }

  private void saveMxcsr(long address, int mode) {
    memory.write(
        address + FpuState.MXCSR,
        8,
        fpu.mxcsr() & 0xffff_ffffL | (long) fpu.mxcsrMask() << 32,
        mode);
  }

  private void saveXmm(long address, int mode) {
    memory.copyToGuest(
        address + FpuState.XMM,
        fpu.block(),
        CpuState.XSAVE + FpuState.XMM,
        FX_END - FpuState.XMM,
        mode);
  }

  private void loadX87(long address, boolean wide, int mode) {
    memory.copyFromGuest(address, fpu.block(), CpuState.XSAVE, FpuState.MXCSR, mode);
    if (!wide) {
      fpu.block().putInt(CpuState.XSAVE + FIP + 4, 0);
      fpu.block().putInt(CpuState.XSAVE + FDP + 4, 0);
    }
    memory.copyFromGuest(
        address + FpuState.ST,
        fpu.block(),
        CpuState.XSAVE + FpuState.ST,
        FpuState.XMM - FpuState.ST,
        mode);
  }

  private void loadXmm(long address, int mode) {
    memory.copyFromGuest(
        address + FpuState.XMM,
        fpu.block(),
        CpuState.XSAVE + FpuState.XMM,
        FX_END - FpuState.XMM,
        mode);
  }
}
