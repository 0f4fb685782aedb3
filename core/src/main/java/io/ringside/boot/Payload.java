package io.ringside.boot;

import io.ringside.host.ScratchMemory;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.zip.GZIPInputStream;
import org.tukaani.xz.LZMAInputStream;
import org.tukaani.xz.SingleXZInputStream;

/**
 * Unpacks the compressed vmlinux inside a bzImage. The last four bytes of the payload are the unpacked size: gzip has
 * them by itself, for the other formats the kernel's build appends them (arch/x86/boot/compressed/Makefile,
 * scripts/Makefile.lib "size_append").
 */
final class Payload {
  /** No unpacked kernel is larger; a damaged size must not make the VMM allocate without end. */
  private static final long MAX_UNPACKED = 1L << 30;

  /** Kernels use a dictionary of 32 MiB; the decoder's limit, in KiB, leaves room for its tables. */
  private static final int XZ_MEMORY_LIMIT = 72 << 10;

  private static final int APPENDED_SIZE = 4;

  private Payload() {}

  /**
   * Unpacks a payload into new native memory.
   *
   * @param packed the payload, its appended size included
   * @param scratch owns the result
   * @param name how messages call the file
   * @throws BootException where the format is unknown or the data malformed
   */
  static MemorySegment unpack(MemorySegment packed, ScratchMemory scratch, String name) {
    if (packed.byteSize() < 16) {
      throw new BootException(
          name + ": its payload is too short; the file is damaged, get it again");
    }
    long bodySize = packed.byteSize() - APPENDED_SIZE;
    long size = packed.get(ValueLayout.JAVA_INT_UNALIGNED, bodySize) & 0xffff_ffffL;
    Format format = Format.of(packed);
    if (format == Format.UNKNOWN || format == Format.BZIP2) {
      throw new BootException(
          name
              + ": its payload is "
              + (format == Format.BZIP2 ? "bzip2" : "of an unknown format")
              + ", and Ringside unpacks gzip, xz, lzma, zstd, lz4 and lzo; give the kernel's ELF vmlinux instead");
    }
    if (size < 64 || size > MAX_UNPACKED) {
      throw new BootException(
          name
              + ": says that it unpacks to "
              + size
              + " bytes, which can't be; the file is damaged, get it again");
    }
    MemorySegment unpacked = scratch.allocate(size);
    MemorySegment body = packed.asSlice(0, bodySize);
    try {
      long length =
          switch (format) {
            case GZIP ->
                drain(new GZIPInputStream(new SegmentInputStream(packed), 1 << 16), unpacked);
            case XZ ->
                drain(
                    new SingleXZInputStream(new SegmentInputStream(body), XZ_MEMORY_LIMIT),
                    unpacked);
            case LZMA ->
                drain(new LZMAInputStream(new SegmentInputStream(body), XZ_MEMORY_LIMIT), unpacked);
            case ZSTD -> ZstdFrame.unpack(body, unpacked);
            case LZ4 -> Lz4Legacy.unpack(body, unpacked);
            case LZO -> LzopFile.unpack(body, unpacked);
            default -> throw new IllegalStateException(format.name());
          };
      if (length != size) {
        throw new CorruptPayloadException("shorter than it says");
      }
    } catch (EOFException e) {
      throw corrupt(name, format, "truncated", e);
    } catch (CorruptPayloadException e) {
      throw corrupt(name, format, e.getMessage(), e);
    } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException e) {
      throw corrupt(name, format, "malformed", e);
    }
    return unpacked;
  }

  private static BootException corrupt(String name, Format format, String why, Exception cause) {
    return new BootException(
        name
            + ": its "
            + format.title
            + " payload is corrupt ("
            + why
            + "); the file is damaged, get it again",
        cause);
  }

  private static long drain(InputStream in, MemorySegment out)
      throws IOException, CorruptPayloadException {
    try (in) {
      byte[] buffer = new byte[1 << 16];
      long to = 0;
      int count;
      while ((count = in.read(buffer)) >= 0) {
        if (count > out.byteSize() - to) {
          throw new CorruptPayloadException("larger than it says");
        }
        MemorySegment.copy(buffer, 0, out, ValueLayout.JAVA_BYTE, to, count);
        to += count;
      }
      return to;
    }
  }

  /** How a payload is compressed, told by its first bytes. */
  private enum Format {
    GZIP("gzip"),
    XZ("xz"),
    LZMA("lzma"),
    BZIP2("bzip2"),
    ZSTD("zstd"),
    LZ4("lz4"),
    LZO("lzo"),
    UNKNOWN("unknown");

    private final String title;

    Format(String title) {
      this.title = title;
    }

    static Format of(MemorySegment packed) {
      int magic = packed.get(ValueLayout.JAVA_INT_UNALIGNED, 0);
      if ((magic & 0xff_ffff) == 0x08_8b1f) {
        return GZIP;
      }
      if ((magic & 0xff_ffff) == 0x68_5a42) {
        return BZIP2;
      }
      if ((magic & 0xff_ffff) == 0x00_005d) {
        // The usual properties, then a dictionary size that is a multiple of 64 KiB.
        return LZMA;
      }
      return switch (magic) {
        case 0x587a_37fd -> XZ;
        case ZstdFrame.MAGIC -> ZSTD;
        case Lz4Legacy.MAGIC -> LZ4;
        case LzopFile.MAGIC -> LZO;
        default -> UNKNOWN;
      };
    }
  }
}
