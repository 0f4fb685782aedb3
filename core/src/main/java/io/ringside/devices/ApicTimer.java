package io.ringside.devices;

import io.ringside.machine.Clock;
import io.ringside.machine.Timers;

/**
 * The timer of a local APIC (SDM volume 3, 11.5.4): one-shot, periodic, and TSC-deadline. It counts at
 * {@link #FREQUENCY_HZ}, one tick a nanosecond, before the divider.
 */
final class ApicTimer {
  /** The input clock before the divide configuration register. */
  static final long FREQUENCY_HZ = 1_000_000_000L;

  private static final int PERIODIC = 1;
  private static final int TSC_DEADLINE = 2;

  /** A periodic timer does not fire more often: a guest that asks for more gets ticks merged, as if it were slow. */
  private static final long SHORTEST_PERIOD_NANOS = 20_000;

  private final Clock clock;
  private final TscClock tsc;
  private final Runnable fire;
  private final Timers.Timer timer;

  /** LVT bits 18 and 17. */
  private int mode;

  private int divideConfiguration;
  private int initialCount;

  /** The clock when the count was the initial count. */
  private long start;

  private boolean counting;
  private long deadline;

  /** {@code fire} is called for each expiry, masked or not. */
  ApicTimer(Timers timers, TscClock tsc, Runnable fire) {
    this.clock = timers.clock();
    this.tsc = tsc;
    this.fire = fire;
    this.timer = timers.create(new Expiry());
  }

  void reset() {
    mode = 0;
    divideConfiguration = 0;
    stop();
  }

  private void stop() {
    initialCount = 0;
    counting = false;
    deadline = 0;
    timer.cancel();
  }

  /** Follows the mode bits of the LVT. Going to or from TSC-deadline mode disarms the timer (11.5.4.1). */
  void setMode(int newMode) {
    if (newMode == mode) {
      return;
    }
    if (newMode == TSC_DEADLINE || mode == TSC_DEADLINE) {
      stop();
    }
    mode = newMode;
  }

  boolean isTscDeadline() {
    return mode == TSC_DEADLINE;
  }

  int divideConfiguration() {
    return divideConfiguration;
  }

  void setDivideConfiguration(int value) {
    int remaining = currentCount();
    divideConfiguration = value & 0xb;
    if (counting) {
      // The count goes on from where it is, at the new rate.
      start =
          clock.nanos()
              - (Integer.toUnsignedLong(initialCount) - Integer.toUnsignedLong(remaining))
                  * divisor();
      arm();
    }
  }

  /** Bits 3, 1 and 0: 0 divides by 2, each step doubles that, and 7 divides by 1. */
  private long divisor() {
    int code = divideConfiguration & 3 | (divideConfiguration & 8) >>> 1;
    return code == 7 ? 1 : 2L << code;
  }

  int initialCount() {
    return initialCount;
  }

  void setInitialCount(int value) {
    if (mode == TSC_DEADLINE) {
      return;
    }
    initialCount = value;
    counting = value != 0;
    if (counting) {
      start = clock.nanos();
      arm();
    } else {
      timer.cancel();
    }
  }

  private long period() {
    return Integer.toUnsignedLong(initialCount) * divisor();
  }

  private void arm() {
    timer.arm(start + period());
  }

  int currentCount() {
    if (!counting) {
      return 0;
    }
    long period = period();
    long elapsed = clock.nanos() - start;
    if (elapsed >= period) {
      if (mode != PERIODIC) {
        return 0;
      }
      elapsed %= period;
    }
    return (int) (Integer.toUnsignedLong(initialCount) - elapsed / divisor());
  }

  long deadline() {
    return deadline;
  }

  void setDeadline(long value) {
    if (mode != TSC_DEADLINE) {
      return;
    }
    deadline = value;
    if (value == 0) {
      timer.cancel();
    } else if (Long.compareUnsigned(tsc.guestTsc(), value) >= 0) {
      expireDeadline();
    } else {
      timer.arm(value < 0 ? Long.MAX_VALUE : tsc.nanosForTsc(value));
    }
  }

  private void expireDeadline() {
    deadline = 0;
    timer.cancel();
    fire.run();
  }

  private final class Expiry implements Runnable {
    @Override
    public void run() {
      long now = clock.nanos();
      if (mode == TSC_DEADLINE) {
        if (Long.compareUnsigned(tsc.guestTsc(), deadline) >= 0) {
          expireDeadline();
        } else {
          timer.arm(Math.max(tsc.nanosForTsc(deadline), now + 1));
        }
        return;
      }
      if (!counting) {
        return;
      }
      if (mode == PERIODIC) {
        long period = period();
        start += Math.max(1, (now - start) / period) * period;
        timer.arm(Math.max(start + period, now + SHORTEST_PERIOD_NANOS));
      } else {
        counting = false;
      }
      fire.run();
    }
  }
}
