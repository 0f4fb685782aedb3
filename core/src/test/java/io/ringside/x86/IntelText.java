package io.ringside.x86;

import java.util.Set;

/** Reduces objdump's text and ours to what both must agree on: mnemonic and operands. */
final class IntelText {
  private static final Set<String> PREFIXES =
      Set.of(
          "cs",
          "ds",
          "es",
          "ss",
          "fs",
          "gs",
          "addr32",
          "data16",
          "bnd",
          "rep",
          "repz",
          "repnz",
          "notrack",
          "xacquire",
          "xrelease",
          "lock");

  private IntelText() {}

  /** The text without prefixes, comments, symbols, segments that mean nothing, and 0x before branch targets. */
  static String normalise(String text) {
    String rest = cut(cut(text, '#'), '<').strip();
    StringBuilder result = new StringBuilder();
    boolean started = false;
    for (String word : rest.split("[ \t]+", -1)) {
      if (started || !PREFIXES.contains(word) && !word.startsWith("rex")) {
        result.append(started ? " " : "").append(word);
        started = true;
      }
    }
    String plain = result.toString();
    for (String segment : new String[] {"ds:", "es:", "cs:", "ss:"}) {
      plain = plain.replace(segment, "");
    }
    boolean branch =
        plain.startsWith("j")
            || plain.startsWith("call")
            || plain.startsWith("loop")
            || plain.startsWith("xbegin");
    int space = plain.indexOf(' ');
    if (branch && plain.startsWith("0x", space + 1)) {
      plain = plain.substring(0, space + 1) + plain.substring(space + 3);
    }
    return plain;
  }

  static boolean isBad(String text) {
    return text.contains("(bad)") || text.startsWith(".byte") || text.contains("?");
  }

  static boolean isPrefixesOnly(String text) {
    return normalise(text).isEmpty()
        || text.strip().startsWith("rex") && !text.strip().contains(" ");
  }

  static boolean isLocked(String text) {
    return text.contains("lock ");
  }

  /** EVEX (AVX-512), XOP (8Fh with a map number that POP does not have) or 3DNow!. */
  static boolean isOtherEncoding(byte[] bytes) {
    int first = bytes[0] & 0xFF;
    return first == 0x62
        || first == 0x8F && (bytes[1] & 0x1F) >= 8
        || first == 0x0F && bytes[1] == 0x0F;
  }

  /** A REX prefix before a VEX prefix, which raises #UD. */
  static boolean isRexBeforeVex(String text) {
    return text.startsWith("rex") && text.contains(" v");
  }

  private static String cut(String text, char from) {
    int at = text.indexOf(from);
    return at < 0 ? text : text.substring(0, at);
  }
}
