package io.ringside.bench.exits;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What was measured of one kind of exit.
 *
 * @param kind the kind
 * @param rounds one after the other
 */
record ExitFigures(ExitKind kind, List<Round> rounds) {
  /**
   * A round: nanoseconds per exit of each loop.
   *
   * @param c the loop in machine code
   * @param java the vCPU's own work in Java
   * @param machine the loop of a whole machine; nothing where this kind can't be measured so
   */
  record Round(double c, double java, Optional<Double> machine) {}

  /** Copies the list. */
  ExitFigures {
    rounds = List.copyOf(rounds);
  }

  /** The median over the rounds, in nanoseconds per exit. */
  double c() {
    return median(rounds.stream().map(Round::c).toList());
  }

  /** As {@link #c}. */
  double java() {
    return median(rounds.stream().map(Round::java).toList());
  }

  /** How much longer Java takes: the median over the rounds of the difference of one round. */
  double difference() {
    return median(rounds.stream().map(round -> round.java() - round.c()).toList());
  }

  /** How many times as long Java takes: the median over the rounds of the ratio of one round. */
  double ratio() {
    return median(rounds.stream().map(round -> round.java() / round.c()).toList());
  }

  /** How much longer the whole machine's loop takes than C's, as {@link #difference}. */
  Optional<Double> machineDifference() {
    List<Double> differences = new ArrayList<>();
    for (Round round : rounds) {
      round.machine().ifPresent(machine -> differences.add(machine - round.c()));
    }
    return differences.isEmpty() ? Optional.empty() : Optional.of(median(differences));
  }

  private static double median(List<Double> values) {
    double[] sorted = new double[values.size()];
    for (int i = 0; i < sorted.length; i++) {
      sorted[i] = values.get(i);
    }
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
