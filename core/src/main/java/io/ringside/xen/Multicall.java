package io.ringside.xen;

/** multicall: a list of hypercalls. Source: {@code public/xen.h}. */
final class Multicall {
  private final Domain domain;

  Multicall(Domain domain) {
    this.domain = domain;
  }

  /** multicall. */
  long call(PvVcpu caller, long list, int count) {
    throw HypercallException.of(domain.unimplemented());
  }
}
