package io.ringside.cli;

/** The exit statuses that scripts rely on; README.md documents them. */
final class ExitStatus {
  /** The guest powered off or reset, or the user left it. */
  static final int OK = 0;

  /** The VM failed: the host lacks something, the guest can't be booted, or it crashed. */
  static final int FAILED = 1;

  /** The command line is wrong. */
  static final int USAGE = 2;

  /** The time that {@code --timeout} gave is over; the value that coreutils' timeout(1) uses. */
  static final int TIMEOUT = 124;

  private ExitStatus() {}
}
