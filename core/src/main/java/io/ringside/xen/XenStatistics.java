package io.ringside.xen;

import io.ringside.x86.Kind;
import java.util.Locale;

/** What a domain's hypercalls were. Counted by the vCPU's thread; whoever reads may be a little behind. */
public final class XenStatistics {
  /** Things that are counted beside hypercalls. */
  public enum Counter {
    /** Events sent on any channel, by the guest or by Xen. */
    EVENTS_SENT,
    /** Upcalls delivered to the guest's event callback. */
    UPCALLS,
    /** Exceptions bounced to the guest kernel. */
    EXCEPTIONS,
    /** System calls bounced to the guest kernel. */
    SYSTEM_CALLS,
    /** Instructions that raised #GP and were emulated; {@link #privileged} has them by kind. */
    PRIVILEGED_EMULATIONS,
    /** CPUID by the forced-emulation prefix. */
    FORCED_EMULATIONS,
    /** Page-table entries written by hypercalls. */
    PAGE_TABLE_UPDATES,
    /** Page-table entries written by emulated stores of the guest. */
    PAGE_TABLE_EMULATIONS,
    /** Frames whose type was validated (page tables and descriptor pages). */
    VALIDATIONS,
    /** Flushes of the whole TLB, asked for or needed. */
    TLB_FLUSHES,
    /** Single pages dropped from the TLB. */
    TLB_INVALIDATIONS
  }

  private static final int COUNTERS = Counter.values().length;
  private static final int KINDS = Kind.values().length;
  private static final int WIDTH = 37;

  private final long[] hypercalls = new long[HypercallNumber.COUNT + 1];
  private final long[] counters = new long[COUNTERS];

  // Emulated instructions by kind: the kernel's before and after the first user mode, programs'.
  private final long[] starting = new long[KINDS];
  private final long[] started = new long[KINDS];
  private final long[] lastNanos = new long[KINDS];
  private final long[] programs = new long[KINDS];

  private final long startNanos = System.nanoTime();
  private long userNanos;
  private boolean userSeen;

  /** Starts at zero. */
  public XenStatistics() {}

  /** The guest kernel goes to user mode. */
  void userEntered() {
    if (!userSeen) {
      userSeen = true;
      userNanos = System.nanoTime();
    }
  }

  /** An instruction raised #GP and was emulated. */
  void privileged(Kind kind, boolean byKernel) {
    counters[Counter.PRIVILEGED_EMULATIONS.ordinal()]++;
    int index = kind.ordinal();
    if (byKernel) {
      (userSeen ? started : starting)[index]++;
      lastNanos[index] = System.nanoTime();
    } else {
      programs[index]++;
    }
  }

  /** How many instructions of a kind the kernel had emulated. */
  public long privileged(Kind kind) {
    return starting[kind.ordinal()] + started[kind.ordinal()];
  }

  /** How many of those came after the kernel had been in user mode for the first time. */
  public long privilegedSinceUserMode(Kind kind) {
    return started[kind.ordinal()];
  }

  void hypercall(long number) {
    hypercalls[
        number >= 0 && number < HypercallNumber.COUNT ? (int) number : HypercallNumber.COUNT]++;
  }

  void count(Counter counter) {
    counters[counter.ordinal()]++;
  }

  void count(Counter counter, long times) {
    counters[counter.ordinal()] += times;
  }

  /** How often a hypercall was made, those in multicalls included; all impossible numbers count as one, 64. */
  public long hypercalls(int number) {
    return hypercalls[number];
  }

  /** The value of a counter. */
  public long get(Counter counter) {
    return counters[counter.ordinal()];
  }

  /** Several indented lines for a person. */
  public String report() {
    StringBuilder text = new StringBuilder("  hypercall                       count\n");
    for (int number = 0; number <= HypercallNumber.COUNT; number++) {
      if (hypercalls[number] != 0) {
        line(
            text,
            number == HypercallNumber.COUNT ? "impossible numbers" : HypercallNumber.name(number),
            hypercalls[number]);
      }
    }
    text.append("  Xen                             count\n");
    for (Counter counter : Counter.values()) {
      if (counters[counter.ordinal()] != 0) {
        String name = counter.name().toLowerCase(Locale.ROOT).replace('_', ' ');
        line(text, name, counters[counter.ordinal()]);
      }
    }
    privileged(text);
    return text.toString();
  }

  private void privileged(StringBuilder text) {
    text.append("  emulated for the kernel         before      after  first user mode, last\n");
    for (Kind kind : Kind.values()) {
      int index = kind.ordinal();
      if (starting[index] + started[index] != 0) {
        line(text, kind.name().toLowerCase(Locale.ROOT), starting[index]);
        text.setLength(text.length() - 1);
        right(text, Long.toString(started[index]), 11);
        right(text, seconds(lastNanos[index] - startNanos) + " s\n", 24);
      }
    }
    for (Kind kind : Kind.values()) {
      if (programs[kind.ordinal()] != 0) {
        line(
            text,
            "for programs: " + kind.name().toLowerCase(Locale.ROOT),
            programs[kind.ordinal()]);
      }
    }
    text.append("  first user mode after ")
        .append(userSeen ? seconds(userNanos - startNanos) + " s\n" : "the end\n");
  }

  private static String seconds(long nanos) {
    long millis = nanos / 1_000_000;
    return millis / 1000 + "." + Long.toString(1000 + millis % 1000).substring(1);
  }

  private static void right(StringBuilder text, String value, int width) {
    text.append(" ".repeat(Math.max(1, width - value.length()))).append(value);
  }

  private static void line(StringBuilder text, String name, long count) {
    String digits = Long.toString(count);
    text.append("  ").append(name);
    text.append(" ".repeat(Math.max(1, WIDTH - name.length() - digits.length())));
    text.append(digits).append('\n');
  }
}
