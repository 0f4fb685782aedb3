package io.ringside.cpu;

import io.ringside.x86.Instruction;

/** MASKMOVQ, MASKMOVDQU and VMASKMOVDQU: bytes whose mask has bit 7 set go to RDI (SDM vol. 2 under their names). */
final class MaskedStores {
  /** FSW.ES: an unmasked x87 exception is pending. */
  private static final int ERROR_SUMMARY = 1 << 7;

  private final CpuState state;
  private final VirtualMemory memory;
  private final Operands operands;
  private final FpuState fpu;

  MaskedStores(CpuState state, VirtualMemory memory, Operands operands, FpuState fpu) {
    this.state = state;
    this.memory = memory;
    this.operands = operands;
    this.fpu = fpu;
  }

  Outcome execute(Instruction insn) {
    boolean mmx = !insn.vex && !insn.operandSizePrefix;
    if (insn.vex) {
      fpu.requireAvx();
    } else {
      fpu.requireSse();
    }
    fpu.normalize();
    if (mmx && (fpu.block().getShort(CpuState.XSAVE + 2) & ERROR_SUMMARY) != 0) {
      throw GuestFault.MF;
    }
    int length = mmx ? 8 : 16;
    int data = mmx ? fpu.mmxOffset(insn.reg & 7) : FpuState.vectorOffset(insn.reg, 0);
    int mask = mmx ? fpu.mmxOffset(insn.rm & 7) : FpuState.vectorOffset(insn.rm, 0);
    long address =
        operands.register(CpuState.RDI, insn.addressSizePrefix ? 4 : 8)
            + operands.segmentBase(insn);
    int mode = memory.mode();
    for (int i = 0; i < length; i++) {
      if (selected(mask, i)) {
        memory.probeWrite(address + i, 1, mode);
      }
    }
    for (int i = 0; i < length; i++) {
      if (selected(mask, i)) {
        memory.write(address + i, 1, fpu.block().getByte(data + i), mode);
      }
    }
    if (mmx) {
      enterMmx();
    }
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  private boolean selected(int mask, int index) {
    return (fpu.block().getByte(mask + index) & 0x80) != 0;
  }

  /** As every MMX instruction: TOP becomes 0 and all registers valid (SDM vol. 1, 9.5). */
  private void enterMmx() {
    int status = fpu.block().getShort(CpuState.XSAVE + 2);
    int top = status >>> 11 & 7;
    if (top != 0) {
      rotate(top);
    }
    fpu.block().putShort(CpuState.XSAVE + 2, status & ~0x3800);
    fpu.block().putByte(CpuState.XSAVE + 4, 0xff);
    fpu.markInUse(FpuState.X87);
  }

  /** The area has registers in the order of the stack: with another TOP they move. */
  private void rotate(int top) {
    long[] old = new long[16];
    for (int i = 0; i < 16; i++) {
      old[i] = fpu.block().getLong(CpuState.XSAVE + FpuState.ST + 8 * i);
    }
    for (int register = 0; register < 8; register++) {
      int from = register - top & 7;
      fpu.block().putLong(CpuState.XSAVE + FpuState.ST + 16 * register, old[2 * from]);
      fpu.block().putLong(CpuState.XSAVE + FpuState.ST + 16 * register + 8, old[2 * from + 1]);
    }
  }
}
