package io.ringside.bt;

import io.ringside.cpu.CpuState;
import io.ringside.x86.Instruction;
import io.ringside.x86.Kind;
import io.ringside.x86.Opcode;
import io.ringside.x86.Opcode.Operand;

/**
 * Finds the memory accesses of a unit that go to one small range: the same base and index registers with different
 * displacements, pushes and pops, spills to the stack, neighbouring variables. They are translated with one look-up for
 * the whole range, at the first of them; the others use the host address that it left in the context block. A range
 * that crosses a page, or that can't be accessed as a whole, is left to a translation of the same code without groups.
 */
final class AccessGroups {
  /** How many ranges a unit can have: fields in the context block. */
  static final int MAX_GROUPS = 8;

  private static final int MAX_RANGE = 512;
  private static final int MAX = 48;

  /** For each instruction its group, or -1. */
  private final int[] group = new int[MAX];

  /** For each instruction its access's distance from the register's value at the start of the register's epoch. */
  private final int[] distance = new int[MAX];

  /** For each instruction how much the register has changed since then. */
  private final int[] change = new int[MAX];

  private final int[] first = new int[MAX];
  private final int[] low = new int[MAX];
  private final int[] high = new int[MAX];
  private final int[] members = new int[MAX];
  private final boolean[] write = new boolean[MAX];
  private int groups;

  /** What each group's addresses are made of: base register, {@link Instruction#BASE_RIP} or -1; index; scale. */
  private final int[] groupBase = new int[MAX];

  private final int[] groupIndex = new int[MAX];
  private final int[] groupScale = new int[MAX];

  /** For absolute addresses the one that distances are from. */
  private final long[] anchor = new long[MAX];

  private final boolean[] open = new boolean[MAX];

  /** How much each register has changed by constants since it was last written. */
  private final int[] delta = new int[16];

  /** The current instruction's access: base register or -1, displacement, size, and whether it writes. */
  private int base;

  private int index;
  private int scale;
  private long displacement;
  private int size;
  private boolean writes;

  /** Looks at a unit's instructions. */
  void find(Instruction[] run, int count) {
    groups = 0;
    for (int r = 0; r < 16; r++) {
      delta[r] = 0;
    }
    for (int n = 0; n < count; n++) {
      Instruction i = run[n];
      group[n] = -1;
      access(i);
      if (base >= 0) {
        join(n);
      }
      effects(i);
    }
    int used = 0;
    for (int g = 0; g < groups; g++) {
      members[g] = members[g] >= 2 && used < MAX_GROUPS ? used++ : -1;
    }
    for (int n = 0; n < count; n++) {
      if (group[n] >= 0 && members[group[n]] < 0) {
        group[n] = -1;
      }
    }
  }

  /** No groups, for modes in which every access is on its own. */
  void none(int count) {
    for (int n = 0; n < count; n++) {
      group[n] = -1;
    }
  }

  /** Whether instruction {@code n}'s access is in a group. */
  boolean grouped(int n) {
    return group[n] >= 0;
  }

  /** Whether it is the first of its group, which must do the look-up. */
  boolean isFirst(int n) {
    return first[group[n]] == n;
  }

  /** The group's field. */
  int field(int n) {
    return members[group[n]];
  }

  /** Where the range starts, relative to the base register's value before instruction {@code n}. */
  int start(int n) {
    return low[group[n]] - change[n];
  }

  /** Bytes in the range. */
  int length(int n) {
    return high[group[n]] - low[group[n]];
  }

  /** Whether any access of the group writes. */
  boolean writes(int n) {
    return write[group[n]];
  }

  /** Where in the range instruction {@code n} accesses. */
  int offset(int n) {
    return distance[n] - low[group[n]];
  }

  /** The group's base register or {@link Instruction#BASE_RIP}. */
  int base(int n) {
    return groupBase[group[n]];
  }

  /** The group's index register or {@link Instruction#NONE}. */
  int index(int n) {
    return groupIndex[group[n]];
  }

  /** The index's scale. */
  int scale(int n) {
    return groupScale[group[n]];
  }

  /** For {@link Instruction#BASE_RIP} the address where the range starts. */
  long absoluteStart(int n) {
    return anchor[group[n]] + low[group[n]];
  }

  private void join(int n) {
    int g = find();
    if (g >= 0) {
      long at =
          base == Instruction.BASE_RIP ? displacement - anchor[g] : delta[base] + displacement;
      long newLow = Math.min(low[g], at);
      long newHigh = Math.max(high[g], at + size);
      if (newHigh - newLow <= MAX_RANGE) {
        low[g] = (int) newLow;
        high[g] = (int) newHigh;
        members[g]++;
        write[g] |= writes;
        add(n, g, (int) at);
        return;
      }
      open[g] = false;
    }
    g = groups++;
    int at = base == Instruction.BASE_RIP ? 0 : delta[base] + (int) displacement;
    anchor[g] = displacement;
    open[g] = true;
    groupBase[g] = base;
    groupIndex[g] = index;
    groupScale[g] = scale;
    first[g] = n;
    low[g] = at;
    high[g] = at + size;
    members[g] = 1;
    write[g] = writes;
    add(n, g, at);
  }

  private void add(int n, int g, int at) {
    group[n] = g;
    distance[n] = at;
    change[n] = base == Instruction.BASE_RIP ? 0 : delta[base];
  }

  private int find() {
    for (int g = groups - 1; g >= 0; g--) {
      if (open[g] && groupBase[g] == base && groupIndex[g] == index && groupScale[g] == scale) {
        return g;
      }
    }
    return -1;
  }

