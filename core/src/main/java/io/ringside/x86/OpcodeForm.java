package io.ringside.x86;

/**
 * One row of the opcode table as the decoder sees it: the facts that translators use ({@link Opcode}) and what is
 * needed to recognise the row and to find the operands in the bytes.
 *
 * <p>A row matches where {@code (key & mask) == value}; the key is made of the fields below.
 */
final class OpcodeForm {
  /** Two bits as VEX.pp has them: 0 no prefix, 1 is 66, 2 is F3, 3 is F2. F2 and F3 win over 66. */
  static final int KEY_PREFIX = 3;

  static final int KEY_REP = 2;
  static final int KEY_W = 1 << 2;
  static final int KEY_L = 1 << 3;

  /** ModRM.mod is 3: the rm operand is a register. */
  static final int KEY_REGISTER = 1 << 4;

  static final int KEY_REG_SHIFT = 5;
  static final int KEY_REG = 7 << KEY_REG_SHIFT;
  static final int KEY_RM_SHIFT = 8;
  static final int KEY_RM = 7 << KEY_RM_SHIFT;
  static final int KEY_REX_B = 1 << 11;

  /** A 66 prefix is there, whether or not F2 or F3 wins over it. */
  static final int KEY_OPERAND_SIZE = 1 << 12;

  /** Nothing more to look at. */
  static final int CHECK_NONE = 0;

  /** ModRM.reg must be a segment register (and not CS where it is loaded). */
  static final int CHECK_SEGMENT = 1;

  static final int CHECK_SEGMENT_LOAD = 2;

  /** ModRM.reg must be CR0, CR2, CR3, CR4 or CR8; ModRM.mod is ignored. */
  static final int CHECK_CONTROL = 3;

  /** ModRM.reg must be DR0 to DR7; ModRM.mod is ignored. */
  static final int CHECK_DEBUG = 4;

  /** A VSIB operand; destination, index and mask must differ. */
  static final int CHECK_GATHER = 5;

  final Opcode opcode;

  /** What to report for a shift by an immediate count of zero, which leaves the flags alone; else the same. */
  final Opcode zeroCountOpcode;

  final int mask;
  final int value;

  /** Operands in Intel's order, as {@link #operand} packs them. */
  final int[] operands;

  /** Size letter of the first immediate, 0 for none. */
  final char immediate;

  /** The immediate is relative to the next instruction. */
  final boolean relative;

  /** A further byte follows the first immediate (ENTER, EXTRQ, INSERTQ). */
  final boolean secondImmediate;

  /** Letter of the rule for the operand size: b, v, y, z, d (64 or 16), f (64). */
  final char size;

  /** Size letter of the memory operand, 'n' for none. */
  final char memory;

  final int check;

  /** Which bits of a register number count: 7 where REX does not extend it, else 15. */
  final int regMask;

  final int rmMask;

  final boolean hasModrm;

  final boolean usesVvvv;

  OpcodeForm(
      Opcode opcode,
      Opcode zeroCountOpcode,
      int mask,
      int value,
      int[] operands,
      char immediate,
      boolean relative,
      boolean secondImmediate,
      char size,
      char memory,
      int check,
      boolean hasModrm) {
    this.opcode = opcode;
    this.zeroCountOpcode = zeroCountOpcode;
    this.mask = mask;
    this.value = value;
    this.operands = operands;
    this.immediate = immediate;
    this.relative = relative;
    this.secondImmediate = secondImmediate;
    this.size = size;
    this.memory = memory;
    this.check = check;
    this.hasModrm = hasModrm;
    this.regMask =
        extendable(opcode.reg()) || check == CHECK_CONTROL || check == CHECK_DEBUG ? 15 : 7;
    this.rmMask = extendable(opcode.rm()) ? 15 : 7;
    this.usesVvvv = opcode.vvvv() != Opcode.Operand.NONE;
  }

  private static boolean extendable(Opcode.Operand operand) {
    return operand != Opcode.Operand.NONE
        && operand != Opcode.Operand.MMX
        && operand != Opcode.Operand.SYSTEM;
  }

  /** Packs an operand: what it is, its size, the size of its memory form, and '=' write, '+' both or ' ' read. */
  static int operand(char kind, char type, char memoryType, char access) {
    return kind | type << 8 | memoryType << 16 | access << 24;
  }

  static char kind(int operand) {
    return (char) (operand & 0xFF);
  }

  static char type(int operand) {
    return (char) (operand >> 8 & 0xFF);
  }

  static char memoryType(int operand) {
    return (char) (operand >> 16 & 0xFF);
  }

  static char access(int operand) {
    return (char) (operand >> 24 & 0xFF);
  }
}
