package io.ringside.cpu;

import io.ringside.x86.Instruction;

/** CLI, STI, CLD, STD, CLAC, STAC, PUSHF and POPF (SDM vol. 2 under their names). */
final class FlagInstructions {
  private static final long POPF_ALWAYS =
      CpuState.STATUS_MASK | RegisterBits.FLAG_TF | RegisterBits.FLAG_DF | RegisterBits.FLAG_NT;

  private final CpuState state;
  private final VirtualMemory memory;
  private final CpuHooks hooks;

  FlagInstructions(CpuState state, VirtualMemory memory, CpuHooks hooks) {
    this.state = state;
    this.memory = memory;
    this.hooks = hooks;
  }

  Outcome cli(Instruction insn) {
    requireIoPrivilege();
    change(insn, RegisterBits.FLAG_IF, false);
    return Outcome.NEXT;
  }

  /** STI inhibits interrupts for one instruction if it changes IF. */
  Outcome sti(Instruction insn) {
    requireIoPrivilege();
    boolean was = (state.get(CpuState.SYSTEM_FLAGS) & RegisterBits.FLAG_IF) != 0;
    change(insn, RegisterBits.FLAG_IF, true);
    return was ? Outcome.NEXT : Outcome.NEXT_INHIBITED;
  }

  private void requireIoPrivilege() {
    if (!Privilege.hasIoPrivilege(state)) {
      throw GuestFault.GP0;
    }
  }

  Outcome direction(Instruction insn, boolean value) {
    change(insn, RegisterBits.FLAG_DF, value);
    return Outcome.NEXT;
  }

  /** CLAC and STAC: #UD outside CPL 0. */
  Outcome alignmentCheck(Instruction insn, boolean value) {
    if (state.cpl() != 0) {
      throw GuestFault.UD;
    }
    change(insn, RegisterBits.FLAG_AC, value);
    hooks.privilegeChanged();
    return Outcome.NEXT;
  }

  private void change(Instruction insn, long flag, boolean value) {
    long flags = state.get(CpuState.SYSTEM_FLAGS);
    state.set(CpuState.SYSTEM_FLAGS, value ? flags | flag : flags & ~flag);
    state.rip(insn.nextRip());
  }

  Outcome pushf(Instruction insn) {
    int size = Operands.stackSize(insn);
    long stack = state.gpr(CpuState.RSP) - size;
    memory.writeStack(stack, size, state.rflags() & ~(RegisterBits.FLAG_RF | RegisterBits.FLAG_VM));
    state.gpr(CpuState.RSP, stack);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome popf(Instruction insn) {
    int size = Operands.stackSize(insn);
    long stack = state.gpr(CpuState.RSP);
    long popped = memory.readStack(stack, size);
    long old = state.rflags();
    long flags = poppedFlags(old, popped, state.cpl(), size);
    state.gpr(CpuState.RSP, stack + size);
    state.rflags(flags);
    state.rip(insn.nextRip());
    if (((old ^ flags) & (RegisterBits.FLAG_TF | RegisterBits.FLAG_AC)) != 0) {
      hooks.privilegeChanged();
    }
    return Outcome.NEXT;
  }

  /**
   * The flags after POPF: IOPL changes at CPL 0 only, IF where CPL is at most IOPL, and silently not otherwise; RF is
   * cleared; VM, VIF and VIP stay.
   */
  static long poppedFlags(long old, long popped, int cpl, int size) {
    long mask = POPF_ALWAYS;
    if (size > 2) {
      mask |= RegisterBits.FLAG_AC | RegisterBits.FLAG_ID;
    }
    if (cpl <= (old >>> 12 & 3)) {
      mask |= RegisterBits.FLAG_IF;
    }
    if (cpl == 0) {
      mask |= RegisterBits.FLAG_IOPL;
    }
    long flags = old & ~mask | popped & mask;
    return size > 2 ? flags & ~RegisterBits.FLAG_RF : flags;
  }
}
