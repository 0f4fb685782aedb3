package io.ringside.cpu;

import io.ringside.machine.InterruptController;

/**
 * The four performance counters that every AMD processor since the K7 has (APM vol. 2, 13.2.1): MSRs C001_0000h to
 * C001_0003h select events, C001_0004h to C001_0007h count them. A guest needs no CPUID bit to use them, so a processor
 * that shows itself as AMD's must have them.
 *
 * <p>One event counts, 76h, "cycles not in halt" (the processor programming references, PMCx076): it advances by one with
 * each tick of the time stamp counter while the counter is enabled, at every CPL and, unlike the event, while the vCPU is
 * halted. All other events stay where they are: translated code isn't the guest's, so the host's counters would count
 * other things. A counter that wraps around raises the local APIC's performance-counter interrupt if its control register
 * asks for that; the interrupt may come late, as on a processor it may, but not early.
 */
final class PerformanceCounters {
  private static final int FIRST_CONTROL = 0xc001_0000;
  private static final int COUNTERS = 4;

  /** EventSelect 7:0, UnitMask, USR, OS, edge, INT, EN, INV, CntMask, EventSelect 11:8, host and guest only. */
  private static final long CONTROL_WRITABLE = 0x030f_ffdf_ffffL;

  private static final long CONTROL_EVENT = 0x0f_0000_00ffL;
  private static final long CONTROL_USER_OR_KERNEL = 3 << 16;
  private static final long CONTROL_INTERRUPT = 1 << 20;
  private static final long CONTROL_ENABLE = 1 << 22;
  private static final long EVENT_CYCLES_NOT_IN_HALT = 0x76;
  private static final long COUNT = (1L << 48) - 1;

  private final CpuHooks hooks;
  private final InterruptController interruptController;
  private final long[] control = new long[COUNTERS];

  /** The count of one that stands; what to add to the host's time stamp counter for the count of one that runs. */
  private final long[] count = new long[COUNTERS];

  PerformanceCounters(CpuHooks hooks, InterruptController interruptController) {
    this.hooks = hooks;
    this.interruptController = interruptController;
  }

  static boolean contains(int msr) {
    return msr >= FIRST_CONTROL && msr < FIRST_CONTROL + 2 * COUNTERS;
  }

  /** RDMSR. */
  long read(int msr) {
    int n = msr - FIRST_CONTROL;
    return n < COUNTERS ? control[n] : counter(n - COUNTERS);
  }

  /**
   * RDPMC.
   *
   * @throws GuestFault #GP(0) if there is no such counter
   */
  long readCounter(int number) {
    if (number < 0 || number >= COUNTERS) {
      throw GuestFault.GP0;
    }
    return counter(number);
  }

  /** WRMSR. */
  void write(int msr, long value) {
    int n = msr - FIRST_CONTROL;
    long now = hooks.hostTsc();
    if (n < COUNTERS) {
      long current = count(n, now);
      control[n] = value & CONTROL_WRITABLE;
      count(n, now, current);
    } else {
      count(n - COUNTERS, now, value);
    }
    armInterrupt(now);
  }

  private long counter(int n) {
    return count(n, hooks.hostTsc());
  }

  private long count(int n, long now) {
    return (isRunning(n) ? count[n] + now : count[n]) & COUNT;
  }

  private void count(int n, long now, long value) {
    count[n] = isRunning(n) ? value - now : value;
  }

  private boolean isRunning(int n) {
    return (control[n] & CONTROL_ENABLE) != 0
        && (control[n] & CONTROL_USER_OR_KERNEL) != 0
        && (control[n] & CONTROL_EVENT) == EVENT_CYCLES_NOT_IN_HALT;
  }

  private void armInterrupt(long now) {
    long ticks = Long.MAX_VALUE;
    for (int n = 0; n < COUNTERS; n++) {
      if (isRunning(n) && (control[n] & CONTROL_INTERRUPT) != 0) {
        ticks = Math.min(ticks, COUNT + 1 - count(n, now));
      }
    }
    interruptController.armPerformanceInterrupt(ticks);
  }
}
