package io.ringside.bench;

import java.util.Optional;

/**
 * One thing to measure. The program runs {@code batch} until its time is up; each batch does the same work and returns
 * the same value in RAX.
 *
 * @param name how it is called on the command line and in the table
 * @param title what it is, for people
 * @param unit what its figure is in
 * @param work operations per batch, in what the unit counts: bytes for MB/s, calls, instructions
 * @param setup code that runs once before
 * @param batch code that does the work
 * @param finish code that runs once behind the measurement and returns the checksum in place of the last batch's value
 */
record Load(
    String name,
    String title,
    Unit unit,
    long work,
    Optional<UserProgram.Label> setup,
    UserProgram.Label batch,
    Optional<UserProgram.Label> finish) {

  /** Units of figures: time per operation or operations per time. */
  enum Unit {
    NANOSECONDS("ns", false, 1000, 1),
    MICROSECONDS("us", false, 1, 1),
    MILLISECONDS("ms", false, 1, 1000),
    MILLIONS("M/s", true, 1_000_000, 1),
    MEGABYTES("MB/s", true, 1_000_000, 1),
    MEGAFLOPS("MFLOP/s", true, 1_000_000, 1);

    private final String text;
    private final boolean rate;
    private final int numerator;
    private final int denominator;

    Unit(String text, boolean rate, int numerator, int denominator) {
      this.text = text;
      this.rate = rate;
      this.numerator = numerator;
      this.denominator = denominator;
    }

    String text() {
      return text;
    }

    /** Whether more is better. */
    boolean rate() {
      return rate;
    }

    /** With {@link #denominator}, makes thousandths of the unit from operations and nanoseconds. */
    int numerator() {
      return numerator;
    }

    int denominator() {
      return denominator;
    }

    /** The unit that a text names. */
    static Optional<Unit> of(String text) {
      for (Unit unit : values()) {
        if (unit.text.equals(text)) {
          return Optional.of(unit);
        }
      }
      return Optional.empty();
    }
  }

  /** A load without setup and with the batch's value as its checksum. */
  static Load simple(String name, String title, Unit unit, long work, UserProgram.Label batch) {
    return new Load(name, title, unit, work, Optional.empty(), batch, Optional.empty());
  }
}
