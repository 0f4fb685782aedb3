package io.ringside.xen;

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
    /** Instructions that raised #GP and were emulated: none of a PV kernel, once it has started. */
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

  private final long[] hypercalls = new long[HypercallNumber.COUNT + 1];
  private final long[] counters = new long[COUNTERS];

  /** Starts at zero. */
  public XenStatistics() {}

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
        String name = counter.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ');
        line(text, name, counters[counter.ordinal()]);
      }
    }
    return text.toString();
  }

  private static void line(StringBuilder text, String name, long count) {
    String digits = Long.toString(count);
    text.append("  ").append(name);
    text.append(" ".repeat(Math.max(1, 37 - name.length() - digits.length())));
    text.append(digits).append('\n');
  }
}
