package io.ringside.bench;

import static io.ringside.asm.Assembler.ADD;
import static io.ringside.asm.Assembler.BELOW;
import static io.ringside.asm.Assembler.CMP;
import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.NOT_EQUAL;
import static io.ringside.asm.Assembler.R8;
import static io.ringside.asm.Assembler.R9;
import static io.ringside.asm.Assembler.RAX;
import static io.ringside.asm.Assembler.RBX;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.asm.Assembler.RDI;
import static io.ringside.asm.Assembler.RDX;
import static io.ringside.asm.Assembler.RSI;
import static io.ringside.asm.Assembler.SUB;

import io.ringside.asm.Assembler;
import io.ringside.bench.Load.Unit;
import io.ringside.bench.UserProgram.Label;
import java.util.List;
import java.util.Optional;

/** SSE2: a matrix product, scalar double arithmetic, and integer vectors. */
final class FloatLoads {
  /** Rows and columns of the matrices. */
  static final int ORDER = 96;

  /** Iterations of the loops of scalar doubles and of integer vectors, per batch. */
  static final int LOOPS = 20_000;

  /** Of the logistic maps. */
  private static final double[] START = {0.1, 0.2, 0.3, 0.4, 0.6, 0.7};

  private static final double FACTOR = 3.9;
  private static final int VECTOR_INSTRUCTIONS = 16;

  // SSE2 opcodes of map 0F (Intel SDM vol. 2).
  private static final int MOVUPD = 0x10;
  private static final int MOVUPD_STORE = 0x11;
  private static final int UNPCKLPD = 0x14;
  private static final int MOVAPD = 0x28;
  private static final int CVTSI2SD = 0x2a;
  private static final int XORPD = 0x57;
  private static final int ADD_PD = 0x58;
  private static final int MUL_PD = 0x59;
  private static final int SUB_PD = 0x5c;
  private static final int MOVD = 0x6e;
  private static final int MOVD_STORE = 0x7e;
  private static final int PSHUFD = 0x70;

  private final UserProgram p;
  private final Assembler a;
  private final Support support;

  FloatLoads(UserProgram program, Support support) {
    p = program;
    a = program.code();
    this.support = support;
  }

  List<Load> loads() {
    return List.of(matrix(), scalar(), vector());
  }

  /** The element {@code index} of the first ({@code which} 0) or second (1) matrix: what the program computes. */
  static double element(int which, int index) {
    return ((index * 7 + which * 3) % 31 - 11) * 0.1;
  }

  private Load matrix() {
    int bytes = ORDER * ORDER * 8;
    Label left = p.zeroes(bytes);
    Label right = p.zeroes(bytes);
    Label product = p.zeroes(bytes);
    Label tenth =
        p.words((int) Double.doubleToLongBits(0.1), (int) (Double.doubleToLongBits(0.1) >>> 32));

    Label setup = p.here();
    p.sseMemory(UserProgram.PF2, MOVUPD, 7, tenth);
    fillMatrix(left, 0);
    fillMatrix(right, 1);
    a.ret();

    // Each element is summed over k in order, so that rounding is the same everywhere.
    Label batch = p.here();
    p.address(RSI, left);
    p.address(RDI, product);
    a.movImmediate(R8, ORDER);
    Label row = p.here();
    p.address(RBX, right);
    a.movImmediate(R9, ORDER / 8);
    Label column = p.here();
    for (int x = 0; x < 4; x++) {
      p.sse(UserProgram.P66, XORPD, x, x);
    }
    a.mov(RDX, RBX);
    a.movImmediate(RCX, 0);
    Label k = p.here();
    p.sseMemory(UserProgram.PF2, MOVUPD, 4, RSI, RCX, 8, 0); // MOVSD
    p.sse(UserProgram.P66, UNPCKLPD, 4, 4);
    for (int x = 0; x < 4; x++) {
      p.sseMemory(UserProgram.P66, MOVAPD, 5, RDX, NONE, 1, x * 16);
      p.sse(UserProgram.P66, MUL_PD, 5, 4);
      p.sse(UserProgram.P66, ADD_PD, x, 5);
    }
    a.aluImmediate(ADD, RDX, ORDER * 8);
    p.increment(RCX);
    a.aluImmediate(CMP, RCX, ORDER);
    p.jcc(BELOW, k);
    for (int x = 0; x < 4; x++) {
      p.sseMemory(UserProgram.P66, MOVUPD_STORE, x, RDI, NONE, 1, x * 16);
    }
    a.aluImmediate(ADD, RDI, 64);
    a.aluImmediate(ADD, RBX, 64);
    p.decrement(R9);
    p.jcc(NOT_EQUAL, column);
    a.aluImmediate(ADD, RSI, ORDER * 8);
    p.decrement(R8);
    p.jcc(NOT_EQUAL, row);
    a.load(RAX, RDI, -8);
    a.ret();

    Label finish = p.here();
    p.address(RDI, product);
    a.movImmediate(RSI, ORDER * ORDER);
    p.jmp(support.hash());
    return new Load(
        "matmul",
        "SSE2 double matrix multiply",
        Unit.MEGAFLOPS,
        2L * ORDER * ORDER * ORDER,
        Optional.of(setup),
        batch,
        Optional.of(finish));
  }

