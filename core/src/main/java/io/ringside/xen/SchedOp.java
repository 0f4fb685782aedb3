package io.ringside.xen;

/** sched_op: yield, block, poll, shutdown, watchdog. Source: {@code public/sched.h}. */
final class SchedOp {
  private final Domain domain;

  SchedOp(Domain domain) {
    this.domain = domain;
  }

  /** sched_op. */
  long operation(PvVcpu caller, int command, long argument) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** The old sched_op, whose argument is a value. */
  long compatOperation(PvVcpu caller, int command, long argument) {
    throw HypercallException.of(domain.unimplemented());
  }
}
