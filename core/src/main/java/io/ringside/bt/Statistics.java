package io.ringside.bt;

import io.ringside.x86.Kind;
import java.util.Locale;

/**
 * What a vCPU by binary translation counts, always. Written by the vCPU's thread only; times are measured for one exit
 * in {@link #TIME_EVERY} and scaled up, because reading the clock would cost as much as many an exit.
 */
public final class Statistics {
  /** One exit in so many is timed. */
  static final int TIME_EVERY = 16;

  private static final String[] EXITS = {
    "chain a jump",
    "indirect jump",
    "pending",
    "emulate",
    "undefined",
    "FPU off",
    "TLB miss",
    "host fault",
    "single step",
    "range miss"
  };

  /** Times that translated code came back to Java, by {@link ExitCode} kind. */
  final long[] exits = new long[32];

  /** Nanoseconds until it was entered again, sampled. */
  final long[] exitNanos = new long[32];

  /** Instructions executed in Java, by kind. */
  final long[] emulated = new long[Kind.values().length];

  /** Exceptions delivered, by vector. */
  final long[] exceptions = new long[32];

  long startNanos = System.nanoTime();
  long firstUserNanos;
  long interrupts;
  long outOfLine;
  long flushes;
  long cacheFlushes;
  long translationNanos;
  long units;
  long instructions;
  long guestBytes;
  long cacheBytes;
  long chained;
  long tlbFills;
  long dropped;
  long sampledLookups;
  long sampledMisses;

  Statistics() {}

  /** Nanoseconds from the vCPU's making to the first instruction in user mode; 0 if there was none. */
  public long nanosToFirstUserInstruction() {
    return firstUserNanos == 0 ? 0 : firstUserNanos - startNanos;
  }

  /** Several indented lines for a person. */
  public String report() {
    StringBuilder text = new StringBuilder();
    text.append("  translated code left for      count     total ms (sampled)\n");
    for (int n = 0; n < EXITS.length; n++) {
      if (exits[n] != 0) {
        text.append("    ").append(EXITS[n]).append(" ".repeat(20 - EXITS[n].length()));
        right(text, exits[n], 11);
        right(text, exitNanos[n] / 1_000_000, 13);
        text.append('\n');
      }
    }
    text.append("  translation    ")
        .append(units)
        .append(" units, ")
        .append(instructions)
        .append(" instructions, ");
    text.append(guestBytes)
        .append(" bytes of guest code to ")
        .append(cacheBytes)
        .append(" of host code in ");
    text.append(translationNanos / 1_000_000)
        .append(" ms; ")
        .append(chained)
        .append(" jumps chained, ");
    text.append(dropped)
        .append(" units dropped, cache emptied ")
        .append(cacheFlushes)
        .append(" times\n");
    text.append("  software TLB   ")
        .append(tlbFills)
        .append(" fills, ")
        .append(flushes)
        .append(" flushes; ");
    if (sampledLookups > 0) {
      long hits = Math.max(0, sampledLookups - sampledMisses);
      text.append("sampled ")
          .append(hits)
          .append(" hits and ")
          .append(sampledMisses)
          .append(" misses (");
      text.append(hits * 10000 / sampledLookups / 100.0).append("% hits); ");
    }
    text.append(outOfLine).append(" accesses out of line\n");
    text.append("  interrupts     ").append(interrupts).append('\n');
    text.append("  exceptions     ");
    list(text, exceptions, null);
    text.append("  emulated       ");
    list(text, emulated, Kind.values());
    return text.toString();
  }

  private static void list(StringBuilder text, long[] counts, Kind[] kinds) {
    String separator = "";
    for (int n = 0; n < counts.length; n++) {
      if (counts[n] != 0) {
        text.append(separator);
        text.append(kinds == null ? "vector " + n : kinds[n].toString().toLowerCase(Locale.ROOT));
        text.append(' ').append(counts[n]);
        separator = ", ";
      }
    }
    text.append(separator.isEmpty() ? "none\n" : "\n");
  }

  private static void right(StringBuilder text, long value, int width) {
    String digits = Long.toString(value);
    text.append(" ".repeat(Math.max(1, width - digits.length()))).append(digits);
  }
}
