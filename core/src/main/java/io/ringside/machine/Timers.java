package io.ringside.machine;

/** Makes timers that call back with the machine's lock held. */
public interface Timers {
  /** Makes a disarmed timer. */
  Timer create(Runnable expired);

  /** The clock that deadlines refer to. */
  Clock clock();

  /** One timer. Arming again replaces the deadline; it fires once for each arming. */
  interface Timer {
    /** Fires at {@code deadlineNanos} of {@link Timers#clock()}, at once if that has passed. */
    void arm(long deadlineNanos);

    /** Takes back an arming that has not fired. */
    void cancel();
  }
}
