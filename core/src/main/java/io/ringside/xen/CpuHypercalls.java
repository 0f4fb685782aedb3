package io.ringside.xen;

/** The hypercalls in place of privileged instructions: trap table, stack, descriptors, segment bases, debug registers, IRET. */
final class CpuHypercalls {
  private final Domain domain;

  CpuHypercalls(Domain domain) {
    this.domain = domain;
  }

  /** set_trap_table. */
  long setTrapTable(PvVcpu caller, long table) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** stack_switch: the kernel stack. */
  long stackSwitch(PvVcpu caller, long ss, long rsp) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** set_gdt: {@code entries} descriptors in the frames listed at {@code frames}. */
  long setGdt(PvVcpu caller, long frames, int entries) {
    if (!SegmentDescriptors.isGdtSize(entries)) {
      return -Errno.EINVAL;
    }
    long[] mfns = new long[PvVcpu.GDT_FRAMES];
    for (int i = 0; i < entries + 511 >> 9; i++) {
      mfns[i] = caller.access().readLong(frames + 8L * i);
    }
    return domain.segments().setGdt(caller, mfns, entries);
  }

  /** update_descriptor: stores a descriptor at a machine address. */
  long updateDescriptor(PvVcpu caller, long maddr, long descriptor) {
    return domain.segments().update(maddr, descriptor);
  }

  /** set_segment_base. */
  long setSegmentBase(PvVcpu caller, int which, long base) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** set_debugreg. */
  long setDebugRegister(PvVcpu caller, int number, long value) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** get_debugreg. */
  long getDebugRegister(PvVcpu caller, int number) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** fpu_taskswitch: CR0.TS. */
  long fpuTaskSwitch(PvVcpu caller, int set) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** iret: leaves by the frame on the stack; gives the RAX in it. */
  long iret(PvVcpu caller) {
    throw HypercallException.of(domain.unimplemented());
  }
}
