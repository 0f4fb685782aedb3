package io.ringside.cpu;

import io.ringside.host.NativeMemory;
import io.ringside.x86.Instruction;
import java.lang.foreign.MemorySegment;

/**
 * MOVS, STOS, LODS, CMPS and SCAS with their repeat prefixes (SDM vol. 2 under their names; vol. 1, 7.3.9). Repeated
 * forms work on whole page pieces of RAM and on single elements elsewhere. Registers are exact at every fault, and one
 * call does at most {@value #BUDGET} bytes, so that interrupts can come in.
 */
public final class StringInstructions {
  private static final int BUDGET = 64 * 1024;
  private static final int PAGE = 4096;

  private final CpuState state;
  private final VirtualMemory memory;
  private final Operands operands;
  private final NativeMemory raw;

  // Of the instruction at work.
  private int size;
  private boolean down;
  private boolean repeated;
  private boolean watched;
  private int addressSize;
  private int mode;

  StringInstructions(CpuState state, VirtualMemory memory, Operands operands) {
    this.state = state;
    this.memory = memory;
    this.operands = operands;
    this.raw = memory.raw();
  }

  /** Executes one string instruction, or as much of a repeated one as one call does. */
  public Outcome execute(Instruction insn) {
    size = (insn.code & 1) == 0 ? 1 : Operands.wordSize(insn);
    down = (state.get(CpuState.SYSTEM_FLAGS) & RegisterBits.FLAG_DF) != 0;
    repeated = insn.rep != 0;
    addressSize = insn.addressSizePrefix ? 4 : 8;
    mode = memory.mode();
    long count = repeated ? operands.register(CpuState.RCX, addressSize) : 1;
    boolean finished = count == 0;
    if (!finished) {
      // Single-stepped, each element traps; breakpoints on data may be in any.
      watched = memory.isWatched();
      boolean one = watched || (state.get(CpuState.SYSTEM_FLAGS) & RegisterBits.FLAG_TF) != 0;
      long most = one ? 1 : BUDGET / size;
      long elements = Long.compareUnsigned(count, most) < 0 ? count : most;
      finished =
          switch (insn.opcode.kind()) {
            case MOVS -> move(operands.segmentBase(insn), elements);
            case STOS -> store(elements);
            case LODS -> load(operands.segmentBase(insn), elements);
            case CMPS -> compare(operands.segmentBase(insn), elements, insn.rep != 0xf2);
            case SCAS -> scan(elements, insn.rep != 0xf2);
            default ->
                throw new IllegalArgumentException(
                    "not a string instruction: " + insn.opcode.mnemonic());
          };
    }
    if (finished || !repeated || operands.register(CpuState.RCX, addressSize) == 0) {
      state.rip(insn.nextRip());
      return Outcome.NEXT;
    }
    return Outcome.REPEAT;
  }

  private long pointer(int register) {
    return operands.register(register, addressSize);
  }

  private void advance(int register, long elements) {
    long bytes = elements * size;
    operands.register(register, addressSize, state.gpr(register) + (down ? -bytes : bytes));
  }

  private void count(long elements) {
    if (repeated) {
      operands.register(CpuState.RCX, addressSize, state.gpr(CpuState.RCX) - elements);
    }
  }

  /** How many elements from {@code address} on, in the direction of DF, lie wholly in its page. */
  private long inPage(long address, long elements) {
    int offset = (int) address & PAGE - 1;
    if (offset + size > PAGE) {
      return 0;
    }
    long fit = down ? offset / size + 1 : (PAGE - offset) / size;
    return Math.min(fit, elements);
  }

  /** After an element that went to a device: the VMM must see it before the next one. */
  private boolean stopForMmio() {
    if (memory.usedMmio()) {
      memory.endInstruction();
      return true;
    }
    return false;
  }

  private boolean move(long sourceBase, long elements) {
    long left = elements;
    while (left > 0) {
      long source = pointer(CpuState.RSI) + sourceBase;
      long target = pointer(CpuState.RDI);
      long n = watched ? 0 : Math.min(inPage(source, left), inPage(target, left));
      long moved = n == 0 ? 0 : movePiece(memory.translateRead(source, mode), target, n);
      if (moved == 0) {
        memory.write(target, size, memory.read(source, size, mode), mode);
        moved = 1;
      }
      advance(CpuState.RSI, moved);
      advance(CpuState.RDI, moved);
      count(moved);
      left -= moved;
      if (stopForMmio()) {
        return false;
      }
    }
    return false;
  }

