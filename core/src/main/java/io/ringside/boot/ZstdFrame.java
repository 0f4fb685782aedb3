package io.ringside.boot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;

/**
 * Unpacks Zstandard frames (RFC 8878). Written for kernels, whose frames want a window of 128 MiB ({@code zstd --ultra
 * -22}): the output itself is the window here, so its size doesn't matter. Dictionaries aren't supported; kernels
 * use none.
 */
final class ZstdFrame {
  static final int MAGIC = 0xfd2f_b528;

  /** The most that a block holds, packed or unpacked (section 3.1.1.2.4). */
  static final int MAX_BLOCK = 128 << 10;

  private static final int SKIPPABLE_MAGIC = 0x184d_2a50;
  private static final int RAW_BLOCK = 0;
  private static final int RLE_BLOCK = 1;
  private static final int COMPRESSED_BLOCK = 2;

  /** Room for looking at the bits before and after a stream. */
  private static final int MARGIN = 16;

  private final MemorySegment packed;
  private final ByteBuffer out;
  private final byte[] block = new byte[MARGIN + MAX_BLOCK + MARGIN];
  private long from;
  private int to;

  private ZstdFrame(MemorySegment packed, MemorySegment unpacked) {
    this.packed = packed;
    this.out = unpacked.asByteBuffer();
  }

  /**
   * Unpacks one frame or more.
   *
   * @param unpacked where the result goes; less than 2 GiB
   * @return bytes written
   * @throws CorruptPayloadException where a frame is malformed, truncated, or larger than {@code unpacked}
   */
  static long unpack(MemorySegment packed, MemorySegment unpacked) throws CorruptPayloadException {
    ZstdFrame frame = new ZstdFrame(packed, unpacked);
    try {
      while (frame.from < packed.byteSize()) {
        frame.next();
      }
    } catch (IndexOutOfBoundsException e) {
      throw new CorruptPayloadException("truncated");
    }
    return frame.to;
  }

  private void next() throws CorruptPayloadException {
    int magic = (int) number(4);
    if ((magic & -16) == SKIPPABLE_MAGIC) {
      long size = number(4);
      from += size;
    } else if (magic == MAGIC) {
      frame();
    } else {
      throw new CorruptPayloadException("bytes after its end");
    }
  }

  private void frame() throws CorruptPayloadException {
    int descriptor = (int) number(1);
    boolean single = (descriptor & 0x20) != 0;
    boolean hasChecksum = (descriptor & 4) != 0;
    if ((descriptor & 3) != 0 || (descriptor & 8) != 0) {
      throw new CorruptPayloadException("a frame with a dictionary");
    }
    if (!single) {
      number(1); // The window's size: all of the output is at hand.
    }
    int sizeField = descriptor >> 6 & 3;
    if (sizeField > 0 || single) {
      number(1 << sizeField); // The frame's size: the kernel's own is checked.
    }
    int start = to;
    ZstdLiterals literals = new ZstdLiterals(block);
    ZstdSequences sequences = new ZstdSequences(block);
    boolean last;
    do {
      int header = (int) number(3);
      last = (header & 1) != 0;
      block(header >> 1 & 3, header >>> 3, literals, sequences);
    } while (!last);
    if (hasChecksum && number(4) != (XxHash64.of(out, start, to) & 0xffff_ffffL)) {
      throw new CorruptPayloadException("a wrong checksum");
    }
  }

  private void block(int type, int size, ZstdLiterals literals, ZstdSequences sequences)
      throws CorruptPayloadException {
    if (size > MAX_BLOCK) {
      throw new CorruptPayloadException("a block larger than blocks may be");
    }
    switch (type) {
      case RAW_BLOCK -> {
        out.put(to, packed.asSlice(from, size).asByteBuffer(), 0, size);
        from += size;
        to += size;
      }
      case RLE_BLOCK -> {
        byte value = (byte) number(1);
        for (int i = 0; i < size; i++) {
          out.put(to++, value);
        }
      }
      case COMPRESSED_BLOCK -> {
        MemorySegment.copy(packed, ValueLayout.JAVA_BYTE, from, block, MARGIN, size);
        from += size;
        int end = MARGIN + size;
        int at = literals.read(MARGIN, end);
        to = sequences.run(at, end, literals, out, to);
      }
      default -> throw new CorruptPayloadException("a block of a type that there isn't");
    }
  }

  /** The next bytes as a number, little-endian. */
  private long number(int bytes) {
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (packed.get(ValueLayout.JAVA_BYTE, from++) & 0xffL) << 8 * i;
    }
    return value;
  }
}
