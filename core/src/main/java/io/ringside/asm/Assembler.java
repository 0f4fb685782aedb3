package io.ringside.asm;

import java.util.Arrays;

/**
 * A small assembler for 64-bit mode: what the translator emits of its own, plus {@link #legacyOpcode} and
 * {@link #vexOpcode} by which any decoded instruction is encoded again with other operands. Registers are numbers 0
 * (RAX) to 15 (R15) in encoding order; memory operands are base, index, scale and displacement, with {@link #NONE} for
 * an absent register.
 *
 * <p>Code is assembled for the address given to {@link #start}, so that relative branches to fixed addresses come out
 * right; encodings follow Intel SDM vol. 2 chapter 2.
 */
public final class Assembler {
  /** No register. */
  public static final int NONE = -1;

  public static final int RAX = 0;
  public static final int RCX = 1;
  public static final int RDX = 2;
  public static final int RBX = 3;
  public static final int RSP = 4;
  public static final int RBP = 5;
  public static final int RSI = 6;
  public static final int RDI = 7;
  public static final int R8 = 8;
  public static final int R9 = 9;
  public static final int R10 = 10;
  public static final int R11 = 11;
  public static final int R12 = 12;
  public static final int R13 = 13;
  public static final int R14 = 14;
  public static final int R15 = 15;

  /** The ALU operations of opcodes 00 to 3F and group 1, by their number. */
  public static final int ADD = 0;

  public static final int OR = 1;
  public static final int ADC = 2;
  public static final int SBB = 3;
  public static final int AND = 4;
  public static final int SUB = 5;
  public static final int XOR = 6;
  public static final int CMP = 7;

  /** Conditions by their encoding. */
  public static final int OVERFLOW = 0;

  public static final int BELOW = 2;
  public static final int ABOVE_EQUAL = 3;
  public static final int EQUAL = 4;
  public static final int NOT_EQUAL = 5;
  public static final int BELOW_EQUAL = 6;
  public static final int ABOVE = 7;
  public static final int SIGN = 8;
  public static final int LESS = 12;
  public static final int GREATER_EQUAL = 13;

  private byte[] code = new byte[4096];
  private int position;
  private long origin;

  /** Makes an assembler; {@link #start} comes first. */
  public Assembler() {}

  /** Begins a new piece of code that will run at {@code address}. */
  public void start(long address) {
    origin = address;
    position = 0;
  }

  /** Bytes emitted since {@link #start}. */
  public int position() {
    return position;
  }

  /** The address of the next byte. */
  public long address() {
    return origin + position;
  }

  /** The buffer; valid up to {@link #position}. */
  public byte[] buffer() {
    return code;
  }

  /** A copy of what was emitted. */
  public byte[] toByteArray() {
    return Arrays.copyOf(code, position);
  }

  /** Emits one byte. */
  public void byte1(int value) {
    if (position == code.length) {
      code = Arrays.copyOf(code, code.length * 2);
    }
    code[position++] = (byte) value;
  }

  /** Emits two bytes, little-endian. */
  public void byte2(int value) {
    byte1(value);
    byte1(value >> 8);
  }

  /** Emits four bytes, little-endian. */
  public void byte4(int value) {
    if (position + 4 > code.length) {
      code = Arrays.copyOf(code, code.length * 2);
    }
    byte[] c = code;
    int p = position;
    c[p] = (byte) value;
    c[p + 1] = (byte) (value >> 8);
    c[p + 2] = (byte) (value >> 16);
    c[p + 3] = (byte) (value >> 24);
    position = p + 4;
  }

  /** Emits eight bytes, little-endian. */
  public void byte8(long value) {
    byte4((int) value);
    byte4((int) (value >> 32));
  }

  /** Emits bytes as they are. */
  public void bytes(byte[] source) {
    for (byte b : source) {
      byte1(b);
    }
  }

