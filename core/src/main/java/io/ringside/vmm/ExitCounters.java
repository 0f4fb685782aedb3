package io.ringside.vmm;

import io.ringside.machine.Exit;

/** Count and time of each kind of exit; always on. Written by the vCPU's thread only. */
public final class ExitCounters {
  /** The kinds, in the order of the arrays. */
  public enum Kind {
    PORT_READ,
    PORT_WRITE,
    MMIO_READ,
    MMIO_WRITE,
    HALT,
    INTERRUPTED,
    SINGLE_STEP,
    SHUTDOWN,
    FAILURE
  }

  private static final int KINDS = Kind.values().length;

  private final long[] count = new long[KINDS];
  private final long[] nanos = new long[KINDS];
  private final long[] longest = new long[KINDS];

  /** All zero. */
  public ExitCounters() {}

  /** Counts one exit that took {@code duration} nanoseconds to handle. */
  void count(Exit exit, long duration) {
    int kind =
        switch (exit) {
          case Exit.PortRead e -> 0;
          case Exit.PortWrite e -> 1;
          case Exit.MmioRead e -> 2;
          case Exit.MmioWrite e -> 3;
          case Exit.Halt e -> 4;
          case Exit.Interrupted e -> 5;
          case Exit.SingleStep e -> 6;
          case Exit.Shutdown e -> 7;
          case Exit.Failure e -> 8;
        };
    count[kind]++;
    nanos[kind] += duration;
    longest[kind] = Math.max(longest[kind], duration);
  }

  /** How many. */
  public long count(Kind kind) {
    return count[kind.ordinal()];
  }

  /** Nanoseconds spent handling them; for {@link Kind#HALT} the time asleep. */
  public long nanos(Kind kind) {
    return nanos[kind.ordinal()];
  }

  /** The longest, in nanoseconds. */
  public long longest(Kind kind) {
    return longest[kind.ordinal()];
  }
}
