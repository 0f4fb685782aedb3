package io.ringside.vmm;

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
  void count(Kind kind, long duration) {
    int at = kind.ordinal();
    count[at]++;
    nanos[at] += duration;
    longest[at] = Math.max(longest[at], duration);
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
