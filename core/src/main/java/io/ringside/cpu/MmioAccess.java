package io.ringside.cpu;

/**
 * An emulated instruction needs a value from guest-physical memory that is not RAM. The VMM reads the device, hands
 * the value to {@link VirtualMemory#completeRead} and executes the instruction again from its start. Control flow: no
 * stack trace.
 */
public final class MmioAccess extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final long gpa;
  private final int size;

  MmioAccess(long gpa, int size) {
    super(null, null, false, false);
    this.gpa = gpa;
    this.size = size;
  }

  /** The guest-physical address. */
  public long gpa() {
    return gpa;
  }

  /** 1, 2, 4 or 8 bytes. */
  public int size() {
    return size;
  }
}
