package io.ringside.xen;

/** physdev_op as an unprivileged domain has it. Source: {@code public/physdev.h}. */
final class PhysdevOp {
  private final Domain domain;

  PhysdevOp(Domain domain) {
    this.domain = domain;
  }

  /** physdev_op. */
  long operation(PvVcpu caller, int command, long argument) {
    if (command == 6) {
      caller.traps().registers().iopl((long) caller.access().readInt(argument) << 12);
      return 0;
    }
    throw HypercallException.of(domain.unimplemented());
  }

  /** The old physdev_op, whose argument holds the command too. */
  long compatOperation(PvVcpu caller, long argument) {
    throw HypercallException.of(domain.unimplemented());
  }
}
