package io.ringside.boot;

/**
 * Unpacks a block of LZO1X data (the kernel's Documentation/staging/lzo.rst, "LZO stream format as understood by Linux'
 * LZO decompressor"). An instruction is a match, after which up to three literals follow; longer runs of literals are
 * instructions of their own.
 */
final class Lzo1x {
  /** No match and no literals came before: a small instruction is a run of literals. */
  private static final int STATE_START = 0;

  /** A run of literals came before: a small instruction is a match of three bytes, far away. */
  private static final int STATE_AFTER_RUN = 4;

  private static final int FAR_MATCH_OF_THREE = 0x801;
  private static final int FARTHEST_BASE = 0x4000;

  private final byte[] in;
  private final int end;
  private final byte[] out;
  private int from;
  private int to;

  private Lzo1x(byte[] in, int end, byte[] out) {
    this.in = in;
    this.end = end;
    this.out = out;
  }

  /**
   * Unpacks a block.
   *
   * @return bytes written
   * @throws CorruptPayloadException where the block is malformed
   * @throws IndexOutOfBoundsException likewise
   */
  static int unpack(byte[] in, int length, byte[] out) throws CorruptPayloadException {
    return new Lzo1x(in, length, out).run();
  }

  private int run() throws CorruptPayloadException {
    int state = STATE_START;
    int first = in[0] & 0xff;
    if (first > 17) {
      from = 1;
      literals(first - 17);
      state = first - 17 < 4 ? first - 17 : STATE_AFTER_RUN;
    }
    while (from < end) {
      int code = in[from++] & 0xff;
      int trailer;
      if (code >= 64) {
        int distance = 1 + (code >> 2 & 7) + (next() << 3);
        match(distance, (code >> 5) + 1);
        trailer = code & 3;
      } else if (code >= 32) {
        int length = 2 + length(code, 31);
        int word = next() | next() << 8;
        match(1 + (word >> 2), length);
        trailer = word & 3;
      } else if (code >= 16) {
        int length = 2 + length(code, 7);
        int word = next() | next() << 8;
        int distance = ((code & 8) << 11) + (word >> 2);
        if (distance == 0) {
          if (length != 3 || from != end) {
            throw new CorruptPayloadException("a malformed end of its data");
          }
          return to;
        }
        match(FARTHEST_BASE + distance, length);
        trailer = word & 3;
      } else if (state == STATE_START) {
        literals(3 + length(code, 15));
        state = STATE_AFTER_RUN;
        continue;
      } else {
        int near = 1 + (code >> 2) + (next() << 2);
        if (state == STATE_AFTER_RUN) {
          match(near - 1 + FAR_MATCH_OF_THREE, 3);
        } else {
          match(near, 2);
        }
        trailer = code & 3;
      }
      literals(trailer);
      state = trailer;
    }
    throw new CorruptPayloadException("no end of its data");
  }

  /** The length in the bits of {@code mask}; zero means that it goes on in bytes, each zero byte being 255 more. */
  private int length(int code, int mask) throws CorruptPayloadException {
    int length = code & mask;
    if (length != 0) {
      return length;
    }
    length = mask;
    int more;
    while ((more = next()) == 0) {
      length += 255;
      if (length > out.length) {
        throw new CorruptPayloadException("a match longer than its block");
      }
    }
    return length + more;
  }

  private int next() throws CorruptPayloadException {
    if (from >= end) {
      throw new CorruptPayloadException("truncated");
    }
    return in[from++] & 0xff;
  }

  private void literals(int count) throws CorruptPayloadException {
    if (count > end - from) {
      throw new CorruptPayloadException("truncated");
    }
    System.arraycopy(in, from, out, to, count);
    from += count;
    to += count;
  }

  /** Copies byte by byte where source and target overlap, since the match then repeats itself. */
  private void match(int distance, int length) {
    int source = to - distance;
    if (distance >= length) {
      System.arraycopy(out, source, out, to, length);
      to += length;
    } else {
      for (int limit = to + length; to < limit; ) {
        out[to++] = out[source++];
      }
    }
  }
}
