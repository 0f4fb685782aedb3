package io.ringside.cli;

/** Sizes of guest RAM as people write them: {@code 512M}, {@code 1G}, {@code 262144K}; a bare number counts MiB. */
final class MemorySize {
  /** Less than this and a kernel finds no room for itself and its initramfs. */
  static final long MINIMUM = 32L << 20;

  /** Guest-physical addresses that the machine's tables describe end here. */
  static final long MAXIMUM = 512L << 30;

  private static final int PAGE = 4096;

  private MemorySize() {}

  /** Bytes, a multiple of 4096; throws {@link UsageException} for anything else. */
  static long parse(String text) {
    int digits = 0;
    while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
      digits++;
    }
    int shift = shift(text.substring(digits));
    if (digits == 0 || shift < 0) {
      throw new UsageException("--memory " + text + ": not a size; write it like 512M or 1G");
    }
    // 12 digits of T stay below 2^63 only after this check, so that nothing below overflows.
    long value = digits > 12 ? Long.MAX_VALUE : Long.parseLong(text.substring(0, digits));
    if (value > MAXIMUM >>> shift) {
      throw new UsageException(
          "--memory " + text + ": a guest can have " + format(MAXIMUM) + " at most");
    }
    long bytes = value << shift;
    if (bytes < MINIMUM) {
      throw new UsageException(
          "--memory "
              + text
              + ": "
              + format(bytes)
              + " is too little; a guest needs "
              + format(MINIMUM)
              + " at least");
    }
    if (bytes % PAGE != 0) {
      throw new UsageException("--memory " + text + ": not a whole number of 4K pages");
    }
    return bytes;
  }

  /** The size in the largest unit that leaves no remainder. */
  static String format(long bytes) {
    if (bytes % (1L << 30) == 0 && bytes != 0) {
      return (bytes >> 30) + "G";
    }
    if (bytes % (1L << 20) == 0) {
      return (bytes >> 20) + "M";
    }
    return (bytes >> 10) + "K";
  }

  private static int shift(String suffix) {
    return switch (suffix) {
      case "K", "k", "KiB" -> 10;
      case "", "M", "m", "MiB" -> 20;
      case "G", "g", "GiB" -> 30;
      case "T", "t", "TiB" -> 40;
      default -> -1;
    };
  }
}
