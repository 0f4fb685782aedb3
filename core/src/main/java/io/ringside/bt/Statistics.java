package io.ringside.bt;

import io.ringside.x86.Kind;

/** What a vCPU counts, always. Written by the vCPU's thread only. */
public final class Statistics {
  /** Times that translated code came back to Java, by {@link ExitCode} kind. */
  final long[] exits = new long[32];

  /** Instructions executed in Java, by kind. */
  final long[] emulated = new long[Kind.values().length];

  /** Exceptions delivered, by vector. */
  final long[] exceptions = new long[32];

  long interrupts;
  long outOfLine;
  long flushes;
  long cacheFlushes;
  long translationNanos;
  long units;
  long instructions;
  long guestBytes;
  long cacheBytes;
  long tlbFills;
  long dropped;

  Statistics() {}

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    String[] names = {"link", "indirect", "pending", "emulate", "undefined", "nm", "miss", "fault", "stepped"};
    for (int n = 0; n < names.length; n++) {
      text.append(names[n]).append(' ').append(exits[n]).append(", ");
    }
    text.append("units ").append(units).append(", instructions ").append(instructions);
    text.append(", cache bytes ").append(cacheBytes).append(", cache flushes ").append(cacheFlushes);
    text.append(", translating ms ").append(translationNanos / 1_000_000);
    text.append(", tlb fills ").append(tlbFills).append(", flushes ").append(flushes);
    text.append(", dropped ").append(dropped).append(", out of line ").append(outOfLine);
    text.append(", interrupts ").append(interrupts);
    for (int n = 0; n < exceptions.length; n++) {
      if (exceptions[n] != 0) {
        text.append(", #").append(n).append(' ').append(exceptions[n]);
      }
    }
    for (Kind kind : Kind.values()) {
      if (emulated[kind.ordinal()] != 0) {
        text.append(", ").append(kind).append(' ').append(emulated[kind.ordinal()]);
      }
    }
    return text.toString();
  }
}
