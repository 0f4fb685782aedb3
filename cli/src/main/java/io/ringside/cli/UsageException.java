package io.ringside.cli;

/** The command line is wrong. The message is one line that says what, why and what to do. */
final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UsageException(String message) {
    super(message);
  }
}