  /** Moves up to {@code n} elements within one page each; 0 if the pages are not both RAM. */
  private long movePiece(long source, long targetAddress, long n) {
    if (!memory.isRam(source & -PAGE, PAGE)) {
      return 0;
    }
    long target = memory.translateWrite(targetAddress, mode);
    if (!memory.isRam(target & -PAGE, PAGE)) {
      return 0;
    }
    // Where the target runs ahead of the source into elements not yet read, a bulk copy may only go
    // as far as the
    // distance: element-wise copying repeats the pattern, memmove would not.
    long distance = down ? source - target : target - source;
    long piece = distance > 0 && distance < n * size ? Math.max(distance / size, 1) : n;
    int bytes = (int) piece * size;
    long lowSource = down ? source - bytes + size : source;
    long lowTarget = down ? target - bytes + size : target;
    MemorySegment segment = raw.segment();
    MemorySegment.copy(segment, lowSource, segment, lowTarget, bytes);
    memory.written(lowTarget, bytes);
    return piece;
  }

  private boolean store(long elements) {
    long value = operands.register(CpuState.RAX, size);
    long left = elements;
    while (left > 0) {
      long target = pointer(CpuState.RDI);
      long n = watched ? 0 : inPage(target, left);
      long gpa = n == 0 ? -1 : memory.translateWrite(target, mode);
      if (n > 0 && memory.isRam(gpa & -PAGE, PAGE)) {
        int bytes = (int) n * size;
        long low = down ? gpa - bytes + size : gpa;
        fill(low, bytes, value);
        memory.written(low, bytes);
      } else {
        memory.write(target, size, value, mode);
        n = 1;
      }
      advance(CpuState.RDI, n);
      count(n);
      left -= n;
      if (stopForMmio()) {
        return false;
      }
    }
    return false;
  }

  private void fill(long gpa, int bytes, long value) {
    long low = value & 0xff;
    long pattern = low | low << 8;
    if (size > 2) {
      pattern |= pattern << 16;
    }
    if (size > 4) {
      pattern |= pattern << 32;
    }
    if (size == 1 || value == pattern) {
      raw.fill(gpa, bytes, (int) low);
      return;
    }
    for (int i = 0; i < bytes; i += size) {
      switch (size) {
        case 2 -> raw.putShort(gpa + i, (int) value);
        case 4 -> raw.putInt(gpa + i, (int) value);
        default -> raw.putLong(gpa + i, value);
      }
    }
  }

  private boolean load(long sourceBase, long elements) {
    for (long left = elements; left > 0; left--) {
      operands.register(
          CpuState.RAX, size, memory.read(pointer(CpuState.RSI) + sourceBase, size, mode));
      advance(CpuState.RSI, 1);
      count(1);
      if (stopForMmio()) {
        return false;
      }
    }
    return false;
  }

  /** CMPS; true if the condition of the prefix ended it. */
  private boolean compare(long sourceBase, long elements, boolean whileEqual) {
    for (long left = elements; left > 0; left--) {
      long first = memory.read(pointer(CpuState.RSI) + sourceBase, size, mode);
      long second = memory.read(pointer(CpuState.RDI), size, mode);
      advance(CpuState.RSI, 1);
      advance(CpuState.RDI, 1);
      count(1);
      if (left == 1 || (first == second) != whileEqual || memory.usedMmio()) {
        setFlags(first, second);
        stopForMmio();
        return (first == second) != whileEqual;
      }
    }
    return false;
  }

  /** SCAS; true if the condition of the prefix ended it. */
  private boolean scan(long elements, boolean whileEqual) {
    long first = operands.register(CpuState.RAX, size);
    for (long left = elements; left > 0; left--) {
      long second = memory.read(pointer(CpuState.RDI), size, mode);
      advance(CpuState.RDI, 1);
      count(1);
      if (left == 1 || (first == second) != whileEqual || memory.usedMmio()) {
        setFlags(first, second);
        stopForMmio();
        return (first == second) != whileEqual;
      }
    }
    return false;
  }

  /** The status flags of {@code first - second} in operands of the current size (zero-extended). */
  private void setFlags(long first, long second) {
    long difference = first - second;
    int sign = 8 * size - 1;
    long masked = size == 8 ? difference : difference & (1L << 8 * size) - 1;
    long flags = 0;
    if (Long.compareUnsigned(first, second) < 0) {
      flags |= RegisterBits.FLAG_CF;
    }
    if ((Integer.bitCount((int) difference & 0xff) & 1) == 0) {
      flags |= RegisterBits.FLAG_PF;
    }
    flags |= (first ^ second ^ difference) & RegisterBits.FLAG_AF;
    if (masked == 0) {
      flags |= RegisterBits.FLAG_ZF;
    }
    if ((masked >>> sign & 1) != 0) {
      flags |= RegisterBits.FLAG_SF;
    }
    if (((first ^ second) & (first ^ difference)) >>> sign << 63 != 0) {
      flags |= RegisterBits.FLAG_OF;
    }
    state.set(CpuState.STATUS_FLAGS, flags);
  }
}
