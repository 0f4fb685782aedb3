package io.ringside.boot;

import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** Makes small kernels for tests, and memory to load them into. */
final class KernelFiles {
  static final long TEXT = 0x100_0000;
  static final long DATA = 0x120_0000;
  static final int TEXT_SIZE = 0x1_8345;
  static final int DATA_SIZE = 0x3000;
  static final int DATA_MEMORY = 0x8000;
  static final long ENTRY = TEXT + 0x40;
  static final int SECTORS = 3;
  static final int PAYLOAD_OFFSET = 0x123;

  private KernelFiles() {}

  /** RAM of a size, all zero; the garbage collector gives it back. */
  static GuestMemory memory(long size) {
    long low = Math.min(size, GuestMemory.LOW_RAM_LIMIT);
    return new GuestMemory(new NativeMemory(Arena.ofAuto().allocate(low)), size);
  }

  /** Text with code-like bytes and stretches of zeros, so that all compressors have work. */
  static byte[] text() {
    byte[] text = new byte[TEXT_SIZE];
    Random random = new Random(7);
    for (int i = 0; i < text.length; i++) {
      text[i] = (byte) (i % 3 == 0 ? random.nextInt() : i >>> 4);
    }
    // Twenty pages of zeros, enough for a hole in the cache file.
    Arrays.fill(text, 0x3000, 0x3000 + 20 * 4096, (byte) 0);
    for (int i = 0x100; i + 5 < 0x2000; i += 50) {
      text[i] = (byte) 0xe8; // calls, for the x86 filter
      text[i + 1] = (byte) random.nextInt();
      text[i + 4] = 0;
    }
    return text;
  }

  static byte[] data() {
    byte[] data = new byte[DATA_SIZE];
    new Random(8).nextBytes(data);
    return data;
  }

  /** An ELF64 executable with two segments, the second larger in memory than in the file. */
  static byte[] elf() {
    byte[] text = text();
    byte[] data = data();
    int textOffset = 0x1000;
    int dataOffset = textOffset + text.length;
    ByteBuffer elf = ByteBuffer.allocate(dataOffset + data.length).order(ByteOrder.LITTLE_ENDIAN);
    elf.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1});
    elf.putShort(16, (short) 2).putShort(18, (short) 62).putInt(20, 1);
    elf.putLong(24, ENTRY).putLong(32, 64);
    elf.putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) 3);
    segment(elf, 64, 1, textOffset, 0xffff_ffff_8100_0000L, TEXT, text.length, text.length);
    segment(elf, 64 + 56, 1, dataOffset, 0xffff_ffff_8120_0000L, DATA, data.length, DATA_MEMORY);
    segment(elf, 64 + 112, 4, textOffset, 0xffff_ffff_8100_0000L, TEXT, 16, 16);
    elf.put(textOffset, text).put(dataOffset, data);
    return elf.array();
  }

  private static void segment(
      ByteBuffer elf,
      int at,
      int type,
      long offset,
      long virtual,
      long physical,
      long file,
      long memory) {
    elf.putInt(at, type).putInt(at + 4, 7).putLong(at + 8, offset);
    elf.putLong(at + 16, virtual).putLong(at + 24, physical);
    elf.putLong(at + 32, file).putLong(at + 40, memory).putLong(at + 48, 0x20_0000);
  }

  /** A bzImage around a payload, which has its appended size already. */
  static byte[] bzImage(byte[] payload) {
    int start = (SECTORS + 1) * 512 + PAYLOAD_OFFSET;
    ByteBuffer image =
        ByteBuffer.allocate(start + payload.length + 99).order(ByteOrder.LITTLE_ENDIAN);
    image.put(0x1f1, (byte) SECTORS).putShort(0x1fe, (short) 0xaa55);
    image.put(0x200, (byte) 0xeb).put(0x201, (byte) 0x6a);
    image.put(0x202, "HdrS".getBytes(StandardCharsets.US_ASCII)).putShort(0x206, (short) 0x020f);
    image.put(0x211, (byte) 1).putInt(0x22c, 0x7fff_ffff).putInt(0x230, 0x20_0000);
    image
        .put(0x234, (byte) 1)
        .put(0x235, (byte) 21)
        .putShort(0x236, (short) 0x7f)
        .putInt(0x238, 2047);
    image.putInt(0x248, PAYLOAD_OFFSET).putInt(0x24c, payload.length);
    image.putLong(0x258, TEXT).putInt(0x260, 0x50_0000).putInt(0x264, 0x190);
    image.put(start, payload);
    return image.array();
  }

  /** Adds the four bytes of size that the kernel's build appends. */
  static byte[] withSize(byte[] packed, int unpackedSize) {
    return ByteBuffer.allocate(packed.length + 4)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(packed)
        .putInt(unpackedSize)
        .array();
  }

  /** A gzip-compressed bzImage of {@link #elf()}. */
  static byte[] gzipImage() {
    return bzImage(Compressors.gzip(elf()));
  }

  static Path write(Path directory, String name, byte[] contents) {
    try {
      return Files.write(directory.resolve(name), contents);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  static byte[] read(GuestMemory memory, long gpa, int length) {
    byte[] bytes = new byte[length];
    memory.raw().read(gpa, bytes, 0, length);
    return bytes;
  }
}
