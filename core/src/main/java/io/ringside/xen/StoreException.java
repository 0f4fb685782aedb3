package io.ringside.xen;

/** Ends a XenStore request with an error, which the protocol gives by its name ({@code public/io/xs_wire.h}). */
final class StoreException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  static final StoreException EINVAL = new StoreException("EINVAL");
  static final StoreException EACCES = new StoreException("EACCES");
  static final StoreException EEXIST = new StoreException("EEXIST");
  static final StoreException ENOENT = new StoreException("ENOENT");
  static final StoreException ENOMEM = new StoreException("ENOMEM");
  static final StoreException ENOSPC = new StoreException("ENOSPC");
  static final StoreException ENOSYS = new StoreException("ENOSYS");
  static final StoreException EBUSY = new StoreException("EBUSY");
  static final StoreException EAGAIN = new StoreException("EAGAIN");
  static final StoreException E2BIG = new StoreException("E2BIG");
  static final StoreException EPERM = new StoreException("EPERM");

  private final String error;

  private StoreException(String error) {
    super(error, null, false, false);
    this.error = error;
  }

  /** The error's name. */
  String error() {
    return error;
  }
}
