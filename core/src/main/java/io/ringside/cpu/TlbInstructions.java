package io.ringside.cpu;

import io.ringside.x86.Instruction;

/** INVLPG and INVPCID (SDM vol. 2 under their names; vol. 3, 4.10.4). */
final class TlbInstructions {
  private final CpuState state;
  private final VirtualMemory memory;
  private final CpuHooks hooks;
  private final Operands operands;

  TlbInstructions(CpuState state, VirtualMemory memory, CpuHooks hooks, Operands operands) {
    this.state = state;
    this.memory = memory;
    this.hooks = hooks;
    this.operands = operands;
  }

  Outcome invlpg(Instruction insn) {
    Privilege.requireSupervisor(state);
    if (!insn.memory) {
      throw GuestFault.UD;
    }
    long address = operands.address(insn);
    if (RegisterBits.isCanonical(address)) {
      memory.flush();
      hooks.invalidatePage(address);
    }
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome invpcid(Instruction insn) {
    if (!insn.memory) {
      throw GuestFault.UD;
    }
    Privilege.requireSupervisor(state);
    long type = state.gpr(insn.reg);
    long pcid = operands.readMemory(insn, 0, 8);
    long address = operands.readMemory(insn, 8, 8);
    boolean pcids = (state.get(CpuState.CR4) & RegisterBits.CR4_PCIDE) != 0;
    if (Long.compareUnsigned(type, 3) > 0
        || pcid >>> 12 != 0
        || type < 2 && !pcids && pcid != 0
        || type == 0 && !RegisterBits.isCanonical(address)) {
      throw GuestFault.GP0;
    }
    memory.flush();
    boolean current = !pcids || (state.get(CpuState.CR3) & 0xfff) == pcid;
    switch ((int) type) {
      case 0 -> {
        if (current) {
          hooks.invalidatePage(address);
        } else {
          hooks.flushPcid((int) pcid);
        }
      }
      case 1 -> {
        if (pcids) {
          hooks.flushPcid((int) pcid);
        } else {
          hooks.flushNonGlobal();
        }
      }
      case 2 -> hooks.flushAll();
      default -> hooks.flushNonGlobal();
    }
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }
}
