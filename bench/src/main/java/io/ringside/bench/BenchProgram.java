package io.ringside.bench;

import static io.ringside.asm.Assembler.ABOVE;
import static io.ringside.asm.Assembler.ABOVE_EQUAL;
import static io.ringside.asm.Assembler.ADD;
import static io.ringside.asm.Assembler.AND;
import static io.ringside.asm.Assembler.BELOW;
import static io.ringside.asm.Assembler.CMP;
import static io.ringside.asm.Assembler.EQUAL;
import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.NOT_EQUAL;
import static io.ringside.asm.Assembler.R14;
import static io.ringside.asm.Assembler.R8;
import static io.ringside.asm.Assembler.RAX;
import static io.ringside.asm.Assembler.RBP;
import static io.ringside.asm.Assembler.RBX;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.asm.Assembler.RDI;
import static io.ringside.asm.Assembler.RDX;
import static io.ringside.asm.Assembler.RSI;
import static io.ringside.asm.Assembler.RSP;
import static io.ringside.asm.Assembler.SUB;

import io.ringside.asm.Assembler;
import io.ringside.bench.UserProgram.Label;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The benchmark program itself, a static executable for Linux on x86-64 that needs nothing else.
 *
 * <pre>ringbench [-t MILLISECONDS] [-b BUSYBOX] [LOAD...]</pre>
 *
 * <p>Each load runs in a process of its own, in batches of fixed work until the time is up (300 ms by default), and
 * prints one line: {@code ringbench: NAME FIGURE UNIT CHECKSUM BATCHES NANOSECONDS}. Every batch must return the same
 * value. The figure is that of the fastest window of 2 ms or more, because what else the host does can only make a
 * window slower; the last two numbers are of all windows. {@code ringbench exit} ends at once: it is what the load exec starts.
 */
final class BenchProgram {
  /** What each line of the program begins with. */
  static final String PREFIX = "ringbench: ";

  private static final int DEFAULT_MILLISECONDS = 300;

  /** Shorter than the time for which a host's scheduler lets a process run, so that some windows are undisturbed. */
  private static final int WINDOW_NANOSECONDS = 2_000_000;

  // Offsets in a load's descriptor.
  private static final int NAME = 0;
  private static final int UNIT = 8;
  private static final int NUMERATOR = 16;
  private static final int DENOMINATOR = 24; // 0: a rate
  private static final int WORK = 32;
  private static final int SETUP = 40;
  private static final int BATCH = 48;
  private static final int FINISH = 56;
  private static final int DESCRIPTOR = 64;

  private final UserProgram p = new UserProgram();
  private final Assembler a = p.code();
  private final Support support = new Support(p);
  private final List<Load> loads = new ArrayList<>();

  private final Label self = p.zeroes(8);
  private final Label environment = p.zeroes(8);
  private final Label busybox = p.zeroes(8);
  private final Label target = p.zeroes(8);
  private final Label began = p.zeroes(8);
  private final Label started = p.zeroes(8);
  private final Label elapsed = p.zeroes(8);
  private final Label windowStarted = p.zeroes(8);
  private final Label windowBatches = p.zeroes(8);
  private final Label bestTime = p.zeroes(8);
  private final Label bestBatches = p.zeroes(8);
  private final Label batches = p.zeroes(8);
  private final Label reference = p.zeroes(8);
  private final Label current = p.zeroes(8);
  private final Label line = p.zeroes(256);
  private final Label lineEnd = p.zeroes(8);

  private final Label startLine;
  private final Label text;
  private final Label decimal;
  private final Label hexadecimal;
  private final Label endLine;
  private final byte[] file;

  /** Assembles the program. */
  BenchProgram() {
    loads.addAll(new IntegerLoads(p, support).loads());
    loads.addAll(new FloatLoads(p, support).loads());
    loads.add(new Sha256Load(p, support).load());
    loads.addAll(new MemoryLoads(p, support).loads());
    loads.addAll(new KernelLoads(p, support, self, environment, busybox).loads());
    loads.addAll(new ControlLoads(p).loads());
    startLine = emitStartLine();
    text = emitText();
    decimal = emitDecimal();
    hexadecimal = emitHexadecimal();
    endLine = emitEndLine();
    Label table = table();
    Label run = emitRun();
    Label start = emitStart(table, run);
    file = p.toElf(start);
  }

