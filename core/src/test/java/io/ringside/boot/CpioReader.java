package io.ringside.boot;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads "newc" archives strictly, to check those that are written. */
final class CpioReader {
  /** A file in an archive. */
  record Entry(int mode, int links, int major, int minor, int inode, byte[] contents) {
    String text() {
      return new String(contents, StandardCharsets.UTF_8);
    }
  }

  private CpioReader() {}

  static Map<String, Entry> read(byte[] archive) {
    Map<String, Entry> entries = new LinkedHashMap<>();
    int at = 0;
    while (true) {
      if (!new String(archive, at, 6, StandardCharsets.US_ASCII).equals("070701")) {
        throw new AssertionError("no magic at " + at);
      }
      int[] fields = new int[13];
      for (int i = 0; i < fields.length; i++) {
        fields[i] =
            Integer.parseUnsignedInt(
                new String(archive, at + 6 + 8 * i, 8, StandardCharsets.US_ASCII), 16);
      }
      int nameLength = fields[11];
      String name = new String(archive, at + 110, nameLength - 1, StandardCharsets.UTF_8);
      if (archive[at + 110 + nameLength - 1] != 0) {
        throw new AssertionError("a name without its zero: " + name);
      }
      int contents = at + 110 + nameLength + 3 & -4;
      if (name.equals("TRAILER!!!")) {
        if (contents != archive.length) {
          throw new AssertionError("bytes after the trailer");
        }
        return entries;
      }
      byte[] bytes = java.util.Arrays.copyOfRange(archive, contents, contents + fields[6]);
      Entry old =
          entries.put(
              name, new Entry(fields[1], fields[4], fields[9], fields[10], fields[0], bytes));
      if (old != null) {
        throw new AssertionError("twice: " + name);
      }
      at = contents + fields[6] + 3 & -4;
    }
  }
}
