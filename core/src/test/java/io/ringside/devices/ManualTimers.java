package io.ringside.devices;

import io.ringside.machine.Clock;
import io.ringside.machine.Timers;
import java.util.ArrayList;
import java.util.List;

/** Time that stands still until a test moves it; timers fire at exactly their deadlines, in order. */
final class ManualTimers implements Timers, Clock, TscClock {
  /** The guest's TSC runs at 2 GHz. */
  static final long TSC_HZ = 2_000_000_000L;

  private final List<ManualTimer> armed = new ArrayList<>();
  private long now = 5_000_000_000L;

  @Override
  public Timer create(Runnable expired) {
    return new ManualTimer(expired);
  }

  @Override
  public Clock clock() {
    return this;
  }

  @Override
  public long nanos() {
    return now;
  }

  @Override
  public long guestTsc() {
    return 2 * now;
  }

  @Override
  public long nanosForTsc(long guestTsc) {
    return guestTsc + 1 >>> 1;
  }

  @Override
  public long frequencyHz() {
    return TSC_HZ;
  }

  /** Lets time pass. */
  void advance(long nanos) {
    long end = now + nanos;
    while (true) {
      ManualTimer next = null;
      for (ManualTimer timer : armed) {
        if (timer.deadline <= end && (next == null || timer.deadline < next.deadline)) {
          next = timer;
        }
      }
      if (next == null) {
        now = end;
        return;
      }
      now = Math.max(now, next.deadline);
      armed.remove(next);
      next.expired.run();
    }
  }

  int armedCount() {
    return armed.size();
  }

  private final class ManualTimer implements Timer {
    private final Runnable expired;
    private long deadline;

    ManualTimer(Runnable expired) {
      this.expired = expired;
    }

    @Override
    public void arm(long deadlineNanos) {
      deadline = deadlineNanos;
      armed.remove(this);
      armed.add(this);
    }

    @Override
    public void cancel() {
      armed.remove(this);
    }
  }
}
