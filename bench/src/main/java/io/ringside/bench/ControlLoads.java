package io.ringside.bench;

import static io.ringside.asm.Assembler.ADD;
import static io.ringside.asm.Assembler.AND;
import static io.ringside.asm.Assembler.NOT_EQUAL;
import static io.ringside.asm.Assembler.OR;
import static io.ringside.asm.Assembler.R8;
import static io.ringside.asm.Assembler.R9;
import static io.ringside.asm.Assembler.RAX;
import static io.ringside.asm.Assembler.RBX;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.asm.Assembler.RDI;
import static io.ringside.asm.Assembler.RDX;
import static io.ringside.asm.Assembler.RSI;
import static io.ringside.asm.Assembler.SUB;
import static io.ringside.asm.Assembler.XOR;

import io.ringside.asm.Assembler;
import io.ringside.bench.Load.Unit;
import io.ringside.bench.UserProgram.Label;
import java.util.ArrayList;
import java.util.List;

/** Instructions that only use registers, calls with returns, and indirect calls. */
final class ControlLoads {
  /** Iterations per batch. */
  static final int LOOPS = 20_000;

  /** Instructions in the loop over registers, and calls in the loops of calls. */
  private static final int REGISTER_INSTRUCTIONS = 18;

  private static final int CALLS = 8;

  private final UserProgram p;
  private final Assembler a;

  ControlLoads(UserProgram program) {
    p = program;
    a = program.code();
  }

  List<Load> loads() {
    return List.of(
        Load.simple(
            "register",
            "register-only loop",
            Unit.MILLIONS,
            (long) LOOPS * REGISTER_INSTRUCTIONS,
            register()),
        Load.simple("call", "call and return", Unit.MILLIONS, 2L * LOOPS * CALLS, call()),
        Load.simple(
            "indirect-call", "indirect call", Unit.MILLIONS, (long) LOOPS * CALLS, indirect()));
  }

  private Label register() {
    Label start = p.here();
    a.movImmediate(RAX, 0x0123_4567_89ab_cdefL);
    a.movImmediate(RBX, 3);
    a.movImmediate(RDX, 5);
    a.movImmediate(RSI, 7);
    a.movImmediate(RDI, 11);
    a.movImmediate(RCX, LOOPS);
    Label next = p.here();
    a.alu(ADD, RAX, RBX);
    a.alu(XOR, RBX, RAX);
    a.shift(0, RDX, 7); // ROL
    a.alu(ADD, RDX, RAX);
    a.lea(RSI, RSI, RDX, 4, 1);
    a.alu(SUB, RDI, RSI);
    a.mov(R8, RDI);
    a.shift(5, R8, 9); // SHR
    a.alu(XOR, RDI, R8);
    a.alu(AND, R8, RDX);
    a.alu(OR, R8, RBX);
    a.alu(ADD, RAX, R8);
    p.multiply(RBX, RBX, 0x1_0001);
    a.aluImmediate(ADD, RSI, 0x55);
    a.mov(R9, RAX);
    a.alu(XOR, RDX, R9);
    p.decrement(RCX);
    p.jcc(NOT_EQUAL, next);
    a.alu(ADD, RAX, RBX);
    a.alu(ADD, RAX, RDX);
    a.alu(ADD, RAX, RSI);
    a.alu(ADD, RAX, RDI);
    a.ret();
    return start;
  }

  /** What {@link #register} computes. */
  static long registerChecksum() {
    long ax = 0x0123_4567_89ab_cdefL;
    long bx = 3;
    long dx = 5;
    long si = 7;
    long di = 11;
    for (int i = 0; i < LOOPS; i++) {
      ax += bx;
      bx ^= ax;
      dx = Long.rotateLeft(dx, 7) + ax;
      si += dx * 4 + 1;
      di -= si;
      long r8 = di >>> 9;
      di ^= r8;
      ax += r8 & dx | bx;
      bx *= 0x1_0001;
      si += 0x55;
      dx ^= ax;
    }
    return ax + bx + dx + si + di;
  }

  /** Eight calls in a loop, of a function that calls another one. */
  private Label call() {
    Label inner = p.here();
    a.lea(RAX, RAX, RCX, 1, 1);
    a.ret();
    Label outer = p.here();
    p.call(inner);
    a.lea(RAX, RAX, RAX, 2, 0);
    a.ret();
    Label start = p.here();
    a.movImmediate(RAX, 0);
    a.movImmediate(RCX, LOOPS);
    Label next = p.here();
    for (int i = 0; i < CALLS; i++) {
      p.call(outer);
    }
    p.decrement(RCX);
    p.jcc(NOT_EQUAL, next);
    a.ret();
    return start;
  }

  /** What {@link #call} computes. */
  static long callChecksum() {
    long sum = 0;
    for (long i = LOOPS; i > 0; i--) {
      for (int j = 0; j < CALLS; j++) {
        sum = (sum + i + 1) * 3;
      }
    }
    return sum;
  }

  /** Eight calls in a loop, each through a table, with another target every time. */
  private Label indirect() {
    List<Label> targets = new ArrayList<>();
    for (int i = 0; i < CALLS; i++) {
      targets.add(p.here());
      a.lea(RAX, RAX, RAX, 2, i);
      a.ret();
    }
    Label table = p.addresses(targets);
    Label start = p.here();
    a.movImmediate(RAX, 1);
    a.movImmediate(RDX, 0);
    a.movImmediate(RCX, LOOPS);
    Label next = p.here();
    for (int i = 0; i < CALLS; i++) {
      p.op(false, 0xff, 2, table, RDX, 8); // CALL [table + RDX * 8]
      a.aluImmediate(ADD, RDX, 3);
      a.aluImmediate(AND, RDX, CALLS - 1);
    }
    p.decrement(RCX);
    p.jcc(NOT_EQUAL, next);
    a.ret();
    return start;
  }

  /** What {@link #indirect} computes. */
  static long indirectChecksum() {
    long sum = 1;
    int target = 0;
    for (int i = 0; i < LOOPS * CALLS; i++) {
      sum = sum * 3 + target;
      target = target + 3 & CALLS - 1;
    }
    return sum;
  }
}
