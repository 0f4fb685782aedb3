package io.ringside.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** All that was measured, by run, so that figures of the same run can be compared. */
final class Measurements {
  /**
   * A boot, from the start of the process to init's first line.
   *
   * @param peak the most memory until then
   */
  record Boot(double wallSeconds, double cpuSeconds, ProcessMeter.Memory peak) {}

  private record Key(Contender contender, String load) {}

  private final Map<Key, List<Result>> results = new HashMap<>();
  private final Map<Contender, List<Boot>> boots = new HashMap<>();
  private final Map<Contender, ProcessMeter.Memory> peaks = new HashMap<>();
  private final Map<Contender, List<Double>> clocks = new HashMap<>();

  /** Adds the result of a contender's next run. */
  void add(Contender contender, Result result) {
    results
        .computeIfAbsent(new Key(contender, result.load()), key -> new ArrayList<>())
        .add(result);
  }

  void add(Contender contender, Boot boot) {
    boots.computeIfAbsent(contender, key -> new ArrayList<>()).add(boot);
  }

  void add(Contender contender, ProcessMeter.Memory peak) {
    peaks.merge(contender, peak, ProcessMeter.Memory::peak);
  }

  /** Adds how fast a guest's clock ran beside the host's: 1 is right. */
  void addClock(Contender contender, double ratio) {
    clocks.computeIfAbsent(contender, key -> new ArrayList<>()).add(ratio);
  }

  List<Boot> boots(Contender contender) {
    return boots.getOrDefault(contender, List.of());
  }

  Optional<ProcessMeter.Memory> peak(Contender contender) {
    return Optional.ofNullable(peaks.get(contender));
  }

  List<Double> clocks(Contender contender) {
    return clocks.getOrDefault(contender, List.of());
  }

  /** The median figure; empty if no run has one. */
  Optional<Double> median(Contender contender, String load) {
    List<Double> values = new ArrayList<>();
    for (Result result : results(contender, load)) {
      if (result.measured()) {
        values.add(result.value());
      }
    }
    return median(values);
  }

  /** How many times as fast the first contender is as the second: the median over runs of both. */
  Optional<Double> speed(Load load, Contender of, Contender to) {
    List<Result> first = results(of, load.name());
    List<Result> second = results(to, load.name());
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < Math.min(first.size(), second.size()); i++) {
      if (first.get(i).measured() && second.get(i).measured()) {
        double ratio = first.get(i).value() / second.get(i).value();
        ratios.add(load.unit().rate() ? ratio : 1 / ratio);
      }
    }
    return median(ratios);
  }

  /** What is to be said about the checksums of a load: whether all runs of all contenders have the same. */
  String checksums(String load) {
    String expected = "";
    for (Contender contender : Contender.values()) {
      for (Result result : results(contender, load)) {
        if (!result.measured()) {
          return contender.title() + ": " + result.checksum();
        }
        if (expected.isEmpty()) {
          expected = result.checksum();
        } else if (!expected.equals(result.checksum())) {
          return "**differ**";
        }
      }
    }
    return "equal";
  }

  private List<Result> results(Contender contender, String load) {
    return results.getOrDefault(new Key(contender, load), List.of());
  }

  /** The middle value, or the mean of the two in the middle. */
  static Optional<Double> median(List<Double> values) {
    if (values.isEmpty()) {
      return Optional.empty();
    }
    double[] sorted = new double[values.size()];
    for (int i = 0; i < sorted.length; i++) {
      sorted[i] = values.get(i);
    }
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return Optional.of(
        sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2);
  }
}
