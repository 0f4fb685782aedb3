package io.ringside.boot;

import io.airlift.compress.v3.Compressor;
import io.airlift.compress.v3.lz4.Lz4JavaCompressor;
import io.airlift.compress.v3.lzo.LzoCompressor;
import io.airlift.compress.v3.zstd.ZstdJavaCompressor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.tukaani.xz.FilterOptions;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.LZMAOutputStream;
import org.tukaani.xz.UnsupportedOptionsException;
import org.tukaani.xz.X86Options;
import org.tukaani.xz.XZ;
import org.tukaani.xz.XZOutputStream;

/** Compresses as a kernel's build does, each format with a library. */
final class Compressors {
  private static final int LZ4_BLOCK = 8 << 20;
  private static final int LZO_BLOCK = 256 << 10;

  private Compressors() {}

  private interface Wrapper {
    OutputStream wrap(OutputStream out) throws IOException;
  }

  static byte[] gzip(byte[] data) {
    return stream(data, GZIPOutputStream::new);
  }

  static byte[] xz(byte[] data) {
    FilterOptions[] filters = {new X86Options(), quick()};
    return stream(data, out -> new XZOutputStream(out, filters, XZ.CHECK_CRC32));
  }

  static byte[] lzma(byte[] data) {
    return stream(data, out -> new LZMAOutputStream(out, quick(), -1));
  }

  /** The quickest preset: the decoder does the same work for all of them. */
  private static LZMA2Options quick() {
    try {
      return new LZMA2Options(0);
    } catch (UnsupportedOptionsException e) {
      throw new IllegalStateException(e);
    }
  }

  static byte[] zstd(byte[] data) {
    return block(new ZstdJavaCompressor(), data, 0, data.length);
  }

  static byte[] lz4(byte[] data) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {0x02, 0x21, 0x4c, 0x18});
    for (int from = 0; from < data.length; from += LZ4_BLOCK) {
      byte[] packed =
          block(new Lz4JavaCompressor(), data, from, Math.min(LZ4_BLOCK, data.length - from));
      out.writeBytes(int32(packed.length, ByteOrder.LITTLE_ENDIAN));
      out.writeBytes(packed);
    }
    return out.toByteArray();
  }

  /** An lzop file with a name, and an Adler-32 field for the unpacked data, which isn't looked at. */
  static byte[] lzo(byte[] data) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) 0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n'});
    out.writeBytes(new byte[] {0x10, 0x30, 0x20, (byte) 0xa0, 0x09, 0x40, 1, 9});
    out.writeBytes(int32(1, ByteOrder.BIG_ENDIAN)); // flags
    out.writeBytes(new byte[12]); // mode and time
    out.writeBytes(new byte[] {2, 'v', 'm'});
    out.writeBytes(new byte[4]); // header checksum
    for (int from = 0; from < data.length; from += LZO_BLOCK) {
      int size = Math.min(LZO_BLOCK, data.length - from);
      byte[] packed = block(new LzoCompressor(), data, from, size);
      if (packed.length >= size) {
        packed = Arrays.copyOfRange(data, from, from + size);
      }
      out.writeBytes(int32(size, ByteOrder.BIG_ENDIAN));
      out.writeBytes(int32(packed.length, ByteOrder.BIG_ENDIAN));
      out.writeBytes(new byte[4]);
      out.writeBytes(packed);
    }
    out.writeBytes(new byte[4]);
    return out.toByteArray();
  }

  private static byte[] block(Compressor compressor, byte[] data, int from, int size) {
    byte[] packed = new byte[compressor.maxCompressedLength(size)];
    int length = compressor.compress(data, from, size, packed, 0, packed.length);
    return Arrays.copyOf(packed, length);
  }

  private static byte[] int32(int value, ByteOrder order) {
    return ByteBuffer.allocate(4).order(order).putInt(value).array();
  }

  private static byte[] stream(byte[] data, Wrapper wrapper) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = wrapper.wrap(bytes)) {
      out.write(data);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }
}
