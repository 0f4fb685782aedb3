package io.ringside.host;

import io.ringside.asm.Assembler;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The safety net under emitted code: a handler in machine code that is installed ahead of HotSpot's for SIGSEGV,
 * SIGBUS, SIGFPE and SIGILL. A fault at a program counter in a registered range goes on at that range's exit, with the
 * fault's particulars in the context block; any other is HotSpot's. Signal handlers belong to the process, and so does
 * the one instance of this class.
 */
public final class SignalRedirector {
  private static final int[] SIGNALS = {
    4 /* SIGILL */, 7 /* SIGBUS */, 8 /* SIGFPE */, 11 /* SIGSEGV */
  };
  private static final int MAX_RANGES = 128;
  private static final int ENTRY = 24;

  // ucontext_t of x86-64 Linux: uc_mcontext.gregs starts at 40 (sys/ucontext.h).
  private static final int UC_RSP = 40 + 15 * 8;
  private static final int UC_RIP = 40 + 16 * 8;
  private static final int UC_ERROR = 40 + 19 * 8;
  private static final int UC_TRAP = 40 + 20 * 8;
  private static final int UC_CR2 = 40 + 22 * 8;

  private final NativeMemory table;

  private static final class Holder {
    static final SignalRedirector INSTANCE = new SignalRedirector();
  }

  private SignalRedirector() {
    HostMapping code = HostMapping.code(8192);
    // One slot more than the ranges: a zero start ends the table.
    table = HostMapping.anonymous((MAX_RANGES + 1L) * ENTRY, 0, 4096).memory();
    install(code);
  }

  /** The process's redirector; the first call installs the handlers. */
  public static SignalRedirector instance() {
    return Holder.INSTANCE;
  }

  /**
   * Registers a range of emitted code.
   *
   * @param start its first address
   * @param end the first address after it
   * @param exit where a fault goes on
   * @return what takes it back
   */
  public synchronized Registration register(long start, long end, long exit) {
    for (int i = 0; i < MAX_RANGES; i++) {
      long at = (long) i * ENTRY;
      if (table.getLong(at) <= 1) {
        table.putLong(at + 8, end);
        table.putLong(at + 16, exit);
        table.putLong(at, start);
        return () -> release(at);
      }
    }
    throw new HostException(
        "too many machines in this process: at most " + MAX_RANGES + " translation caches");
  }

  private synchronized void release(long at) {
    // A start of 1 keeps the search going and never matches: no code ends below it.
    table.putLong(at + 8, 0);
    table.putLong(at, 1);
  }

  private void install(HostMapping code) {
    Assembler a = new Assembler();
    long base = code.executableAddress();
    a.start(base);
    try (Arena arena = Arena.ofConfined()) {
      long[] entries = new long[SIGNALS.length];
      for (int i = 0; i < SIGNALS.length; i++) {
        // struct sigaction of glibc: handler at 0, mask 128 bytes at 8, flags at 136, restorer at
        // 144.
        MemorySegment old = arena.allocate(152, 8);
        Libc.sigaction(SIGNALS[i], MemorySegment.NULL, old);
        entries[i] = a.address();
        emitHandler(a, old.get(ValueLayout.JAVA_LONG, 0));
      }
      code.memory().write(0, a.buffer(), 0, a.position());
      for (int i = 0; i < SIGNALS.length; i++) {
        MemorySegment action = arena.allocate(152, 8);
        Libc.sigaction(SIGNALS[i], MemorySegment.NULL, action);
        action.set(ValueLayout.JAVA_LONG, 0, entries[i]);
        int flags = action.get(ValueLayout.JAVA_INT, 136) | 4 /* SA_SIGINFO */;
        action.set(ValueLayout.JAVA_INT, 136, flags);
        Libc.sigaction(SIGNALS[i], action, MemorySegment.NULL);
      }
    }
  }

  /** handler(int signal RDI, siginfo_t* RSI, ucontext_t* RDX). */
  private void emitHandler(Assembler a, long next) {
    a.load(Assembler.RAX, Assembler.RDX, UC_RIP);
    a.movImmediate(Assembler.R10, table.address());
    int loop = a.position();
    a.load(Assembler.R8, Assembler.R10, 0);
    a.opRegister(true, 0x85, Assembler.R8, Assembler.R8);
    int end = a.jccShort(Assembler.EQUAL);
    a.alu(Assembler.CMP, Assembler.RAX, Assembler.R8);
    int below = a.jccShort(Assembler.BELOW);
    a.aluLoad(Assembler.CMP, Assembler.RAX, Assembler.R10, Assembler.NONE, 1, 8);
    int match = a.jccShort(Assembler.BELOW);
    a.bindRel8(below);
    a.aluImmediate(Assembler.ADD, Assembler.R10, ENTRY);
    a.byte1(0xeb);
    a.byte1(loop - (a.position() + 1));
    a.bindRel8(match);
    a.load(Assembler.R9, Assembler.R10, 16);
    // Stubs have at most a few words on the stack below the block, which is aligned.
    a.load(Assembler.R11, Assembler.RDX, UC_RSP);
    a.aluImmediate(Assembler.ADD, Assembler.R11, 0xfff);
    a.aluImmediate(Assembler.AND, Assembler.R11, -(int) FaultLayout.BLOCK_ALIGNMENT);
    a.store(Assembler.R11, FaultLayout.PC, Assembler.RAX);
    a.load(Assembler.RAX, Assembler.RDX, UC_TRAP);
    a.store(Assembler.R11, FaultLayout.TRAP, Assembler.RAX);
    a.load(Assembler.RAX, Assembler.RDX, UC_ERROR);
    a.store(Assembler.R11, FaultLayout.ERROR, Assembler.RAX);
    a.load(Assembler.RAX, Assembler.RDX, UC_CR2);
    a.store(Assembler.R11, FaultLayout.ADDRESS, Assembler.RAX);
    a.store(Assembler.RDX, UC_RIP, Assembler.R9);
    a.store(Assembler.RDX, UC_RSP, Assembler.R11);
    a.ret();
    a.bindRel8(end);
    a.movImmediate(Assembler.RAX, next);
    a.jmpRegister(Assembler.RAX);
  }

  /** Takes back a registration. */
  public interface Registration extends AutoCloseable {
    @Override
    void close();
  }

  /** Where in the block that RSP points at a fault's particulars are put, in bytes. */
  public static final class FaultLayout {
    /** The block's alignment. */
    public static final long BLOCK_ALIGNMENT = 1 << 20;

    /** Host program counter; the trap number, error code and address follow, 8 bytes each. */
    public static final int PC = 2128;

    static final int TRAP = PC + 8;
    static final int ERROR = PC + 16;
    static final int ADDRESS = PC + 24;

    private FaultLayout() {}
  }
}
