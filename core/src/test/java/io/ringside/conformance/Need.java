package io.ringside.conformance;

/**
 * What a processor has, but not every machine that tests run on: a documented gap of a method, of an emulated KVM or of
 * QEMU's TCG under a nested one. A test names what it needs ({@link Guest#needs}) and is skipped, with this as the
 * reason, where {@link TestMachine#lacks} says so.
 */
public enum Need {
  // Gaps of binary translation.
  ALIGNMENT_CHECK("#AC"),
  BRANCH_TARGETS("#GP at a branch whose target is not canonical, instead of there"),
  COMPATIBILITY_MODE("32-bit code"),
  VENDORS_SYSRET("SYSRET to a non-canonical address as the vendor that CPUID shows has it"),

  // What KVM has of its own.
  UNDEFINED_VMCALL("#UD of hypercall instructions"),

  // Gaps of emulated KVMs.
  HARDWARE_BREAKPOINTS("breakpoints by DR0 to DR3"),
  FPU_IN_RING_0("x87, SSE and AVX instructions in ring 0"),
  XGETBV_IN_RING_0("XGETBV in ring 0"),
  STAC("STAC and CLAC"),
  SYSRET("SYSRET"),
  SYSCALL_SWITCHED_OFF("#UD of SYSCALL without EFER.SCE"),
  SOFTWARE_INTERRUPTS("INT n"),
  INT1("the address that INT1 pushes"),
  UNDEFINED_OPCODES("#UD of every undefined instruction"),
  RING_3_TRAPS("CR4.TSD and CR4.FSGSBASE in ring 3"),
  RING_3_PORTS("port I/O in ring 3 by IOPL"),
  PROMPT_WINDOWS("interrupts and NMIs as soon as the guest lets them in"),
  INTERRUPT_SHADOW("the shadow of MOV SS"),
  KEPT_AC("RFLAGS.AC as it was in an interrupt's handler"),
  NESTED_EXCEPTIONS("exceptions during the delivery of an event, but for double faults"),
  TSS_LIMIT("a check of the TSS's limit"),
  IRET_TARGETS("#GP of IRET to a non-canonical address"),
  STRING_STEPS("a single-step trap after each iteration of a string instruction"),
  CANONICAL_BORDER("#GP at an operand that ends in non-canonical addresses"),
  WHOLE_STORES("stores across pages that happen as a whole or not at all"),
  MOVBE("MOVBE in ring 0"),
  RESERVED_CONTROL_BITS("#GP for each reserved bit of control registers"),
  PAT_TYPES("#GP for a PAT with reserved memory types"),
  TSC_WRITES("writes to the TSC"),

  // Gaps of QEMU's TCG.
  LOCK_PREFIX("#UD of a LOCK prefix before MOV"),
  UNDEFINED_CONTROL_REGISTERS("#UD of MOV from CR1 in ring 3"),
  STI_SHADOW("the interrupt shadow of STI where the VM is left in it"),
  XSETBV("XSETBV in a way that KVM sees"),
  CANONICAL_MSRS("#GP for addresses in MSRs that are not canonical"),
  GATE_FAULTS("the error codes and addresses of faults that gates raise"),
  DOUBLE_FAULTS_AT_GATES("a double fault where the first fault's gate is not present"),
  RESUME_FLAG("RF in the frame of every fault"),
  GENERAL_DETECT("DR7.GD"),
  SIMD_EXCEPTIONS("#XM"),
  EMMS_TRAPS("#NM of EMMS"),
  NULL_TASK_REGISTER("#GP of LTR with a null selector"),
  NULL_SELECTOR_RPL("#GP for a null selector of another RPL in ring 0's SS"),
  PORT_BITMAP("port I/O in ring 3 by the TSS's bitmap"),
  RESERVED_BITS("the error code of reserved bits in page tables"),
  STACK_FAULTS("#SS for a stack address that is not canonical");

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
