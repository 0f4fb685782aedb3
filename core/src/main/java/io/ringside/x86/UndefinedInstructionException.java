package io.ringside.x86;

/** The bytes are no instruction of 64-bit mode: the processor raises #UD (or #GP for more than 15 bytes). */
public final class UndefinedInstructionException extends Exception {
  private static final long serialVersionUID = 1L;

  private final boolean tooLong;

  /** Makes one without a stack trace: it is control flow, not an error of the VMM. */
  public UndefinedInstructionException(boolean tooLong) {
    super(
        tooLong ? "instruction longer than 15 bytes" : "undefined instruction", null, false, false);
    this.tooLong = tooLong;
  }

  /** Longer than 15 bytes: #GP(0) rather than #UD. */
  public boolean tooLong() {
    return tooLong;
  }
}
