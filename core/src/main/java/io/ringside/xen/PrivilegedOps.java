package io.ringside.xen;

/**
 * Hypercalls that an unprivileged domain may not use, with the errors that Xen gives it: what is checked before the
 * caller's rights is checked here too. This Xen is one without CONFIG_HVM, CONFIG_ARGO and CONFIG_XENOPROF, and its virtual
 * performance counters are off, as they are by default.
 */
final class PrivilegedOps {
  private static final int DOMCTL_VERSION = 0x15;
  private static final int SYSCTL_VERSION = 0x15;
  private static final int PLATFORM_VERSION = 0x0300_0001;

  /** Sizes of the arguments, all of which must be readable. */
  private static final int DOMCTL_SIZE = 144;

  private static final int SYSCTL_SIZE = 136;
  private static final int PLATFORM_SIZE = 136;

  private static final int DOMCTL_SHADOW_OP = 10;

  // Commands of domctl that look up their domain in a way of their own.
  private static final int DOMCTL_CREATE = 1;
  private static final int DOMCTL_GET_INFO = 5;
  private static final int DOMCTL_ASSIGN_DEVICE = 37;
  private static final int DOMCTL_TEST_ASSIGN_DEVICE = 45;
  private static final int DOMCTL_DEASSIGN_DEVICE = 47;
  private static final int DOMCTL_VM_EVENT = 56;

  private final Domain domain;

  PrivilegedOps(Domain domain) {
    this.domain = domain;
  }

  /** Answers a hypercall that no other class does. */
  long operation(PvVcpu caller, int number, long a1, long a2) {
    return switch (number) {
      case HypercallNumber.PLATFORM_OP ->
          versioned(caller, a1, PLATFORM_SIZE, PLATFORM_VERSION, -Errno.EACCES);
      case HypercallNumber.SYSCTL ->
          versioned(caller, a1, SYSCTL_SIZE, SYSCTL_VERSION, -Errno.EACCES);
      case HypercallNumber.DOMCTL -> domctl(caller, a1);
      case HypercallNumber.PAGING_DOMCTL_CONT -> pagingDomctl(caller, a1);
      case HypercallNumber.KEXEC_OP, HypercallNumber.HYPFS_OP, HypercallNumber.MCA -> -Errno.EPERM;
      case HypercallNumber.XENPMU_OP -> -Errno.EOPNOTSUPP;
      default -> -Errno.ENOSYS;
    };
  }

  /** A command (4 bytes) and the version of the interface (4 bytes), then what no one looks at. */
  private static long versioned(
      PvVcpu caller, long argument, int size, int version, int otherVersion) {
    caller.access().read(argument, new byte[size], 0, size);
    return caller.access().readInt(argument + 4) == version ? -Errno.EPERM : otherVersion;
  }

  private long domctl(PvVcpu caller, long argument) {
    long result = versioned(caller, argument, DOMCTL_SIZE, DOMCTL_VERSION, -Errno.EACCES);
    if (result != -Errno.EPERM) {
      return result;
    }
    int id = caller.access().readShort(argument + 8);
    boolean found =
        switch (caller.access().readInt(argument)) {
          case DOMCTL_CREATE -> true;
          // The first domain from that number on.
          case DOMCTL_GET_INFO -> id <= domain.domid();
          case DOMCTL_ASSIGN_DEVICE, DOMCTL_DEASSIGN_DEVICE -> id == Layout.DOMID_IO || exists(id);
          case DOMCTL_TEST_ASSIGN_DEVICE, DOMCTL_VM_EVENT ->
              id == Layout.DOMID_INVALID || exists(id);
          default -> exists(id);
        };
    return found ? -Errno.EPERM : -Errno.ESRCH;
  }

  private long pagingDomctl(PvVcpu caller, long argument) {
    long result = versioned(caller, argument, DOMCTL_SIZE, DOMCTL_VERSION, -Errno.EOPNOTSUPP);
    if (result != -Errno.EPERM) {
      return result;
    }
    if (caller.access().readInt(argument) != DOMCTL_SHADOW_OP) {
      return -Errno.EOPNOTSUPP;
    }
    return exists(caller.access().readShort(argument + 8)) ? -Errno.EPERM : -Errno.ESRCH;
  }

  private boolean exists(int id) {
    return id == 0 || id == domain.domid();
  }
}
