package io.ringside.boot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Unpacks an lzop file, which is how kernels keep an LZO payload. The container has no specification but its program;
 * its fields are told in the kernel's lib/decompress_unlzo.c. All numbers are big-endian.
 */
final class LzopFile {
  /** The first four of the nine magic bytes, as a little-endian number. */
  static final int MAGIC = 0x4f5a_4c89;

  private static final int MAGIC_LENGTH = 9;
  private static final int VERSION_WITH_LEVEL = 0x0940;
  private static final int FLAG_ADLER32_UNPACKED = 0x1;
  private static final int FLAG_ADLER32_PACKED = 0x2;
  private static final int FLAG_CRC32_UNPACKED = 0x100;
  private static final int FLAG_CRC32_PACKED = 0x200;
  private static final int FLAG_EXTRA_FIELD = 0x40;
  private static final int FLAG_FILTER = 0x800;
  private static final int MAX_BLOCK = 16 << 20;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private LzopFile() {}

  /**
   * Unpacks a file.
   *
   * @return bytes written
   * @throws CorruptPayloadException where it is malformed, truncated, or larger than {@code unpacked}
   */
  static long unpack(MemorySegment packed, MemorySegment unpacked) throws CorruptPayloadException {
    try {
      return unpackBlocks(packed, unpacked);
    } catch (IndexOutOfBoundsException e) {
      throw new CorruptPayloadException("truncated");
    }
  }

  private static long unpackBlocks(MemorySegment packed, MemorySegment unpacked)
      throws CorruptPayloadException {
    // version, library version, [version needed], method, [level]
    boolean hasLevel = (packed.get(SHORT, MAGIC_LENGTH) & 0xffff) >= VERSION_WITH_LEVEL;
    long from = MAGIC_LENGTH + (hasLevel ? 2L + 2 + 2 + 1 + 1 : 2L + 2 + 1);
    int flags = packed.get(INT, from);
    from += 4;
    if ((flags & FLAG_FILTER) != 0) {
      from += 4;
    }
    // mode, time (two words from the version with a level on)
    from += hasLevel ? 4L + 4 + 4 : 4L + 4;
    int nameLength = packed.get(ValueLayout.JAVA_BYTE, from) & 0xff;
    from += 1L + nameLength + 4;
    if ((flags & FLAG_EXTRA_FIELD) != 0) {
      from += 4 + Integer.toUnsignedLong(packed.get(INT, from)) + 4;
    }
    int unpackedSums = checksumBytes(flags, FLAG_ADLER32_UNPACKED, FLAG_CRC32_UNPACKED);
    int packedSums = checksumBytes(flags, FLAG_ADLER32_PACKED, FLAG_CRC32_PACKED);
    byte[] input = {};
    byte[] block = {};
    long to = 0;
    while (true) {
      int size = packed.get(INT, from);
      if (size == 0) {
        return to;
      }
      int packedSize = packed.get(INT, from + 4);
      if (size < 0
          || size > MAX_BLOCK
          || packedSize <= 0
          || packedSize > size
          || size > unpacked.byteSize() - to) {
        throw new CorruptPayloadException("a block of impossible size");
      }
      // A block that didn't shrink is stored as it is, and then has one set of checksums only.
      from += 8 + unpackedSums + (packedSize < size ? packedSums : 0);
      if (packedSize == size) {
        MemorySegment.copy(packed, from, unpacked, to, size);
      } else {
        if (block.length < size) {
          block = new byte[size];
          input = new byte[size];
        }
        MemorySegment.copy(packed, ValueLayout.JAVA_BYTE, from, input, 0, packedSize);
        if (Lzo1x.unpack(input, packedSize, block) != size) {
          throw new CorruptPayloadException("a block shorter than it says");
        }
        MemorySegment.copy(block, 0, unpacked, ValueLayout.JAVA_BYTE, to, size);
      }
      from += packedSize;
      to += size;
    }
  }

  private static int checksumBytes(int flags, int adler, int crc) {
    return ((flags & adler) != 0 ? 4 : 0) + ((flags & crc) != 0 ? 4 : 0);
  }
}
