package io.ringside.cpu;

import io.ringside.x86.Instruction;

/** ENTER, LEAVE and XLAT (SDM vol. 2 under their names). */
final class StackInstructions {
  private final CpuState state;
  private final VirtualMemory memory;
  private final Operands operands;

  StackInstructions(CpuState state, VirtualMemory memory, Operands operands) {
    this.state = state;
    this.memory = memory;
    this.operands = operands;
  }

  Outcome enter(Instruction insn) {
    int size = Operands.stackSize(insn);
    int level = insn.immediate2 & 31;
    long stack = state.gpr(CpuState.RSP) - size;
    long frame = state.gpr(CpuState.RBP);
    memory.writeStack(stack, size, frame);
    long frameTemp = stack;
    for (int i = 1; i < level; i++) {
      frame -= size;
      stack -= size;
      memory.writeStack(stack, size, memory.readStack(frame, size));
    }
    if (level > 0) {
      stack -= size;
      memory.writeStack(stack, size, frameTemp);
    }
    stack -= insn.immediate & 0xffff;
    // The processor checks that the new top of the stack may be written.
    memory.checkStack(stack, size);
    memory.probeWrite(stack, size, memory.mode());
    operands.register(CpuState.RBP, size, frameTemp);
    state.gpr(CpuState.RSP, stack);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome leave(Instruction insn) {
    int size = Operands.stackSize(insn);
    long stack = state.gpr(CpuState.RBP);
    operands.register(CpuState.RBP, size, memory.readStack(stack, size));
    state.gpr(CpuState.RSP, stack + size);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome xlat(Instruction insn) {
    long address = state.gpr(CpuState.RBX) + operands.register(CpuState.RAX, 1);
    if (insn.addressSizePrefix) {
      address &= 0xffff_ffffL;
    }
    operands.register(CpuState.RAX, 1, memory.read(address + operands.segmentBase(insn), 1));
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }
}
