package io.ringside.cli;

/**
 * Which method runs the guest, and why.
 *
 * @param method never {@link Method#AUTO}
 * @param reason for the user, without a full stop
 */
record MethodChoice(Method method, String reason) {
  /** Decides; throws {@link UsageException} for a method that can't be had. */
  static MethodChoice of(Method wanted) {
    return switch (wanted) {
      case AUTO ->
          new MethodChoice(
              Method.BT, "auto: the only method so far, and it needs nothing of the hardware");
      case BT, HVM -> new MethodChoice(wanted, "as asked");
      case PV -> throw notYet("pv", "paravirtualization");
    };
  }

  private static UsageException notYet(String label, String name) {
    return new UsageException(
        "--method "
            + label
            + ": "
            + name
            + " is not there yet, only binary translation is; use --method bt or auto");
  }
}
