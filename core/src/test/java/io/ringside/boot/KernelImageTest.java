package io.ringside.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ringside.machine.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelImageTest {
  private static final int TOO_MUCH = 0x4000_0000;

  @TempDir private Path directory;
  private CacheDirectory cache;

  @BeforeEach
  void makeCache() {
    cache = new CacheDirectory(directory.resolve("cache"));
  }

  @Test
  void loadsABzImage() {
    assertLoads(write(KernelFiles.gzipImage()));
  }

  @Test
  void loadsAPlainElf() {
    Path file = write(KernelFiles.elf());
    assertLoads(file);
    try (KernelImage image = KernelImage.open(file, cache)) {
      assertThat(image.header().cmdlineSize()).isEqualTo(2047);
      assertThat(image.header().version()).isEqualTo(0x020f);
    }
  }

  @Test
  void secondStartDoesNotUnpack() throws IOException {
    Path file = write(KernelFiles.gzipImage());
    assertLoads(file);
    assertThat(cacheFiles()).hasSize(1);
    FileTime time = Files.getLastModifiedTime(file);
    // Same size, same time, but nothing left to unpack: what is loaded now came from the cache.
    byte[] hollow = KernelFiles.gzipImage();
    Arrays.fill(hollow, 0x800, hollow.length, (byte) 0);
    write(hollow);
    Files.setLastModifiedTime(file, time);
    assertLoads(file);
  }

  @Test
  void aChangedKernelIsUnpackedAgain() throws IOException {
    Path file = write(KernelFiles.gzipImage());
    assertLoads(file);
    FileTime time = Files.getLastModifiedTime(file);
    Files.setLastModifiedTime(file, FileTime.fromMillis(time.toMillis() + 1));
    assertLoads(file);
    assertThat(cacheFiles()).hasSize(2);
  }

  @Test
  void cacheFilesLeaveOutZeroPages() throws IOException {
    assertLoads(write(KernelFiles.gzipImage()));
    assertThat(Files.size(cacheFiles().getFirst()))
        .isLessThan(KernelFiles.elf().length - 15 * 4096);
  }

  @Test
  void aDamagedCacheFileIsMadeAgain() throws IOException {
    Path file = write(KernelFiles.gzipImage());
    assertLoads(file);
    Path entry = cacheFiles().getFirst();
    byte[] good = Files.readAllBytes(entry);
    for (int at : new int[] {0, 8, 12, 16, 24, 32, 56, 64, 68, 72, 300}) {
      byte[] bad = good.clone();
      bad[at] ^= 0x40;
      Files.write(entry, bad);
      assertLoads(file);
    }
    for (int length : new int[] {0, 1, 7, 71, 72, 500, 4096, good.length - 1}) {
      Files.write(entry, Arrays.copyOf(good, length));
      assertLoads(file);
    }
    assertThat(Files.readAllBytes(entry)).isEqualTo(good);
  }

  @Test
  void aCacheThatCantBeWrittenIsNoObstacle() throws IOException {
    Files.createFile(cache.path()); // A file where the directory should be.
    assertLoads(write(KernelFiles.gzipImage()));
  }

  @Test
  void keepsTheEightNewest() throws IOException {
    byte[] kernel = KernelFiles.gzipImage();
    for (int i = 0; i < 10; i++) {
      KernelImage.open(KernelFiles.write(directory, "vmlinuz-" + i, kernel), cache).close();
    }
    assertThat(cacheFiles()).hasSize(8);
  }

  @Test
  void refusesEachTruncation() {
    for (byte[] whole : List.of(KernelFiles.gzipImage(), KernelFiles.elf())) {
      // The 99 bytes after a bzImage's payload are padding, which may be missing.
      int needed = whole[0] == 0x7f ? whole.length : whole.length - 99;
      for (int length = 0; length < needed; length += length < 0x300 ? 1 : 1009) {
        assertRefused(Arrays.copyOf(whole, length));
      }
      assertRefused(Arrays.copyOf(whole, needed - 1));
    }
  }

  @Test
  void refusesWhatIsNoKernel() {
    assertThatThrownBy(() -> open(new byte[0])).hasMessageContaining("it is empty");
    assertThatThrownBy(
            () ->
                open(
                    "#!/bin/sh\n".repeat(100).getBytes(java.nio.charset.StandardCharsets.US_ASCII)))
        .hasMessageContaining("not a Linux kernel");
    assertThatThrownBy(() -> KernelImage.open(directory.resolve("none"), cache))
        .isInstanceOf(BootException.class)
        .hasMessageContaining("there is no such file");
    assertThatThrownBy(() -> KernelImage.open(directory, cache))
        .hasMessageContaining("not a regular file");
  }

  @Test
  void refusesHeadersThatItCantBoot() {
    assertThatThrownBy(() -> open(patched(0x206, 0x020b, 2)))
        .hasMessageContaining("boot protocol is 2.11");
    assertThatThrownBy(() -> open(patched(0x236, 0x7e, 2))).hasMessageContaining("no 64-bit entry");
    assertThatThrownBy(() -> open(patched(0x211, 0, 1))).hasMessageContaining("zImage");
    assertThatThrownBy(() -> open(patched(0x201, 0x20, 1))).hasMessageContaining("ends too early");
    assertThatThrownBy(() -> open(patched(0x24c, 0x7fff_ffff, 4)))
        .hasMessageContaining("truncated");
    assertThatThrownBy(() -> open(patched(0x248, 0xffff_ffff, 4)))
        .hasMessageContaining("truncated");
    assertThatThrownBy(() -> open(KernelFiles.bzImage(Compressors.gzip(new byte[5000]))))
        .hasMessageContaining("not an ELF kernel");
  }

  @Test
  void refusesElfFilesThatAreNoKernel() {
    assertThatThrownBy(() -> open(patchedElf(4, 1, 1))).hasMessageContaining("not for 64-bit x86");
    assertThatThrownBy(() -> open(patchedElf(18, 183, 2)))
        .hasMessageContaining("not for 64-bit x86");
    assertThatThrownBy(() -> open(patchedElf(16, 1, 2))).hasMessageContaining("can't be run");
    assertThatThrownBy(() -> open(patchedElf(56, 0, 2)))
        .hasMessageContaining("without program headers");
    assertThatThrownBy(() -> open(patchedElf(24, 0x10, 4))).hasMessageContaining("entry 0x10");
    assertThatThrownBy(() -> open(patchedElf(64 + 32, TOO_MUCH, 4)))
        .hasMessageContaining("impossible sizes");
  }

  @Test
  void aProgramThatBelongsToTheLowestMegabyteIsNoKernel() {
    try (KernelImage image = open(patchedElf(64 + 56 + 24, 0x1000, 4))) {
      assertThatThrownBy(() -> image.load(KernelFiles.memory(32 << 20)))
          .hasMessageContaining("below 1 MB")
          .hasMessageContaining("no kernel for this machine")
          .hasMessageNotContaining("--memory");
    }
  }

  @Test
  void aProgramThatReachesWhereTheDevicesAreIsNoKernel() {
    // The second segment: in the hole below 4 GiB, and behind it while the first is before it.
    for (int highByte : new int[] {0xc0, 0xfe}) {
      assertDevicesInTheWay(patchedElf(64 + 56 + 27, highByte, 1));
    }
    assertDevicesInTheWay(patchedElf(64 + 56 + 28, 1, 1));
  }

  private void assertDevicesInTheWay(byte[] elf) {
    try (KernelImage image = open(elf)) {
      assertThatThrownBy(() -> image.load(KernelFiles.memory(32 << 20)))
          .isInstanceOf(BootException.class)
          .hasMessageContaining("above 3 GB")
          .hasMessageContaining("no kernel for this machine")
          .hasMessageNotContaining("--memory");
    }
  }

  @Test
  void aSegmentLargerThanMemoryIsRefusedWhenLoaded() {
    try (KernelImage image = open(patchedElf(64 + 40, TOO_MUCH, 4))) {
      assertThatThrownBy(() -> image.load(KernelFiles.memory(32 << 20)))
          .hasMessageContaining("--memory");
    }
  }

  @Test
  void aVirtualEntryIsTranslated() {
    byte[] elf = KernelFiles.elf();
    ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN).putLong(24, 0xffff_ffff_8100_0040L);
    try (KernelImage image = open(elf)) {
      assertThat(image.entry()).isEqualTo(KernelFiles.ENTRY);
    }
  }

  @Test
  void survivesDamagedHeaders() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    byte[][] good = {KernelFiles.gzipImage(), KernelFiles.elf()};
    GuestMemory memory = KernelFiles.memory(32 << 20);
    for (int round = 0; round < 400; round++) {
      byte[] bad = good[round % 2].clone();
      int from = round % 2 == 0 ? 0x1f1 : 0;
      int length = round % 2 == 0 ? 0x80 : 64 + 3 * 56;
      for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
        bad[from + random.nextInt(length)] = (byte) random.nextInt();
      }
      try (KernelImage image = open(bad)) {
        image.load(memory);
      } catch (BootException e) {
        assertThat(e.getMessage()).as("seed %d", seed).doesNotContain("\n");
      }
    }
  }

  @Test
  void refusesMemoryThatIsTooSmall() {
    try (KernelImage image = open(KernelFiles.elf())) {
      for (long size :
          new long[] {
            4096, 1 << 20, KernelFiles.TEXT, KernelFiles.DATA + KernelFiles.DATA_MEMORY - 4096
          }) {
        GuestMemory memory = KernelFiles.memory(size);
        assertThatThrownBy(() -> image.load(memory))
            .isInstanceOf(BootException.class)
            .hasMessageContaining("--memory");
      }
      image.load(KernelFiles.memory(KernelFiles.DATA + KernelFiles.DATA_MEMORY));
    }
  }

  private KernelImage open(byte[] contents) {
    return KernelImage.open(write(contents), cache);
  }

  private Path write(byte[] contents) {
    return KernelFiles.write(directory, "vmlinuz", contents);
  }

  private void assertLoads(Path file) {
    GuestMemory memory = KernelFiles.memory(32 << 20);
    try (KernelImage image = KernelImage.open(file, cache)) {
      assertThat(image.entry()).isEqualTo(KernelFiles.ENTRY);
      assertThat(image.start()).isEqualTo(KernelFiles.TEXT);
      assertThat(image.end()).isEqualTo(KernelFiles.DATA + KernelFiles.DATA_MEMORY);
      image.load(memory);
    }
    assertThat(KernelFiles.read(memory, KernelFiles.TEXT, KernelFiles.TEXT_SIZE))
        .isEqualTo(KernelFiles.text());
    assertThat(KernelFiles.read(memory, KernelFiles.DATA, KernelFiles.DATA_SIZE))
        .isEqualTo(KernelFiles.data());
    assertThat(KernelFiles.read(memory, KernelFiles.DATA + KernelFiles.DATA_SIZE, 4096))
        .containsOnly(0);
  }

  private void assertRefused(byte[] contents) {
    assertThatThrownBy(() -> open(contents))
        .as("%d bytes", contents.length)
        .isInstanceOf(BootException.class)
        .hasMessageContaining("vmlinuz: ")
        .hasMessageContaining("; ")
        .hasMessageNotContaining("\n");
  }

  private static byte[] patched(int offset, int value, int size) {
    return patch(KernelFiles.gzipImage(), offset, value, size);
  }

  private static byte[] patchedElf(int offset, int value, int size) {
    return patch(KernelFiles.elf(), offset, value, size);
  }

  private static byte[] patch(byte[] file, int offset, int value, int size) {
    for (int i = 0; i < size; i++) {
      file[offset + i] = (byte) (value >>> 8 * i);
    }
    return file;
  }

  private List<Path> cacheFiles() throws IOException {
    try (Stream<Path> files = Files.list(cache.path())) {
      return files.toList();
    }
  }
}
