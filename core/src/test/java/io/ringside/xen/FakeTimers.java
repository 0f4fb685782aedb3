package io.ringside.xen;

import io.ringside.devices.TscClock;
import io.ringside.machine.Clock;
import io.ringside.machine.Timers;
import java.util.ArrayList;
import java.util.List;

/** Time that passes when a test says so: 3 ticks of the time-stamp counter in a nanosecond. */
final class FakeTimers implements Timers, TscClock {
  private final List<FakeTimer> timers = new ArrayList<>();
  private long now = 1000;

  @Override
  public Timer create(Runnable expired) {
    FakeTimer timer = new FakeTimer(expired);
    timers.add(timer);
    return timer;
  }

  @Override
  public Clock clock() {
    return () -> now;
  }

  /** Lets time pass, and timers fire in the order of their deadlines. */
  void advance(long nanos) {
    long end = now + nanos;
    while (true) {
      FakeTimer first = null;
      for (FakeTimer timer : timers) {
        if (timer.deadline <= end && (first == null || timer.deadline < first.deadline)) {
          first = timer;
        }
      }
      if (first == null) {
        now = end;
        return;
      }
      now = Math.max(now, first.deadline);
      first.deadline = Long.MAX_VALUE;
      first.expired.run();
    }
  }

  @Override
  public long guestTsc() {
    return now * 3;
  }

  @Override
  public long nanosForTsc(long guestTsc) {
    return (guestTsc + 2) / 3;
  }

  @Override
  public long frequencyHz() {
    return 3_000_000_000L;
  }

  private static final class FakeTimer implements Timer {
    private final Runnable expired;
    private long deadline = Long.MAX_VALUE;

    private FakeTimer(Runnable expired) {
      this.expired = expired;
    }

    @Override
    public void arm(long deadlineNanos) {
      deadline = deadlineNanos;
    }

    @Override
    public void cancel() {
      deadline = Long.MAX_VALUE;
    }
  }
}
