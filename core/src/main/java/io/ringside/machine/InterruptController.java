package io.ringside.machine;

/** What a vCPU sees of the interrupt controllers: the LAPIC with, behind its LINT0, the PIC pair. */
public interface InterruptController {
  /** Whether an interrupt that the task priority lets through waits. Lock-free: the vCPU asks often. */
  boolean hasPending();

  /** Takes the highest pending interrupt: its vector 0 to 255, or -1 if it went away. */
  int acknowledge();

  /** Whether a non-maskable interrupt waits. Lock-free. */
  boolean hasNmi();

  /** Whether a non-maskable interrupt waits; taking it clears it. */
  boolean takeNmi();

  /** CR8: bits 7 to 4 of the task priority. */
  int readCr8();

  /** Writes CR8 (0 to 15). */
  void writeCr8(int value);

  /** The IA32_APIC_BASE MSR (1Bh). */
  long readApicBase();

  /** Writes IA32_APIC_BASE; false if the value is one that raises #GP. */
  boolean writeApicBase(long value);

  /** Reads an x2APIC MSR (800h to 8FFh); throws {@link IllegalArgumentException} where the access raises #GP. */
  long readX2apic(int msr);

  /** Writes an x2APIC MSR; false where the access raises #GP. */
  boolean writeX2apic(int msr, long value);

  /** IA32_TSC_DEADLINE (6E0h). */
  long readTscDeadline();

  /** Writes IA32_TSC_DEADLINE: guest TSC value, 0 disarms. */
  void writeTscDeadline(long value);

  /**
   * Has the performance-counter interrupt come after {@code ticks} of the guest's TSC, in place of what was asked before;
   * never if that is {@link Long#MAX_VALUE}. A controller without that interrupt does nothing.
   */
  default void armPerformanceInterrupt(long ticks) {}
}
