package io.ringside.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Makes Markdown tables of what was measured. */
final class Report {
  private static final List<Contender> METHODS = List.of(Contender.BT, Contender.PV);
  private static final List<Contender> GUESTS = List.of(Contender.QEMU, Contender.BT, Contender.PV);

  private final List<Load> loads;
  private final Options options;
  private final Measurements measurements;

  Report(List<Load> loads, Options options, Measurements measurements) {
    this.loads = loads;
    this.options = options;
    this.measurements = measurements;
  }

  /** How many times as fast as QEMU a load must be in Ringside: the project's goals. */
  static double goal(String load) {
    return switch (load) {
      case "integer" -> 1.3;
      case "sha256", "memcpy", "memcpy-sse" -> 2;
      case "matmul" -> 10;
      default -> 1;
    };
  }

  /** The tables. */
  String markdown() {
    StringBuilder out = new StringBuilder();
    if (!options.loads().isEmpty()) {
      loads(out);
    }
    if (options.boot()) {
      boots(out);
    }
    memory(out);
    return out.toString();
  }

  /** Whether all loads that were measured have their checksums equal and no contender failed. */
  boolean checksumsEqual() {
    for (Load load : loads) {
      if (options.loads().contains(load.name())
          && !measurements.checksums(load.name()).equals("equal")) {
        return false;
      }
    }
    return true;
  }

  private void loads(StringBuilder out) {
    List<String> head = new ArrayList<>(List.of("load", "unit"));
    for (Contender contender : shown()) {
      head.add(contender.title());
    }
    for (Ratio ratio : ratios()) {
      head.add(ratio.of.option() + " : " + name(ratio.to) + ", speed");
      if (ratio.equals(lastToQemu())) {
        head.add("goal");
      }
    }
    head.add("checksums");
    row(out, head);
    out.append("|---|---|").append("--:|".repeat(head.size() - 3)).append("---|\n");
    for (Load load : loads) {
      if (options.loads().contains(load.name())) {
        row(out, cells(load));
      }
    }
    out.append('\n');
  }

  private List<String> cells(Load load) {
    List<String> cells = new ArrayList<>();
    cells.add(load.title());
    cells.add(load.unit() == Load.Unit.MICROSECONDS ? "µs" : load.unit().text());
    for (Contender contender : shown()) {
      cells.add(figure(measurements.median(contender, load.name())));
    }
    double goal = goal(load.name());
    for (Ratio ratio : ratios()) {
      Optional<Double> speed = measurements.speed(load, ratio.of, ratio.to);
      boolean missed = ratio.to == Contender.QEMU && speed.isPresent() && speed.get() < goal;
      cells.add(missed ? "**" + figure(speed) + "**" : figure(speed));
      if (ratio.equals(lastToQemu())) {
        cells.add(figure(goal));
      }
    }
    cells.add(measurements.checksums(load.name()));
    return cells;
  }

  /** A column: how many times as fast the first contender is as the second. */
  private record Ratio(Contender of, Contender to) {}

  /** The columns of ratios: those to QEMU side by side, then those to native, then those among the methods. */
  private List<Ratio> ratios() {
    List<Ratio> ratios = new ArrayList<>();
    for (Contender to : List.of(Contender.QEMU, Contender.NATIVE, Contender.BT)) {
      for (Contender of : METHODS) {
        if (of != to && shown().contains(of) && shown().contains(to)) {
          ratios.add(new Ratio(of, to));
        }
      }
    }
    return ratios;
  }

  private Ratio lastToQemu() {
    Contender last = shown().contains(Contender.PV) ? Contender.PV : Contender.BT;
    return new Ratio(last, Contender.QEMU);
  }

  private List<Contender> shown() {
    return List.copyOf(options.contenders());
  }

  private static String name(Contender contender) {
    return contender == Contender.QEMU ? "QEMU" : contender.option();
  }

  private void boots(StringBuilder out) {
    row(
        out,
        List.of(
            "start to init's first line",
            "wall, s",
            "CPU, s",
            "ratio to QEMU, wall",
            "CPU",
            "ratio to bt, wall",
            "CPU"));
    out.append("|---|--:|--:|--:|--:|--:|--:|\n");
    for (Contender contender : GUESTS) {
      if (measurements.boots(contender).isEmpty()) {
        continue;
      }
      Optional<Double> wall = boot(contender, true);
      Optional<Double> cpu = boot(contender, false);
      row(
          out,
          List.of(
              contender.title(),
              figure(wall),
              figure(cpu),
              figure(ratio(wall, boot(Contender.QEMU, true))),
              figure(ratio(cpu, boot(Contender.QEMU, false))),
              figure(ratio(wall, boot(Contender.BT, true))),
              figure(ratio(cpu, boot(Contender.BT, false)))));
    }
    out.append('\n');
  }

  private Optional<Double> boot(Contender contender, boolean wall) {
    List<Double> values = new ArrayList<>();
    for (Measurements.Boot boot : measurements.boots(contender)) {
      values.add(wall ? boot.wallSeconds() : boot.cpuSeconds());
    }
    return Measurements.median(values);
  }

  private static Optional<Double> ratio(Optional<Double> x, Optional<Double> y) {
    return x.isPresent() && y.isPresent() ? Optional.of(x.get() / y.get()) : Optional.empty();
  }

  private void memory(StringBuilder out) {
    row(
        out,
        List.of(
            "memory, MB, at most",
            "resident",
            "of it guest RAM (shared memory)",
            "the rest",
            "the guest's clock : the host's"));
    out.append("|---|--:|--:|--:|--:|\n");
    for (Contender contender : GUESTS) {
      memory(out, contender, " with init's first line", bootPeak(contender), "");
      memory(
          out,
          contender,
          " over all loads",
          measurements.peak(contender),
          figure(Measurements.median(measurements.clocks(contender)), 4));
    }
  }

  private void memory(
      StringBuilder out,
      Contender contender,
      String when,
      Optional<ProcessMeter.Memory> peak,
      String clock) {
    if (peak.isEmpty()) {
      return;
    }
    boolean shared = peak.get().shared() > 0;
    row(
        out,
        List.of(
            contender.title() + when,
            megabytes(peak.get().resident()),
            shared ? megabytes(peak.get().shared()) : "not told apart",
            shared ? megabytes(peak.get().resident() - peak.get().shared()) : "",
            clock));
  }

  private Optional<ProcessMeter.Memory> bootPeak(Contender contender) {
    Optional<ProcessMeter.Memory> result = Optional.empty();
    for (Measurements.Boot boot : measurements.boots(contender)) {
      result =
          Optional.of(
              ProcessMeter.Memory.peak(result.orElse(ProcessMeter.Memory.NONE), boot.peak()));
    }
    return result;
  }

  private static String megabytes(long kibibytes) {
    return String.valueOf(Math.round(kibibytes * 1024 / 1e6));
  }

  private static void row(StringBuilder out, List<String> cells) {
    out.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }

  private static String figure(Optional<Double> value) {
    return value.isPresent() ? figure(value.get()) : "-";
  }

  private static String figure(Optional<Double> value, int decimals) {
    return value.isPresent() ? String.format(Locale.ROOT, "%." + decimals + "f", value.get()) : "";
  }

  /** A figure with about three digits, thousands separated. */
  static String figure(double value) {
    int decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;
    return String.format(Locale.ROOT, "%,." + decimals + "f", value);
  }
}
