package io.ringside.machine;

/**
 * A PC's interrupt controllers and interval timer: local APICs, I/O APIC, PIC pair, PIT with port 61h. They are among the
 * devices, or come with whoever makes the vCPUs.
 */
@FunctionalInterface
public interface InterruptChips {
  /** ISA interrupt line {@code irq} (0 to 15), wired to the PICs and to the I/O APIC as on a PC. */
  InterruptLine isaLine(int irq);
}
