package io.ringside.bench;

import static io.ringside.asm.Assembler.ABOVE;
import static io.ringside.asm.Assembler.ABOVE_EQUAL;
import static io.ringside.asm.Assembler.ADD;
import static io.ringside.asm.Assembler.BELOW;
import static io.ringside.asm.Assembler.CMP;
import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.NOT_EQUAL;
import static io.ringside.asm.Assembler.R10;
import static io.ringside.asm.Assembler.R8;
import static io.ringside.asm.Assembler.R9;
import static io.ringside.asm.Assembler.RAX;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.asm.Assembler.RDI;
import static io.ringside.asm.Assembler.RDX;
import static io.ringside.asm.Assembler.RSI;
import static io.ringside.asm.Assembler.SUB;
import static io.ringside.asm.Assembler.XOR;

import io.ringside.asm.Assembler;
import io.ringside.bench.Load.Unit;
import io.ringside.bench.UserProgram.Label;
import java.util.List;
import java.util.Optional;

/** Sorting, CRC-32 and a sieve, and the three in turn: ordinary integer code with memory accesses and branches. */
final class IntegerLoads {
  /** 32-bit values to sort. */
  static final int SORT_COUNT = 16384;

  static final long SORT_SEED = 0x1234_5678_9abc_def1L;

  /** Bytes to take the CRC of. */
  static final int CRC_BYTES = 1 << 18;

  static final long CRC_SEED = 0x0fed_cba9_8765_4321L;

  /** Numbers below this one are sieved. */
  static final int SIEVE_LIMIT = 1 << 18;

  private static final int CRC_POLYNOMIAL = 0xedb8_8320;

  private final UserProgram p;
  private final Assembler a;
  private final Support support;

  IntegerLoads(UserProgram program, Support support) {
    p = program;
    a = program.code();
    this.support = support;
  }

  List<Load> loads() {
    Label sort = sort();
    Label crcBuffer = p.zeroes(CRC_BYTES);
    Label crcSetup = p.here();
    p.address(RDI, crcBuffer);
    a.movImmediate(RSI, CRC_BYTES / 8);
    a.movImmediate(RDX, CRC_SEED);
    p.jmp(support.fill());
    Label crc = crc(crcBuffer);
    Label sieve = sieve();
    Label all = p.here();
    p.call(sort);
    a.push(RAX);
    p.call(crc);
    a.pop(RDX);
    combine();
    p.call(sieve);
    a.pop(RDX);
    combine();
    a.pop(RAX);
    a.ret();
    return List.of(
        new Load(
            "integer",
            "integer (sort, CRC-32, sieve)",
            Unit.MILLISECONDS,
            1,
            Optional.of(crcSetup),
            all,
            Optional.empty()),
        Load.simple("sort", "sort of 16,384 numbers", Unit.MILLISECONDS, 1, sort),
        new Load(
            "crc32",
            "CRC-32, a byte at a time",
            Unit.MEGABYTES,
            CRC_BYTES,
            Optional.of(crcSetup),
            crc,
            Optional.empty()),
        Load.simple("sieve", "sieve up to 262,144", Unit.MILLISECONDS, 1, sieve));
  }

  /** Pushes RDX * 31 + RAX. */
  private void combine() {
    p.multiply(RDX, RDX, Support.HASH_FACTOR);
    a.alu(ADD, RDX, RAX);
    a.push(RDX);
  }

  /** Fills an array, sorts it by Hoare's quicksort, and hashes it. */
  private Label sort() {
    Label array = p.zeroes(SORT_COUNT * 4);
    Label quick = quicksort();
    Label start = p.here();
    p.address(RDI, array);
    a.movImmediate(RSI, SORT_COUNT / 2);
    a.movImmediate(RDX, SORT_SEED);
    p.call(support.fill());
    p.address(RDI, array);
    a.lea(RSI, RDI, SORT_COUNT * 4 - 4);
    p.call(quick);
    p.address(RDI, array);
    a.movImmediate(RSI, SORT_COUNT / 2);
    p.jmp(support.hash());
    return start;
  }

