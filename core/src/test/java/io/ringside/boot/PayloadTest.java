package io.ringside.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.ringside.host.ScratchMemory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class PayloadTest {
  enum Format {
    GZIP,
    XZ,
    LZMA,
    ZSTD,
    LZ4,
    LZO;

    /** A payload as it is inside a bzImage. */
    byte[] pack(byte[] data) {
      return switch (this) {
        case GZIP -> Compressors.gzip(data);
        case XZ -> KernelFiles.withSize(Compressors.xz(data), data.length);
        case LZMA -> KernelFiles.withSize(Compressors.lzma(data), data.length);
        case ZSTD -> KernelFiles.withSize(Compressors.zstd(data), data.length);
        case LZ4 -> KernelFiles.withSize(Compressors.lz4(data), data.length);
        case LZO -> KernelFiles.withSize(Compressors.lzo(data), data.length);
      };
    }

    String title() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @ParameterizedTest
  @EnumSource
  void unpacksWhatALibraryPacked(Format format) {
    byte[] elf = KernelFiles.elf();
    assertThat(unpack(format.pack(elf))).isEqualTo(elf);
  }

  @ParameterizedTest
  @EnumSource
  void unpacksMoreThanOneBlock(Format format) {
    // LZ4's blocks have 8 MiB, the others' less.
    byte[] data = new byte[(format == Format.LZ4 ? 9 << 20 : 1 << 20) + 13];
    Random random = new Random(3);
    for (int i = 0; i < data.length; i += 1 + random.nextInt(5)) {
      data[i] = (byte) random.nextInt(9);
    }
    assertThat(Arrays.equals(unpack(format.pack(data)), data)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "xz --check=crc32 --x86 --lzma2=dict=32MiB -c",
        "lzma -9 -c",
        "zstd -q -c",
        "zstd -q -19 -c",
        "zstd -q --ultra --long=27 -1 -c",
        "lz4 -l -9 -c",
        "lzop -9 -c",
        "gzip -n -9 -c"
      })
  void unpacksWhatTheToolPacked(String command, @TempDir Path directory) throws Exception {
    byte[] elf = KernelFiles.elf();
    Path file = KernelFiles.write(directory, "vmlinux", elf);
    byte[] packed = runTool(command, file);
    byte[] payload = command.startsWith("gzip") ? packed : KernelFiles.withSize(packed, elf.length);
    assertThat(unpack(payload)).isEqualTo(elf);
  }

  @ParameterizedTest
  @EnumSource
  void refusesEachTruncation(Format format) {
    byte[] payload = format.pack(KernelFiles.elf());
    for (int length = 0; length < payload.length; length += length < 64 ? 1 : 997) {
      // With the size that the whole had, so that only the missing data tells.
      byte[] cut = Arrays.copyOf(payload, length + 4);
      System.arraycopy(payload, payload.length - 4, cut, length, 4);
      if (length + 4 < payload.length) {
        assertRefused(cut);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void survivesDamage(Format format) {
    byte[] good = format.pack(KernelFiles.elf());
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int round = 0; round < 200; round++) {
      byte[] bad = good.clone();
      for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
        bad[random.nextInt(round % 2 == 0 ? 64 : bad.length - 4)] ^=
            (byte) (1 << random.nextInt(8));
      }
      try {
        unpack(bad);
      } catch (BootException e) {
        assertThat(e.getMessage()).as("seed %d", seed).doesNotContain("\n");
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void refusesAWrongSize(Format format) {
    byte[] elf = KernelFiles.elf();
    for (int wrong : new int[] {elf.length - 1, elf.length + 1, 0, 63, -1, Integer.MAX_VALUE}) {
      byte[] payload = format.pack(elf);
      byte[] sized = KernelFiles.withSize(Arrays.copyOf(payload, payload.length - 4), wrong);
      assertRefused(sized);
    }
  }

  @Test
  void namesFormatsThatItCantUnpack() {
    byte[] payload = new byte[100];
    assertThatThrownBy(() -> unpack(payload)).hasMessageContaining("of an unknown format");
    System.arraycopy(new byte[] {'B', 'Z', 'h', '9'}, 0, payload, 0, 4);
    assertThatThrownBy(() -> unpack(payload)).hasMessageContaining("bzip2");
  }

  @Test
  void lz4MatchesMayOverlapThemselves() throws CorruptPayloadException {
    // One literal "a", then a match of distance 1 and length 4 + 15 + 2, then the final literal
    // "b".
    byte[] block = {0x1f, 'a', 1, 0, 2, 0x10, 'b'};
    byte[] frame = {0x02, 0x21, 0x4c, 0x18, (byte) block.length, 0, 0, 0};
    byte[] packed = Arrays.copyOf(frame, frame.length + block.length);
    System.arraycopy(block, 0, packed, frame.length, block.length);
    byte[] out = new byte[23];
    try (ScratchMemory scratch = new ScratchMemory()) {
      MemorySegment target = scratch.allocate(out.length);
      assertThat(Lz4Legacy.unpack(MemorySegment.ofArray(packed), target)).isEqualTo(23);
      MemorySegment.copy(target, ValueLayout.JAVA_BYTE, 0, out, 0, out.length);
    }
    assertThat(new String(out, java.nio.charset.StandardCharsets.US_ASCII))
        .isEqualTo("a".repeat(22) + "b");
  }

  private static void assertRefused(byte[] payload) {
    assertThatThrownBy(() -> unpack(payload))
        .isInstanceOf(BootException.class)
        .hasMessageStartingWith("vmlinuz: ")
        .hasMessageContaining("; ")
        .hasMessageNotContaining("\n");
  }

  private static byte[] unpack(byte[] payload) {
    try (ScratchMemory scratch = new ScratchMemory()) {
      MemorySegment packed = scratch.allocate(payload.length);
      packed.copyFrom(MemorySegment.ofArray(payload));
      return Payload.unpack(packed, scratch, "vmlinuz").toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static byte[] runTool(String command, Path file)
      throws IOException, InterruptedException {
    List<String> words = new java.util.ArrayList<>(List.of(command.split(" ", -1)));
    String tool = words.getFirst();
    assumeTrue(HostTools.find(tool).isPresent(), tool + " is not installed on this host");
    words.add(file.toString());
    Process process =
        new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    byte[] packed = process.getInputStream().readAllBytes();
    assertThat(process.waitFor()).isZero();
    return packed;
  }
}