  /** Fills a matrix as {@link #element} says; XMM7 holds 0.1. */
  private void fillMatrix(Label matrix, int which) {
    p.address(RDI, matrix);
    a.movImmediate(RBX, 0);
    a.movImmediate(R8, 31);
    Label next = p.here();
    p.multiply(RAX, RBX, 7);
    a.aluImmediate(ADD, RAX, which * 3);
    a.movImmediate(RDX, 0);
    a.opRegister(true, 0xf7, 6, R8); // DIV
    a.aluImmediate(SUB, RDX, 11);
    p.sse(UserProgram.PF2, CVTSI2SD, 0, RDX);
    p.sse(UserProgram.PF2, MUL_PD, 0, 7);
    p.sseMemory(UserProgram.PF2, MOVUPD_STORE, 0, RDI, RBX, 8, 0);
    p.increment(RBX);
    a.aluImmediate(CMP, RBX, ORDER * ORDER);
    p.jcc(BELOW, next);
  }

  /** Six logistic maps x = r * x * (1 - x), which are chaotic, so that any wrong bit grows; and the sums of x. */
  private Load scalar() {
    int one = 14;
    int factor = 15;
    Label constants = p.words(doubles(START));
    Label parameters = p.words(doubles(1, FACTOR));
    Label batch = p.here();
    p.address(RDI, constants);
    for (int i = 0; i < START.length; i++) {
      p.sseMemory(UserProgram.PF2, MOVUPD, i, RDI, NONE, 1, i * 8); // MOVSD
      p.sse(UserProgram.P66, XORPD, 8 + i, 8 + i);
    }
    p.address(RDI, parameters);
    p.sseMemory(UserProgram.PF2, MOVUPD, one, RDI, NONE, 1, 0);
    p.sseMemory(UserProgram.PF2, MOVUPD, factor, RDI, NONE, 1, 8);
    a.movImmediate(RCX, LOOPS);
    Label next = p.here();
    for (int i = 0; i < START.length; i++) {
      p.sse(UserProgram.P66, MOVAPD, 6, one);
      p.sse(UserProgram.PF2, SUB_PD, 6, i);
      p.sse(UserProgram.PF2, MUL_PD, i, 6);
      p.sse(UserProgram.PF2, MUL_PD, i, factor);
      p.sse(UserProgram.PF2, ADD_PD, 8 + i, i);
    }
    p.decrement(RCX);
    p.jcc(NOT_EQUAL, next);
    a.movImmediate(RAX, 0);
    for (int i = 0; i < START.length; i++) {
      hashLowHalf(i);
      hashLowHalf(8 + i);
    }
    a.ret();
    return Load.simple(
        "sse-scalar",
        "SSE2 scalar double",
        Unit.MILLIONS,
        (long) LOOPS * (START.length * 5 + 2),
        batch);
  }

  /** What {@link #scalar} computes. */
  static long scalarChecksum() {
    long hash = 0;
    for (double start : START) {
      double x = start;
      double sum = 0;
      for (int n = 0; n < LOOPS; n++) {
        x = x * (1 - x) * FACTOR;
        sum += x;
      }
      hash = hash * Support.HASH_FACTOR + Double.doubleToRawLongBits(x);
      hash = hash * Support.HASH_FACTOR + Double.doubleToRawLongBits(sum);
    }
    return hash;
  }

