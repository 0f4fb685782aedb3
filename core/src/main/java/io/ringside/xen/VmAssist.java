package io.ringside.xen;

/** vm_assist: what the guest wants to have emulated. Source: {@code public/xen.h}. */
final class VmAssist {
  /** VMASST_TYPE_architectural_iopl: IOPL in bounce and IRET frames is the guest's. */
  static final int ARCHITECTURAL_IOPL = 4;

  /** VMASST_TYPE_runstate_update_flag: a bit says that the runstate area is being changed. */
  static final int RUNSTATE_UPDATE_FLAG = 5;

  private static final int ENABLE = 0;
  private static final int DISABLE = 1;

  /**
   * Types of a 64-bit PV domain: 4gb_segments, 4gb_segments_notify, writable_pagetables, pae_extended_cr3,
   * architectural_iopl, runstate_update_flag (0 to 5) and m2p_strict (32). Some mean nothing in 64-bit mode.
   */
  private static final long VALID = 0x3f | 1L << 32;

  private final Domain domain;

  VmAssist(Domain domain) {
    this.domain = domain;
  }

  /** vm_assist. */
  long operation(int command, int type) {
    if (Integer.compareUnsigned(type, Long.SIZE) >= 0 || (VALID >>> type & 1) == 0) {
      return -Errno.EINVAL;
    }
    if (command != ENABLE && command != DISABLE) {
      return -Errno.ENOSYS;
    }
    domain.assist(type, command == ENABLE);
    return 0;
  }
}
