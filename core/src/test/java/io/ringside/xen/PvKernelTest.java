package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ringside.boot.BootException;
import io.ringside.boot.CacheDirectory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PvKernelTest {
  private static final long BASE = PvElf.LINUX_BASE;

  @TempDir private Path directory;

  private PvKernel open(byte[] contents) {
    return PvKernel.open(
        PvElf.write(directory, "kernel", contents), new CacheDirectory(directory.resolve("cache")));
  }

  private PvKernel open(PvElf elf) {
    return open(elf.build());
  }

  private void assertRefused(PvElf elf, String... parts) {
    assertRefused(elf.build(), parts);
  }

  private void assertRefused(byte[] contents, String... parts) {
    assertThatThrownBy(() -> open(contents).close())
        .isInstanceOf(BootException.class)
        .hasMessageContainingAll(parts)
        .hasMessageContaining("; ")
        .hasMessageNotContaining("\n");
  }

  @Test
  void aKernelAsLinuxIs() {
    try (PvKernel kernel = open(PvElf.linux())) {
      assertLinux(kernel);
    }
  }

  private static void assertLinux(PvKernel kernel) {
    assertThat(kernel.virtualBase()).isEqualTo(BASE);
    assertThat(kernel.virtualStart()).isEqualTo(BASE + 0x10_0000);
    assertThat(kernel.virtualEnd()).isEqualTo(BASE + 0x10_4000);
    assertThat(kernel.entry()).isEqualTo(BASE + 0x10_0040);
    PvNotes notes = kernel.notes();
    assertThat(notes.guestOs()).isEqualTo("linux");
    assertThat(notes.guestVersion()).isEqualTo("2.6");
    assertThat(notes.xenVersion()).isEqualTo("xen-3.0");
    assertThat(notes.loader()).isEqualTo("generic");
    assertThat(notes.hypercallPage()).hasValue(BASE + 0x10_1000);
    assertThat(notes.requiredFeatures()).isEqualTo(1);
    assertThat(notes.supportedFeatures()).isEqualTo(0x11);
    assertThat(notes.legacy()).isFalse();
  }

  @Test
  void theSameInABzImageOfAnyProtocol() {
    for (int protocol : new int[] {0x020f, 0x0208}) {
      byte[] image = PvElf.bzImage(PvElf.linux().build(), protocol);
      try (PvKernel kernel = open(image)) {
        assertLinux(kernel);
      }
      // Unpacked the first time, out of the cache now.
      try (PvKernel kernel = open(image)) {
        assertLinux(kernel);
      }
    }
    assertRefused(PvElf.bzImage(PvElf.linux().build(), 0x0207), "boot protocol is 2.7");
  }

  @Test
  void theSameCompressed() {
    try (PvKernel kernel = open(PvElf.gzip(PvElf.linux().build()))) {
      assertLinux(kernel);
    }
  }

  @Test
  void aKernelAsMiniOsIs() {
    try (PvKernel kernel = open(PvElf.miniOs())) {
      assertThat(kernel.virtualBase()).isZero();
      assertThat(kernel.virtualStart()).isZero();
      assertThat(kernel.virtualEnd()).isEqualTo(25120);
      assertThat(kernel.entry()).isZero();
      assertThat(kernel.notes().hypercallPage()).hasValue(0x2000);
    }
  }

  @Test
  void allOtherNotes() {
    byte[] pairs = new byte[32];
    pairs[0] = 1;
    pairs[8] = 1;
    pairs[16] = 3;
    pairs[24] = 2;
    PvElf elf =
        PvElf.linux()
            .number32(PvElf.MOD_START_PFN, 1)
            .number(PvElf.INIT_P2M, 0x80_0000_0000L)
            .number(PvElf.HV_START_LOW, Layout.HYPERVISOR_START)
            .number32(PvElf.SUPPORTED_FEATURES, 0x8801)
            .number32(PvElf.SUSPEND_CANCEL, 1)
            .number(PvElf.PHYS32_ENTRY, 0x100_0850)
            .number(PvElf.PADDR_OFFSET, 0)
            .note("Xen", PvElf.L1_MFN_VALID, pairs)
            .text(PvElf.PAE_MODE, "yes")
            .text(PvElf.BSD_SYMTAB, "no")
            .text(999, "of the future")
            .note("GNU", PvElf.ENTRY, new byte[20]);
    try (PvKernel kernel = open(elf)) {
      assertLinuxAddresses(kernel);
      PvNotes notes = kernel.notes();
      assertThat(notes.moduleUnmapped()).isTrue();
      assertThat(notes.initialP2m()).hasValue(0x80_0000_0000L);
      assertThat(notes.hypervisorStartLow()).hasValue(Layout.HYPERVISOR_START);
      assertThat(notes.supportedFeatures()).isEqualTo(0x8811);
      assertThat(notes.requiredFeatures()).isEqualTo(1);
      assertThat(notes.suspendCancel()).isTrue();
      assertThat(notes.physical32Entry()).hasValue(0x100_0850);
      assertThat(notes.paeMode()).isEqualTo("yes");
      assertThat(notes.bsdSymbols()).isFalse();
      assertThat(notes.l1MfnValid())
          .isEqualTo(List.of(new PvNotes.L1MfnValid(1, 1), new PvNotes.L1MfnValid(3, 2)));
    }
  }

  private static void assertLinuxAddresses(PvKernel kernel) {
    assertThat(kernel.virtualBase()).isEqualTo(BASE);
    assertThat(kernel.entry()).isEqualTo(BASE + 0x10_0040);
  }

  @Test
  void textWithoutAZeroAtItsEnd() {
    byte[] text = "!writable_page_tables|dom0".getBytes(StandardCharsets.US_ASCII);
    try (PvKernel kernel = open(PvElf.linux().note("Xen", PvElf.FEATURES, text))) {
      assertThat(kernel.notes().supportedFeatures()).isEqualTo(0x811);
    }
  }

  @Test
  void numbersOfEachSize() {
    for (int size : new int[] {1, 2, 4, 8}) {
      byte[] value = new byte[size];
      value[0] = (byte) 0x81;
      try (PvKernel kernel = open(PvElf.miniOs().note("Xen", PvElf.ENTRY, value))) {
        assertThat(kernel.entry()).isEqualTo(0x81);
      }
    }
    assertRefused(PvElf.miniOs().note("Xen", PvElf.ENTRY, new byte[3]), "note 1 has 3 bytes");
  }

  @Test
  void withoutAnEntryNoteTheHeadersEntryCounts() {
    try (PvKernel kernel = open(PvElf.miniOs().entry(0x1234))) {
      assertThat(kernel.entry()).isEqualTo(0x1234);
    }
  }

  @Test
  void physicalAddressesWithAnOffset() {
    PvElf elf =
        new PvElf()
            .load(BASE + 0x20_0000, PvElf.contents(100, 1), 100)
            .text(PvElf.LOADER, "generic")
            .text(PvElf.XEN_VERSION, "xen-3.0-x86_64")
            .number(PvElf.VIRT_BASE, BASE)
            .number(PvElf.PADDR_OFFSET, BASE)
            .number(PvElf.ENTRY, BASE + 0x20_0000);
    try (PvKernel kernel = open(elf)) {
      assertThat(kernel.virtualStart()).isEqualTo(BASE + 0x20_0000);
      assertThat(kernel.virtualEnd()).isEqualTo(BASE + 0x20_0064);
    }
    assertRefused(
        new PvElf()
            .load(BASE, PvElf.contents(100, 1), 100)
            .text(PvElf.LOADER, "generic")
            .text(PvElf.XEN_VERSION, "xen-3.0")
            .number(PvElf.PADDR_OFFSET, BASE),
        "PADDR_OFFSET and no VIRT_BASE");
  }

  @Test
  void theStringThatCameBeforeNotes() {
    PvElf elf =
        new PvElf()
            .load(0x10_0000, PvElf.contents(8192, 1), 8192)
            .entry(0x9999)
            .guestString(
                "GUEST_OS=linux,GUEST_VER=2.6,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000,"
                    + "ELF_PADDR_OFFSET=0x0,VIRT_ENTRY=0xffffffff80100010,HYPERCALL_PAGE=0x101,"
                    + "FEATURES=writable_page_tables|!pae_pgdir_above_4gb,LOADER=generic,PAE=yes,"
                    + "BSD_SYMTAB");
    try (PvKernel kernel = open(elf)) {
      assertThat(kernel.virtualStart()).isEqualTo(BASE + 0x10_0000);
      assertThat(kernel.entry()).isEqualTo(BASE + 0x10_0010);
      assertThat(kernel.notes().hypercallPage()).hasValue(BASE + 0x10_1000);
      assertThat(kernel.notes().requiredFeatures()).isEqualTo(0x10);
      assertThat(kernel.notes().supportedFeatures()).isEqualTo(0x11);
      assertThat(kernel.notes().bsdSymbols()).isTrue();
      assertThat(kernel.notes().legacy()).isTrue();
      assertThat(kernel.notes().guestVersion()).isEqualTo("2.6");
      assertThat(kernel.notes().paeMode()).isEqualTo("yes");
    }
  }

  @Test
  void withTheStringPhysicalAddressesAreVirtualByDefault() {
    PvElf elf =
        new PvElf()
            .load(0x4000_0000, PvElf.contents(100, 1), 100)
            .entry(0x4000_0000)
            .guestString("LOADER=generic,XEN_VER=xen-3.0,VIRT_BASE=1073741824,HYPERCALL_PAGE=010");
    try (PvKernel kernel = open(elf)) {
      assertThat(kernel.virtualBase()).isEqualTo(0x4000_0000);
      assertThat(kernel.virtualStart()).isEqualTo(0x4000_0000);
      assertThat(kernel.notes().hypercallPage()).hasValue(0x4000_8000);
    }
    assertRefused(
        new PvElf()
            .load(0, PvElf.contents(100, 1), 100)
            .guestString("LOADER=generic,XEN_VER=xen-3.0,VIRT_BASE=here"),
        "VIRT_BASE=here, which is no number");
  }

  @Test
  void kernelsForSomethingElse() {
    PvElf plain = new PvElf().load(0x10_0000, PvElf.contents(100, 1), 100).entry(0x10_0000);
    assertRefused(plain, "can't run paravirtualized", "no Xen ELF notes", "--method bt");
    assertRefused(PvElf.bzImage(plain.build(), 0x020f), "no Xen ELF notes");
    assertRefused(
        plain.number32(PvElf.PHYS32_ENTRY, 0x10_0000), "PVH guests only", "CONFIG_XEN_PV");
    assertRefused(PvElf.miniOs().text(PvElf.LOADER, "hand"), "for the loader 'hand'");
    assertRefused(PvElf.linux().text(PvElf.XEN_VERSION, "xen-2.0"), "Xen ABI 'xen-2.0'");
    byte[] narrow = PvElf.linux().build();
    narrow[4] = 1;
    assertRefused(narrow, "not for 64-bit x86");
    byte[] arm = PvElf.linux().build();
    arm[18] = (byte) 183;
    assertRefused(arm, "not for 64-bit x86");
    byte[] object = PvElf.linux().build();
    object[16] = 1;
    assertRefused(object, "can't be run");
    assertRefused("#!/bin/sh\n".repeat(99).getBytes(StandardCharsets.US_ASCII), "not a Linux");
    assertRefused(PvElf.gzip(new byte[500]), "no ELF kernel");
    byte[] broken = PvElf.gzip(PvElf.linux().build());
    assertRefused(Arrays.copyOf(broken, broken.length / 2), "gzip data is corrupt");
    broken[broken.length / 2] ^= 0x55;
    assertRefused(broken, "gzip data is corrupt");
    assertThatThrownBy(
            () -> PvKernel.open(directory.resolve("none"), new CacheDirectory(directory)))
        .isInstanceOf(BootException.class)
        .hasMessageContaining("there is no such file");
    assertThatThrownBy(() -> PvKernel.open(directory, new CacheDirectory(directory)))
        .hasMessageContaining("not a regular file");
  }

  @Test
  void requiredFeaturesThatNoGuestHas() {
    for (String feature :
        new String[] {
          "auto_translated_physmap", "supervisor_mode_kernel", "hvm_callback_vector", "dom0", "warp"
        }) {
      assertRefused(
          PvElf.linux().text(PvElf.FEATURES, "pae_pgdir_above_4gb|!" + feature),
          "requires the Xen feature '" + feature + "'");
      open(PvElf.linux().text(PvElf.FEATURES, feature)).close();
    }
  }

  @Test
  void addressesThatDontGoTogether() {
    assertRefused(PvElf.linux().number(PvElf.ENTRY, BASE), "don't go together");
    assertRefused(PvElf.linux().number(PvElf.ENTRY, BASE + 0x10_4001), "don't go together");
    assertRefused(PvElf.linux().number(PvElf.PADDR_OFFSET, 0x20_0000), "don't go together");
    assertRefused(
        PvElf.miniOs().number(PvElf.VIRT_BASE, 0x800).number(PvElf.ENTRY, 0x800),
        "isn't the start of a page");
    assertRefused(PvElf.linux().number(PvElf.INIT_P2M, BASE + 0x10_2000), "inside of itself");
    assertRefused(PvElf.miniOs().load(1L << 41, PvElf.contents(10, 1), 10), "which can't be");
    assertRefused(PvElf.linux().load(-4096, PvElf.contents(10, 1), 8192), "impossible sizes");
  }

  @Test
  void survivesDamagedFiles() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    byte[][] good = {
      PvElf.linux().build(),
      PvElf.miniOs().symbols(new byte[240], new byte[50]).text(PvElf.BSD_SYMTAB, "yes").build(),
      new PvElf().load(0, new byte[8], 8).guestString("LOADER=generic,XEN_VER=xen-3.0").build()
    };
    for (int round = 0; round < 600; round++) {
      byte[] bad = good[round % 3].clone();
      for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
        int at = random.nextInt(3) == 0 ? random.nextInt(bad.length) : random.nextInt(64 + 3 * 56);
        bad[random.nextBoolean() ? at : bad.length - 1 - random.nextInt(1000)] =
            (byte) random.nextInt();
      }
      try {
        open(bad).close();
      } catch (BootException e) {
        assertThat(e.getMessage()).as("seed %d", seed).doesNotContain("\n");
      }
    }
  }
}
