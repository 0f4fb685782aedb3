package io.ringside.xen;

/** Where the guest kernel is entered: set_callbacks, callback_op, nmi_op. Source: {@code public/callback.h}, {@code public/nmi.h}. */
final class CallbackOp {
  private final Domain domain;

  CallbackOp(Domain domain) {
    this.domain = domain;
  }

  /** set_callbacks. */
  long setCallbacks(PvVcpu caller, long event, long failsafe, long syscall) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** callback_op. */
  long operation(PvVcpu caller, int command, long argument) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** nmi_op. */
  long nmi(PvVcpu caller, int command, long argument) {
    throw HypercallException.of(domain.unimplemented());
  }
}