  /** Overwrites the four bytes at {@code at}. */
  public void patch4(int at, int value) {
    code[at] = (byte) value;
    code[at + 1] = (byte) (value >> 8);
    code[at + 2] = (byte) (value >> 16);
    code[at + 3] = (byte) (value >> 24);
  }

  /** Makes the rel8 whose byte is at {@code at} point here. */
  public void bindRel8(int at) {
    int distance = position - (at + 1);
    if (distance > 127) {
      throw new IllegalStateException("short branch over " + distance + " bytes");
    }
    code[at] = (byte) distance;
  }

  /** Makes the rel32 whose bytes are at {@code at} point here. */
  public void bindRel32(int at) {
    patch4(at, position - (at + 4));
  }

  /** Whether {@code value} survives sign extension from 32 bits. */
  public static boolean fitsInt(long value) {
    return value == (int) value;
  }

  // ---- ModRM and SIB

  /** Emits ModRM, SIB and displacement for a memory operand; REX must have been emitted. */
  public void memory(int reg, int base, int index, int scale, int displacement) {
    int r = (reg & 7) << 3;
    if (base == NONE) {
      byte1(r | 4);
      byte1(scaleBits(scale) << 6 | (index == NONE ? 4 : index & 7) << 3 | 5);
      byte4(displacement);
      return;
    }
    boolean sib = index != NONE || (base & 7) == 4;
    int mod =
        displacement == 0 && (base & 7) != 5
            ? 0
            : displacement == (byte) displacement ? 0x40 : 0x80;
    byte1(mod | r | (sib ? 4 : base & 7));
    if (sib) {
      byte1(scaleBits(scale) << 6 | (index == NONE ? 4 : index & 7) << 3 | base & 7);
    }
    if (mod == 0x40) {
      byte1(displacement);
    } else if (mod == 0x80) {
      byte4(displacement);
    }
  }

  private static int scaleBits(int scale) {
    return switch (scale) {
      case 2 -> 1;
      case 4 -> 2;
      case 8 -> 3;
      default -> 0;
    };
  }

  private void rexMemory(boolean wide, int reg, int base, int index, boolean force) {
    int rex =
        (wide ? 8 : 0)
            | (reg & 8) >> 1
            | (index == NONE ? 0 : (index & 8) >> 2)
            | (base == NONE ? 0 : (base & 8) >> 3);
    if (rex != 0 || force) {
      byte1(0x40 | rex);
    }
  }

  private void rexRegister(boolean wide, int reg, int rm, boolean force) {
    int rex = (wide ? 8 : 0) | (reg & 8) >> 1 | (rm & 8) >> 3;
    if (rex != 0 || force) {
      byte1(0x40 | rex);
    }
  }

  /** One-byte opcode with a register and a memory operand. */
  public void opMemory(
      boolean wide, int opcode, int reg, int base, int index, int scale, int displacement) {
    rexMemory(wide, reg, base, index, false);
    byte1(opcode);
    memory(reg, base, index, scale, displacement);
  }

  /** One-byte opcode with two registers. */
  public void opRegister(boolean wide, int opcode, int reg, int rm) {
    rexRegister(wide, reg, rm, false);
    byte1(opcode);
    byte1(0xc0 | (reg & 7) << 3 | rm & 7);
  }

  /** Two-byte opcode (0F) with a register and a memory operand. */
  public void op0fMemory(
      boolean wide, int opcode, int reg, int base, int index, int scale, int displacement) {
    rexMemory(wide, reg, base, index, false);
    byte1(0x0f);
    byte1(opcode);
    memory(reg, base, index, scale, displacement);
  }

  /** Two-byte opcode (0F) with two registers. */
  public void op0fRegister(boolean wide, int opcode, int reg, int rm) {
    rexRegister(wide, reg, rm, false);
    byte1(0x0f);
    byte1(opcode);
    byte1(0xc0 | (reg & 7) << 3 | rm & 7);
  }

  // ---- Moves

  /** MOV r64, r64. */
  public void mov(int to, int from) {
    opRegister(true, 0x89, from, to);
  }

