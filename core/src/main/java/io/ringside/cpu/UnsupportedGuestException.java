package io.ringside.cpu;

/** The guest did something legal that this VMM does not implement. The message is one line for the user. */
public final class UnsupportedGuestException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Makes one without a stack trace. */
  public UnsupportedGuestException(String message) {
    super(message, null, false, false);
  }
}