  /** What it can measure, in the order in which it does. */
  List<Load> loads() {
    return List.copyOf(loads);
  }

  /** The executable's contents. */
  byte[] file() {
    return file.clone();
  }

  private Label table() {
    Label table = p.data(new byte[loads.size() * DESCRIPTOR]);
    for (int i = 0; i < loads.size(); i++) {
      Load load = loads.get(i);
      int at = i * DESCRIPTOR;
      p.point(table, at + NAME, p.string(load.name()));
      p.point(table, at + UNIT, p.string(load.unit().text()));
      p.number(table, at + NUMERATOR, load.unit().numerator());
      p.number(table, at + DENOMINATOR, load.unit().rate() ? 0 : load.unit().denominator());
      p.number(table, at + WORK, load.work());
      point(table, at + SETUP, load.setup());
      p.point(table, at + BATCH, load.batch());
      point(table, at + FINISH, load.finish());
    }
    return table;
  }

  private void point(Label table, int at, Optional<Label> code) {
    if (code.isPresent()) {
      p.point(table, at, code.get());
    }
  }

  // ---- Output
  // -------------------------------------------------------------------------------------------------

  private Label emitStartLine() {
    Label prefix = p.string(PREFIX);
    Label start = p.here();
    p.address(RDI, line);
    p.store(lineEnd, RDI);
    p.address(RSI, prefix);
    // Goes on into emitText, whose code follows.
    return start;
  }

  /** Appends the string at RSI. */
  private Label emitText() {
    Label start = p.here();
    p.load(RDI, lineEnd);
    Label next = p.here();
    a.op0fMemory(false, 0xb6, RAX, RSI, NONE, 1, 0); // MOVZX
    a.opMemory(false, 0x88, RAX, RDI, NONE, 1, 0);
    p.increment(RSI);
    p.increment(RDI);
    a.opRegister(false, 0x85, RAX, RAX);
    p.jcc(NOT_EQUAL, next);
    p.decrement(RDI);
    p.store(lineEnd, RDI);
    a.ret();
    return start;
  }

  /** Appends RAX as a decimal number of at least RBX digits, and a blank. */
  private Label emitDecimal() {
    Label start = p.here();
    a.movImmediate(RCX, 0);
    a.movImmediate(RSI, 10);
    Label divide = p.here();
    a.movImmediate(RDX, 0);
    a.opRegister(true, 0xf7, 6, RSI); // DIV
    a.push(RDX);
    p.increment(RCX);
    a.alu(CMP, RCX, RBX);
    p.jcc(BELOW, divide);
    a.opRegister(true, 0x85, RAX, RAX);
    p.jcc(NOT_EQUAL, divide);
    p.load(RDI, lineEnd);
    Label digit = p.here();
    a.pop(RDX);
    a.aluImmediate(ADD, RDX, '0');
    a.opMemory(false, 0x88, RDX, RDI, NONE, 1, 0);
    p.increment(RDI);
    p.decrement(RCX);
    p.jcc(NOT_EQUAL, digit);
    appendBlank();
    return start;
  }

  /** Stores a blank at RDI and returns. */
  private void appendBlank() {
    a.opMemory(false, 0xc6, 0, RDI, NONE, 1, 0);
    a.byte1(' ');
    p.increment(RDI);
    p.store(lineEnd, RDI);
    a.ret();
  }

