package io.ringside.boot;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/**
 * Finds regular files in a tar archive (POSIX.1-1988 "ustar" interchange format). Names longer than the format's 255
 * bytes, which GNU tar and pax put in entries of their own, aren't resolved: those files are passed over.
 */
final class TarReader {
  private static final int BLOCK = 512;

  private final InputStream in;
  private final byte[] header = new byte[BLOCK];
  private long contents;
  private long padding;

  TarReader(InputStream in) {
    this.in = in;
  }

  /**
   * Goes to the next regular file.
   *
   * @return its path without a leading "./", or "" at the end of the archive
   */
  String nextFile() throws IOException {
    while (true) {
      in.skipNBytes(contents + padding);
      int count = in.readNBytes(header, 0, BLOCK);
      if (count == 0 || header[0] == 0) {
        contents = 0;
        padding = 0;
        return "";
      }
      if (count < BLOCK) {
        throw new EOFException("an archive that ends in a header");
      }
      contents = octal(124, 12);
      padding = -contents & BLOCK - 1;
      // Before POSIX a regular file's type was zero.
      if (header[156] == '0' || header[156] == 0) {
        String prefix = header[257] == 'u' && header[262] == 0 ? text(345, 155) : "";
        String path = prefix.isEmpty() ? text(0, 100) : prefix + "/" + text(0, 100);
        return path.startsWith("./") ? path.substring(2) : path;
      }
    }
  }

  /** The current file's contents; to be called once at the most for a file. */
  byte[] read() throws IOException {
    if (contents > Integer.MAX_VALUE - 8) {
      throw new IOException("a file too large to read at once");
    }
    byte[] bytes = in.readNBytes((int) contents);
    if (bytes.length < contents) {
      throw new EOFException("an archive that ends in a file");
    }
    contents = 0;
    return bytes;
  }

  private String text(int offset, int length) {
    int end = offset;
    while (end < offset + length && header[end] != 0) {
      end++;
    }
    return new String(header, offset, end - offset, StandardCharsets.UTF_8);
  }

  private long octal(int offset, int length) throws IOException {
    long value = 0;
    for (int i = offset; i < offset + length; i++) {
      int c = header[i];
      if (c == ' ' || c == 0) {
        continue;
      }
      if (c < '0' || c > '7') {
        throw new IOException("not a tar header");
      }
      value = value * 8 + c - '0';
    }
    return value;
  }
}
