package io.ringside.vmm;

import io.ringside.cpu.CpuState;
import io.ringside.devices.TscClock;
import io.ringside.host.HostCpu;
import io.ringside.machine.Clock;

/** The guest's time stamp counter: the host's plus an offset, so it ticks at the host's rate and never stops. */
final class GuestTsc implements TscClock {
  private final HostCpu host;
  private final Clock clock;
  private CpuState state;

  GuestTsc(HostCpu host, Clock clock) {
    this.host = host;
    this.clock = clock;
  }

  /** Sets where the offset is kept. */
  void attach(CpuState vcpuState) {
    state = vcpuState;
  }

  @Override
  public long guestTsc() {
    return host.timestamp() + (state == null ? 0 : state.get(CpuState.TSC_OFFSET));
  }

  @Override
  public long nanosForTsc(long guestTsc) {
    double ticks = guestTsc - guestTsc();
    long now = clock.nanos();
    double nanos = Math.ceil(ticks * 1e9 / host.frequency());
    // Deadlines centuries away must not wrap around.
    return nanos > 1e18 ? Long.MAX_VALUE / 2 : now + (long) nanos;
  }

  @Override
  public long frequencyHz() {
    return Math.round(host.frequency());
  }
}
