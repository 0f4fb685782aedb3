package io.ringside.xen;

/** memory_op. Source: {@code public/memory.h}. */
final class MemoryOp {
  private final Domain domain;

  MemoryOp(Domain domain) {
    this.domain = domain;
  }

  /** memory_op. */
  long operation(PvVcpu caller, long command, long argument) {
    throw HypercallException.of(domain.unimplemented());
  }
}
