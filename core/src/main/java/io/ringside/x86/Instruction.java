package io.ringside.x86;

/**
 * One decoded instruction of 64-bit mode. The decoder fills the same object again and again, so that translating
 * allocates nothing; the fields are therefore open and mean something only until the next decode.
 */
public final class Instruction {
  /** {@link #base} of a RIP-relative operand. {@link #displacement} then already is the absolute address. */
  public static final int BASE_RIP = 16;

  /** No base or no index. */
  public static final int NONE = -1;

  /** Makes an instruction for the decoder to fill. */
  public Instruction() {}

  /** Guest-virtual address of the first byte. */
  public long rip;

  /** Length in bytes, 1 to 15. */
  public int length;

  /** What the table says about it; never null after a successful decode. */
  public Opcode opcode;

  /** The row of the decoder's table that matched. */
  OpcodeForm form;

  /** The opcode byte itself, with a register in its low three bits where {@link Opcode#registerInOpcode}. */
  public int code;

  public boolean lock;

  /** The last F2 or F3 prefix (mandatory or not), else 0. */
  public int rep;

  /** A 66 prefix is there. */
  public boolean operandSizePrefix;

  /** A 67 prefix is there: the effective address is truncated to 32 bits. */
  public boolean addressSizePrefix;

  /** 4 for FS, 5 for GS, else {@link #NONE}: the other overrides mean nothing in 64-bit mode. */
  public int segment;

  /** The REX prefix byte (40h to 4Fh), 0 where there is none. */
  public int rex;

  /** REX.W or VEX.W. */
  public boolean w;

  /** Encoded with a VEX prefix. */
  public boolean vex;

  /** VEX.vvvv as a register number, 0 to 15. */
  public int vvvv;

  /** VEX.L: false is 128 bits, true 256. */
  public boolean vex256;

  /** The ModRM byte, or {@link #NONE}. */
  public int modrm;

  /** ModRM.reg with REX.R (without it where the field extends the opcode). */
  public int reg;

  /** ModRM.rm with REX.B where it is a register; or the register in the opcode's low three bits with REX.B. */
  public int rm;

  /** ModRM says memory (also for LEA and other instructions that only compute the address), or it is a moffs. */
  public boolean memory;

  /** Base register of the memory operand, {@link #BASE_RIP} or {@link #NONE}. */
  public int base;

  /** Index register or {@link #NONE}. */
  public int index;

  /** 1, 2, 4 or 8. */
  public int scale;

  /** Sign-extended; absolute where {@link #base} is {@link #BASE_RIP} (next RIP included) or a moffs. */
  public long displacement;

  /** The immediate, sign-extended from its size; for relative branches the absolute target. */
  public long immediate;

  /** Bytes of the immediate as encoded, 0 where there is none. */
  public int immediateSize;

  /** ENTER's second immediate. */
  public int immediate2;

  /** Effective operand size in bytes: 1, 2, 4 or 8 (defaults of 64 bits for stack and branches applied). */
  public int operandSize;

  /** Bytes of memory that the ModRM operand accesses, 0 where none is accessed. Size for one element of a string. */
  public int memorySize;

  /** Whether register operand {@code number} of byte size means AH, CH, DH, BH (for 4 to 7 without REX). */
  public boolean isHighByte(int number) {
    return rex == 0 && !vex && number >= 4 && number < 8;
  }

  /** Address of the next instruction. */
  public long nextRip() {
    return rip + length;
  }
}
