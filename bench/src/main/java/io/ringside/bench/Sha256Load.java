package io.ringside.bench;

import static io.ringside.asm.Assembler.ADD;
import static io.ringside.asm.Assembler.AND;
import static io.ringside.asm.Assembler.BELOW;
import static io.ringside.asm.Assembler.CMP;
import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.OR;
import static io.ringside.asm.Assembler.R10;
import static io.ringside.asm.Assembler.R11;
import static io.ringside.asm.Assembler.R12;
import static io.ringside.asm.Assembler.R13;
import static io.ringside.asm.Assembler.R14;
import static io.ringside.asm.Assembler.R8;
import static io.ringside.asm.Assembler.R9;
import static io.ringside.asm.Assembler.RAX;
import static io.ringside.asm.Assembler.RBP;
import static io.ringside.asm.Assembler.RBX;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.asm.Assembler.RDI;
import static io.ringside.asm.Assembler.RDX;
import static io.ringside.asm.Assembler.RSI;
import static io.ringside.asm.Assembler.XOR;

import io.ringside.asm.Assembler;
import io.ringside.bench.Load.Unit;
import io.ringside.bench.UserProgram.Label;
import java.util.Optional;

/** SHA-256 (FIPS 180-4) with the base instruction set only, as a C compiler would do it: eight rounds per loop. */
final class Sha256Load {
  /** Length of the message. */
  static final int MESSAGE_BYTES = 1 << 16;

  static final long SEED = 0x5ca1_ab1e_0ddb_a115L;

  private static final int ROR = 1;
  private static final int SHR = 5;