  /** MOV r32, r32: clears the upper half. */
  public void mov32(int to, int from) {
    opRegister(false, 0x89, from, to);
  }

  /** Loads a constant by the shortest encoding that leaves the flags alone. */
  public void movImmediate(int to, long value) {
    if ((value >>> 32) == 0) {
      rexRegister(false, 0, to, false);
      byte1(0xb8 | to & 7);
      byte4((int) value);
    } else if (fitsInt(value)) {
      rexRegister(true, 0, to, false);
      byte1(0xc7);
      byte1(0xc0 | to & 7);
      byte4((int) value);
    } else {
      rexRegister(true, 0, to, false);
      byte1(0xb8 | to & 7);
      byte8(value);
    }
  }

  /** MOV r64, [base + displacement]. */
  public void load(int to, int base, int displacement) {
    opMemory(true, 0x8b, to, base, NONE, 1, displacement);
  }

  /** MOV r64, [base + index * scale + displacement]. */
  public void load(int to, int base, int index, int scale, int displacement) {
    opMemory(true, 0x8b, to, base, index, scale, displacement);
  }

  /** MOV r32, [base + displacement]. */
  public void load32(int to, int base, int displacement) {
    opMemory(false, 0x8b, to, base, NONE, 1, displacement);
  }

  /** MOVZX r32, word [base + displacement]. */
  public void load16(int to, int base, int displacement) {
    op0fMemory(false, 0xb7, to, base, NONE, 1, displacement);
  }

  /** MOV [base + displacement], r64. */
  public void store(int base, int displacement, int from) {
    opMemory(true, 0x89, from, base, NONE, 1, displacement);
  }

  /** MOV [base + index], r64. */
  public void storeIndexed(int base, int index, int from) {
    opMemory(true, 0x89, from, base, index, 1, 0);
  }

  /** MOV [base + displacement], r32. */
  public void store32(int base, int displacement, int from) {
    opMemory(false, 0x89, from, base, NONE, 1, displacement);
  }

  /** MOV qword [base + displacement], sign-extended imm32. */
  public void storeImmediate(int base, int displacement, int value) {
    opMemory(true, 0xc7, 0, base, NONE, 1, displacement);
    byte4(value);
  }

  /** MOV dword [base + displacement], imm32. */
  public void storeImmediate32(int base, int displacement, int value) {
    opMemory(false, 0xc7, 0, base, NONE, 1, displacement);
    byte4(value);
  }

  /** LEA r64, [base + index * scale + displacement]. */
  public void lea(int to, int base, int index, int scale, int displacement) {
    opMemory(true, 0x8d, to, base, index, scale, displacement);
  }

  /** LEA r64, [base + displacement]. */
  public void lea(int to, int base, int displacement) {
    opMemory(true, 0x8d, to, base, NONE, 1, displacement);
  }

  /** LEA r32, [base + index * scale + displacement]: the result is zero-extended from 32 bits. */
  public void lea32(int to, int base, int index, int scale, int displacement) {
    opMemory(false, 0x8d, to, base, index, scale, displacement);
  }

  // ---- Arithmetic

  /** 64-bit {@code operation} to, from. */
  public void alu(int operation, int to, int from) {
    opRegister(true, operation << 3 | 1, from, to);
  }

  /** 32-bit {@code operation} to, from. */
  public void alu32(int operation, int to, int from) {
    opRegister(false, operation << 3 | 1, from, to);
  }

  /** 64-bit {@code operation} to, [base + index * scale + displacement]. */
  public void aluLoad(int operation, int to, int base, int index, int scale, int displacement) {
    opMemory(true, operation << 3 | 3, to, base, index, scale, displacement);
  }

  /** 64-bit {@code operation} register, sign-extended immediate. */
  public void aluImmediate(int operation, int register, int value) {
    boolean small = value == (byte) value;
    opRegister(true, small ? 0x83 : 0x81, operation, register);
    immediate(value, small);
  }

