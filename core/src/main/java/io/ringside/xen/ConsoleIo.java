package io.ringside.xen;

/** console_io: the hypervisor's console. Source: {@code public/xen.h}. */
final class ConsoleIo {
  private final Domain domain;

  ConsoleIo(Domain domain) {
    this.domain = domain;
  }

  /** console_io. */
  long operation(PvVcpu caller, int command, int count, long buffer) {
    throw HypercallException.of(domain.unimplemented());
  }
}