  /** The fractional parts of the square roots of the first eight primes (FIPS 180-4, 5.3.3). */
  private static final int[] INITIAL = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
  };

  private final UserProgram p;
  private final Assembler a;
  private final Support support;
  private final Label message;
  private final Label state;
  private final Label schedule;
  private final Label constants;

  Sha256Load(UserProgram program, Support support) {
    p = program;
    a = program.code();
    this.support = support;
    message = p.zeroes(MESSAGE_BYTES + 64);
    state = p.zeroes(32);
    schedule = p.zeroes(256);
    constants = p.words(constants());
  }

  Load load() {
    Label block = block();
    Label initial = p.words(INITIAL);
    Label setup = p.here();
    p.address(RDI, message);
    a.movImmediate(RSI, MESSAGE_BYTES / 8);
    a.movImmediate(RDX, SEED);
    p.call(support.fill());
    // The padding: a one bit, zeroes, and the length in bits, big-endian.
    p.address(RDI, message);
    a.opMemory(false, 0xc6, 0, RDI, NONE, 1, MESSAGE_BYTES);
    a.byte1(0x80);
    a.storeImmediate32(RDI, MESSAGE_BYTES + 60, Integer.reverseBytes(MESSAGE_BYTES * 8));
    a.ret();

    Label batch = p.here();
    for (int i = 0; i < 32; i += 8) {
      p.op(true, 0x8b, RAX, initial, NONE, 1, i);
      p.op(true, 0x89, RAX, state, NONE, 1, i);
    }
    p.address(RBP, message);
    Label next = p.here();
    p.call(block);
    a.aluImmediate(ADD, RBP, 64);
    p.address(RAX, message);
    a.lea(RAX, RAX, MESSAGE_BYTES + 64);
    a.alu(CMP, RBP, RAX);
    p.jcc(BELOW, next);
    // The checksum: the digest's four big-endian words of 64 bits, by exclusive or.
    a.movImmediate(RAX, 0);
    for (int i = 0; i < 32; i += 8) {
      p.op(true, 0x8b, RCX, state, NONE, 1, i);
      a.shift(ROR, RCX, 32);
      a.alu(XOR, RAX, RCX);
    }
    a.ret();
    return new Load(
        "sha256",
        "SHA-256",
        Unit.MEGABYTES,
        MESSAGE_BYTES,
        Optional.of(setup),
        batch,
        Optional.empty());
  }

  /** Takes the block at RBP into the state; keeps RBP. */
  private Label block() {
    Label start = p.here();
    a.movImmediate(RDI, 0);
    Label copy = p.here();
    a.opMemory(false, 0x8b, RAX, RBP, RDI, 4, 0);
    a.byte2(0xc80f); // BSWAP EAX
    p.op(false, 0x89, RAX, schedule, RDI, 4);
    p.increment(RDI);
    a.aluImmediate(CMP, RDI, 16);
    p.jcc(BELOW, copy);
    Label extend = p.here();
    sigma(R12, -15, 7, 18, 3);
    sigma(R14, -2, 17, 19, 10);
    a.alu32(ADD, R12, R14);
    p.op(false, 0x03, R12, schedule, RDI, 4, -16 * 4);
    p.op(false, 0x03, R12, schedule, RDI, 4, -7 * 4);
    p.op(false, 0x89, R12, schedule, RDI, 4);
    p.increment(RDI);
    a.aluImmediate(CMP, RDI, 64);
    p.jcc(BELOW, extend);

    int[] registers = {RAX, RCX, RDX, RBX, R8, R9, R10, R11};
    for (int i = 0; i < 8; i++) {
      p.op(false, 0x8b, registers[i], state, NONE, 1, i * 4);
    }
    a.movImmediate(RDI, 0);
    Label rounds = p.here();
    for (int i = 0; i < 8; i++) {
      round(registers, i);
    }
    a.aluImmediate(ADD, RDI, 8);
    a.aluImmediate(CMP, RDI, 64);
    p.jcc(BELOW, rounds);
    for (int i = 0; i < 8; i++) {
      p.op(false, 0x01, registers[i], state, NONE, 1, i * 4);
    }
    a.ret();
    return start;
  }

  /** The function sigma of the message schedule, on the word at RDI + index; changes the next register too. */
  private void sigma(int to, int index, int first, int second, int shift) {
    int other = to + 1;
    p.op(false, 0x8b, to, schedule, RDI, 4, index * 4);
    a.mov32(other, to);
    a.mov32(RSI, to);
    a.shift32(ROR, to, first);
    a.shift32(ROR, other, second);
    a.shift32(SHR, RSI, shift);
    a.alu32(XOR, to, other);
    a.alu32(XOR, to, RSI);
  }

  private void round(int[] registers, int i) {
    int x = registers[8 - i & 7];
    int y = registers[9 - i & 7];
    int z = registers[10 - i & 7];
    int d = registers[11 - i & 7];
    int e = registers[12 - i & 7];
    int f = registers[13 - i & 7];
    int g = registers[14 - i & 7];
    int h = registers[15 - i & 7];
    bigSigma(e, 6, 11, 25);
    a.alu32(ADD, h, R12);
    a.mov32(R13, f);
    a.alu32(XOR, R13, g);
    a.alu32(AND, R13, e);
    a.alu32(XOR, R13, g);
    a.alu32(ADD, h, R13);
    p.op(false, 0x03, h, constants, RDI, 4, i * 4);
    p.op(false, 0x03, h, schedule, RDI, 4, i * 4);
    a.alu32(ADD, d, h);
    bigSigma(x, 2, 13, 22);
    a.alu32(ADD, h, R12);
    a.mov32(R13, x);
    a.alu32(OR, R13, y);
    a.alu32(AND, R13, z);
    a.mov32(R14, x);
    a.alu32(AND, R14, y);
    a.alu32(OR, R13, R14);
    a.alu32(ADD, h, R13);
  }

  /** R12 = source rotated by each of three counts, by exclusive or. */
  private void bigSigma(int source, int first, int second, int third) {
    a.mov32(R12, source);
    a.shift32(ROR, R12, first);
    a.mov32(R13, source);
    a.shift32(ROR, R13, second);
    a.alu32(XOR, R12, R13);
    a.shift32(ROR, R13, third - second);
    a.alu32(XOR, R12, R13);
  }

  /** The fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2), computed. */
  private static int[] constants() {
    int[] result = new int[64];
    int count = 0;
    for (int candidate = 2; count < 64; candidate++) {
      if (isPrime(candidate)) {
        double root = Math.cbrt(candidate);
        result[count++] = (int) (long) ((root - Math.floor(root)) * 0x1p32);
      }
    }
    return result;
  }

  private static boolean isPrime(int n) {
    for (int i = 2; i * i <= n; i++) {
      if (n % i == 0) {
        return false;
      }
    }
    return true;
  }
}
