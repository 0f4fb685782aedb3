package io.ringside.cpu;

import io.ringside.x86.Instruction;

/** Operands of an emulated instruction: effective addresses, registers of all sizes, ModRM operands. */
final class Operands {
  private final CpuState state;
  private final VirtualMemory memory;

  Operands(CpuState state, VirtualMemory memory) {
    this.state = state;
    this.memory = memory;
  }

  /** The offset part of the memory operand, before the segment base (SDM vol. 1, 3.7.5). */
  long offset(Instruction insn) {
    long offset = insn.displacement;
    if (insn.base >= 0 && insn.base < 16) {
      offset += state.gpr(insn.base);
    }
    if (insn.index >= 0) {
      offset += state.gpr(insn.index) * insn.scale;
    }
    return insn.addressSizePrefix ? offset & 0xffff_ffffL : offset;
  }

  /** The guest-virtual address of the memory operand. */
  long address(Instruction insn) {
    return offset(insn) + segmentBase(insn);
  }

  /** The base that a segment override adds: only FS and GS have one in 64-bit mode. */
  long segmentBase(Instruction insn) {
    return insn.segment == Instruction.NONE ? 0 : state.base(insn.segment);
  }

  /** Whether an address that is not canonical raises #SS instead of #GP: RSP or RBP is the base. */
  static boolean usesStack(Instruction insn) {
    return insn.memory
        && insn.segment == Instruction.NONE
        && (insn.base == CpuState.RSP || insn.base == CpuState.RBP);
  }

  /** Loads from the memory operand plus {@code delta}. */
  long readMemory(Instruction insn, int delta, int size) {
    long address = address(insn) + delta;
    return usesStack(insn) ? memory.readStack(address, size) : memory.read(address, size);
  }

  /** Stores to the memory operand plus {@code delta}. */
  void writeMemory(Instruction insn, int delta, int size, long value) {
    long address = address(insn) + delta;
    if (usesStack(insn)) {
      memory.writeStack(address, size, value);
    } else {
      memory.write(address, size, value);
    }
  }

  /** Checks that the memory operand may be stored to, before anything changes. */
  void probeWrite(Instruction insn, int length) {
    long address = address(insn);
    if (usesStack(insn)) {
      memory.checkStack(address, length);
    }
    memory.probeWrite(address, length, memory.mode());
  }

  /** Reads a general register of 2, 4 or 8 bytes, or the low byte of one; zero-extended. */
  long register(int number, int size) {
    long value = state.gpr(number);
    return size == 8 ? value : value & (1L << 8 * size) - 1;
  }

  /** Writes a general register: 4 bytes zero-extend, 1 and 2 leave the rest alone (SDM vol. 1, 3.4.1.1). */
  void register(int number, int size, long value) {
    switch (size) {
      case 8 -> state.gpr(number, value);
      case 4 -> state.gpr(number, value & 0xffff_ffffL);
      case 2 -> state.gpr(number, state.gpr(number) & ~0xffffL | value & 0xffff);
      default -> state.gpr(number, state.gpr(number) & ~0xffL | value & 0xff);
    }
  }

  /** Reads the ModRM.rm operand. */
  long rm(Instruction insn, int size) {
    return insn.memory ? readMemory(insn, 0, size) : register(insn.rm, size);
  }

  /** Writes the ModRM.rm operand. */
  void rm(Instruction insn, int size, long value) {
    if (insn.memory) {
      writeMemory(insn, 0, size, value);
    } else {
      register(insn.rm, size, value);
    }
  }

  /** Operand size of pushes, pops and their kin: 8, or 2 with a 66 prefix. */
  static int stackSize(Instruction insn) {
    return insn.operandSizePrefix && !insn.w ? 2 : 8;
  }

  /** Operand size of instructions that have no byte form: 2 with a 66 prefix, 8 with REX.W, else 4. */
  static int wordSize(Instruction insn) {
    return insn.w ? 8 : insn.operandSizePrefix ? 2 : 4;
  }

  /** Bytes of the offset in a far pointer in memory: AMD's processors have none of 64 bits (APM vol. 3, JMP Far). */
  static int farPointerSize(Instruction insn, boolean amd) {
    return amd && insn.w ? 4 : wordSize(insn);
  }
}