  private Load vector() {
    Label batch = p.here();
    a.movImmediate(RAX, 0x9e37_79b9L);
    p.sse(UserProgram.P66, MOVD, 0, RAX);
    p.sse(UserProgram.P66, PSHUFD, 0, 0);
    a.byte1(0);
    for (int i = 1; i < 4; i++) {
      p.sse(UserProgram.P66, 0x6f, i, i - 1); // MOVDQA
      shiftVector(6, i, 3 * i); // PSLLD
      p.sse(UserProgram.P66, 0xd4, i, 0); // PADDQ
    }
    a.movImmediate(RCX, LOOPS);
    Label next = p.here();
    for (int half = 0; half < 2; half++) {
      p.sse(UserProgram.P66, 0xfe, 0, 1); // PADDD
      p.sse(UserProgram.P66, 0xef, 1, 2); // PXOR
      p.sse(UserProgram.P66, PSHUFD, 4, 0);
      a.byte1(0x39);
      p.sse(UserProgram.P66, 0xfb, 2, 4); // PSUBQ
      shiftVector(6, 3, 5); // PSLLD
      p.sse(UserProgram.P66, 0xef, 3, 0); // PXOR
      p.sse(UserProgram.P66, 0xfd, 1, 3); // PADDW
      p.sse(UserProgram.P66, 0xf4, 4, 3); // PMULUDQ
    }
    p.sse(UserProgram.P66, 0xd4, 2, 4); // PADDQ
    p.decrement(RCX);
    p.jcc(NOT_EQUAL, next);
    a.movImmediate(RAX, 0);
    for (int i = 0; i < 5; i++) {
      for (int half = 0; half < 2; half++) {
        hashLowHalf(i);
        p.sse(UserProgram.P66, PSHUFD, i, i);
        a.byte1(0x4e);
      }
    }
    a.ret();
    return Load.simple(
        "sse-integer",
        "SSE2 integer",
        Unit.MILLIONS,
        (long) LOOPS * (VECTOR_INSTRUCTIONS + 3),
        batch);
  }

  /** What {@link #vector} computes. */
  static long vectorChecksum() {
    // Two 64-bit halves per register.
    long[][] x = new long[5][2];
    long start = 0x9e37_79b9_9e37_79b9L;
    x[0] = new long[] {start, start};
    for (int i = 1; i < 4; i++) {
      for (int half = 0; half < 2; half++) {
        x[i][half] = shiftDwords(x[i - 1][half], 3 * i) + x[0][half];
      }
    }
    for (int n = 0; n < 2 * LOOPS; n++) {
      for (int half = 0; half < 2; half++) {
        x[0][half] = addLanes(x[0][half], x[1][half], 32);
        x[1][half] ^= x[2][half];
      }
      x[4][0] = x[0][0] >>> 32 | x[0][1] << 32;
      x[4][1] = x[0][1] >>> 32 | x[0][0] << 32;
      for (int half = 0; half < 2; half++) {
        x[2][half] -= x[4][half];
        x[3][half] = shiftDwords(x[3][half], 5) ^ x[0][half];
        x[1][half] = addLanes(x[1][half], x[3][half], 16);
        x[4][half] = (x[4][half] & 0xffff_ffffL) * (x[3][half] & 0xffff_ffffL);
        if ((n & 1) == 1) {
          x[2][half] += x[4][half];
        }
      }
    }
    long hash = 0;
    for (int i = 0; i < 5; i++) {
      for (int half = 0; half < 2; half++) {
        hash = hash * Support.HASH_FACTOR + x[i][half];
      }
    }
    return hash;
  }

  private static long shiftDwords(long value, int count) {
    return (value & 0xffff_ffffL) << count & 0xffff_ffffL | value >>> 32 << 32 + count;
  }

  private static long addLanes(long x, long y, int bits) {
    long mask = (1L << bits) - 1;
    long sum = 0;
    for (int at = 0; at < 64; at += bits) {
      sum |= ((x >>> at) + (y >>> at) & mask) << at;
    }
    return sum;
  }

  /** Group 12 to 14 shift of doublewords by a constant: 6 PSLLD, 2 PSRLD. */
  private void shiftVector(int operation, int register, int count) {
    p.sse(UserProgram.P66, 0x72, operation, register);
    a.byte1(count);
  }

  /** RAX = RAX * 31 + the low half of a vector register. */
  private void hashLowHalf(int xmm) {
    a.byte1(UserProgram.P66);
    a.op0fRegister(true, MOVD_STORE, xmm, RDX);
    p.multiply(RAX, RAX, Support.HASH_FACTOR);
    a.alu(ADD, RAX, RDX);
  }

  private static int[] doubles(double... values) {
    int[] words = new int[values.length * 2];
    for (int i = 0; i < values.length; i++) {
      long bits = Double.doubleToRawLongBits(values[i]);
      words[2 * i] = (int) bits;
      words[2 * i + 1] = (int) (bits >>> 32);
    }
    return words;
  }
}
