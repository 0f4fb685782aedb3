package io.ringside.devices;

import io.ringside.machine.Clock;

/**
 * A crystal: counts its ticks since it was made, by exact integer arithmetic on the machine's clock, so that it never
 * drifts from it. Good for centuries at the frequencies of a PC, which must be below 1 GHz.
 */
final class Ticks {
  private static final long NANOS = 1_000_000_000L;

  private final Clock clock;
  private final long hz;
  private final long start;

  Ticks(Clock clock, long hz) {
    this.clock = clock;
    this.hz = hz;
    this.start = clock.nanos();
  }

  /** Whole ticks so far. */
  long now() {
    long nanos = clock.nanos() - start;
    return nanos / NANOS * hz + nanos % NANOS * hz / NANOS;
  }

  /** The first nanosecond of the clock at which {@link #now} gives {@code tick}. */
  long nanosAt(long tick) {
    return start + tick / hz * NANOS + (tick % hz * NANOS + hz - 1) / hz;
  }
}
