package io.ringside.conformance;

/**
 * What a processor has, but not every machine that tests run on: a documented gap of a method, of an emulated KVM or of
 * QEMU's TCG under a nested one. A test names what it needs ({@link Guest#needs}) and is skipped, with this as the
 * reason, where {@link TestMachine#lacks} says so.
 */
public enum Need {
  HARDWARE_BREAKPOINTS("breakpoints by DR0 to DR3"),
  ALIGNMENT_CHECK("#AC"),
  COMPATIBILITY_MODE("32-bit code"),
  VENDORS_SYSRET("SYSRET to a non-canonical address as the vendor that CPUID shows has it"),
  UNDEFINED_VMCALL("#UD of the other vendor's or any hypercall instruction");

  private final String description;

  Need(String description) {
    this.description = description;
  }

  /** What is needed, as part of a sentence. */
  @Override
  public String toString() {
    return description;
  }
}
