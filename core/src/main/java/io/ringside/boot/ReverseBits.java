package io.ringside.boot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Reads a Zstandard bit stream, which is written forwards and read backwards: it starts below the highest one bit of its
 * last byte (RFC 8878, section 4.1, "FSE", and 4.2.2, "Huffman-Coded Streams").
 */
final class ReverseBits {
  private final ByteBuffer bytes;
  private long first;
  private long position;

  /**
   * Reads from {@code array}. The eight bytes after a stream are looked at but don't count, and neither do those before
   * it, so a stream is neither at the very start nor at the very end of the array.
   */
  ReverseBits(byte[] array) {
    this.bytes = ByteBuffer.wrap(array).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Starts with the stream in {@code length} bytes from {@code from} on. */
  void start(int from, int length) throws CorruptPayloadException {
    if (length <= 0 || bytes.get(from + length - 1) == 0) {
      throw new CorruptPayloadException("a bit stream without an end mark");
    }
    int last = bytes.get(from + length - 1) & 0xff;
    first = from * 8L;
    position = (from + length - 1) * 8L + 31 - Integer.numberOfLeadingZeros(last);
  }

  /** The next {@code count} bits, at most 56, which stay unread. */
  int peek(int count) {
    long start = position - count;
    return (int) (bytes.getLong((int) (start >> 3)) >>> (int) (start & 7)) & (1 << count) - 1;
  }

  /** Reads {@code count} bits, at most 31. */
  int read(int count) {
    int value = peek(count);
    position -= count;
    return value;
  }

  /** Passes over {@code count} bits. */
  void skip(int count) {
    position -= count;
  }

  /** How many bits are left; negative where more were read than there are. */
  long remaining() {
    return position - first;
  }
}
