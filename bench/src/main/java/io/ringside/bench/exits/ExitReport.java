package io.ringside.bench.exits;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Makes a Markdown table of what was measured. */
final class ExitReport {
  /** How many nanoseconds an exit may take longer from Java: the project's goal. */
  static final int GOAL_NANOS = 300;

  private static final String NONE = "-";

  private final List<ExitFigures> figures;

  ExitReport(List<ExitFigures> figures) {
    this.figures = List.copyOf(figures);
  }

  /** The table, and whether the goal is reached. */
  String markdown() {
    StringBuilder out = new StringBuilder();
    row(out, List.of("exit, ns", "C", "Java", "Java - C", "Java : C", "whole vCPU loop - C"));
    out.append("|---|--:|--:|--:|--:|--:|\n");
    for (ExitFigures each : figures) {
      List<String> cells = new ArrayList<>();
      cells.add(each.kind().title());
      cells.add(nanos(each.c()));
      cells.add(nanos(each.java()));
      String difference = nanos(each.difference());
      cells.add(each.difference() > GOAL_NANOS ? "**" + difference + "**" : difference);
      cells.add(String.format(Locale.ROOT, "%.3f", each.ratio()));
      Optional<Double> machine = each.machineDifference();
      cells.add(machine.isPresent() ? nanos(machine.get()) : NONE);
      row(out, cells);
    }
    return out.append('\n').append(goal()).append('\n').toString();
  }

  /** One line: whether an exit takes at most {@value #GOAL_NANOS} ns longer from Java, whatever its kind. */
  String goal() {
    ExitFigures worst = figures.getFirst();
    for (ExitFigures each : figures) {
      if (each.difference() > worst.difference()) {
        worst = each;
      }
    }
    return "Goal: an exit costs at most "
        + GOAL_NANOS
        + " ns more from Java than from C: "
        + (worst.difference() <= GOAL_NANOS ? "holds" : "missed")
        + "; the most is "
        + nanos(worst.difference())
        + " ns, of "
        + worst.kind().title()
        + ".";
  }

  private static String nanos(double value) {
    return String.format(Locale.ROOT, "%,.0f", value);
  }

  private static void row(StringBuilder out, List<String> cells) {
    out.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }
}
