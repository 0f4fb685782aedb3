package io.ringside.cpu;

import io.ringside.x86.Instruction;

/**
 * MOV to and from debug registers (SDM vol. 3, 17.2). The registers hold what is written; {@link Breakpoints} makes
 * breakpoints of them.
 */
final class DebugRegisters {
  private static final long DR6_FIXED = 0xffff_0ff0L;
  private static final long DR6_WRITABLE = 0xe00f;
  private static final long DR6_BD = 1L << 13;
  private static final long DR7_GD = 1L << 13;
  private static final long DR7_ZERO = 0xd000;
  private static final long DR7_ONE = 0x400;

  private final CpuState state;
  private final CpuHooks hooks;

  DebugRegisters(CpuState state, CpuHooks hooks) {
    this.state = state;
    this.hooks = hooks;
  }

  Outcome moveFrom(Instruction insn) {
    int number = check(insn);
    state.gpr(insn.rm, state.get(CpuState.DEBUG_REGISTERS + 8 * number));
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome moveTo(Instruction insn) {
    int number = check(insn);
    long value = state.gpr(insn.rm);
    if (number >= 6) {
      if (value >>> 32 != 0) {
        throw GuestFault.GP0;
      }
      value = number == 6 ? value & DR6_WRITABLE | DR6_FIXED : value & ~DR7_ZERO | DR7_ONE;
    }
    state.set(CpuState.DEBUG_REGISTERS + 8 * number, value);
    if (number != 6) {
      hooks.breakpointsChanged();
    }
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  /** The register number with DR4 and DR5 standing for DR6 and DR7 where CR4.DE is clear. */
  private int check(Instruction insn) {
    int number = insn.reg;
    if (number > 7) {
      throw GuestFault.UD;
    }
    if (number == 4 || number == 5) {
      if ((state.get(CpuState.CR4) & RegisterBits.CR4_DE) != 0) {
        throw GuestFault.UD;
      }
      number += 2;
    }
    Privilege.requireSupervisor(state);
    if ((state.get(CpuState.DEBUG_REGISTERS + 56) & DR7_GD) != 0) {
      int dr6 = CpuState.DEBUG_REGISTERS + 48;
      state.set(dr6, state.get(dr6) | DR6_BD);
      throw GuestFault.DB;
    }
    return number;
  }
}
