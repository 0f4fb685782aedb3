package io.ringside.cli;

/** Builds a machine, boots a guest in it and runs it to its end. Used for one run. */
interface GuestRunner {
  /**
   * Runs the guest on the calling thread until it ends or {@link #stop} is called.
   *
   * @param console the guest's serial line; the runner calls {@link Console#start} once it takes input
   * @param messages for what the user should know, warnings and statistics
   * @return how it ended; a failure that is the user's to mend comes back as an {@link End}, not as an exception
   */
  End run(RunRequest request, Console console, Messages messages);

  /** Makes {@link #run} return {@link End#STOPPED} soon. From any thread, at any time, also more than once. */
  void stop();

  /**
   * How a run ended.
   *
   * @param kind in which way
   * @param detail one line for the user if there is something to say, else empty
   * @param code the exit status that the guest asked for by the debug-exit port, else 0
   */
  record End(Kind kind, String detail, int code) {
    /** The guest powered itself off. */
    static final End POWERED_OFF = new End(Kind.POWERED_OFF, "", 0);

    /** The guest reset the machine: a reboot, or a panic with {@code panic=-1}. Ringside ends where a PC starts again. */
    static final End RESET = new End(Kind.RESET, "", 0);

    /** {@link GuestRunner#stop} was called. */
    static final End STOPPED = new End(Kind.STOPPED, "", 0);

    /** The VM failed for the reason that {@code detail} tells the user. */
    static End failed(String detail) {
      return new End(Kind.FAILED, detail, 0);
    }

    /** The guest, a test, ended itself by the debug-exit port with an exit status. */
    static End guestExit(String detail, int code) {
      return new End(Kind.GUEST_EXIT, detail, code);
    }

    /** The ways in which a run ends. */
    enum Kind {
      POWERED_OFF,
      RESET,
      GUEST_EXIT,
      STOPPED,
      FAILED
    }
  }
}
