package io.ringside.bench;

import static io.ringside.asm.Assembler.ADD;
import static io.ringside.asm.Assembler.AND;
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

import io.ringside.asm.Assembler;
import io.ringside.bench.Load.Unit;
import io.ringside.bench.UserProgram.Label;
import java.util.List;
import java.util.Optional;

/** Copies of 64 MB, a chase of pointers over as much, and loads and stores that the first-level cache holds. */
final class MemoryLoads {
  /** Bytes that are copied, and over which pointers are chased. */
  static final int BIG = 64 << 20;

  static final long COPY_SEED = 0x00c0_ffee_00c0_ffeeL;

  /** Bytes of the small buffer. */
  static final int SMALL = 16 << 10;

  static final long SMALL_SEED = 0x0bad_cafe_0bad_cafeL;

  /** Nodes of the chase, one in each cache line. */
  static final int NODES = BIG / 64;

  /** x * factor + increment modulo the nodes has the full period (Hull and Dobell). */
  private static final int CHASE_FACTOR = 0xa_4b35;

  private static final int CHASE_INCREMENT = 0x7_5bcd;

  /** How often the small buffer is rotated. */
  static final int SMALL_ROUNDS = 512;

  private final UserProgram p;
  private final Assembler a;
  private final Support support;
  private final Label from;
  private final Label to;

  MemoryLoads(UserProgram program, Support support) {
    p = program;
    a = program.code();
    this.support = support;
    from = p.zeroes(8);
    to = p.zeroes(8);
  }

  List<Load> loads() {
    Label setup = p.here();
    a.movImmediate(RSI, BIG);
    p.call(support.allocate());
    p.store(from, RAX);
    a.movImmediate(RSI, BIG);
    p.call(support.allocate());
    p.store(to, RAX);
    p.load(RDI, from);
    a.movImmediate(RSI, BIG / 8);
    a.movImmediate(RDX, COPY_SEED);
    p.jmp(support.fill());

    Label finish = p.here();
    p.load(RDI, to);
    a.movImmediate(RSI, BIG / 8);
    p.jmp(support.hash());
    return List.of(
        copy("memcpy", "memcpy of 64 MB, REP MOVSB", setup, copyByString(), finish),
        copy("memcpy-sse", "memcpy of 64 MB, SSE2", setup, copyByVector(), finish),
        chase(),
        small());
  }

  private Load copy(String name, String title, Label setup, Label batch, Label finish) {
    return new Load(
        name, title, Unit.MEGABYTES, BIG, Optional.of(setup), batch, Optional.of(finish));
  }

  private Label copyByString() {
    Label start = p.here();
    p.load(RSI, from);
    p.load(RDI, to);
    a.movImmediate(RCX, BIG);
    a.byte2(0xa4f3); // REP MOVSB
    a.load(RAX, RDI, -8);
    a.ret();
    return start;
  }

  private Label copyByVector() {
    Label start = p.here();
    p.load(RSI, from);
    p.load(RDI, to);
    a.movImmediate(RCX, BIG / 64);
    Label next = p.here();
    for (int i = 0; i < 4; i++) {
      p.sseMemory(UserProgram.PF3, 0x6f, i, RSI, NONE, 1, i * 16); // MOVDQU
    }
    for (int i = 0; i < 4; i++) {
      p.sseMemory(UserProgram.PF3, 0x7f, i, RDI, NONE, 1, i * 16);
    }
    a.aluImmediate(ADD, RSI, 64);
    a.aluImmediate(ADD, RDI, 64);
    p.decrement(RCX);
    p.jcc(NOT_EQUAL, next);
    a.load(RAX, RDI, -8);
    a.ret();
    return start;
  }

  /** Follows pointers through all nodes in an order that no prefetcher guesses, back to the first. */
  private Load chase() {
    Label setup = p.here();
    a.movImmediate(RSI, BIG);
    p.call(support.allocate());
    p.store(from, RAX);
    a.mov(RDI, RAX);
    a.movImmediate(RAX, 0);
    Label link = p.here();
    a.mov(RCX, RAX);
    p.multiply(RAX, RAX, CHASE_FACTOR);
    a.aluImmediate(ADD, RAX, CHASE_INCREMENT);
    a.aluImmediate(AND, RAX, NODES - 1);
    a.shift(4, RCX, 6);
    a.mov(RDX, RAX);
    a.shift(4, RDX, 6);
    a.alu(ADD, RDX, RDI);
    a.opMemory(true, 0x89, RDX, RDI, RCX, 1, 0);
    a.opMemory(true, 0x89, RAX, RDI, RCX, 1, 8); // the node's number, for the checksum
    a.opRegister(true, 0x85, RAX, RAX); // TEST: the cycle ends where it began
    p.jcc(NOT_EQUAL, link);
    a.ret();

    Label batch = p.here();
    p.load(RSI, from);
    a.mov(RDI, RSI);
    a.movImmediate(RAX, 0);
    Label next = p.here();
    p.multiply(RAX, RAX, Support.HASH_FACTOR);
    a.aluLoad(ADD, RAX, RSI, NONE, 1, 8);
    a.load(RSI, RSI, 0);
    a.alu(CMP, RSI, RDI);
    p.jcc(NOT_EQUAL, next);
    a.ret();
    return new Load(
        "chase",
        "pointer chase over 64 MB",
        Unit.NANOSECONDS,
        NODES,
        Optional.of(setup),
        batch,
        Optional.empty());
  }

  /** What the chase computes. */
  static long chaseChecksum() {
    long hash = 0;
    int node = 0;
    do {
      node = (int) ((long) node * CHASE_FACTOR + CHASE_INCREMENT & NODES - 1);
      hash = hash * Support.HASH_FACTOR + node;
    } while (node != 0);
    return hash;
  }

  /** Rotates the words of a small buffer by one place, again and again: loads and stores of 8 bytes, half of each. */
  private Load small() {
    Label buffer = p.zeroes(SMALL);
    Label batch = p.here();
    p.address(RDI, buffer);
    a.movImmediate(RSI, SMALL / 8);
    a.movImmediate(RDX, SMALL_SEED);
    p.call(support.fill());
    a.movImmediate(R8, SMALL_ROUNDS);
    Label round = p.here();
    p.address(RSI, buffer);
    a.lea(RDI, RSI, SMALL);
    a.load(RAX, RDI, -8);
    Label next = p.here();
    int[] registers = {RCX, RDX, RBX, RAX};
    int previous = RAX;
    for (int i = 0; i < 4; i++) {
      // Distinct registers, so that the processor runs ahead as it likes.
      a.load(registers[i] == RAX ? R9 : registers[i], RSI, i * 8);
      a.store(RSI, i * 8, previous);
      previous = registers[i];
    }
    a.mov(RAX, R9);
    a.aluImmediate(ADD, RSI, 32);
    a.alu(CMP, RSI, RDI);
    p.jcc(BELOW, next);
    p.decrement(R8);
    p.jcc(NOT_EQUAL, round);
    p.address(RDI, buffer);
    a.movImmediate(RSI, SMALL / 8);
    p.jmp(support.hash());
    return Load.simple(
        "load-store", "loads and stores", Unit.MILLIONS, 2L * SMALL_ROUNDS * (SMALL / 8), batch);
  }
}
