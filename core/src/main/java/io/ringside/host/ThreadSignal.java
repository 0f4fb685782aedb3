package io.ringside.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Gets one thread out of a system call in which it waits: by a signal whose handler does nothing, so that the call
 * returns EINTR. The handler is a function of the C library that has no effect, since no Java code may run there.
 */
public final class ThreadSignal {
  private static final int SIGNAL =
      51; // real-time, of those that neither glibc nor HotSpot uses; see ThreadTicker
  private static final int SA_ONSTACK = 0x0800_0000;
  private static final int SA_RESTART = 0x1000_0000;

  private final int process;
  private final int thread;

  private static final class Handler {
    static final boolean INSTALLED = install();

    private static boolean install() {
      try (Arena arena = Arena.ofConfined()) {
        // struct sigaction of glibc: handler at 0, mask 128 bytes at 8, flags at 136.
        MemorySegment action = arena.allocate(152, 8);
        action.set(ValueLayout.JAVA_LONG, 0, CFunction.address("getpid"));
        // KVM_RUN is one of the calls that SA_RESTART doesn't restart.
        action.set(ValueLayout.JAVA_INT, 136, SA_ONSTACK | SA_RESTART);
        Libc.sigaction(SIGNAL, action, MemorySegment.NULL);
      }
      return true;
    }
  }

  private ThreadSignal() {
    process = Libc.getpid();
    thread = Libc.gettid();
  }

  /** For the calling thread. */
  public static ThreadSignal toCurrentThread() {
    if (!Handler.INSTALLED) {
      throw new IllegalStateException("no handler");
    }
    return new ThreadSignal();
  }

  /** Sends it; from any thread. Does nothing if the thread is gone. */
  public void send() {
    Libc.tgkill(process, thread, SIGNAL);
  }
}
