package io.ringside.x86;

/**
 * What the opcode table says about one instruction.
 *
 * @param mnemonic in Intel's manuals' spelling, lower case
 * @param map 0 one-byte, 1 0F, 2 0F38, 3 0F3A
 * @param code the opcode byte (of the first where a register is in its low bits)
 * @param extension ModRM.reg (0 to 7) where it extends the opcode, else -1
 * @param prefix the mandatory prefix 66h, F3h or F2h, else 0
 * @param vex a VEX-encoded instruction
 * @param kind how it is translated
 * @param registerInOpcode the low three bits of the opcode name a register, which is the rm operand
 * @param reg what ModRM.reg names
 * @param regAccess what is done to it
 * @param rm what ModRM.rm names (for memory: what would be the register, or MEMORY where a register is not allowed)
 * @param rmAccess what is done to it
 * @param vvvv what VEX.vvvv names
 * @param vvvvAccess what is done to it
 * @param flagsRead status flags that the result depends on (mask in RFLAGS positions)
 * @param flagsWritten status flags that are changed or left undefined, always (not: perhaps)
 * @param flagsChanged status flags that may be changed: a superset of flagsWritten
 * @param usesFpu touches x87, MMX, SSE or AVX state
 * @param lockable LOCK is allowed with a memory destination
 * @param feature what CPUID must show, or {@link Feature#BASE}
 */
public record Opcode(
    String mnemonic,
    int map,
    int code,
    int extension,
    int prefix,
    boolean vex,
    Kind kind,
    boolean registerInOpcode,
    Operand reg,
    Access regAccess,
    Operand rm,
    Access rmAccess,
    Operand vvvv,
    Access vvvvAccess,
    int flagsRead,
    int flagsWritten,
    int flagsChanged,
    boolean usesFpu,
    boolean lockable,
    Feature feature) {

  /** What an operand field names. */
  public enum Operand {
    /** The field is unused, or extends the opcode. */
    NONE,
    /** A general register of the effective operand size (1 for byte opcodes). */
    GPR,
    /** A general register that is always accessed with 32 bits, whatever the operand size (PINSRB's source). */
    GPR32,
    /** A general register that is always accessed with 64 bits. */
    GPR64,
    /** A byte register (AH, CH, DH, BH by 4 to 7 without REX) where the other operand is not a byte: MOVZX, CRC32. */
    GPR8,
    /** A 16-bit general register where the other operand is not: MOVZX, MOVSX, MOVSXD has GPR32. */
    GPR16,
    /** An XMM or YMM register. */
    VECTOR,
    /** An MMX register. */
    MMX,
    /** Segment, control and debug registers. */
    SYSTEM,
    /** Memory only: a register form raises #UD. */
    MEMORY
  }

  /** What an instruction does to an operand. */
  public enum Access {
    NONE,
    READ,
    WRITE,
    /** Reads and writes, or writes only in part or only sometimes. */
    READ_WRITE;

    /** Whether the old value matters. */
    public boolean reads() {
      return this == READ || this == READ_WRITE;
    }

    /** Whether the value may change. */
    public boolean writes() {
      return this == WRITE || this == READ_WRITE;
    }
  }
}
