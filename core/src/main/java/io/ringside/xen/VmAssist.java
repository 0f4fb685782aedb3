package io.ringside.xen;

/** vm_assist: what the guest wants to have emulated. Source: {@code public/xen.h}. */
final class VmAssist {
  private final Domain domain;

  VmAssist(Domain domain) {
    this.domain = domain;
  }

  /** vm_assist. */
  long operation(int command, int type) {
    throw HypercallException.of(domain.unimplemented());
  }
}
