package io.ringside.oracle;

/** Status flags that the SDM calls undefined after an instruction and that processors leave as they were. */
final class UndefinedFlags {
  private static final int CF = 1;
  private static final int PF = 1 << 2;
  private static final int AF = 1 << 4;
  private static final int ZF = 1 << 6;
  private static final int SF = 1 << 7;
  private static final int OF = 1 << 11;

  private UndefinedFlags() {}

  /** As a mask in RFLAGS positions. */
  static int of(String mnemonic) {
    return switch (mnemonic) {
      case "mul", "imul" -> SF | ZF | AF | PF;
      case "div", "idiv" -> OF | SF | ZF | AF | PF | CF;
      case "bsf", "bsr" -> OF | SF | AF | PF | CF;
      case "tzcnt", "lzcnt" -> OF | SF | AF | PF;
      default -> 0;
    };
  }
}