  /** Appends RAX as 16 hexadecimal digits, and a blank. */
  private Label emitHexadecimal() {
    Label digits = p.string("0123456789abcdef");
    Label start = p.here();
    p.load(RDI, lineEnd);
    a.movImmediate(RCX, 16);
    Label next = p.here();
    a.shift(0, RAX, 4); // ROL
    a.mov(RDX, RAX);
    a.aluImmediate(AND, RDX, 15);
    p.op(false, 0x8a, RDX, digits, RDX, 1);
    a.opMemory(false, 0x88, RDX, RDI, NONE, 1, 0);
    p.increment(RDI);
    p.decrement(RCX);
    p.jcc(NOT_EQUAL, next);
    appendBlank();
    return start;
  }

  /** Writes the line in one system call, so that nothing gets between its parts. */
  private Label emitEndLine() {
    Label start = p.here();
    p.load(RDI, lineEnd);
    a.storeImmediate32(RDI, 0, '\n');
    p.address(RSI, line);
    a.lea(RDX, RDI, 1);
    a.alu(SUB, RDX, RSI);
    a.movImmediate(RDI, 1);
    p.systemCall(Support.WRITE);
    a.ret();
    return start;
  }

  private void say(String message) {
    p.address(RSI, p.string(message));
    p.call(text);
  }

  // ---- One load
  // -----------------------------------------------------------------------------------------------

  /** Runs the load whose descriptor is at RAX, in a child. */
  private Label emitRun() {
    Label child = emitChild();
    Label start = p.here();
    p.store(current, RAX);
    p.systemCall(Support.FORK);
    support.check();
    p.jcc(EQUAL, child);
    p.call(support.waitForChild());
    a.opRegister(true, 0x85, RAX, RAX);
    int failed = a.jccShort(NOT_EQUAL);
    a.ret();
    a.bindRel8(failed);
    p.call(startLine);
    name();
    say(" failed");
    p.jmp(endLine);
    return start;
  }

  private void name() {
    p.load(RAX, current);
    a.load(RSI, RAX, NAME);
    p.call(text);
  }

  private Label emitChild() {
    Label unstable = p.here();
    p.call(startLine);
    name();
    say(" unstable");
    p.call(endLine);
    exit(0);

    Label start = p.here();
    callIfThere(SETUP);
    callIfThere(BATCH);
    p.store(reference, RAX);
    p.call(support.now());
    p.store(started, RAX);
    p.store(windowStarted, RAX);
    Label next = p.here();
    callIfThere(BATCH);
    p.op(true, 0x3b, RAX, reference, NONE, 1); // CMP
    p.jcc(NOT_EQUAL, unstable);
    p.op(true, 0xff, 0, batches, NONE, 1); // INC
    p.op(true, 0xff, 0, windowBatches, NONE, 1);
    p.call(support.now());
    endWindow();
    p.op(true, 0x2b, RAX, started, NONE, 1); // SUB
    p.store(elapsed, RAX);
    p.op(true, 0x3b, RAX, target, NONE, 1);
    p.jcc(BELOW, next);
    p.op(true, 0x83, CMP, bestBatches, NONE, 1);
    a.byte1(0);
    p.jcc(EQUAL, next);
    p.load(RAX, reference);
    callIfThere(FINISH);
    p.store(reference, RAX);
    emitResult();
    exit(0);
    return start;
  }

  /** With the time in RAX, which stays: where a window is long enough, keeps it if it was the fastest one. */
  private void endWindow() {
    Label end = p.label();
    Label best = p.label();
    Label again = p.label();
    a.mov(RBX, RAX);
    p.op(true, 0x2b, RBX, windowStarted, NONE, 1); // SUB
    a.aluImmediate(CMP, RBX, WINDOW_NANOSECONDS);
    p.jcc(BELOW, end);
    p.load(RCX, windowBatches);
    // Faster if nanoseconds / batches is less; by products, since both are small.
    p.load(RSI, bestBatches);
    a.opRegister(true, 0x85, RSI, RSI);
    p.jcc(EQUAL, best);
    p.multiply(RSI, RBX);
    p.load(RDI, bestTime);
    p.multiply(RDI, RCX);
    a.alu(CMP, RSI, RDI);
    p.jcc(ABOVE_EQUAL, again);
    p.bind(best);
    p.store(bestTime, RBX);
    p.store(bestBatches, RCX);
    p.bind(again);
    p.store(windowStarted, RAX);
    a.movImmediate(RCX, 0);
    p.store(windowBatches, RCX);
    p.bind(end);
  }

