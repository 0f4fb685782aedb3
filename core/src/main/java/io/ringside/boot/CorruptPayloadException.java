package io.ringside.boot;

/** Compressed data is malformed or truncated; the message is a clause for a sentence about the payload. */
final class CorruptPayloadException extends Exception {
  private static final long serialVersionUID = 1L;

  CorruptPayloadException(String message) {
    super(message);
  }
}
