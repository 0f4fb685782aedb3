package io.ringside.xen;

/** Event channels by the 2-level ABI. Source: {@code public/event_channel.h}. */
final class EventChannels {
  private final Domain domain;

  EventChannels(Domain domain) {
    this.domain = domain;
  }

  /** event_channel_op. */
  long operation(PvVcpu caller, int command, long argument) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** The old event_channel_op, whose argument holds the command too. */
  long compatOperation(PvVcpu caller, long argument) {
    throw HypercallException.of(domain.unimplemented());
  }
}
