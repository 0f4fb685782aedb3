package io.ringside.xen;

/** Ends a hypercall with an error. Without a stack trace: a guest can cause as many as it likes. */
final class HypercallException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** A guest pointer into nowhere. */
  static final HypercallException EFAULT = new HypercallException(Errno.EFAULT);

  /** An argument that makes no sense. */
  static final HypercallException EINVAL = new HypercallException(Errno.EINVAL);

  private final int errno;

  private HypercallException(int errno) {
    super(null, null, false, false);
    this.errno = errno;
  }

  /** The exception for a positive number out of {@link Errno}. */
  static HypercallException of(int errno) {
    return switch (errno) {
      case Errno.EFAULT -> EFAULT;
      case Errno.EINVAL -> EINVAL;
      default -> new HypercallException(errno);
    };
  }

  /** The positive error number. */
  int errno() {
    return errno;
  }

  @Override
  public String getMessage() {
    return "errno " + errno;
  }
}
