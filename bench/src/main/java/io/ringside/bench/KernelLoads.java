package io.ringside.bench;

import static io.ringside.asm.Assembler.ADD;
import static io.ringside.asm.Assembler.AND;
import static io.ringside.asm.Assembler.BELOW;
import static io.ringside.asm.Assembler.CMP;
import static io.ringside.asm.Assembler.EQUAL;
import static io.ringside.asm.Assembler.GREATER_EQUAL;
import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.NOT_EQUAL;
import static io.ringside.asm.Assembler.R12;
import static io.ringside.asm.Assembler.R8;
import static io.ringside.asm.Assembler.RAX;
import static io.ringside.asm.Assembler.RBP;
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
import java.util.Optional;

/** What programs ask of the kernel: system calls, pipes, processes, memory, files; and gzip as a program in earnest. */
final class KernelLoads {
  static final int SYSTEM_CALLS = 2000;
  static final int ROUND_TRIPS = 100;
  static final int FORKS = 10;
  static final int EXECS = 4;

  /** Pages touched per batch. */
  static final int PAGES = 1024;

  static final int MAPPINGS = 20;
  static final int MAPPED_PAGES = 16;
  static final int FILES = 50;
  static final int FILE_BYTES = 4096;

  /** Bytes to compress. */
  static final int GZIP_BYTES = 1 << 20;

  static final long GZIP_SEED = 0x0dd0_beef_0dd0_beefL;

  /** A word of the text: factor * number, masked, plus letters. */
  static final long GZIP_FACTOR = 0x9e37_79b9_7f4a_7c15L;

  static final long GZIP_MASK = 0x0f0f_0f0f_0f0f_0f0fL;
  static final long GZIP_LETTERS = 0x6161_6161_6161_6161L;
  static final int GZIP_WORDS = 1024;

  /** The status with which the program ends when it was called with {@code exit}. */
  static final int EXIT_STATUS = 42;

  private static final int PAGE = 4096;
  private static final int O_WRONLY_CREAT_TRUNC = 01101;
  private static final int MADV_NOHUGEPAGE = 15;

  private final UserProgram p;
  private final Assembler a;
  private final Support support;
  private final Label self;
  private final Label environment;
  private final Label busybox;
  private final Label counter;
  private final Label sum;
  private final Label address;
  private final Label path;

  /**
   * The loads of {@code program}.
   *
   * @param self where the program keeps the path of its own file
   * @param environment where it keeps its environment's address
   * @param busybox where it keeps the path of busybox
   */
  KernelLoads(UserProgram program, Support support, Label self, Label environment, Label busybox) {
    p = program;
    a = program.code();
    this.support = support;
    this.self = self;
    this.environment = environment;
    this.busybox = busybox;
    counter = p.zeroes(8);
    sum = p.zeroes(8);
    address = p.zeroes(8);
    path = p.zeroes(64);
  }

  List<Load> loads() {
    List<Load> loads = new ArrayList<>();
    loads.add(systemCall());
    loads.add(pipe());
    loads.add(fork());
    loads.add(exec());
    loads.add(touch());
    loads.add(map());
    loads.add(file());
    loads.add(gzip());
    return loads;
  }

  /** Begins a loop that runs {@code count} times and adds up RAX; the loop may change all registers. */
  private Label loop(int count) {
    a.movImmediate(RAX, count);
    p.store(counter, RAX);
    a.movImmediate(RAX, 0);
    p.store(sum, RAX);
    return p.here();
  }

  private void endLoop(Label start) {
    p.op(true, 0x01, RAX, sum, NONE, 1);
    p.op(true, 0xff, 1, counter, NONE, 1); // DEC
    p.jcc(NOT_EQUAL, start);
    p.load(RAX, sum);
    a.ret();
  }

  private Load systemCall() {
    Label batch = p.here();
    p.systemCall(Support.GETPPID);
    a.mov(RBX, RAX);
    a.movImmediate(RBP, SYSTEM_CALLS);
    a.movImmediate(R12, 0);
    Label next = p.here();
    p.systemCall(Support.GETPPID);
    a.alu(XOR, RAX, RBX);
    a.alu(ADD, R12, RAX);
    p.increment(R12);
    p.decrement(RBP);
    p.jcc(NOT_EQUAL, next);
    a.mov(RAX, R12);
    a.ret();
    return Load.simple("syscall", "system call (getppid)", Unit.NANOSECONDS, SYSTEM_CALLS, batch);
  }

