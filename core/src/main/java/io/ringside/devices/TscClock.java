package io.ringside.devices;

/** The relation of the guest's time-stamp counter to the machine's clock. */
public interface TscClock {
  /** What RDTSC gives the guest now. */
  long guestTsc();

  /** The first nanosecond of the machine's clock at which the guest's counter is at least {@code guestTsc}. */
  long nanosForTsc(long guestTsc);

  /** Guest ticks in a second. */
  long frequencyHz();
}
