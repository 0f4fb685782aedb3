package io.ringside.cli;

/**
 * One thing of the host that was looked at.
 *
 * @param state whether it is as it should be
 * @param subject what it is, in a few words
 * @param detail what was found, and what to do where that helps; in lines of the report where it is long
 */
record Finding(State state, String subject, String detail) {
  /** How a finding counts. */
  enum State {
    /** As it should be. */
    GOOD("ok"),
    /** Lacking: the method does not work, or not as it should. */
    MISSING("no"),
    /** Worth knowing. */
    NOTE("--");

    private final String label;

    State(String label) {
      this.label = label;
    }

    /** Two characters for the report. */
    String label() {
      return label;
    }
  }

  /** A finding that is good or lacking, each with its words. */
  static Finding of(boolean good, String subject, String yes, String no) {
    return good ? new Finding(State.GOOD, subject, yes) : new Finding(State.MISSING, subject, no);
  }

  /** Whether something lacks. */
  boolean isMissing() {
    return state == State.MISSING;
  }
}