  /** Calls what a field of the descriptor points to; if nothing, RAX stays. */
  private void callIfThere(int field) {
    p.load(RDX, current);
    a.load(RDX, RDX, field);
    a.opRegister(true, 0x85, RDX, RDX);
    int absent = a.jccShort(EQUAL);
    a.opRegister(false, 0xff, 2, RDX);
    a.bindRel8(absent);
  }

  private void emitResult() {
    p.call(startLine);
    name();
    say(" ");
    p.load(R8, current);
    p.load(RAX, bestBatches);
    a.load(RCX, R8, WORK);
    p.multiply(RAX, RCX);
    a.load(RCX, R8, DENOMINATOR);
    a.opRegister(true, 0x85, RCX, RCX);
    int rate = a.jccShort(EQUAL);
    // Time per operation, in thousandths: nanoseconds * numerator / (operations * denominator).
    p.multiply(RCX, RAX);
    p.load(RAX, bestTime);
    int divide = a.jmpShort();
    // Operations per time, in thousandths: operations * numerator / nanoseconds.
    a.bindRel8(rate);
    p.load(RCX, bestTime);
    a.bindRel8(divide);
    a.opMemory(true, 0xf7, 4, R8, NONE, 1, NUMERATOR); // MUL, to 128 bits
    a.opRegister(true, 0xf7, 6, RCX);
    a.movImmediate(RDX, 0);
    a.movImmediate(RCX, 1000);
    a.opRegister(true, 0xf7, 6, RCX);
    a.push(RDX);
    a.movImmediate(RBX, 1);
    p.call(decimal);
    // A point in place of the blank.
    p.load(RDI, lineEnd);
    a.opMemory(false, 0xc6, 0, RDI, NONE, 1, -1);
    a.byte1('.');
    a.pop(RAX);
    a.movImmediate(RBX, 3);
    p.call(decimal);
    p.load(RAX, current);
    a.load(RSI, RAX, UNIT);
    p.call(text);
    say(" ");
    p.load(RAX, reference);
    p.call(hexadecimal);
    number(batches);
    number(elapsed);
    p.call(endLine);
  }

  private void number(Label from) {
    p.load(RAX, from);
    a.movImmediate(RBX, 1);
    p.call(decimal);
  }

  private void exit(int status) {
    a.movImmediate(RDI, status);
    p.systemCall(Support.EXIT);
  }

  // ---- Arguments
  // ----------------------------------------------------------------------------------------------

