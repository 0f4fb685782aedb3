package io.ringside.x86;

import java.util.Set;

/** Reduces objdump's text and ours to what both must agree on: mnemonic and operands. */
final class IntelText {
  private static final Set<String> PREFIXES = Set.of("cs", "ds", "es", "ss", "fs", "gs", "addr32", "data16", "bnd",
      "rep", "repz", "repnz", "notrack", "xacquire", "xrelease", "lock");

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
    int riz = plain.indexOf("+riz*");
    if (riz >= 0) {
      plain = plain.substring(0, riz) + plain.substring(riz + 6);
    }
    boolean branch = plain.startsWith("j") || plain.startsWith("call") || plain.startsWith("loop")
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

  private static String cut(String text, char from) {
    int at = text.indexOf(from);
    return at < 0 ? text : text.substring(0, at);
  }
}
