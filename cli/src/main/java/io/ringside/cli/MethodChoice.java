package io.ringside.cli;

import io.ringside.host.HostException;

/**
 * Which method runs the guest, and why.
 *
 * @param method never {@link Method#AUTO}
 * @param reason for the user, without a full stop
 * @param warning what the user should know of it beforehand, in one line; empty for nothing
 */
record MethodChoice(Method method, String reason, String warning) {
  private static final String AS_ASKED = "as asked";

  /**
   * Decides.
   *
   * @throws HostException for a method that the host can't run, or if it can run none
   */
  static MethodChoice of(Method wanted, Host host) {
    return switch (wanted) {
      case AUTO -> automatic(host);
      case BT, PV -> translation(wanted, host);
      case HVM -> hardware(host);
    };
  }

  /** Real hardware first, else binary translation. An emulated KVM never: it can't run a stock kernel. */
  private static MethodChoice automatic(Host host) {
    KvmDevice device = new KvmDevice(host);
    KvmState state = device.look();
    if (state instanceof KvmState.Real) {
      state = device.ask(state, false);
    }
    String why =
        switch (state) {
          case KvmState.Real real -> real.what();
          case KvmState.Emulated(String how) -> KvmDevice.PATH + " is there, but " + how;
          case KvmState.Unusable unusable -> unusable.why();
        };
    if (state instanceof KvmState.Real) {
      return new MethodChoice(Method.HVM, "auto: " + why, "");
    }
    String lacking = TranslationNeeds.lacking(host);
    if (lacking.isEmpty()) {
      return new MethodChoice(Method.BT, "auto: " + why, "");
    }
    throw new HostException(
        "--method auto: no method works on this host: bt lacks "
            + lacking
            + "; hvm: "
            + why
            + "; 'ringside doctor' tells more");
  }

  /** Binary translation, and paravirtualization, whose guests its engine executes. */
  private static MethodChoice translation(Method wanted, Host host) {
    String lacking = TranslationNeeds.lacking(host);
    if (!lacking.isEmpty()) {
      throw new HostException("--method " + wanted.label() + ": this host lacks " + lacking);
    }
    return new MethodChoice(wanted, AS_ASKED, "");
  }

  private static MethodChoice hardware(Host host) {
    return switch (new KvmDevice(host).ask(false)) {
      case KvmState.Real real -> new MethodChoice(Method.HVM, AS_ASKED + "; " + real.what(), "");
      case KvmState.Emulated(String how) ->
          new MethodChoice(
              Method.HVM,
              AS_ASKED,
              KvmDevice.PATH
                  + " is there, but "
                  + how
                  + "; tiny guests run, slowly, and a stock kernel can't; --method bt runs one");
      case KvmState.Unusable unusable ->
          throw new HostException(
              "--method hvm: " + unusable.why() + "; " + unusable.remedy() + orTranslation(host));
    };
  }

  private static String orTranslation(Host host) {
    return TranslationNeeds.lacking(host).isEmpty() ? ", or use --method bt" : "";
  }
}