  private Label emitStart(Label table, Label run) {
    Label equal = emitEqual();
    Label exitName = p.string("exit");
    Label defaultBusybox = p.string("/bin/busybox");
    Label usage = p.here();
    p.call(startLine);
    say("usage: ringbench [-t MILLISECONDS] [-b BUSYBOX] [LOAD...]");
    p.call(endLine);
    exit(2);

    Label start = p.here();
    // At the start the stack holds the count of arguments, their addresses, 0, the environment's, 0
    // (AMD64 ABI, 3.4.1).
    a.load(RAX, RSP, 0);
    a.load(RCX, RSP, 8);
    p.store(self, RCX);
    a.lea(RCX, RSP, RAX, 8, 16);
    p.store(environment, RCX);
    Label ordinary = p.label();
    a.load(RSI, RSP, 16);
    a.opRegister(true, 0x85, RSI, RSI);
    p.jcc(EQUAL, ordinary);
    p.address(RDI, exitName);
    p.call(equal);
    p.jcc(NOT_EQUAL, ordinary);
    exit(KernelLoads.EXIT_STATUS);
    p.bind(ordinary);
    p.address(RCX, defaultBusybox);
    p.store(busybox, RCX);
    a.movImmediate(RCX, DEFAULT_MILLISECONDS * 1_000_000L);
    p.store(target, RCX);
    p.call(support.now());
    p.store(began, RAX);
    p.call(startLine);
    say("at ");
    number(began);
    p.call(endLine);
    a.lea(RBP, RSP, 16);
    a.movImmediate(R14, 0); // loads run

    Label next = p.here();
    Label end = p.label();
    Label load = p.label();
    a.load(RSI, RBP, 0);
    a.opRegister(true, 0x85, RSI, RSI);
    p.jcc(EQUAL, end);
    a.opMemory(false, 0x80, CMP, RSI, NONE, 1, 0);
    a.byte1('-');
    p.jcc(NOT_EQUAL, load);
    a.op0fMemory(false, 0xb6, RAX, RSI, NONE, 1, 1);
    a.load(RSI, RBP, 8);
    a.aluImmediate(ADD, RBP, 16);
    a.opRegister(true, 0x85, RSI, RSI);
    p.jcc(EQUAL, usage);
    a.aluImmediate(CMP, RAX, 'b');
    int notBusybox = a.jccShort(NOT_EQUAL);
    p.store(busybox, RSI);
    p.jmp(next);
    a.bindRel8(notBusybox);
    a.aluImmediate(CMP, RAX, 't');
    p.jcc(NOT_EQUAL, usage);
    a.movImmediate(RAX, 0);
    Label digit = p.here();
    a.op0fMemory(false, 0xb6, RCX, RSI, NONE, 1, 0);
    a.aluImmediate(SUB, RCX, '0');
    a.aluImmediate(CMP, RCX, 9);
    int noDigit = a.jccShort(ABOVE);
    p.multiply(RAX, RAX, 10);
    a.alu(ADD, RAX, RCX);
    p.increment(RSI);
    p.jmp(digit);
    a.bindRel8(noDigit);
    p.multiply(RAX, RAX, 1_000_000);
    p.store(target, RAX);
    p.jmp(next);

    p.bind(load);
    a.aluImmediate(ADD, RBP, 8);
    p.address(RBX, table);
    Label search = p.here();
    a.load(RDI, RBX, NAME);
    p.call(equal);
    Label found = p.label();
    p.jcc(EQUAL, found);
    a.aluImmediate(ADD, RBX, DESCRIPTOR);
    p.address(RAX, table);
    a.lea(RAX, RAX, loads.size() * DESCRIPTOR);
    a.alu(CMP, RBX, RAX);
    p.jcc(BELOW, search);
    p.jmp(usage);
    p.bind(found);
    a.mov(RAX, RBX);
    p.increment(R14);
    p.call(run);
    p.jmp(next);

    p.bind(end);
    Label done = p.label();
    a.opRegister(true, 0x85, R14, R14);
    p.jcc(NOT_EQUAL, done);
    p.address(RBX, table);
    Label all = p.here();
    a.mov(RAX, RBX);
    p.call(run);
    a.aluImmediate(ADD, RBX, DESCRIPTOR);
    p.address(RAX, table);
    a.lea(RAX, RAX, loads.size() * DESCRIPTOR);
    a.alu(CMP, RBX, RAX);
    p.jcc(BELOW, all);
    p.bind(done);
    p.call(startLine);
    say("end ");
    p.call(support.now());
    p.op(true, 0x2b, RAX, began, NONE, 1);
    p.store(elapsed, RAX);
    number(elapsed);
    p.call(endLine);
    exit(0);
    return start;
  }

  /** Compares the strings at RSI and RDI; the condition EQUAL tells. Keeps both. */
  private Label emitEqual() {
    Label start = p.here();
    a.movImmediate(RCX, 0);
    Label next = p.here();
    a.opMemory(false, 0x8a, RAX, RSI, RCX, 1, 0);
    a.opMemory(false, 0x3a, RAX, RDI, RCX, 1, 0);
    int differ = a.jccShort(NOT_EQUAL);
    p.increment(RCX);
    a.opRegister(false, 0x84, RAX, RAX); // TEST AL, AL
    p.jcc(NOT_EQUAL, next);
    a.bindRel8(differ);
    a.ret();
    return start;
  }
}
