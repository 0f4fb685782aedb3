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
  SOFTWARE_INTERRUPTS_IN_RING_0("INT n in ring 0"),
  XSETBV("XSETBV"),
  RESERVED_BITS("the error code of reserved bits in page tables"),
  STACK_FAULTS("#SS for a stack address that is not canonical"),
  BRANCH_TARGETS("#GP at a branch whose target is not canonical (it comes at the target)"),
  TSS_LIMIT("a check of the TSS's limit"),
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
