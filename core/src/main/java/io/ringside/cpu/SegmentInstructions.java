package io.ringside.cpu;

import io.ringside.x86.Instruction;

/** Loads and stores of segment registers in 64-bit mode (SDM vol. 2, MOV, POP, LDS/LES/LFS/LGS/LSS). */
final class SegmentInstructions {
  private final CpuState state;
  private final VirtualMemory memory;
  private final Descriptors descriptors;
  private final Operands operands;
  private final boolean amd;

  SegmentInstructions(
      CpuState state,
      VirtualMemory memory,
      Descriptors descriptors,
      Operands operands,
      boolean amd) {
    this.state = state;
    this.memory = memory;
    this.descriptors = descriptors;
    this.operands = operands;
    this.amd = amd;
  }

  /** MOV r/m, Sreg: a register gets the selector zero-extended, memory always 16 bits. */
  Outcome moveFrom(Instruction insn) {
    int segment = insn.reg & 7;
    if (segment > CpuState.GS) {
      throw GuestFault.UD;
    }
    operands.rm(insn, insn.memory ? 2 : Operands.wordSize(insn), state.selector(segment));
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  /** MOV Sreg, r/m. */
  Outcome moveTo(Instruction insn) {
    int segment = insn.reg & 7;
    if (segment == CpuState.CS || segment > CpuState.GS) {
      throw GuestFault.UD;
    }
    load(segment, (int) operands.rm(insn, 2));
    state.rip(insn.nextRip());
    return segment == CpuState.SS ? Outcome.NEXT_INHIBITED : Outcome.NEXT;
  }

  /** PUSH FS and PUSH GS (0F A0, 0F A8). */
  Outcome push(Instruction insn) {
    int size = Operands.stackSize(insn);
    long stack = state.gpr(CpuState.RSP) - size;
    memory.writeStack(stack, size, state.selector(stackSegment(insn)));
    state.gpr(CpuState.RSP, stack);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  /** POP FS and POP GS (0F A1, 0F A9). */
  Outcome pop(Instruction insn) {
    int size = Operands.stackSize(insn);
    long stack = state.gpr(CpuState.RSP);
    load(stackSegment(insn), (int) memory.readStack(stack, size) & 0xffff);
    state.gpr(CpuState.RSP, stack + size);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  private static int stackSegment(Instruction insn) {
    return (insn.code & 8) == 0 ? CpuState.FS : CpuState.GS;
  }

  /**
   * LSS, LFS, LGS (0F B2, B4, B5): offset first, then the selector. AMD's processors have no 64-bit offset (APM vol. 3,
   * LFS), and clear the upper half of the register.
   */
  Outcome loadFarPointer(Instruction insn) {
    if (!insn.memory) {
      throw GuestFault.UD;
    }
    int size = Operands.farPointerSize(insn, amd);
    long offset = operands.readMemory(insn, 0, size);
    int selector = (int) operands.readMemory(insn, size, 2);
    load(insn.code & 7, selector);
    operands.register(insn.reg, size, offset);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  /** Loads SS, DS, ES, FS or GS with all checks. */
  void load(int segment, int selector) {
    int cpl = state.cpl();
    int rpl = selector & 3;
    int error = selector & 0xfffc;
    if (segment == CpuState.SS) {
      loadStack(selector, cpl, rpl, error);
      return;
    }
    if (Descriptors.isNull(selector)) {
      state.segment(segment, selector, 0, 0, 0);
      return;
    }
    if (!descriptors.fetch(selector) || !descriptors.isReadable()) {
      throw GuestFault.gp(error);
    }
    boolean conforming = descriptors.isCode() && descriptors.isConforming();
    if (!conforming && (rpl > descriptors.dpl() || cpl > descriptors.dpl())) {
      throw GuestFault.gp(error);
    }
    if (!descriptors.isPresent()) {
      throw GuestFault.np(error);
    }
    descriptors.markAccessed();
    state.segment(
        segment, selector, descriptors.accessRights(), descriptors.limit(), descriptors.base());
  }

  private void loadStack(int selector, int cpl, int rpl, int error) {
    if (Descriptors.isNull(selector)) {
      if (cpl == 3 || rpl != cpl) {
        throw GuestFault.GP0;
      }
      state.segment(CpuState.SS, selector, 0xc093 | cpl << 5, 0xffff_ffffL, 0);
      return;
    }
    if (!descriptors.fetch(selector)
        || rpl != cpl
        || !descriptors.isWritableData()
        || descriptors.dpl() != cpl) {
      throw GuestFault.gp(error);
    }
    if (!descriptors.isPresent()) {
      throw GuestFault.ss(error);
    }
    descriptors.markAccessed();
    state.segment(
        CpuState.SS, selector, descriptors.accessRights(), descriptors.limit(), descriptors.base());
  }
}
