package io.ringside.xen;

/** mmuext_op. Source: {@code public/xen.h}. */
final class MmuExtended {
  private final Domain domain;

  MmuExtended(Domain domain) {
    this.domain = domain;
  }

  /** mmuext_op. */
  long operation(PvVcpu caller, long operations, int count, long done, int foreign) {
    throw HypercallException.of(domain.unimplemented());
  }
}