  private void access(Instruction i) {
    base = -1;
    switch (i.opcode.kind()) {
      case GENERIC, SHIFT_CL -> {
        if (i.memory
            && i.base >= 0
            && i.base < 16
            && i.index == Instruction.NONE
            && i.segment == Instruction.NONE
            && !i.addressSizePrefix
            && i.memorySize > 0
            && i.memorySize <= 64
            && Math.abs(i.displacement) < 1 << 20) {
          operand(
              i.base, (int) i.displacement, i.memorySize, i.opcode.rmAccess().writes() || i.lock);
        }
      }
      case PUSH -> {
        if (!i.memory && i.operandSize == 8) {
          operand(CpuState.RSP, -8, 8, true);
        }
      }
      case PUSH_IMMEDIATE -> {
        if (i.operandSize == 8) {
          operand(CpuState.RSP, -8, 8, true);
        }
      }
      case CALL_RELATIVE -> operand(CpuState.RSP, -8, 8, true);
      case POP -> {
        if (!i.memory && i.operandSize == 8) {
          operand(CpuState.RSP, 0, 8, false);
        }
      }
      case RET -> operand(CpuState.RSP, 0, 8, false);
      case LEAVE -> {
        if (i.operandSize == 8) {
          operand(CpuState.RBP, 0, 8, false);
        }
      }
      default -> {}
    }
  }

  private void operand(int register, long disp, int bytes, boolean isWrite) {
    base = register;
    index = Instruction.NONE;
    scale = 1;
    displacement = disp;
    size = bytes;
    writes = isWrite;
  }

  private void forget(int register) {
    for (int g = 0; g < groups; g++) {
      if (groupBase[g] == register || groupIndex[g] == register) {
        open[g] = false;
      }
    }
    delta[register] = 0;
  }

  private void forgetAll() {
    for (int g = 0; g < groups; g++) {
      open[g] = false;
    }
    for (int r = 0; r < 16; r++) {
      delta[r] = 0;
    }
  }

  private void change(int register, long by) {
    long sum = delta[register] + by;
    if (Math.abs(sum) > 1 << 20) {
      forget(register);
      return;
    }
    delta[register] = (int) sum;
    for (int g = 0; g < groups; g++) {
      if (groupIndex[g] == register) {
        open[g] = false;
      }
    }
  }

  /** Follows what the instruction does to registers. */
  private void effects(Instruction i) {
    Opcode op = i.opcode;
    switch (op.kind()) {
      case NOP, PAUSE, JCC, CLI, STI, CLD, STD, SWAPGS, CACHE_LINE, PUSHF, POPF -> {
        if (op.kind() == Kind.PUSHF) {
          change(CpuState.RSP, -8);
        } else if (op.kind() == Kind.POPF) {
          change(CpuState.RSP, 8);
        }
      }
      case GENERIC, SHIFT_CL -> generic(i, op);
      case BIT_OFFSET -> {
        if (!i.memory) {
          forget(i.rm);
        }
      }
      case LEA -> {
        if (i.operandSize == 8
            && i.base == i.reg
            && i.index == Instruction.NONE
            && !i.addressSizePrefix) {
          change(i.reg, i.displacement);
        } else {
          forget(i.reg);
        }
      }
      case PUSH, PUSH_IMMEDIATE -> change(CpuState.RSP, -i.operandSize);
      case POP -> {
        change(CpuState.RSP, i.operandSize);
        if (!i.memory) {
          forget(i.rm);
        }
      }
      case LEAVE -> {
        forget(CpuState.RSP);
        forget(CpuState.RBP);
      }
      default -> forgetAll();
    }
  }

  private void generic(Instruction i, Opcode op) {
    if (!i.memory && op.map() == 0 && !i.vex && i.operandSize == 8) {
      // ADD, SUB, INC and DEC by a constant keep the register known.
      if ((i.code == 0x81 || i.code == 0x83) && (op.extension() == 0 || op.extension() == 5)) {
        change(i.rm, op.extension() == 0 ? i.immediate : -i.immediate);
        return;
      }
      if (i.code == 0xff && (op.extension() == 0 || op.extension() == 1)) {
        change(i.rm, op.extension() == 0 ? 1 : -1);
        return;
      }
    }
    if (isGpr(op.reg()) && op.regAccess().writes()) {
      forgetByte(i, op.reg(), i.reg);
    }
    if (!i.memory && isGpr(op.rm()) && op.rmAccess().writes()) {
      forgetByte(i, op.rm(), i.rm);
    }
    if (i.vex && isGpr(op.vvvv()) && op.vvvvAccess().writes()) {
      forget(i.vvvv);
    }
    if (writesAccumulator(i, op)) {
      forget(CpuState.RAX);
      forget(CpuState.RDX);
    }
  }

  private void forgetByte(Instruction i, Operand operand, int number) {
    // AH, CH, DH and BH are parts of the first four.
    forget(number);
    if (number >= 4 && number < 8 && (operand == Operand.GPR8 || i.operandSize == 1)) {
      forget(number - 4);
    }
  }

  private static boolean isGpr(Operand operand) {
    return switch (operand) {
      case GPR, GPR8, GPR16, GPR32, GPR64 -> true;
      default -> false;
    };
  }

  /** Instructions of kind GENERIC that write RAX or RDX without naming them. */
  private static boolean writesAccumulator(Instruction i, Opcode op) {
    if (i.vex) {
      return false;
    }
    if (op.map() == 0) {
      return switch (i.code) {
        case 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9f, 0xdf, 0xf6, 0xf7 ->
            true;
        default ->
            // The accumulator forms of the ALU operations.
            i.modrm == Instruction.NONE && (i.code < 0x40 || i.code == 0xa8 || i.code == 0xa9);
      };
    }
    return op.map() == 1 && (i.code == 0xb0 || i.code == 0xb1);
  }
}
