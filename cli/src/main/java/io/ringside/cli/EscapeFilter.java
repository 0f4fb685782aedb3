package io.ringside.cli;

/**
 * Finds the console's escape sequences in what is typed: Ctrl-A x leaves, Ctrl-A h helps, Ctrl-A a or Ctrl-A twice sends
 * one Ctrl-A; after any other key both go to the guest. The keys are those of QEMU and screen.
 */
final class EscapeFilter {
  /** No byte goes to the guest. */
  static final int NOTHING = -1;

  /** The user wants to leave. */
  static final int LEAVE = -2;

  /** The user wants to see the keys. */
  static final int HELP = -3;

  /** Set in a result whose low byte goes to the guest after a Ctrl-A. */
  static final int AFTER_CTRL_A = 0x100;

  /** Ctrl-A, the key that starts a sequence. */
  static final int CTRL_A = 1;

  private boolean escaped;

  /** Takes the next byte typed (0 to 255) and returns a byte for the guest or one of the values above. */
  int accept(int typed) {
    if (!escaped) {
      escaped = typed == CTRL_A;
      return escaped ? NOTHING : typed;
    }
    escaped = false;
    return switch (typed) {
      case 'x', 'X', 0x18 -> LEAVE; // 18h is Ctrl-X: the Ctrl key is easily held for too long
      case 'h', '?' -> HELP;
      case 'a', CTRL_A -> CTRL_A;
      default -> AFTER_CTRL_A | typed;
    };
  }
}