  /** 32-bit {@code operation} register, immediate. */
  public void aluImmediate32(int operation, int register, int value) {
    boolean small = value == (byte) value;
    opRegister(false, small ? 0x83 : 0x81, operation, register);
    immediate(value, small);
  }

  /** 32-bit {@code operation} [base + displacement], immediate. */
  public void aluMemoryImmediate32(int operation, int base, int displacement, int value) {
    boolean small = value == (byte) value;
    opMemory(false, small ? 0x83 : 0x81, operation, base, NONE, 1, displacement);
    immediate(value, small);
  }

  /** 64-bit {@code operation} [base + displacement], sign-extended immediate. */
  public void aluMemoryImmediate(int operation, int base, int displacement, int value) {
    boolean small = value == (byte) value;
    opMemory(true, small ? 0x83 : 0x81, operation, base, NONE, 1, displacement);
    immediate(value, small);
  }

  private void immediate(int value, boolean small) {
    if (small) {
      byte1(value);
    } else {
      byte4(value);
    }
  }

  /** TEST r32, imm32. */
  public void testImmediate32(int register, int value) {
    opRegister(false, 0xf7, 0, register);
    byte4(value);
  }

  /** TEST dword [base + displacement], imm32. */
  public void testMemoryImmediate32(int base, int displacement, int value) {
    opMemory(false, 0xf7, 0, base, NONE, 1, displacement);
    byte4(value);
  }

  /** Shifts a 64-bit register by a constant: 4 SHL, 5 SHR, 7 SAR. */
  public void shift(int operation, int register, int count) {
    opRegister(true, 0xc1, operation, register);
    byte1(count);
  }

  /** Shifts a 32-bit register by a constant: 4 SHL, 5 SHR, 7 SAR. */
  public void shift32(int operation, int register, int count) {
    opRegister(false, 0xc1, operation, register);
    byte1(count);
  }

  // ---- BMI2, which leaves the flags alone

  private void vexMemory(int pp, int map, boolean wide, int reg, int vvvv, int base) {
    byte1(0xc4);
    byte1((~reg & 8) << 4 | 0x40 | (~base & 8) << 2 | map);
    byte1((wide ? 0x80 : 0) | (~vvvv & 15) << 3 | pp);
  }

  private void vexRegister(int pp, int map, boolean wide, int reg, int vvvv, int rm, int opcode) {
    byte1(0xc4);
    byte1((~reg & 8) << 4 | 0x40 | (~rm & 8) << 2 | map);
    byte1((wide ? 0x80 : 0) | (~vvvv & 15) << 3 | pp);
    byte1(opcode);
    byte1(0xc0 | (reg & 7) << 3 | rm & 7);
  }

  /** PEXT r64, source, [base + displacement]. */
  public void pext(int to, int source, int base, int displacement) {
    vexMemory(2, 2, true, to, source, base);
    byte1(0xf5);
    memory(to, base, NONE, 1, displacement);
  }

  /** PDEP r64, source, [base + displacement]. */
  public void pdep(int to, int source, int base, int displacement) {
    vexMemory(3, 2, true, to, source, base);
    byte1(0xf5);
    memory(to, base, NONE, 1, displacement);
  }

  /** RORX r64, source, count. */
  public void rorx(int to, int source, int count) {
    vexRegister(3, 3, true, to, 0, source, 0xf0);
    byte1(count);
  }

  /** SHLX r64, source, count register. */
  public void shlx(int to, int source, int count) {
    vexRegister(1, 2, true, to, count, source, 0xf7);
  }

  /** SARX r64, source, count register. */
  public void sarx(int to, int source, int count) {
    vexRegister(2, 2, true, to, count, source, 0xf7);
  }

  /** SHRX r64, source, count register. */
  public void shrx(int to, int source, int count) {
    vexRegister(3, 2, true, to, count, source, 0xf7);
  }

  // ---- Control flow

  /** Jcc rel32 to a position still unknown: returns where the rel32 is, for {@link #bindRel32}. */
  public int jcc(int condition) {
    byte1(0x0f);
    byte1(0x80 | condition);
    byte4(0);
    return position - 4;
  }

