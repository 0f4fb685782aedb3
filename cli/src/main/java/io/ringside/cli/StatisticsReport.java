package io.ringside.cli;

import io.ringside.vmm.ExitCounters;
import io.ringside.vmm.Machine;

/** What {@code --stats} prints. */
final class StatisticsReport {
  private static final int NAME_WIDTH = 14;
  private static final int COUNT_WIDTH = 11;
  private static final int TIME_WIDTH = 13;

  private StatisticsReport() {}

  /** Several lines about a machine that has ended. */
  static String of(Method method, Machine machine) {
    StringBuilder text = new StringBuilder("statistics\n");
    text.append("  method         ").append(method.label()).append('\n');
    exits(text, machine.loop().counters());
    long firstUser = machine.nanosToFirstUserInstruction();
    if (firstUser != 0) {
      text.append("  first user instruction after ")
          .append(thousandths(firstUser / 1_000_000))
          .append(" s\n");
    }
    text.append(machine.methodReport());
    return text.toString().stripTrailing();
  }

  private static void exits(StringBuilder text, ExitCounters counters) {
    text.append("  exit                 count     total ms   longest us\n");
    for (ExitCounters.Kind kind : ExitCounters.Kind.values()) {
      long count = counters.count(kind);
      if (count == 0) {
        continue;
      }
      String name = kind.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ');
      text.append("  ").append(name).append(" ".repeat(NAME_WIDTH - name.length()));
      right(text, Long.toString(count), COUNT_WIDTH);
      right(text, thousandths(counters.nanos(kind) / 1000), TIME_WIDTH);
      right(text, thousandths(counters.longest(kind)), TIME_WIDTH);
      text.append('\n');
    }
  }

  private static String thousandths(long value) {
    String digits = Long.toString(1000 + value % 1000);
    return value / 1000 + "." + digits.substring(1);
  }

  private static void right(StringBuilder text, String value, int width) {
    text.append(" ".repeat(Math.max(1, width - value.length()))).append(value);
  }
}
