package io.ringside.oracle;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;
import io.ringside.host.HostMapping;
import io.ringside.host.LowCode;
import io.ringside.host.NativeCode;
import io.ringside.host.NativeMemory;
import io.ringside.host.SignalRedirector;

/**
 * Runs pieces of code on the host's processor with all general registers, status flags and vector state given, and
 * catches them afterwards. The code is in an arena of its own, its data and stack in another; a fault ends it.
 *
 * <p>RSP may be anything for code that does not use the stack, but it is safest near the data: that is where the
 * kernel would put a signal's frame.
 */
final class NativeProcessor implements AutoCloseable {
  /** Where in the mapping code may be put, and how much. */
  static final int CODE = 0x1_0000;

  static final int CODE_SIZE = 0xf_0000;

  /** Bytes of data, whole pages. */
  static final int DATA_SIZE = 5 * 4096;

  private static final int SIZE = 4 << 20;

  // The block of values to load and of values found, in the mapping.
  private static final int BLOCK = 0x8000;
  private static final int FLAGS = BLOCK + 128;
  private static final int TARGET = BLOCK + 136;
  private static final int HOST_RSP = BLOCK + 144;
  private static final int MXCSR = BLOCK + 152;
  private static final int GS_BASE = BLOCK + 160;
  private static final int VECTOR_IN = BLOCK + 0x400;
  private static final int VECTOR_OUT = BLOCK + 0x800;

  /** Bytes of an XSAVE area in standard format with x87, SSE and AVX. */
  static final int VECTOR_SIZE = 832;

  private final AutoCloseable mapping;
  private final NativeMemory memory;
  private final long writable;
  private final long executable;
  private final Assembler a = new Assembler();
  private final long exit;
  private final long exitWithVectors;
  private final NativeCode enter;
  private final NativeCode enterWithVectors;
  private final long faultBlock;
  private final long data;
  private final SignalRedirector.Registration registration;

  /** Makes one; {@code low}: all its addresses are below 2 GiB. */
  NativeProcessor(boolean low) {
    if (low) {
      LowCode code = new LowCode(SIZE);
      mapping = code;
      memory = code.memory();
      executable = code.executableAddress();
    } else {
      HostMapping code = HostMapping.code(SIZE);
      mapping = code;
      memory = code.memory();
      executable = code.executableAddress();
    }
    writable = memory.address();
    // The redirector finds a block by rounding RSP up to a multiple of a MiB.
    faultBlock = (writable + (1 << 20) + (1 << 20) - 1 & -(1L << 20)) - writable;
    data = faultBlock + 0x1000;
    a.start(executable);
    exit = a.address();
    emitExit(false);
    exitWithVectors = a.address();
    emitExit(true);
    enter = new NativeCode(a.address());
    emitEnter(false);
    enterWithVectors = new NativeCode(a.address());
    emitEnter(true);
    memory.write(0, a.buffer(), 0, a.position());
    memory.putInt(MXCSR, 0x1f80);
    memory.putShort(VECTOR_IN, 0x37f);
    memory.putInt(VECTOR_IN + 24, 0x1f80);
    registration =
        SignalRedirector.instance()
            .register(executable + CODE, executable + CODE + CODE_SIZE, exitWithVectors);
  }

  /** The address at which code runs that {@link #writeCode} puts at {@code offset}. */
  long codeAddress(int offset) {
    return executable + CODE + offset;
  }

  /** The address of the data. */
  long dataAddress() {
    return writable + data;
  }

  /** The mapping: its offset {@link #dataOffset} is the data. */
  NativeMemory memory() {
    return memory;
  }

  /** Where in {@link #memory} the data starts. */
  long dataOffset() {
    return data;
  }

  void gpr(int number, long value) {
    memory.putLong(BLOCK + 8L * number, value);
  }

  long gpr(int number) {
    return memory.getLong(BLOCK + 8L * number);
  }

  /** Sets the status flags and DF; all others are as a process has them. */
  void flags(long value) {
    memory.putLong(FLAGS, value & (CpuState.STATUS_MASK | 0x400) | 0x202);
  }

  /** All flags. */
  long flags() {
    return memory.getLong(FLAGS);
  }

  void gsBase(long value) {
    memory.putLong(GS_BASE, value);
  }

  /** Where in {@link #memory} the XSAVE area is that {@link #run} loads. */
  long vectorsIn() {
    return VECTOR_IN;
  }