  /** Jcc rel8 forward: returns where the rel8 is, for {@link #bindRel8}. */
  public int jccShort(int condition) {
    byte1(0x70 | condition);
    byte1(0);
    return position - 1;
  }

  /** JRCXZ rel8 forward: returns where the rel8 is, for {@link #bindRel8}. */
  public int jrcxz() {
    byte1(0xe3);
    byte1(0);
    return position - 1;
  }

  /** JMP rel8 forward: returns where the rel8 is, for {@link #bindRel8}. */
  public int jmpShort() {
    byte1(0xeb);
    byte1(0);
    return position - 1;
  }

  /** JMP rel32 to a position still unknown: returns where the rel32 is. */
  public int jmp() {
    byte1(0xe9);
    byte4(0);
    return position - 4;
  }

  /** JMP rel32 to an address. */
  public void jmpTo(long target) {
    byte1(0xe9);
    byte4(relative(target));
  }

  /** Jcc rel32 to an address. */
  public void jccTo(int condition, long target) {
    byte1(0x0f);
    byte1(0x80 | condition);
    byte4(relative(target));
  }

  /** CALL rel32 to an address. */
  public void callTo(long target) {
    byte1(0xe8);
    byte4(relative(target));
  }

  private int relative(long target) {
    long distance = target - (address() + 4);
    if (!fitsInt(distance)) {
      throw new IllegalStateException("branch target out of reach");
    }
    return (int) distance;
  }

  /** JMP qword [base + index * scale + displacement]. */
  public void jmpMemory(int base, int index, int scale, int displacement) {
    opMemory(false, 0xff, 4, base, index, scale, displacement);
  }

  /** JMP r64. */
  public void jmpRegister(int register) {
    opRegister(false, 0xff, 4, register);
  }

  /** RET. */
  public void ret() {
    byte1(0xc3);
  }

  /** PUSH r64. */
  public void push(int register) {
    rexRegister(false, 0, register, false);
    byte1(0x50 | register & 7);
  }

  /** POP r64. */
  public void pop(int register) {
    rexRegister(false, 0, register, false);
    byte1(0x58 | register & 7);
  }

  /** PUSHFQ. */
  public void pushf() {
    byte1(0x9c);
  }

  /** POPFQ. */
  public void popf() {
    byte1(0x9d);
  }

  // ---- Any instruction, again

  /**
   * Emits a legacy-encoded instruction up to its opcode byte.
   *
   * @param prefix66 an operand-size prefix
   * @param repeat F2h, F3h or 0
   * @param rex the full REX byte, or 0 for none
   * @param map 0 one-byte, 1 0F, 2 0F38, 3 0F3A
   */
  public void legacyOpcode(
      boolean lock, boolean prefix66, int repeat, int rex, int map, int opcode) {
    if (lock) {
      byte1(0xf0);
    }
    if (prefix66) {
      byte1(0x66);
    }
    if (repeat != 0) {
      byte1(repeat);
    }
    if (rex != 0) {
      byte1(rex);
    }
    if (map != 0) {
      byte1(0x0f);
      if (map == 2) {
        byte1(0x38);
      } else if (map == 3) {
        byte1(0x3a);
      }
    }
    byte1(opcode);
  }

  /**
   * Emits a VEX-encoded instruction up to its opcode byte, always with the three-byte prefix.
   *
   * @param pp 0 none, 1 66h, 2 F3h, 3 F2h
   * @param rxb REX-like bits: 4 R, 2 X, 1 B
   */
  public void vexOpcode(
      int rxb, int map, boolean wide, int vvvv, boolean l256, int pp, int opcode) {
    byte1(0xc4);
    byte1((~rxb & 7) << 5 | map);
    byte1((wide ? 0x80 : 0) | (~vvvv & 15) << 3 | (l256 ? 4 : 0) | pp);
    byte1(opcode);
  }
}
