package io.ringside.cpu;

import io.ringside.x86.Instruction;

/**
 * LGDT, LIDT, LLDT, LTR and the instructions that store or inspect what they load: SGDT, SIDT, SLDT, STR, LAR, LSL,
 * VERR, VERW (SDM vol. 2 under their names).
 */
final class TableInstructions {
  private static final int PRESENT = 0x80;

  private final CpuState state;
  private final CpuHooks hooks;
  private final Descriptors descriptors;
  private final Operands operands;

  TableInstructions(CpuState state, CpuHooks hooks, Descriptors descriptors, Operands operands) {
    this.state = state;
    this.hooks = hooks;
    this.descriptors = descriptors;
    this.operands = operands;
  }

  /** LGDT or LIDT: {@code baseField} is the first of a base and limit pair. */
  Outcome loadTable(Instruction insn, int baseField) {
    Privilege.requireSupervisor(state);
    requireMemory(insn);
    long limit = operands.readMemory(insn, 0, 2);
    long base = operands.readMemory(insn, 2, 8);
    if (!RegisterBits.isCanonical(base)) {
      throw GuestFault.GP0;
    }
    state.set(baseField, base);
    state.set(baseField + 8, limit);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  /** SGDT or SIDT. */
  Outcome storeTable(Instruction insn, int baseField) {
    Privilege.checkUmip(state);
    requireMemory(insn);
    operands.probeWrite(insn, 10);
    operands.writeMemory(insn, 0, 2, state.get(baseField + 8));
    operands.writeMemory(insn, 2, 8, state.get(baseField));
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  private static void requireMemory(Instruction insn) {
    if (!insn.memory) {
      throw GuestFault.UD;
    }
  }

  /** SLDT or STR. */
  Outcome storeSelector(Instruction insn, int segment) {
    Privilege.checkUmip(state);
    operands.rm(insn, insn.memory ? 2 : Operands.wordSize(insn), state.selector(segment));
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome lldt(Instruction insn) {
    Privilege.requireSupervisor(state);
    int selector = (int) operands.rm(insn, 2);
    if (Descriptors.isNull(selector)) {
      state.segment(CpuState.LDTR, selector, 0, 0, 0);
    } else {
      loadSystem(selector, CpuState.LDTR, Descriptors.TYPE_LDT);
    }
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome ltr(Instruction insn) {
    Privilege.requireSupervisor(state);
    int selector = (int) operands.rm(insn, 2);
    if (Descriptors.isNull(selector)) {
      throw GuestFault.GP0;
    }
    loadSystem(selector, CpuState.TR, Descriptors.TYPE_TSS_AVAILABLE);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  private void loadSystem(int selector, int segment, int type) {
    int error = selector & 0xfffc;
    // System descriptors are 16 bytes in long mode: SDM vol. 3, 3.5.2.
    if ((selector & 4) != 0 || !descriptors.fetch(selector, 16)) {
      throw GuestFault.gp(error);
    }
    if (descriptors.isCodeOrData() || descriptors.type() != type) {
      throw GuestFault.gp(error);
    }
    if (!descriptors.isPresent()) {
      throw GuestFault.np(error);
    }
    long high = descriptors.high();
    long base = descriptors.base() | high << 32;
    if ((high & 0x1f00_0000_0000L) != 0 || !RegisterBits.isCanonical(base)) {
      throw GuestFault.gp(error);
    }
    if (segment == CpuState.TR) {
      descriptors.markBusy();
    }
    state.segment(segment, selector, descriptors.accessRights(), descriptors.limit(), base);
  }

  Outcome lar(Instruction insn) {
    int selector = (int) operands.rm(insn, 2);
    boolean ok = inspect(selector, true);
    if (ok) {
      operands.register(insn.reg, Operands.wordSize(insn), descriptors.low() >>> 32 & 0x00ff_ff00);
    }
    return setZero(insn, ok);
  }

  Outcome lsl(Instruction insn) {
    int selector = (int) operands.rm(insn, 2);
    boolean ok = inspect(selector, false);
    if (ok) {
      operands.register(insn.reg, Operands.wordSize(insn), descriptors.limit());
    }
    return setZero(insn, ok);
  }

  /** Whether LAR or LSL may look at a descriptor: the valid types of long mode. */
  private boolean inspect(int selector, boolean gates) {
    if (Descriptors.isNull(selector) || !descriptors.fetch(selector)) {
      return false;
    }
    if (!descriptors.isCodeOrData()) {
      int type = descriptors.type();
      boolean valid =
          type == Descriptors.TYPE_LDT
              || type == Descriptors.TYPE_TSS_AVAILABLE
              || type == Descriptors.TYPE_TSS_BUSY
              || gates && type == Descriptors.TYPE_CALL_GATE;
      if (!valid) {
        return false;
      }
    } else if (descriptors.isCode() && descriptors.isConforming()) {
      return true;
    }
    return isVisible(selector);
  }

  private boolean isVisible(int selector) {
    return descriptors.dpl() >= state.cpl() && descriptors.dpl() >= (selector & 3);
  }

  Outcome verr(Instruction insn) {
    int selector = (int) operands.rm(insn, 2);
    boolean ok =
        !Descriptors.isNull(selector)
            && descriptors.fetch(selector)
            && descriptors.isReadable()
            && (descriptors.isCode() && descriptors.isConforming() || isVisible(selector));
    return setZero(insn, ok);
  }

  Outcome verw(Instruction insn) {
    int selector = (int) operands.rm(insn, 2);
    boolean ok =
        !Descriptors.isNull(selector)
            && descriptors.fetch(selector)
            && descriptors.isWritableData()
            && isVisible(selector);
    return setZero(insn, ok);
  }

  private Outcome setZero(Instruction insn, boolean value) {
    long flags = state.get(CpuState.STATUS_FLAGS) & ~RegisterBits.FLAG_ZF;
    state.set(CpuState.STATUS_FLAGS, value ? flags | RegisterBits.FLAG_ZF : flags);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome clts(Instruction insn) {
    Privilege.requireSupervisor(state);
    state.set(CpuState.CR0, state.get(CpuState.CR0) & ~RegisterBits.CR0_TS);
    state.rip(insn.nextRip());
    hooks.modeChanged();
    return Outcome.NEXT;
  }

  Outcome smsw(Instruction insn) {
    Privilege.checkUmip(state);
    operands.rm(insn, insn.memory ? 2 : Operands.wordSize(insn), state.get(CpuState.CR0));
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  /** LMSW: PE, MP, EM and TS; PE can't be cleared. */
  Outcome lmsw(Instruction insn) {
    Privilege.requireSupervisor(state);
    long value = operands.rm(insn, 2) & 0xf;
    long cr0 = state.get(CpuState.CR0);
    state.set(CpuState.CR0, cr0 & ~0xeL | value);
    state.rip(insn.nextRip());
    hooks.modeChanged();
    return Outcome.NEXT;
  }

  /** Whether an access-rights word of {@link CpuState} says present. */
  static boolean isPresent(int accessRights) {
    return (accessRights & PRESENT) != 0;
  }
}
