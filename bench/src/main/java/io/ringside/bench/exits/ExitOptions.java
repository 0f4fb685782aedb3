package io.ringside.bench.exits;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What the command line asks for.
 *
 * @param exits how many exits a loop takes at a time
 * @param rounds how often each loop takes them
 * @param warmUp how many exits each loop takes before
 * @param out a Markdown file to put the table into
 */
record ExitOptions(int exits, int rounds, int warmUp, Optional<Path> out) {
  static final String USAGE =
      """
      usage: bench/run exits [--quick] [--exits N] [--rounds N] [--warm-up N] [--out FILE]
        --quick    101 rounds of 100 exits
        --exits    how many exits each loop takes in a round (100)
        --rounds   how many rounds there are of each kind of exit (1001)
        --warm-up  how many exits each loop takes before the first round (20000)
        --out      put the table into this Markdown file""";

  /** Wrong usage, with what to tell the user. */
  static final class UsageException extends Exception {
    private static final long serialVersionUID = 1;

    UsageException(String message) {
      super(message);
    }
  }

  /** Reads the arguments. */
  static ExitOptions parse(List<String> arguments) throws UsageException {
    int exits = 100;
    int rounds = 1001;
    int warmUp = 20_000;
    Optional<Path> out = Optional.empty();
    for (int i = 0; i < arguments.size(); i++) {
      String option = arguments.get(i);
      if (option.equals("--quick")) {
        exits = 100;
        rounds = 101;
        continue;
      }
      if (i + 1 == arguments.size()) {
        throw new UsageException(option + " is unknown or lacks its value");
      }
      String value = arguments.get(++i);
      switch (option) {
        case "--exits" -> exits = number(option, value);
        case "--rounds" -> rounds = number(option, value);
        case "--warm-up" -> warmUp = number(option, value);
        case "--out" -> out = Optional.of(Path.of(value));
        default -> throw new UsageException("there is no option " + option);
      }
    }
    return new ExitOptions(exits, rounds, warmUp, out);
  }

  private static int number(String option, String value) throws UsageException {
    try {
      int number = Integer.parseInt(value);
      if (number > 0 && number <= 1_000_000) {
        return number;
      }
    } catch (NumberFormatException e) {
      // The same message as for a number out of range.
    }
    throw new UsageException(option + " takes a number from 1 to 1000000, not " + value);
  }
}
