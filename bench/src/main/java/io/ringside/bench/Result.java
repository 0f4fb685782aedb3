package io.ringside.bench;

import java.util.Optional;

/**
 * What the program printed about one load.
 *
 * @param load its name
 * @param value the figure, in the load's unit; not a number where it failed
 * @param checksum 16 hexadecimal digits, or what went wrong
 */
record Result(String load, double value, String checksum) {
  private static final int CHECKSUM_DIGITS = 16;

  /** A load without a figure. */
  static Result failed(String load, String reason) {
    return new Result(load, Double.NaN, reason);
  }

  /** Whether there is a figure. */
  boolean measured() {
    return !Double.isNaN(value);
  }

  /** Reads a line of the console, which may have other text before the program's; empty if it holds no result. */
  static Optional<Result> parse(String line) {
    int at = line.indexOf(BenchProgram.PREFIX);
    if (at < 0) {
      return Optional.empty();
    }
    String[] words = line.substring(at + BenchProgram.PREFIX.length()).strip().split(" ", -1);
    if (words.length == 2 && (words[1].equals("failed") || words[1].equals("unstable"))) {
      return Optional.of(failed(words[0], words[1]));
    }
    if (words.length != 6
        || Load.Unit.of(words[2]).isEmpty()
        || words[3].length() != CHECKSUM_DIGITS) {
      return Optional.empty();
    }
    try {
      return Optional.of(new Result(words[0], Double.parseDouble(words[1]), words[3]));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  /** The program's own time from its start to its end, if the line is its last one; in nanoseconds. */
  static Optional<Long> parseEnd(String line) {
    int at = line.indexOf(BenchProgram.PREFIX + "end ");
    if (at < 0) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          Long.parseLong(line.substring(at + BenchProgram.PREFIX.length() + 4).strip()));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }
}