  /** Sends a byte to a child that adds one and sends it back. */
  private Load pipe() {
    Label there = p.zeroes(8);
    Label back = p.zeroes(8);
    Label buffer = p.zeroes(8);

    Label echo = p.here();
    descriptor(RDI, there, 1);
    p.systemCall(Support.CLOSE);
    Label next = p.here();
    transfer(Support.READ, there, 0, buffer);
    a.aluImmediate(CMP, RAX, 1);
    Label end = p.label();
    p.jcc(NOT_EQUAL, end);
    p.op(false, 0xfe, 0, buffer, NONE, 1); // INC byte
    transfer(Support.WRITE, back, 1, buffer);
    p.jmp(next);
    p.bind(end);
    a.movImmediate(RDI, 0);
    p.systemCall(Support.EXIT);

    Label setup = p.here();
    p.call(support.pin());
    for (Label pair : List.of(there, back)) {
      p.address(RDI, pair);
      p.systemCall(Support.PIPE);
      support.check();
    }
    p.systemCall(Support.FORK);
    support.check();
    p.jcc(EQUAL, echo); // CHECK left the flags of TEST
    descriptor(RDI, there, 0);
    p.systemCall(Support.CLOSE);
    a.ret();

    Label batch = p.here();
    a.movImmediate(RAX, 0);
    p.store(buffer, RAX);
    Label start = loop(ROUND_TRIPS);
    transfer(Support.WRITE, there, 1, buffer);
    support.check();
    transfer(Support.READ, back, 0, buffer);
    support.check();
    p.load(RAX, buffer);
    endLoop(start);

    Label finish = p.here();
    descriptor(RDI, there, 1);
    p.systemCall(Support.CLOSE);
    p.call(support.waitForChild());
    p.op(true, 0x03, RAX, sum, NONE, 1);
    a.ret();
    return new Load(
        "pipe",
        "pipe ping-pong, round trip",
        Unit.MICROSECONDS,
        ROUND_TRIPS,
        Optional.of(setup),
        batch,
        Optional.of(finish));
  }

  private void descriptor(int to, Label pair, int index) {
    p.op(false, 0x8b, to, pair, NONE, 1, index * 4);
  }

  private void transfer(int systemCall, Label pair, int index, Label buffer) {
    descriptor(RDI, pair, index);
    p.address(RSI, buffer);
    a.movImmediate(RDX, 1);
    p.systemCall(systemCall);
  }

  private Load fork() {
    Label child = p.here();
    p.load(RDI, counter);
    p.systemCall(Support.EXIT);
    Label batch = p.here();
    Label start = loop(FORKS);
    p.systemCall(Support.FORK);
    support.check();
    p.jcc(EQUAL, child);
    p.call(support.waitForChild());
    endLoop(start);
    return pinned("fork", "fork, exit, wait", FORKS, batch);
  }

  /** Starts this program anew, as {@code ringbench exit}. */
  private Load exec() {
    Label argument = p.string("exit");
    Label arguments = p.zeroes(24);
    Label child = p.here();
    p.load(RDI, self);
    p.store(arguments, RDI);
    p.address(RAX, argument);
    p.op(true, 0x89, RAX, arguments, NONE, 1, 8);
    p.address(RSI, arguments);
    p.load(RDX, environment);
    p.systemCall(Support.EXECVE);
    a.movImmediate(RDI, 1);
    p.systemCall(Support.EXIT);
    Label batch = p.here();
    Label start = loop(EXECS);
    p.systemCall(Support.FORK);
    support.check();
    p.jcc(EQUAL, child);
    p.call(support.waitForChild());
    endLoop(start);
    return pinned("exec", "fork, exec, exit, wait", EXECS, batch);
  }

  private Load pinned(String name, String title, int work, Label batch) {
    return new Load(
        name, title, Unit.MICROSECONDS, work, Optional.of(support.pin()), batch, Optional.empty());
  }

