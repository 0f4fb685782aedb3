package io.ringside.bench;

import static io.ringside.asm.Assembler.ADD;
import static io.ringside.asm.Assembler.AND;
import static io.ringside.asm.Assembler.BELOW;
import static io.ringside.asm.Assembler.CMP;
import static io.ringside.asm.Assembler.EQUAL;
import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.OR;
import static io.ringside.asm.Assembler.R10;
import static io.ringside.asm.Assembler.R8;
import static io.ringside.asm.Assembler.R9;
import static io.ringside.asm.Assembler.RAX;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.asm.Assembler.RDI;
import static io.ringside.asm.Assembler.RDX;
import static io.ringside.asm.Assembler.RSI;
import static io.ringside.asm.Assembler.SIGN;
import static io.ringside.asm.Assembler.XOR;

import io.ringside.asm.Assembler;
import io.ringside.bench.UserProgram.Label;

/** Functions that several loads of the benchmark program call. Each may change all registers but RSP. */
final class Support {
  /** System call numbers: Linux, arch/x86/entry/syscalls/syscall_64.tbl. */
  static final int READ = 0;

  static final int WRITE = 1;
  static final int OPEN = 2;
  static final int CLOSE = 3;
  static final int MMAP = 9;
  static final int MPROTECT = 10;
  static final int MUNMAP = 11;
  static final int PIPE = 22;
  static final int MADVISE = 28;
  static final int DUP2 = 33;
  static final int GETPID = 39;
  static final int FORK = 57;
  static final int EXECVE = 59;
  static final int EXIT = 60;
  static final int WAIT4 = 61;
  static final int UNLINK = 87;
  static final int GETPPID = 110;
  static final int SCHED_SETAFFINITY = 203;
  static final int CLOCK_GETTIME = 228;
  static final int GETCPU = 309;

  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
  private static final int CLOCK_MONOTONIC = 1;
  private static final int ROL = 0;

  /** Multiplier of {@link #hash}. */
  static final int HASH_FACTOR = 31;

  private final UserProgram p;
  private final Assembler a;
  private final Label now;
  private final Label fill;
  private final Label hash;
  private final Label allocate;
  private final Label pin;
  private final Label fail;
  private final Label print;
  private final Label wait;

  Support(UserProgram program) {
    p = program;
    a = program.code();
    fail = p.label();
    print = emitPrint();
    emitFail();
    now = emitNow();
    fill = emitFill();
    hash = emitHash();
    allocate = emitAllocate();
    pin = emitPin();
    wait = emitWait();
  }

  /** Returns the monotonic clock in nanoseconds. */
  Label now() {
    return now;
  }

  /** Fills RSI words of 64 bits at RDI with what xorshift makes from the seed RDX. */
  Label fill() {
    return fill;
  }

  /** Returns h, where h = h * 31 + word for each of RSI words of 64 bits at RDI, from 0. */
  Label hash() {
    return hash;
  }

  /** Returns RSI bytes of fresh memory. */
  Label allocate() {
    return allocate;
  }

  /** Keeps this process and its children on the processor it is on, since guests have one only. */
  Label pin() {
    return pin;
  }

  /** Ends the process with a message if RAX, a system call's result, is an error. */
  void check() {
    a.opRegister(true, 0x85, RAX, RAX);
    p.jcc(SIGN, fail);
  }

  /** Waits for any child and returns its exit status, with the signal above bit 32 if one ended it. */
  Label waitForChild() {
    return wait;
  }

  /** Prints the zero-terminated string at RSI on standard output. */
  Label print() {
    return print;
  }

  private Label emitPrint() {
    Label start = p.here();
    a.movImmediate(RDX, 0);
    Label next = p.here();
    a.opMemory(false, 0x80, CMP, RSI, RDX, 1, 0);
    a.byte1(0);
    int end = a.jccShort(EQUAL);
    p.increment(RDX);
    p.jmp(next);
    a.bindRel8(end);
    a.movImmediate(RDI, 1);
    p.systemCall(WRITE);
    a.ret();
    return start;
  }

