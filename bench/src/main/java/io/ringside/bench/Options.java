package io.ringside.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What the command line asks for.
 *
 * @param loads the names of the loads, in the program's order; may be empty when only the boot is measured
 * @param boot whether to measure the boot
 * @param runs how often each contender runs
 * @param milliseconds how long each load runs
 * @param contenders who runs
 * @param qemu QEMU's program
 * @param ringside Ringside's launcher
 * @param kernel a kernel in place of the default one
 * @param out a Markdown file to put the tables into
 */
record Options(
    List<String> loads,
    boolean boot,
    int runs,
    int milliseconds,
    Set<Contender> contenders,
    String qemu,
    Path ringside,
    Optional<Path> kernel,
    Optional<Path> out) {
  static final String USAGE =
      """
      usage: bench/run [--quick] [--only NAME,...] [--runs N] [--time MILLISECONDS]
                       [--contenders native,qemu,bt,pv] [--qemu PROGRAM] [--ringside PROGRAM]
                       [--kernel FILE] [--out FILE] [--list]
             bench/run exits [--help]    measures exits of KVM
        --quick       one run of 100 ms per load
        --only        these loads only; "boot" is the time to init's first line
        --runs        how often each contender runs, alternating (3)
        --time        how long each load runs at least (300)
        --contenders  who takes part (all); "ringside" is bt and pv; QEMU is left out where it
                      isn't installed
        --out         put the tables into this Markdown file
        --list        the names of the loads""";

  private static final String BOOT = "boot";
  private static final String ALL_METHODS = "ringside";

  /** Wrong usage, with what to tell the user. */
  static final class UsageException extends Exception {
    private static final long serialVersionUID = 1;

    UsageException(String message) {
      super(message);
    }
  }

  /** Reads the arguments; {@code known} are the loads there are. */
  static Options parse(List<String> arguments, List<String> known, Path launcher)
      throws UsageException {
    List<String> loads = known;
    boolean boot = true;
    int runs = 3;
    int milliseconds = 300;
    Set<Contender> contenders = EnumSet.allOf(Contender.class);
    String qemu = "qemu-system-x86_64";
    Path ringside = launcher;
    Optional<Path> kernel = Optional.empty();
    Optional<Path> out = Optional.empty();
    for (int i = 0; i < arguments.size(); i++) {
      String option = arguments.get(i);
      if (option.equals("--quick")) {
        runs = 1;
        milliseconds = 100;
        continue;
      }
      if (i + 1 == arguments.size()) {
        throw new UsageException(option + " is unknown or lacks its value");
      }
      String value = arguments.get(++i);
      switch (option) {
        case "--only" -> {
          List<String> names = List.of(value.split(",", -1));
          for (String name : names) {
            if (!known.contains(name) && !name.equals(BOOT)) {
              throw new UsageException("there is no load " + name + "; --list shows all");
            }
          }
          boot = names.contains(BOOT);
          List<String> chosen = new ArrayList<>(known);
          chosen.retainAll(names);
          loads = chosen;
        }
        case "--runs" -> runs = number(option, value);
        case "--time" -> milliseconds = number(option, value);
        case "--contenders" -> {
          contenders = EnumSet.noneOf(Contender.class);
          for (String name : value.split(",", -1)) {
            contenders.addAll(contenders(name));
          }
        }
        case "--qemu" -> qemu = value;
        case "--ringside" -> ringside = Path.of(value);
        case "--kernel" -> kernel = Optional.of(Path.of(value));
        case "--out" -> out = Optional.of(Path.of(value));
        default -> throw new UsageException("there is no option " + option);
      }
    }
    return new Options(loads, boot, runs, milliseconds, contenders, qemu, ringside, kernel, out);
  }

  /** The same without one contender. */
  Options without(Contender contender) {
    Set<Contender> rest = EnumSet.copyOf(contenders);
    rest.remove(contender);
    return new Options(loads, boot, runs, milliseconds, rest, qemu, ringside, kernel, out);
  }

  private static Set<Contender> contenders(String name) throws UsageException {
    if (name.equals(ALL_METHODS)) {
      return EnumSet.of(Contender.BT, Contender.PV);
    }
    for (Contender contender : Contender.values()) {
      if (name.equals(contender.option())) {
        return EnumSet.of(contender);
      }
    }
    throw new UsageException("there is no contender " + name + "; there are native, qemu, bt, pv");
  }

  private static int number(String option, String value) throws UsageException {
    try {
      int number = Integer.parseInt(value);
      if (number > 0 && number <= 100_000) {
        return number;
      }
    } catch (NumberFormatException e) {
      // The same message as for a number out of range.
    }
    throw new UsageException(option + " takes a number from 1 to 100000, not " + value);
  }
}
