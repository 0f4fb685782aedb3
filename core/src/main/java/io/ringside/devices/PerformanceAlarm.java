package io.ringside.devices;

import io.ringside.machine.Timers;

/** Tells when a number of ticks of the guest's time stamp counter have passed: never too early, perhaps a bit late. */
final class PerformanceAlarm {
  private final TscClock tsc;
  private final Runnable fire;
  private final Timers.Timer timer;

  /** When to fire, by the guest's counter; 0 if not armed. */
  private long deadline;

  PerformanceAlarm(Timers timers, TscClock tsc, Runnable fire) {
    this.tsc = tsc;
    this.fire = fire;
    this.timer = timers.create(new Expiry());
  }

  /** Fires once after {@code ticks}; {@link Long#MAX_VALUE} for never. Replaces what was armed before. */
  void arm(long ticks) {
    if (ticks != Long.MAX_VALUE) {
      deadline = tsc.guestTsc() + ticks;
      timer.arm(tsc.nanosForTsc(deadline));
    } else if (deadline != 0) {
      deadline = 0;
      timer.cancel();
    }
  }

  private final class Expiry implements Runnable {
    @Override
    public void run() {
      if (deadline == 0) {
        return;
      }
      if (tsc.guestTsc() - deadline < 0) {
        timer.arm(tsc.nanosForTsc(deadline));
        return;
      }
      deadline = 0;
      fire.run();
    }
  }
}
