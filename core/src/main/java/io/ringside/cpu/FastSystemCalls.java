package io.ringside.cpu;

import io.ringside.x86.Instruction;

/** SYSCALL, SYSRET, SYSENTER and SYSEXIT from and to 64-bit code (SDM vol. 2 under their names; vol. 3, 5.8). */
final class FastSystemCalls {
  /** Flat 64-bit code, DPL 0, accessed, as the instructions set it. */
  static final int CODE_RIGHTS = 0xa09b;

  /** Flat writable data, DPL 0, accessed. */
  static final int DATA_RIGHTS = 0xc093;

  private static final int DPL3 = 3 << 5;
  private static final long LIMIT = 0xffff_ffffL;
  private static final long SYSRET_FLAGS = 0x3c_7fd7;

  private final CpuState state;
  private final CpuHooks hooks;
  private final Msrs msrs;
  private final boolean sysenterInLongMode;

  FastSystemCalls(CpuState state, CpuHooks hooks, Msrs msrs, boolean sysenterInLongMode) {
    this.state = state;
    this.hooks = hooks;
    this.msrs = msrs;
    this.sysenterInLongMode = sysenterInLongMode;
  }

  Outcome syscall(Instruction insn) {
    requireSce();
    long flags = state.rflags();
    state.gpr(CpuState.RCX, insn.nextRip());
    state.gpr(11, flags & ~RegisterBits.FLAG_RF);
    enter((int) (state.get(CpuState.STAR) >>> 32) & 0xfffc);
    state.rflags(flags & ~(state.get(CpuState.SFMASK) | RegisterBits.FLAG_RF));
    state.rip(state.get(CpuState.LSTAR));
    hooks.privilegeChanged();
    return Outcome.NEXT;
  }

  Outcome sysret(Instruction insn) {
    requireSce();
    Privilege.requireSupervisor(state);
    if (!insn.w) {
      throw compatibility(insn);
    }
    long target = state.gpr(CpuState.RCX);
    if (!RegisterBits.isCanonical(target)) {
      throw GuestFault.GP0;
    }
    leave((int) (state.get(CpuState.STAR) >>> 48), 16, 8);
    state.rflags(state.gpr(11) & SYSRET_FLAGS);
    state.rip(target);
    hooks.privilegeChanged();
    return Outcome.NEXT;
  }

  Outcome sysenter() {
    if (!sysenterInLongMode) {
      // AMD APM vol. 3, SYSENTER: #UD in long mode.
      throw GuestFault.UD;
    }
    int selector = (int) msrs.sysenterCs() & 0xfffc;
    if (selector == 0) {
      throw GuestFault.GP0;
    }
    enter(selector);
    state.rflags(
        state.rflags() & ~(RegisterBits.FLAG_IF | RegisterBits.FLAG_VM | RegisterBits.FLAG_RF));
    state.gpr(CpuState.RSP, msrs.sysenterEsp());
    state.rip(msrs.sysenterEip());
    hooks.privilegeChanged();
    return Outcome.NEXT;
  }

  Outcome sysexit(Instruction insn) {
    if (state.cpl() != 0) {
      // Before all else, on AMD's processors too (as the host's does).
      throw GuestFault.GP0;
    }
    if (!sysenterInLongMode) {
      throw GuestFault.UD;
    }
    int selector = (int) msrs.sysenterCs() & 0xfffc;
    if (selector == 0) {
      throw GuestFault.GP0;
    }
    if (!insn.w) {
      throw compatibility(insn);
    }
    long target = state.gpr(CpuState.RDX);
    long stack = state.gpr(CpuState.RCX);
    if (!RegisterBits.isCanonical(target) || !RegisterBits.isCanonical(stack)) {
      throw GuestFault.GP0;
    }
    leave(selector, 32, 40);
    state.gpr(CpuState.RSP, stack);
    state.rip(target);
    hooks.privilegeChanged();
    return Outcome.NEXT;
  }

  private void enter(int code) {
    state.segment(CpuState.CS, code, CODE_RIGHTS, LIMIT, 0);
    state.segment(CpuState.SS, code + 8, DATA_RIGHTS, LIMIT, 0);
    state.memory().putInt(CpuState.CPL, 0);
  }

  private void leave(int base, int codeOffset, int stackOffset) {
    state.segment(CpuState.CS, base + codeOffset | 3, CODE_RIGHTS | DPL3, LIMIT, 0);
    state.segment(CpuState.SS, base + stackOffset | 3, DATA_RIGHTS | DPL3, LIMIT, 0);
    state.memory().putInt(CpuState.CPL, 3);
  }

  private void requireSce() {
    if ((state.get(CpuState.EFER) & RegisterBits.EFER_SCE) == 0) {
      throw GuestFault.UD;
    }
  }

  private static UnsupportedGuestException compatibility(Instruction insn) {
    return new UnsupportedGuestException(
        "the guest returned to 32-bit code by the instruction at 0x"
            + Long.toHexString(insn.rip)
            + ", but only 64-bit programs run here: use a 64-bit one");
  }
}
