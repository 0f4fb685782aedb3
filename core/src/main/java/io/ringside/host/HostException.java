package io.ringside.host;

/** The host refused something that the VMM needs. The message says what, why and what to do, in one line. */
public final class HostException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Makes an exception whose message is fit for a user. */
  public HostException(String message) {
    super(message);
  }
}