  /** Sorts the unsigned 32-bit values from RDI to RSI, both included. */
  private Label quicksort() {
    Label start = p.here();
    a.alu(CMP, RDI, RSI);
    int more = a.jccShort(BELOW);
    a.ret();
    a.bindRel8(more);
    a.mov(RAX, RSI);
    a.alu(SUB, RAX, RDI);
    a.shift(5, RAX, 3);
    a.opMemory(false, 0x8b, R8, RDI, RAX, 4, 0); // the pivot: the middle one
    a.lea(R9, RDI, -4);
    a.lea(R10, RSI, 4);
    Label next = p.here();
    Label up = p.here();
    a.aluImmediate(ADD, R9, 4);
    a.opMemory(false, 0x39, R8, R9, NONE, 1, 0);
    p.jcc(BELOW, up);
    Label down = p.here();
    a.aluImmediate(SUB, R10, 4);
    a.opMemory(false, 0x39, R8, R10, NONE, 1, 0);
    p.jcc(ABOVE, down);
    a.alu(CMP, R9, R10);
    int split = a.jccShort(ABOVE_EQUAL);
    a.load32(RAX, R9, 0);
    a.load32(RCX, R10, 0);
    a.store32(R9, 0, RCX);
    a.store32(R10, 0, RAX);
    p.jmp(next);
    a.bindRel8(split);
    a.push(R10);
    a.push(RSI);
    a.mov(RSI, R10);
    p.call(start);
    a.pop(RSI);
    a.pop(RDI);
    a.aluImmediate(ADD, RDI, 4);
    p.jmp(start);
    return start;
  }

  private Label crc(Label buffer) {
    int[] table = new int[256];
    for (int i = 0; i < 256; i++) {
      int value = i;
      for (int bit = 0; bit < 8; bit++) {
        value = value >>> 1 ^ ((value & 1) != 0 ? CRC_POLYNOMIAL : 0);
      }
      table[i] = value;
    }
    Label entries = p.words(table);
    Label start = p.here();
    p.address(RSI, buffer);
    a.lea(RDI, RSI, CRC_BYTES);
    a.movImmediate(RAX, 0xffff_ffffL);
    Label next = p.here();
    a.op0fMemory(false, 0xb6, RCX, RSI, NONE, 1, 0); // MOVZX
    a.alu32(XOR, RCX, RAX);
    a.op0fRegister(false, 0xb6, RCX, RCX); // MOVZX ECX, CL
    a.shift32(5, RAX, 8);
    p.op(false, 0x33, RAX, entries, RCX, 4);
    p.increment(RSI);
    a.alu(CMP, RSI, RDI);
    p.jcc(BELOW, next);
    a.opRegister(false, 0xf7, 2, RAX); // NOT
    a.ret();
    return start;
  }

  /** Eratosthenes on bytes: returns how many primes there are. */
  private Label sieve() {
    Label flags = p.zeroes(SIEVE_LIMIT);
    Label start = p.here();
    p.address(RDI, flags);
    a.movImmediate(RAX, 0);
    a.movImmediate(RCX, 0);
    Label clear = p.here();
    a.opMemory(true, 0x89, RAX, RDI, RCX, 1, 0);
    a.aluImmediate(ADD, RCX, 8);
    a.aluImmediate(CMP, RCX, SIEVE_LIMIT);
    p.jcc(BELOW, clear);
    a.movImmediate(RSI, 2);
    Label outer = p.here();
    Label composite = p.label();
    a.opMemory(false, 0x80, CMP, RDI, RSI, 1, 0);
    a.byte1(0);
    p.jcc(NOT_EQUAL, composite);
    p.increment(RAX);
    a.lea(RCX, RSI, RSI, 1, 0);
    Label inner = p.here();
    a.aluImmediate(CMP, RCX, SIEVE_LIMIT);
    p.jcc(ABOVE_EQUAL, composite);
    a.opMemory(false, 0xc6, 0, RDI, RCX, 1, 0);
    a.byte1(1);
    a.alu(ADD, RCX, RSI);
    p.jmp(inner);
    p.bind(composite);
    p.increment(RSI);
    a.aluImmediate(CMP, RSI, SIEVE_LIMIT);
    p.jcc(BELOW, outer);
    a.ret();
    return start;
  }
}
