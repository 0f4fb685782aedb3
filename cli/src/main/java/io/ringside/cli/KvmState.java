package io.ringside.cli;

/** What {@code /dev/kvm} is on a host, as far as it matters to {@code --method hvm}. */
sealed interface KvmState {
  /**
   * VT-x or AMD-V is behind it.
   *
   * @param extension {@code VT-x} or {@code AMD-V}
   * @param module the kernel module that drives it, {@code kvm_intel} or {@code kvm_amd}
   * @param nested whether the host is a virtual machine itself, so that an outer hypervisor provides the extension
   */
  record Real(String extension, String module, boolean nested) implements KvmState {
    /** One clause for the user. */
    String what() {
      return nested
          ? extension + " by " + module + ", nested: this machine is a virtual one itself"
          : extension + " by " + module;
    }
  }

  /**
   * The API is there, and software behind it.
   *
   * @param why how that shows, such that it goes on after "/dev/kvm is there, but "
   */
  record Emulated(String why) implements KvmState {}

  /**
   * It can't be used.
   *
   * @param cause in which way
   * @param why one clause for the user
   * @param remedy what the user can do, in the imperative
   */
  record Unusable(Cause cause, String why, String remedy) implements KvmState {}

  /** Why KVM can't be used. */
  enum Cause {
    OTHER_HOST,
    NO_DEVICE,
    NO_PERMISSION,
    CANNOT_OPEN,
    NOT_KVM,
    WRONG_VERSION,
    LACKS_CAPABILITIES,
    NO_VM
  }
}
