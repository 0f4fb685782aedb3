package io.ringside.boot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Unpacks LZ4 in the legacy frame format, which is the one that kernels use: the magic number, then chunks of a 4-byte
 * compressed size and an LZ4 block of at most 8 MiB when unpacked (lz4_Frame_format.md, "Legacy frame";
 * lz4_Block_format.md).
 */
final class Lz4Legacy {
  static final int MAGIC = 0x184c_2102;

  private static final int MAX_BLOCK = 8 << 20;

  /** What LZ4 adds at the most to a block that doesn't compress. */
  private static final int MAX_PACKED_BLOCK = MAX_BLOCK + MAX_BLOCK / 255 + 16;

  private static final int MIN_MATCH = 4;

  private Lz4Legacy() {}

  /**
   * Unpacks a frame.
   *
   * @param packed the frame and nothing after it
   * @param unpacked where the result goes
   * @return bytes written
   * @throws CorruptPayloadException where the frame is malformed, truncated, or larger than {@code unpacked}
   */
  static long unpack(MemorySegment packed, MemorySegment unpacked) throws CorruptPayloadException {
    byte[] block = new byte[(int) Math.min(MAX_BLOCK, unpacked.byteSize())];
    byte[] input = new byte[0];
    long end = packed.byteSize();
    long from = 4;
    long to = 0;
    while (from < end) {
      if (end - from < 4) {
        throw new CorruptPayloadException("truncated");
      }
      int size = packed.get(ValueLayout.JAVA_INT_UNALIGNED, from);
      from += 4;
      if (size == MAGIC) {
        // Frames may follow one another: the kernel's build makes one frame per input file.
        continue;
      }
      if (size <= 0 || size > MAX_PACKED_BLOCK || size > end - from) {
        throw new CorruptPayloadException("a block of impossible size");
      }
      if (input.length < size) {
        input = new byte[size];
      }
      MemorySegment.copy(packed, ValueLayout.JAVA_BYTE, from, input, 0, size);
      from += size;
      int length;
      try {
        length = unpackBlock(input, size, block);
      } catch (IndexOutOfBoundsException e) {
        throw new CorruptPayloadException("a reference out of its block");
      }
      if (length > unpacked.byteSize() - to) {
        throw new CorruptPayloadException("larger than it says");
      }
      MemorySegment.copy(block, 0, unpacked, ValueLayout.JAVA_BYTE, to, length);
      to += length;
    }
    return to;
  }

  /** Unpacks one block; an index out of bounds means that it is malformed. */
  private static int unpackBlock(byte[] in, int end, byte[] out) throws CorruptPayloadException {
    int from = 0;
    int to = 0;
    while (from < end) {
      int token = in[from++] & 0xff;
      int literals = token >>> 4;
      if (literals == 15) {
        int more;
        do {
          more = in[from++] & 0xff;
          literals += more;
        } while (more == 255);
      }
      if (literals > end - from) {
        throw new CorruptPayloadException("literals after the end of their block");
      }
      System.arraycopy(in, from, out, to, literals);
      from += literals;
      to += literals;
      if (from == end) {
        return to;
      }
      int distance = in[from] & 0xff | (in[from + 1] & 0xff) << 8;
      from += 2;
      int length = token & 15;
      if (length == 15) {
        int more;
        do {
          more = in[from++] & 0xff;
          length += more;
        } while (more == 255);
      }
      length += MIN_MATCH;
      if (distance == 0 || from > end) {
        throw new CorruptPayloadException("a match of distance 0");
      }
      int source = to - distance;
      if (distance >= length) {
        System.arraycopy(out, source, out, to, length);
        to += length;
      } else {
        // The match overlaps itself: it repeats its first bytes.
        for (int limit = to + length; to < limit; ) {
          out[to++] = out[source++];
        }
      }
    }
    throw new CorruptPayloadException("a block that ends with a match");
  }
}
