package io.ringside.cli;

/** A method of virtualizing x86, or the wish that Ringside picks one. */
enum Method {
  AUTO("auto"),
  BT("bt"),
  PV("pv"),
  HVM("hvm");

  private final String label;

  Method(String label) {
    this.label = label;
  }

  /** The name on the command line. */
  String label() {
    return label;
  }

  /** The method of that name; throws {@link UsageException} if there is none. */
  static Method parse(String label) {
    for (Method method : values()) {
      if (method.label.equals(label)) {
        return method;
      }
    }
    throw new UsageException(
        "--method " + label + ": there is no such method; choose auto, bt, pv or hvm");
  }
}
