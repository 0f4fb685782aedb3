package io.ringside.bt;

import io.ringside.cpu.CpuState;
import io.ringside.cpu.VirtualMemory;
import io.ringside.x86.Instruction;

/**
 * PUSH, POP, CALL, RET, LEAVE and indirect branches in Java: for when one of their memory operands crosses a page, is
 * beside code or is no RAM, so that the translated form can't run.
 */
final class StackInstructions {
  private final CpuState state;
  private final VirtualMemory memory;

  StackInstructions(CpuState state, VirtualMemory memory) {
    this.state = state;
    this.memory = memory;
  }

  /** Executes {@code i}; false if it is of another kind. */
  boolean execute(Instruction i) {
    int size = i.operandSize;
    switch (i.opcode.kind()) {
      case PUSH -> {
        push(i.memory ? memory.read(address(i), size) : state.gpr(i.rm), size);
        state.rip(i.nextRip());
      }
      case PUSH_IMMEDIATE -> {
        push(i.immediate, size);
        state.rip(i.nextRip());
      }
      case PUSHF -> {
        push(state.rflags() & ~0x30000L, size);
        state.rip(i.nextRip());
      }
      case POP -> pop(i, size);
      case LEAVE -> {
        long frame = state.gpr(CpuState.RBP);
        long value = memory.readStack(frame, 8);
        state.gpr(CpuState.RSP, frame + 8);
        state.gpr(CpuState.RBP, value);
        state.rip(i.nextRip());
      }
      case CALL_RELATIVE -> {
        push(i.nextRip(), 8);
        state.rip(i.immediate);
      }
      case CALL_INDIRECT -> {
        long target = target(i);
        push(i.nextRip(), 8);
        state.rip(target);
      }
      case JMP_INDIRECT -> state.rip(target(i));
      case RET -> {
        long rsp = state.gpr(CpuState.RSP);
        long target = memory.readStack(rsp, 8);
        state.gpr(CpuState.RSP, rsp + 8 + (i.immediateSize == 0 ? 0 : i.immediate & 0xffff));
        state.rip(target);
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private long target(Instruction i) {
    return i.memory ? memory.read(address(i), 8) : state.gpr(i.rm);
  }

  private void push(long value, int size) {
    long rsp = state.gpr(CpuState.RSP) - size;
    memory.writeStack(rsp, size, value);
    state.gpr(CpuState.RSP, rsp);
  }

  private void pop(Instruction i, int size) {
    long rsp = state.gpr(CpuState.RSP);
    long value = memory.readStack(rsp, size);
    if (i.memory) {
      // An address based on RSP is computed after RSP was incremented (SDM vol. 2, POP).
      state.gpr(CpuState.RSP, rsp + size);
      try {
        memory.write(address(i), size, value);
      } catch (RuntimeException e) {
        state.gpr(CpuState.RSP, rsp);
        throw e;
      }
    } else {
      state.gpr(CpuState.RSP, rsp + size);
      long old = state.gpr(i.rm);
      state.gpr(i.rm, size == 8 ? value : old & ~0xffffL | value & 0xffff);
    }
    state.rip(i.nextRip());
  }

  /** The linear address of the ModRM operand. */
  long address(Instruction i) {
    long offset = i.displacement;
    if (i.base != Instruction.BASE_RIP) {
      if (i.base != Instruction.NONE) {
        offset += state.gpr(i.base);
      }
      if (i.index != Instruction.NONE) {
        offset += state.gpr(i.index) * i.scale;
      }
    }
    if (i.addressSizePrefix) {
      offset &= 0xffff_ffffL;
    }
    if (i.segment == CpuState.FS || i.segment == CpuState.GS) {
      offset += state.base(i.segment);
    }
    return offset;
  }

  /** Whether an instruction's store, if it has one, is a push, or its load a pop. */
  static boolean isOne(Instruction i) {
    return switch (i.opcode.kind()) {
      case PUSH, PUSH_IMMEDIATE, PUSHF, CALL_RELATIVE, CALL_INDIRECT, POP, POPF, RET, LEAVE -> true;
      default -> false;
    };
  }

  /** Whether a bad address {@code gva} of the instruction raises #SS instead of #GP: it is one of the stack. */
  boolean usesStack(Instruction i, long gva) {
    boolean pushes =
        switch (i.opcode.kind()) {
          case PUSH, PUSH_IMMEDIATE, PUSHF, CALL_RELATIVE, CALL_INDIRECT ->
              gva == state.gpr(CpuState.RSP) - i.operandSize;
          case POP, POPF, RET -> gva == state.gpr(CpuState.RSP);
          case LEAVE -> true;
          default -> false;
        };
    return pushes
        || i.memory
            && i.segment != CpuState.FS
            && i.segment != CpuState.GS
            && (i.base == CpuState.RSP || i.base == CpuState.RBP);
  }
}
