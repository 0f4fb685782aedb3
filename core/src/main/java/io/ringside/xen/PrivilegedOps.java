package io.ringside.xen;

/** Hypercalls that an unprivileged domain may not use, and what Xen says to it. */
final class PrivilegedOps {
  private final Domain domain;

  PrivilegedOps(Domain domain) {
    this.domain = domain;
  }

  /** sysctl, domctl, platform_op, kexec_op, mca, and kin. */
  long operation(PvVcpu caller, int number, long a1, long a2) {
    throw HypercallException.of(domain.unimplemented());
  }
}
