package io.ringside.boot;

import java.util.Arrays;

/** The literals section of a Zstandard block (RFC 8878, section 3.1.1.3.1). */
final class ZstdLiterals {
  private static final int RAW = 0;
  private static final int RLE = 1;
  private static final int COMPRESSED = 2;

  private final byte[] in;
  private final ReverseBits bits;
  private final HuffmanTable huffman = new HuffmanTable();
  private final byte[] literals = new byte[ZstdFrame.MAX_BLOCK];
  private int count;

  /** Reads from the array that blocks are put into. */
  ZstdLiterals(byte[] in) {
    this.in = in;
    this.bits = new ReverseBits(in);
  }

  /** The literals of the last section that was read. */
  byte[] bytes() {
    return literals;
  }

  /** How many they are. */
  int count() {
    return count;
  }

  /**
   * Reads a section.
   *
   * @return where the bytes after it start
   */
  int read(int from, int end) throws CorruptPayloadException {
    int type = in[from] & 3;
    int format = in[from] >> 2 & 3;
    if (type == RAW || type == RLE) {
      // The size has 5, 12 or 20 bits.
      int headerSize = (format & 1) == 0 ? 1 : format == 1 ? 2 : 3;
      int size = (int) header(from, headerSize) >>> ((format & 1) == 0 ? 3 : 4);
      int start = from + headerSize;
      int length = type == RAW ? size : 1;
      checkSize(size);
      if (length > end - start) {
        throw new CorruptPayloadException("literals that are truncated");
      }
      if (type == RAW) {
        System.arraycopy(in, start, literals, 0, size);
      } else {
        Arrays.fill(literals, 0, size, in[start]);
      }
      count = size;
      return start + length;
    }
    // Both sizes have 10, 10, 14 or 18 bits.
    int width = format <= 1 ? 10 : format == 2 ? 14 : 18;
    int headerSize = format <= 1 ? 3 : format == 2 ? 4 : 5;
    long header = header(from, headerSize);
    int size = (int) (header >> 4) & (1 << width) - 1;
    int packed = (int) (header >> 4 + width) & (1 << width) - 1;
    int start = from + headerSize;
    checkSize(size);
    if (packed > end - start) {
      throw new CorruptPayloadException("literals that are truncated");
    }
    int next = start + packed;
    if (type == COMPRESSED) {
      start = huffman.read(in, start, next);
    } else if (!huffman.isSet()) {
      throw new CorruptPayloadException("literals without a tree");
    }
    if (format == 0) {
      stream(start, next, 0, size);
    } else {
      fourStreams(start, next, size);
    }
    count = size;
    return next;
  }

  /** Four streams behind a table of the first three's sizes (section 4.2.2). */
  private void fourStreams(int from, int end, int size) throws CorruptPayloadException {
    int each = (size + 3) / 4;
    int start = from + 6;
    for (int i = 0; i < 3; i++) {
      int length = in[from + 2 * i] & 0xff | (in[from + 2 * i + 1] & 0xff) << 8;
      if (length > end - start || each * (i + 1) > size) {
        throw new CorruptPayloadException("literals that are truncated");
      }
      stream(start, start + length, each * i, each);
      start += length;
    }
    stream(start, end, each * 3, size - each * 3);
  }

  private void stream(int from, int end, int to, int size) throws CorruptPayloadException {
    bits.start(from, end - from);
    huffman.decode(bits, literals, to, size);
  }

  private long header(int from, int bytes) {
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (in[from + i] & 0xffL) << 8 * i;
    }
    return value;
  }

  private static void checkSize(int size) throws CorruptPayloadException {
    if (size > ZstdFrame.MAX_BLOCK) {
      throw new CorruptPayloadException("a block larger than blocks may be");
    }
  }
}