  private Load touch() {
    Label batch = p.here();
    a.movImmediate(RSI, PAGES * PAGE);
    p.call(support.allocate());
    p.store(address, RAX);
    // Guest and host may differ in whether they use huge pages, which is not what is measured here.
    a.mov(RDI, RAX);
    a.movImmediate(RSI, PAGES * PAGE);
    a.movImmediate(RDX, MADV_NOHUGEPAGE);
    p.systemCall(Support.MADVISE);
    p.load(RDI, address);
    a.movImmediate(RCX, PAGES);
    a.movImmediate(RBX, 0);
    Label next = p.here();
    a.store(RDI, 8, RCX);
    a.aluLoad(ADD, RBX, RDI, NONE, 1, 8);
    a.aluLoad(ADD, RBX, RDI, NONE, 1, 16); // zero, since the page is fresh
    a.aluImmediate(ADD, RDI, PAGE);
    p.decrement(RCX);
    p.jcc(NOT_EQUAL, next);
    p.load(RDI, address);
    a.movImmediate(RSI, PAGES * PAGE);
    p.systemCall(Support.MUNMAP);
    support.check();
    a.mov(RAX, RBX);
    a.ret();
    return Load.simple("touch", "touch a fresh page", Unit.NANOSECONDS, PAGES, batch);
  }

  private Load map() {
    Label batch = p.here();
    Label start = loop(MAPPINGS);
    a.movImmediate(RSI, MAPPED_PAGES * PAGE);
    p.call(support.allocate());
    p.store(address, RAX);
    touchAll(1);
    protect(1);
    a.movImmediate(RBX, 0);
    p.load(RDI, address);
    for (int i = 0; i < MAPPED_PAGES; i++) {
      a.aluLoad(ADD, RBX, RDI, NONE, 1, i * PAGE);
    }
    a.push(RBX);
    protect(3);
    touchAll(2);
    p.load(RDI, address);
    a.movImmediate(RSI, MAPPED_PAGES * PAGE);
    p.systemCall(Support.MUNMAP);
    support.check();
    a.pop(RAX);
    endLoop(start);
    return Load.simple(
        "mmap", "mmap, touch, 2 mprotect, munmap of 16 pages", Unit.MICROSECONDS, MAPPINGS, batch);
  }

  private void touchAll(int value) {
    p.load(RDI, address);
    for (int i = 0; i < MAPPED_PAGES; i++) {
      a.storeImmediate(RDI, i * PAGE, value);
    }
  }

  private void protect(int protection) {
    p.load(RDI, address);
    a.movImmediate(RSI, MAPPED_PAGES * PAGE);
    a.movImmediate(RDX, protection);
    p.systemCall(Support.MPROTECT);
    support.check();
  }

  /** Makes the path of a file that no other process uses: {@code prefix} with the process's number in hexadecimal. */
  private Label emitPath(String prefix) {
    Label text = p.string(prefix);
    Label start = p.here();
    for (int i = 0; i < prefix.length(); i += 8) {
      p.op(true, 0x8b, RAX, text, NONE, 1, i);
      p.op(true, 0x89, RAX, path, NONE, 1, i);
    }
    p.systemCall(Support.GETPID);
    a.movImmediate(RCX, 7);
    Label next = p.here();
    a.mov(RDX, RAX);
    a.aluImmediate(AND, RDX, 15);
    a.aluImmediate(ADD, RDX, 'a');
    p.op(false, 0x88, RDX, path, RCX, 1, prefix.length());
    a.shift(5, RAX, 4);
    p.decrement(RCX);
    p.jcc(GREATER_EQUAL, next);
    a.ret();
    return start;
  }

  private void openForWriting() {
    p.address(RDI, path);
    a.movImmediate(RSI, O_WRONLY_CREAT_TRUNC);
    a.movImmediate(RDX, 0600);
    p.systemCall(Support.OPEN);
    support.check();
  }

  private Load file() {
    Label contents = p.zeroes(FILE_BYTES);
    Label setup = emitPath("/dev/shm/ringbench-file-");
    Label batch = p.here();
    Label start = loop(FILES);
    openForWriting();
    a.push(RAX);
    a.mov(RDI, RAX);
    p.address(RSI, contents);
    a.movImmediate(RDX, FILE_BYTES);
    p.systemCall(Support.WRITE);
    support.check();
    a.pop(RDI);
    a.push(RAX);
    p.systemCall(Support.CLOSE);
    p.address(RDI, path);
    p.systemCall(Support.UNLINK);
    support.check();
    a.pop(RAX);
    endLoop(start);
    return new Load(
        "file",
        "create, write, unlink on tmpfs",
        Unit.MICROSECONDS,
        FILES,
        Optional.of(setup),
        batch,
        Optional.empty());
  }

