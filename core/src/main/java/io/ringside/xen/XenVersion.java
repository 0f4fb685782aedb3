package io.ringside.xen;

/** xen_version. Source: {@code public/version.h}, {@code public/features.h}. */
final class XenVersion {
  private final Domain domain;

  XenVersion(Domain domain) {
    this.domain = domain;
  }

  /** xen_version. */
  long operation(PvVcpu caller, int command, long argument) {
    throw HypercallException.of(domain.unimplemented());
  }
}