  /** Where the area is that was found. */
  long vectorsOut() {
    return VECTOR_OUT;
  }

  /** Puts code at an offset of the arena, with a way back behind it. */
  void writeCode(int offset, byte[] code, boolean vectors) {
    memory.write(CODE + offset, code, 0, code.length);
    writeExit(offset + code.length, vectors);
  }

  /** Puts only a way back (5 bytes) at an offset of the arena. */
  void writeExit(int offset, boolean vectors) {
    long from = executable + CODE + offset;
    memory.putByte(CODE + offset, 0xe9);
    memory.putInt(CODE + offset + 1L, (int) ((vectors ? exitWithVectors : exit) - (from + 5)));
  }

  /** Runs the code at an offset of the arena; the trap number of the fault that ended it, or -1. */
  int run(int offset, boolean vectors) {
    long trap = faultBlock + SignalRedirector.FaultLayout.PC + 8;
    memory.putLong(trap, -1);
    memory.putLong(TARGET, executable + CODE + offset);
    (vectors ? enterWithVectors : enter).call(0, 0);
    return (int) memory.getLong(trap);
  }

  /** The address of the instruction at which the last run faulted. */
  long faultRip() {
    return memory.getLong(faultBlock + SignalRedirector.FaultLayout.PC);
  }

  private void emitEnter(boolean vectors) {
    for (int r :
        new int[] {
          Assembler.RBX, Assembler.RBP, Assembler.R12, Assembler.R13, Assembler.R14, Assembler.R15
        }) {
      a.push(r);
    }
    move(true, Assembler.RSP, HOST_RSP);
    move(false, Assembler.RAX, GS_BASE);
    a.bytes(new byte[] {(byte) 0xf3, 0x48, 0x0f, (byte) 0xae, (byte) 0xd8}); // WRGSBASE RAX
    if (vectors) {
      a.movImmediate(Assembler.RAX, 7);
      a.movImmediate(Assembler.RDX, 0);
      a.byte1(0x48);
      a.byte1(0x0f);
      ripOperand(0xae, 5, VECTOR_IN); // XRSTOR64
    }
    ripOperand(0xff, 6, FLAGS); // PUSH
    a.popf();
    for (int r = 0; r < 16; r++) {
      if (r != Assembler.RSP) {
        move(false, r, BLOCK + 8 * r);
      }
    }
    move(false, Assembler.RSP, BLOCK + 8 * Assembler.RSP);
    ripOperand(0xff, 4, TARGET); // JMP
  }

  private void emitExit(boolean vectors) {
    move(true, Assembler.RSP, BLOCK + 8 * Assembler.RSP);
    move(false, Assembler.RSP, HOST_RSP);
    for (int r = 0; r < 16; r++) {
      if (r != Assembler.RSP) {
        move(true, r, BLOCK + 8 * r);
      }
    }
    a.pushf();
    ripOperand(0x8f, 0, FLAGS); // POP
    a.byte1(0xfc); // CLD
    if (vectors) {
      a.movImmediate(Assembler.RAX, 7);
      a.movImmediate(Assembler.RDX, 0);
      a.byte1(0x48);
      a.byte1(0x0f);
      ripOperand(0xae, 4, VECTOR_OUT); // XSAVE64
      a.bytes(
          new byte[] {
            (byte) 0xdb, (byte) 0xe3, (byte) 0xc5, (byte) 0xf8, 0x77
          }); // FNINIT, VZEROUPPER
      a.byte1(0x0f);
      ripOperand(0xae, 2, MXCSR); // LDMXCSR
    }
    for (int r :
        new int[] {
          Assembler.R15, Assembler.R14, Assembler.R13, Assembler.R12, Assembler.RBP, Assembler.RBX
        }) {
      a.pop(r);
    }
    a.ret();
  }

  private void move(boolean store, int register, int offset) {
    a.byte1(0x48 | (register & 8) >> 1);
    ripOperand(store ? 0x89 : 0x8b, register & 7, offset);
  }

  /** Opcode, ModRM and displacement of an operand at {@code offset} in the mapping's writable view. */
  private void ripOperand(int opcode, int reg, int offset) {
    a.byte1(opcode);
    a.byte1(reg << 3 | 5);
    a.byte4((int) (writable + offset - (a.address() + 4)));
  }

  @Override
  public void close() {
    registration.close();
    try {
      mapping.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
