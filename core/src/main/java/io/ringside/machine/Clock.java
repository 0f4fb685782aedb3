package io.ringside.machine;

/** The machine's monotonic time in nanoseconds; tests put a clock of their own here. */
@FunctionalInterface
public interface Clock {
  /** Nanoseconds since an arbitrary start; never goes back. */
  long nanos();
}
