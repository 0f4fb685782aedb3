package io.ringside.host;

import io.ringside.asm.Assembler;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Sets a word of memory to 1 again and again while the thread that made it uses the processor: by a
 * timer of that thread's CPU time, whose signal a handler in machine code takes. So a thread in
 * emitted code is sure to look up from it, however late the host runs the other threads.
 */
public final class ThreadTicker implements AutoCloseable {
  private static final int SIGNAL = 50; // real-time, of those that neither glibc nor HotSpot uses
  private static final int CLOCK_THREAD_CPUTIME_ID = 3;
  private static final int SIGEV_THREAD_ID = 4;
  private static final int SA_SIGINFO = 4;
  private static final int SA_ONSTACK = 0x0800_0000;
  private static final int SA_RESTART = 0x1000_0000;

  /** Where siginfo_t has the value that the timer was made with (asm-generic/siginfo.h). */
  private static final int SI_VALUE = 24;

  private final long timer;
  private boolean open = true;

  private static final class Handler {
    static final boolean INSTALLED = install();

    private static boolean install() {
      HostMapping code = HostMapping.code(4096);
      Assembler a = new Assembler();
      a.start(code.executableAddress());
      a.load(Assembler.RAX, Assembler.RSI, SI_VALUE);
      a.storeImmediate32(Assembler.RAX, 0, 1);
      a.ret();
      code.memory().write(0, a.buffer(), 0, a.position());
      try (Arena arena = Arena.ofConfined()) {
        // struct sigaction of glibc: handler at 0, mask 128 bytes at 8, flags at 136.
        MemorySegment action = arena.allocate(152, 8);
        action.set(ValueLayout.JAVA_LONG, 0, code.executableAddress());
        action.set(ValueLayout.JAVA_INT, 136, SA_SIGINFO | SA_ONSTACK | SA_RESTART);
        Libc.sigaction(SIGNAL, action, MemorySegment.NULL);
      }
      return true;
    }
  }

  /**
   * Starts ticking for the calling thread.
   *
   * @param word address of the 4-byte word to set
   * @param periodNanos the thread's CPU time between ticks; the host rounds it up to its own tick
   */
  public ThreadTicker(long word, long periodNanos) {
    if (!Handler.INSTALLED) {
      throw new IllegalStateException("no handler");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment event = arena.allocate(64, 8);
      event.set(ValueLayout.JAVA_LONG, 0, word);
      event.set(ValueLayout.JAVA_INT, 8, SIGNAL);
      event.set(ValueLayout.JAVA_INT, 12, SIGEV_THREAD_ID);
      event.set(ValueLayout.JAVA_INT, 16, Libc.gettid());
      MemorySegment id = arena.allocate(8, 8);
      Libc.timerCreate(CLOCK_THREAD_CPUTIME_ID, event, id);
      timer = id.get(ValueLayout.JAVA_LONG, 0);
      MemorySegment times = arena.allocate(32, 8);
      times.set(ValueLayout.JAVA_LONG, 0, periodNanos / 1_000_000_000);
      times.set(ValueLayout.JAVA_LONG, 8, periodNanos % 1_000_000_000);
      times.set(ValueLayout.JAVA_LONG, 16, periodNanos / 1_000_000_000);
      times.set(ValueLayout.JAVA_LONG, 24, periodNanos % 1_000_000_000);
      Libc.timerSettime(timer, times);
    }
  }

  /** Stops ticking: when this returns the word may be unmapped. To be called by the same thread. */
  @Override
  public void close() {
    if (open) {
      open = false;
      Libc.timerDelete(timer);
    }
  }
}
