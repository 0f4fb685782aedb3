package io.ringside.cli;

/** The options of {@code ringside run}: the one table that both ways of parsing them and the help go by. */
enum RunOption {
  METHOD("--method", "METHOD", "How to virtualize: auto (default), bt, pv or hvm."),
  KERNEL("--kernel", "FILE", "Boot this bzImage or ELF vmlinux."),
  INITRD("--initrd", "FILE", "Use this initramfs."),
  APPEND("--append", "TEXT", "Add to the kernel's command line."),
  MEMORY(
      "--memory", "SIZE", "The guest's RAM, like 512M (default) or 1G; a bare number counts MiB."),
  TIMEOUT("--timeout", "SECONDS", "End the guest after this time, with exit status 124."),
  STATS("--stats", "", "Print figures on standard error at the end.");

  private static final RunOption[] ALL = values();

  private final String label;
  private final String parameter;
  private final String description;

  RunOption(String label, String parameter, String description) {
    this.label = label;
    this.parameter = parameter;
    this.description = description;
  }

  /** The option as it is typed. */
  String label() {
    return label;
  }

  /** What stands for its value in the help, empty for an option without one. */
  String parameter() {
    return parameter;
  }

  /** One sentence for the help. */
  String description() {
    return description;
  }

  /** Whether a value follows. */
  boolean takesValue() {
    return !parameter.isEmpty();
  }

  /** Whether the value names a file. */
  boolean takesFile() {
    return parameter.equals("FILE");
  }

  /** How many options there are. */
  static int count() {
    return ALL.length;
  }

  /** The ordinal of the option that is typed like this, or -1. */
  static int indexOf(String label) {
    for (RunOption option : ALL) {
      if (option.label.equals(label)) {
        return option.ordinal();
      }
    }
    return -1;
  }

  /** The option of that ordinal. */
  static RunOption at(int index) {
    return ALL[index];
  }
}
