package io.ringside.boot;

/** The guest can't be started. The message says what, why and what to do, in one line that is fit for a user. */
public final class BootException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Makes an exception whose message is fit for a user. */
  public BootException(String message) {
    super(message);
  }

  /** Makes an exception whose message is fit for a user, with its cause for those who debug the VMM. */
  public BootException(String message, Throwable cause) {
    super(message, cause);
  }
}
