package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import io.ringside.boot.BootException;
import io.ringside.boot.CacheDirectory;
import io.ringside.boot.DebianGuest;
import io.ringside.boot.GuestFiles;
import io.ringside.host.HostMapping;
import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.MachineLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Start of day of the kernel that all methods run. */
class DebianPvKernelTest {
  private static final long BASE = PvElf.LINUX_BASE;
  private static final long LIST = 0x80_0000_0000L;
  private static final long PAGES = (256 << 20) / 4096;

  @TempDir private Path directory;

  private static GuestFiles files() {
    try {
      return new DebianGuest(CacheDirectory.ofUser(), new ArrayList<>()::add)
          .resolve(Optional.empty(), Optional.empty());
    } catch (BootException e) {
      return abort("the default guest can't be had on this host: " + e.getMessage());
    }
  }

  @Test
  void notesAndStartOfDay() throws IOException {
    GuestFiles files = files();
    // The first time it is unpacked, the second time it comes from the cache.
    for (int i = 0; i < 2; i++) {
      try (PvKernel kernel = PvKernel.open(files.kernel(), new CacheDirectory(directory))) {
        checkNotes(kernel);
        checkDomain(kernel, files.initrd());
      }
    }
  }

  private static void checkDomain(PvKernel kernel, Path initrd) throws IOException {
    long size = Domain.machineBytes(PAGES * 4096);
    try (HostMapping ram = HostMapping.guestRam(size, 0, 0)) {
      NativeMemory raw = ram.memory();
      FakeTimers timers = new FakeTimers();
      Domain domain =
          new Domain(
              new DomainConfig(
                  new GuestMemory(raw, size),
                  PAGES,
                  TestGuest.DOMID,
                  1,
                  new MachineLock(),
                  timers,
                  timers,
                  new FakeHost()));
      FakeCpu cpu = new FakeCpu(raw);
      cpu.attach(domain.vcpu(0));
      StartOfDay start = DomainBuilder.build(domain, kernel, Optional.of(initrd), "console=hvc0");
      start.load(cpu);
      assertThat(raw.getInt(cpu.translate(start.rip(), false))).as("code").isNotZero();
      long info = cpu.translate(start.rsi(), false);
      assertThat(raw.getLong(info + StartInfo.NR_PAGES)).isEqualTo(PAGES);
      assertThat(raw.getLong(info + StartInfo.MFN_LIST)).isEqualTo(LIST);
      assertThat(raw.getLong(info + StartInfo.MOD_LEN)).isEqualTo(Files.size(initrd));
      long disk = raw.getLong(info + StartInfo.MOD_START);
      byte[] magic = new byte[6];
      raw.read(raw.getLong(cpu.translate(LIST + 8 * disk, false)) << 12, magic, 0, 6);
      assertThat(magic).as("cpio").asString().isEqualTo("070701");
      for (long pfn = 0; pfn < PAGES; pfn++) {
        long mfn = raw.getLong(cpu.translate(LIST + 8 * pfn, false));
        assertThat(domain.m2p().get(mfn)).isEqualTo(pfn);
      }
    }
  }

  private static void checkNotes(PvKernel kernel) {
    PvNotes notes = kernel.notes();
    assertThat(notes.guestOs()).isEqualTo("linux");
    assertThat(notes.guestVersion()).isEqualTo("2.6");
    assertThat(notes.xenVersion()).isEqualTo("xen-3.0");
    assertThat(notes.loader()).isEqualTo("generic");
    assertThat(notes.virtualBase()).hasValue(BASE);
    assertThat(notes.physicalOffset()).hasValue(0);
    assertThat(notes.initialP2m()).hasValue(0x80_0000_0000L);
    assertThat(notes.moduleUnmapped()).isTrue();
    assertThat(notes.requiredFeatures()).isEqualTo(1);
    assertThat(notes.l1MfnValid()).containsExactly(new PvNotes.L1MfnValid(1, 1));
    assertThat(notes.hypervisorStartLow()).hasValue(Layout.HYPERVISOR_START);
    assertThat(notes.entry()).hasValue(kernel.entry());
    assertThat(kernel.virtualStart()).isEqualTo(BASE + 0x100_0000);
    assertThat(kernel.virtualEnd() - kernel.virtualStart()).isBetween(20L << 20, 100L << 20);
  }
}
