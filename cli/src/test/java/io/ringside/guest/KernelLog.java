package io.ringside.guest;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The lines of a kernel's log, as {@code dmesg -r} shows it, that speak of trouble. */
final class KernelLog {
  /** Facility times 8 plus level, then the time. */
  private static final Pattern LINE = Pattern.compile("<(\\d+)>\\[ *\\d+\\.\\d+\\] ?(.*)");

  private static final int WARNING = 4;

  private static final Pattern TROUBLE =
      Pattern.compile(
          "warn|bug\\b|error|fail|oops|unable|cannot|can't|corrupt|unexpected|broken|"
              + "\\bstall|lockup|unstable|call trace|spurious interrupt",
          Pattern.CASE_INSENSITIVE);

  /**
   * Whether a calibration succeeds is a matter of how busy the host is, here as in QEMU. That there is a grant table Linux
   * says without a level, which counts as a warning's.
   */
  private static final Pattern HARMLESS =
      Pattern.compile("^(tsc: .*calibrat|Grant table initialized$)");

  private static final Pattern NUMBER = Pattern.compile("\\b(0x)?[0-9a-f]*\\d[0-9a-f]*\\b");

  private KernelLog() {}

  /** Messages that are warnings or worse, or have the words, by what they are without their numbers. */
  static Map<String, String> trouble(String log) {
    Map<String, String> found = new LinkedHashMap<>();
    for (String line : log.split("\n", -1)) {
      Matcher matcher = LINE.matcher(line);
      if (matcher.find()) {
        int level = Integer.parseInt(matcher.group(1)) & 7;
        String message = matcher.group(2).strip();
        boolean trouble = level <= WARNING || TROUBLE.matcher(message).find();
        if (trouble && !HARMLESS.matcher(message).find()) {
          found.putIfAbsent(NUMBER.matcher(message).replaceAll("#"), message);
        }
      }
    }
    return found;
  }
}
