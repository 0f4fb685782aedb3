package io.ringside.host;

/** The host refused something that the VMM needs. The message says what, why and what to do, in one line. */
public final class HostException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int errno;

  /** Makes an exception whose message is fit for a user. */
  public HostException(String message) {
    this(message, 0);
  }

  /** Makes an exception whose message is fit for a user, about a system call that failed with {@code errno}. */
  public HostException(String message, int errno) {
    super(message);
    this.errno = errno;
  }

  /** The system call's errno, or 0 where none is behind it. */
  public int errno() {
    return errno;
  }
}
