package io.ringside.xen;

import io.ringside.machine.Timers;

/**
 * The timers of one vCPU, which raise VIRQ_TIMER: one that fires once, and a periodic one that a vCPU starts with, at
 * 100 Hz, and that only runs while the vCPU does not wait. With the machine's lock held.
 */
final class VcpuTimers {
  private static final long DEFAULT_PERIOD = 10_000_000;

  private final PvVcpu vcpu;
  private final Domain domain;
  private final Timers.Timer once;
  private final Timers.Timer periodic;
  private long period = DEFAULT_PERIOD;
  private long last;

  VcpuTimers(PvVcpu vcpu, Domain domain) {
    this.vcpu = vcpu;
    this.domain = domain;
    this.once = domain.config().timers().create(this::fire);
    this.periodic = domain.config().timers().create(this::tick);
    this.last = domain.now();
  }

  /** Fires at a system time, at once if that has passed. */
  void set(long time) {
    once.arm(domain.deadline(time));
  }

  /** Takes back what {@link #set} did. */
  void cancel() {
    once.cancel();
  }

  /** Raises VIRQ_TIMER. */
  void fire() {
    vcpu.runState().clockDue();
    domain.eventChannels().raiseVirq(vcpu, EventChannels.VIRQ_TIMER);
  }

  /** Sets the period of the periodic timer in nanoseconds, 0 to stop it. */
  void period(long nanos) {
    periodic.cancel();
    period = nanos;
    last = domain.now();
    if (nanos != 0) {
      periodic.arm(domain.deadline(last + nanos));
    }
  }

  /** The vCPU runs. */
  void started() {
    if (period != 0) {
      tick();
    }
  }

  /** The vCPU waits. */
  void stopped() {
    periodic.cancel();
  }

  private void tick() {
    long now = domain.now();
    if (now >= last + period) {
      last = now;
      fire();
    }
    periodic.arm(domain.deadline(last + period));
  }
}
