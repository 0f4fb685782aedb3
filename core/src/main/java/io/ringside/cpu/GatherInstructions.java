package io.ringside.cpu;

import io.ringside.x86.Instruction;

/**
 * AVX2's gathers: VPGATHERDD, DQ, QD, QQ and VGATHERDPS, DPD, QPS, QPD (SDM vol. 2 under their names). A fault leaves the
 * elements before it loaded and their mask elements cleared.
 */
final class GatherInstructions {
  private final CpuState state;
  private final VirtualMemory memory;
  private final Operands operands;
  private final FpuState fpu;

  GatherInstructions(CpuState state, VirtualMemory memory, Operands operands, FpuState fpu) {
    this.state = state;
    this.memory = memory;
    this.operands = operands;
    this.fpu = fpu;
  }

  Outcome execute(Instruction insn) {
    fpu.requireAvx();
    fpu.normalize();
    fpu.markInUse(FpuState.SSE | FpuState.AVX);
    int size = insn.w ? 8 : 4;
    int indexSize = (insn.code & 1) != 0 ? 8 : 4;
    int length = insn.vex256 ? 32 : 16;
    int elements = length / Math.max(size, indexSize);
    int target = insn.reg;
    int mask = insn.vvvv;
    int mode = memory.mode();
    long base = insn.displacement + (insn.base >= 0 && insn.base < 16 ? state.gpr(insn.base) : 0);
    long segment = operands.segmentBase(insn);
    for (int i = 0; i < elements; i++) {
      // A mask element's sign decides; getInt sign-extends the short ones.
      if (fpu.vector(mask, i * size, size) < 0) {
        long offset = base + fpu.vector(insn.index, i * indexSize, indexSize) * insn.scale;
        if (insn.addressSizePrefix) {
          offset &= 0xffff_ffffL;
        }
        fpu.vector(target, i * size, size, memory.read(offset + segment, size, mode));
        // Element-wise progress must survive a fault or a device access of a later element; but not
        // before the last
        // value from a device is in, since execution then starts again with the values supplied so
        // far.
        if (!memory.usedMmio()) {
          fpu.vector(mask, i * size, size, 0);
        }
      }
    }
    for (int offset = 0; offset < 32; offset += 8) {
      fpu.vector(mask, offset, 8, 0);
      if (offset >= elements * size) {
        fpu.vector(target, offset, 8, 0);
      }
    }
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }
}