  private void emitFail() {
    p.bind(fail);
    a.opRegister(true, 0xf7, 3, RAX); // NEG: the error number
    a.push(RAX);
    p.address(RSI, p.string("ringbench: a system call failed\n"));
    p.call(print);
    a.pop(RDI);
    p.systemCall(EXIT);
  }

  private Label emitNow() {
    Label time = p.zeroes(16);
    Label start = p.here();
    a.movImmediate(RDI, CLOCK_MONOTONIC);
    p.address(RSI, time);
    p.systemCall(CLOCK_GETTIME);
    check();
    p.load(RAX, time);
    p.multiply(RAX, RAX, 1_000_000_000);
    p.op(true, 0x03, RAX, time, NONE, 1, 8);
    a.ret();
    return start;
  }

  private Label emitFill() {
    Label start = p.here();
    a.mov(RAX, RDX);
    a.lea(RSI, RDI, RSI, 8, 0);
    Label next = p.here();
    xorshift(RAX, RCX);
    a.store(RDI, 0, RAX);
    a.aluImmediate(ADD, RDI, 8);
    a.alu(CMP, RDI, RSI);
    p.jcc(BELOW, next);
    a.ret();
    return start;
  }

  /** One step of Marsaglia's xorshift with shifts 13, 7 and 17. */
  void xorshift(int register, int scratch) {
    int[] operations = {4, 5, 4};
    int[] counts = {13, 7, 17};
    for (int i = 0; i < 3; i++) {
      a.mov(scratch, register);
      a.shift(operations[i], scratch, counts[i]);
      a.alu(XOR, register, scratch);
    }
  }

  private Label emitHash() {
    Label start = p.here();
    a.lea(RSI, RDI, RSI, 8, 0);
    a.movImmediate(RAX, 0);
    Label next = p.here();
    p.multiply(RAX, RAX, HASH_FACTOR);
    a.aluLoad(ADD, RAX, RDI, NONE, 1, 0);
    a.aluImmediate(ADD, RDI, 8);
    a.alu(CMP, RDI, RSI);
    p.jcc(BELOW, next);
    a.ret();
    return start;
  }

  private Label emitAllocate() {
    Label start = p.here();
    a.movImmediate(RDI, 0);
    a.movImmediate(RDX, PROT_READ_WRITE);
    a.movImmediate(R10, MAP_PRIVATE_ANONYMOUS);
    a.movImmediate(R8, -1);
    a.movImmediate(R9, 0);
    p.systemCall(MMAP);
    check();
    a.ret();
    return start;
  }

  private Label emitPin() {
    Label mask = p.zeroes(128);
    Label cpu = p.zeroes(8);
    Label start = p.here();
    p.address(RDI, cpu);
    a.movImmediate(RSI, 0);
    a.movImmediate(RDX, 0);
    p.systemCall(GETCPU);
    check();
    p.op(false, 0x8b, RCX, cpu, NONE, 1);
    p.op(true, 0x8d, RSI, mask, NONE, 1);
    a.mov(RDX, RCX);
    a.shift(5, RDX, 3);
    a.movImmediate(RAX, 1);
    a.aluImmediate(AND, RCX, 7);
    a.opRegister(false, 0xd3, ROL, RAX); // the bit of this processor within its byte
    a.opMemory(false, 0x88, RAX, RSI, RDX, 1, 0);
    a.movImmediate(RDI, 0);
    a.movImmediate(RSI, 128);
    p.address(RDX, mask);
    p.systemCall(SCHED_SETAFFINITY);
    check();
    a.ret();
    return start;
  }

  private Label emitWait() {
    Label status = p.zeroes(8);
    Label start = p.here();
    a.movImmediate(RDI, -1);
    p.address(RSI, status);
    a.movImmediate(RDX, 0);
    a.movImmediate(R10, 0);
    p.systemCall(WAIT4);
    check();
    p.op(false, 0x8b, RAX, status, NONE, 1);
    a.mov(RCX, RAX);
    a.shift(5, RAX, 8);
    a.aluImmediate32(AND, RCX, 0x7f);
    int exited = a.jccShort(EQUAL);
    a.shift(4, RCX, 32);
    a.alu(OR, RAX, RCX);
    a.bindRel8(exited);
    a.ret();
    return start;
  }
}
