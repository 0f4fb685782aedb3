package io.ringside.xen;

/** vcpu_op and set_timer_op. Source: {@code public/vcpu.h}. */
final class VcpuOp {
  private final Domain domain;

  VcpuOp(Domain domain) {
    this.domain = domain;
  }

  /** vcpu_op on the vCPU with number {@code target}. */
  long operation(PvVcpu caller, int command, int target, long argument) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** set_timer_op: a VIRQ_TIMER at {@code deadline} ns of system time, 0 for none. */
  long setTimer(PvVcpu caller, long deadline) {
    throw HypercallException.of(domain.unimplemented());
  }
}