  /** busybox gzip -1 from one file to another, as a program of its own each time. */
  private Load gzip() {
    Label input = p.zeroes(GZIP_BYTES);
    Label makePath = emitPath("/dev/shm/ringbench-gzip-");
    Label applet = p.string("gzip");
    Label option = p.string("-1");
    Label arguments = p.addresses(List.of(applet, option));

    Label setup = p.here();
    p.address(RDI, input);
    a.movImmediate(RSI, GZIP_BYTES / 8);
    a.movImmediate(RDX, GZIP_SEED);
    p.call(support.fill());
    // Each word becomes one of a thousand words of eight letters, about as compressible as text.
    p.address(RDI, input);
    a.movImmediate(RCX, 0);
    a.movImmediate(RBX, GZIP_FACTOR);
    a.movImmediate(RDX, GZIP_MASK);
    a.movImmediate(R8, GZIP_LETTERS);
    Label next = p.here();
    a.load(RAX, RDI, RCX, 8, 0);
    a.aluImmediate(AND, RAX, GZIP_WORDS - 1);
    p.multiply(RAX, RBX);
    a.alu(AND, RAX, RDX);
    a.alu(ADD, RAX, R8);
    a.opMemory(true, 0x89, RAX, RDI, RCX, 8, 0);
    p.increment(RCX);
    a.aluImmediate(CMP, RCX, GZIP_BYTES / 8);
    p.jcc(BELOW, next);
    p.call(makePath);
    openForWriting();
    a.push(RAX);
    a.mov(RDI, RAX);
    p.address(RSI, input);
    a.movImmediate(RDX, GZIP_BYTES);
    p.systemCall(Support.WRITE);
    support.check();
    a.pop(RDI);
    p.systemCall(Support.CLOSE);
    a.ret();
    return gzip(setup, arguments);
  }

  private Load gzip(Label setup, Label arguments) {
    Label output = p.zeroes(GZIP_BYTES);
    Label pair = p.zeroes(8);
    Label child = p.here();
    p.address(RDI, path);
    a.movImmediate(RSI, 0);
    p.systemCall(Support.OPEN);
    support.check();
    a.mov(RDI, RAX);
    a.movImmediate(RSI, 0);
    p.systemCall(Support.DUP2);
    descriptor(RDI, pair, 1);
    a.movImmediate(RSI, 1);
    p.systemCall(Support.DUP2);
    p.load(RDI, busybox);
    p.address(RSI, arguments);
    p.load(RDX, environment);
    p.systemCall(Support.EXECVE);
    a.movImmediate(RDI, 127);
    p.systemCall(Support.EXIT);

    // Reads what the child writes until it ends; returns how many bytes and its status.
    Label batch = p.here();
    p.address(RDI, pair);
    p.systemCall(Support.PIPE);
    support.check();
    p.systemCall(Support.FORK);
    support.check();
    p.jcc(EQUAL, child);
    descriptor(RDI, pair, 1);
    p.systemCall(Support.CLOSE);
    a.movImmediate(RBX, 0);
    Label next = p.here();
    descriptor(RDI, pair, 0);
    p.address(RSI, output);
    a.alu(ADD, RSI, RBX);
    a.movImmediate(RDX, GZIP_BYTES);
    a.alu(SUB, RDX, RBX);
    p.systemCall(Support.READ);
    support.check();
    a.alu(ADD, RBX, RAX);
    a.opRegister(true, 0x85, RAX, RAX);
    p.jcc(NOT_EQUAL, next);
    descriptor(RDI, pair, 0);
    p.systemCall(Support.CLOSE);
    p.call(support.waitForChild());
    a.shift(4, RAX, 24);
    a.alu(ADD, RAX, RBX);
    p.store(sum, RAX);
    a.ret();

    Label finish = p.here();
    p.address(RDI, path);
    p.systemCall(Support.UNLINK);
    p.address(RDI, output);
    a.movImmediate(RSI, GZIP_BYTES / 8);
    p.call(support.hash());
    p.op(true, 0x03, RAX, sum, NONE, 1);
    a.ret();
    return new Load(
        "gzip",
        "gzip -1 (busybox)",
        Unit.MEGABYTES,
        GZIP_BYTES,
        Optional.of(setup),
        batch,
        Optional.of(finish));
  }
}
