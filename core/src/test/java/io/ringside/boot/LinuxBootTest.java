package io.ringside.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LinuxBootTest {
  private static final long PAGE = MemoryLayout.ZERO_PAGE;
  private static final long RSDP = 0xe_0000;
  private static final int MEMORY = 64 << 20;
  private static final int INITRD_SIZE = 5000;

  @TempDir private Path directory;
  private Path kernel;
  private Path initrd;
  private byte[] initrdBytes;

  @BeforeEach
  void makeFiles() {
    kernel = KernelFiles.write(directory, "vmlinuz", KernelFiles.gzipImage());
    initrdBytes = new byte[INITRD_SIZE];
    new java.util.Random(1).nextBytes(initrdBytes);
    initrd = KernelFiles.write(directory, "initrd", initrdBytes);
  }

  @Test
  void entryStateFollowsTheBootProtocol() {
    EntryState entry = boot(KernelFiles.memory(MEMORY), "console=ttyS0");
    assertThat(entry.rip()).isEqualTo(KernelFiles.ENTRY);
    assertThat(entry.rsi()).isEqualTo(PAGE);
    assertThat(entry.cr3()).isEqualTo(0x9000);
    assertThat(entry.cr0() & 0x8000_0001L).as("PG and PE").isEqualTo(0x8000_0001L);
    assertThat(entry.cr4() & 0x20).as("PAE").isEqualTo(0x20);
    assertThat(entry.efer()).as("LME and LMA").isEqualTo(0x500);
    assertThat(entry.gdtBase()).isEqualTo(0x500);
    assertThat(entry.gdtLimit()).isEqualTo(47);
  }

  @Test
  void zeroPageFields() {
    GuestMemory memory = KernelFiles.memory(MEMORY);
    boot(memory, "console=ttyS0");
    NativeMemory raw = memory.raw();
    assertThat(raw.getLong(PAGE + 0x070)).as("acpi_rsdp_addr").isEqualTo(RSDP);
    assertThat(raw.getInt(PAGE + 0x0c0)).as("ext_ramdisk_image").isZero();
    assertThat(raw.getInt(PAGE + 0x0c4)).as("ext_ramdisk_size").isZero();
    assertThat(raw.getByte(PAGE + 0x1e8)).as("e820_entries").isEqualTo(4);
    assertThat(raw.getByte(PAGE + 0x1ef)).as("sentinel").isZero();
    assertThat(raw.getByte(PAGE + 0x1f1)).as("setup_sects").isEqualTo(KernelFiles.SECTORS);
    assertThat(raw.getShort(PAGE + 0x1fe)).as("boot_flag").isEqualTo(0xaa55);
    assertThat(raw.getInt(PAGE + 0x202)).as("header").isEqualTo(0x5372_6448);
    assertThat(raw.getShort(PAGE + 0x206)).as("version").isEqualTo(0x020f);
    assertThat(raw.getByte(PAGE + 0x210)).as("type_of_loader").isEqualTo(0xff);
    assertThat(raw.getByte(PAGE + 0x211)).as("loadflags").isEqualTo(1);
    assertThat(raw.getInt(PAGE + 0x218)).as("ramdisk_image").isEqualTo(MEMORY - 8192);
    assertThat(raw.getInt(PAGE + 0x21c)).as("ramdisk_size").isEqualTo(INITRD_SIZE);
    assertThat(raw.getInt(PAGE + 0x228)).as("cmd_line_ptr").isEqualTo(0x2_0000);
    assertThat(raw.getInt(PAGE + 0x22c)).as("initrd_addr_max").isEqualTo(0x7fff_ffff);
    assertThat(raw.getInt(PAGE + 0x230)).as("kernel_alignment").isEqualTo(0x20_0000);
    assertThat(raw.getShort(PAGE + 0x236)).as("xloadflags").isEqualTo(0x7f);
    assertThat(raw.getInt(PAGE + 0x238)).as("cmdline_size").isEqualTo(2047);
    assertThat(raw.getLong(PAGE + 0x258)).as("pref_address").isEqualTo(KernelFiles.TEXT);
    assertThat(raw.getInt(PAGE + 0x260)).as("init_size").isEqualTo(0x50_0000);
    assertThat(raw.getInt(PAGE + 0x264)).as("handover_offset").isEqualTo(0x190);
    assertThat(KernelFiles.read(memory, PAGE + 0x268, 0x2d0 - 0x268))
        .as("after the header")
        .containsOnly(0);
  }

  @Test
  void withoutAnInitrdItsFieldsAreZero() {
    GuestMemory memory = KernelFiles.memory(MEMORY);
    try (KernelImage image = open()) {
      LinuxBoot.load(memory, image, Optional.empty(), "", 0);
    }
    assertThat(memory.raw().getInt(PAGE + 0x218)).isZero();
    assertThat(memory.raw().getInt(PAGE + 0x21c)).isZero();
    assertThat(memory.raw().getByte(MemoryLayout.COMMAND_LINE)).isZero();
  }

  @Test
  void initrdIsReadToTheTopOfMemory() {
    GuestMemory memory = KernelFiles.memory(MEMORY);
    boot(memory, "");
    assertThat(KernelFiles.read(memory, MEMORY - 8192, INITRD_SIZE)).isEqualTo(initrdBytes);
  }

  @Test
  void initrdStaysBelowTheKernelsLimit() {
    byte[] image = KernelFiles.gzipImage();
    image[0x22f] = 0x02; // initrd_addr_max: 02ffffffh
    Path limited = KernelFiles.write(directory, "limited", image);
    GuestMemory memory = KernelFiles.memory(MEMORY);
    try (KernelImage kernelImage = KernelImage.open(limited, cache())) {
      LinuxBoot.load(memory, kernelImage, Optional.of(initrd), "", 0);
    }
    assertThat(memory.raw().getInt(PAGE + 0x218)).isEqualTo(0x300_0000 - 8192);
  }

  @Test
  void commandLineEndsWithAZero() {
    GuestMemory memory = KernelFiles.memory(MEMORY);
    boot(memory, "console=ttyS0 x=ä");
    byte[] expected = "console=ttyS0 x=ä\0".getBytes(StandardCharsets.UTF_8);
    assertThat(KernelFiles.read(memory, MemoryLayout.COMMAND_LINE, expected.length))
        .isEqualTo(expected);
  }

  @Test
  void commandLineMayHaveTheKernelsLengthAndNoMore() {
    boot(KernelFiles.memory(MEMORY), "x".repeat(2047));
    assertThatThrownBy(() -> boot(KernelFiles.memory(MEMORY), "x".repeat(2048)))
        .isInstanceOf(BootException.class)
        .hasMessageContaining("2048 bytes")
        .hasMessageContaining("--append");
    assertThatThrownBy(() -> boot(KernelFiles.memory(MEMORY), "a\0b"))
        .isInstanceOf(BootException.class);
  }

  @Test
  void refusesAnInitrdThatDoesNotFit() {
    Path large = KernelFiles.write(directory, "large", new byte[MEMORY - (int) KernelFiles.DATA]);
    GuestMemory memory = KernelFiles.memory(MEMORY);
    try (KernelImage image = open()) {
      assertThatThrownBy(() -> LinuxBoot.load(memory, image, Optional.of(large), "", 0))
          .isInstanceOf(BootException.class)
          .hasMessageContaining("--memory")
          .hasMessageNotContaining("\n");
      Path none = directory.resolve("none");
      assertThatThrownBy(() -> LinuxBoot.load(memory, image, Optional.of(none), "", 0))
          .isInstanceOf(BootException.class)
          .hasMessageContaining("there is no such file");
    }
  }

  @Test
  void pageTablesMapFourGibibytesToThemselves() {
    GuestMemory memory = KernelFiles.memory(MEMORY);
    boot(memory, "");
    for (long address :
        new long[] {
          0,
          0x9000,
          0x1f_ffff,
          0x20_0000,
          0x100_0123,
          0x3fff_ffff,
          0x4000_0000,
          0xfee0_0020L,
          0xffff_ffffL
        }) {
      assertThat(translate(memory, address)).isEqualTo(address);
    }
    assertThat(memory.raw().getLong(MemoryLayout.PML4 + 8)).as("nothing above").isZero();
    assertThat(memory.raw().getLong(MemoryLayout.PDPT + 4 * 8)).isZero();
  }

  @Test
  void segmentDescriptors() {
    GuestMemory memory = KernelFiles.memory(MEMORY);
    boot(memory, "");
    NativeMemory raw = memory.raw();
    assertThat(raw.getLong(MemoryLayout.GDT)).isZero();
    assertThat(raw.getLong(MemoryLayout.GDT + 8)).isZero();
    assertThat(raw.getLong(MemoryLayout.GDT + 0x10)).isEqualTo(0x00af_9b00_0000_ffffL);
    assertThat(raw.getLong(MemoryLayout.GDT + 0x18)).isEqualTo(0x00cf_9300_0000_ffffL);
    assertThat(raw.getLong(MemoryLayout.GDT + 0x20)).isEqualTo(0x0000_8b00_0600_0067L);
    assertThat(raw.getLong(MemoryLayout.GDT + 0x28)).isZero();
    // What the descriptors say is what the hidden registers start with.
    assertThat((int) (raw.getLong(MemoryLayout.GDT + 0x10) >>> 40) & 0xf0ff)
        .isEqualTo(EntryState.CODE_RIGHTS);
    assertThat((int) (raw.getLong(MemoryLayout.GDT + 0x18) >>> 40) & 0xf0ff)
        .isEqualTo(EntryState.DATA_RIGHTS);
    assertThat((int) (raw.getLong(MemoryLayout.GDT + 0x20) >>> 40) & 0xf0ff)
        .isEqualTo(EntryState.TSS_RIGHTS);
  }

  @Test
  void memoryMap() {
    assertThat(E820Entry.mapOf(new GuestMemory(KernelFiles.memory(4096).raw(), 512L << 20)))
        .isEqualTo(
            List.of(
                new E820Entry(0, 0x9_fc00, 1),
                new E820Entry(0x9_fc00, 0x400, 2),
                new E820Entry(0xe_0000, 0x2_0000, 2),
                new E820Entry(0x10_0000, (512L << 20) - 0x10_0000, 1)));
    assertThat(E820Entry.mapOf(new GuestMemory(KernelFiles.memory(4096).raw(), 5L << 30)))
        .endsWith(
            new E820Entry(0x10_0000, 0xc000_0000L - 0x10_0000, 1),
            new E820Entry(0x1_0000_0000L, 2L << 30, 1));
  }

  @Test
  void lowMemoryAreasDoNotOverlap() {
    long[] areas = {
      MemoryLayout.GDT,
      MemoryLayout.GDT + 8 * MemoryLayout.GDT_ENTRIES,
      MemoryLayout.TSS,
      MemoryLayout.TSS + 104,
      MemoryLayout.ZERO_PAGE,
      MemoryLayout.ZERO_PAGE + 4096,
      MemoryLayout.BOOT_STACK_TOP - 4096,
      MemoryLayout.BOOT_STACK_TOP,
      MemoryLayout.PML4,
      MemoryLayout.PAGE_TABLES_END,
      MemoryLayout.COMMAND_LINE,
      MemoryLayout.COMMAND_LINE_END,
      MemoryLayout.LOW_MEMORY_END,
      MemoryLayout.VIDEO_START,
      MemoryLayout.ACPI_TABLES,
      MemoryLayout.HIGH_MEMORY_START,
    };
    assertThat(areas).isSorted();
  }

  private EntryState boot(GuestMemory memory, String commandLine) {
    try (KernelImage image = open()) {
      return LinuxBoot.load(memory, image, Optional.of(initrd), commandLine, RSDP);
    }
  }

  private KernelImage open() {
    return KernelImage.open(kernel, cache());
  }

  private CacheDirectory cache() {
    return new CacheDirectory(directory.resolve("cache"));
  }

  private static long translate(GuestMemory memory, long address) {
    long table = 0x9000;
    for (int shift = 39; shift >= 21; shift -= 9) {
      long entry = memory.raw().getLong(table + (address >>> shift & 511) * 8);
      assertThat(entry & 3).as("present and writable").isEqualTo(3);
      if ((entry & 0x80) != 0) {
        return entry & 0xf_ffff_ffff_f000L & -(1L << shift) | address & (1L << shift) - 1;
      }
      table = entry & 0xf_ffff_ffff_f000L;
    }
    throw new AssertionError("no page of 2 MiB at " + Long.toHexString(address));
  }
}
