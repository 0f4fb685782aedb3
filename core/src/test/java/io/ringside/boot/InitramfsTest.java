package io.ringside.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InitramfsTest {
  private static final byte[] BUSYBOX = "not really".getBytes(StandardCharsets.US_ASCII);
  private static final List<String> APPLETS =
      List.of("bin/busybox", "bin/sh", "bin/ls", "usr/bin/env", "sbin/init", "linuxrc");

  @Test
  void cpioRoundTrip() {
    for (int size = 0; size < 9; size++) {
      byte[] contents = new byte[size];
      java.util.Arrays.fill(contents, (byte) 0x5a);
      byte[] archive =
          new Cpio()
              .directory("d", 0755)
              .file("d/" + "n".repeat(size + 1), 0640, contents)
              .symlink("link", "d/target")
              .characterDevice("tty", 0620, 4, 64)
              .toBytes();
      assertThat(archive.length % 4).isZero();
      Map<String, CpioReader.Entry> entries = CpioReader.read(archive);
      assertThat(entries).hasSize(4);
      assertThat(entries.get("d").mode()).isEqualTo(0040755);
      CpioReader.Entry file = entries.get("d/" + "n".repeat(size + 1));
      assertThat(file.mode()).isEqualTo(0100640);
      assertThat(file.contents()).isEqualTo(contents);
      assertThat(entries.get("link").mode()).isEqualTo(0120777);
      assertThat(entries.get("link").text()).isEqualTo("d/target");
      assertThat(entries.get("tty").mode()).isEqualTo(0020620);
      assertThat(entries.get("tty").major()).isEqualTo(4);
      assertThat(entries.get("tty").minor()).isEqualTo(64);
      // The kernel takes files of more than one link and the same inode for one file.
      assertThat(entries.values().stream().map(CpioReader.Entry::inode).distinct()).hasSize(4);
    }
  }

  @Test
  void theHostsCpioReadsIt(@TempDir Path directory) throws Exception {
    assumeTrue(HostTools.find("cpio").isPresent(), "cpio is not installed on this host");
    Path archive = Files.write(directory.resolve("a.cpio"), Initramfs.build(BUSYBOX, APPLETS));
    Process process =
        new ProcessBuilder("cpio", "-tv", "--quiet")
            .redirectInput(archive.toFile())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    assertThat(output)
        .contains("dev/console", "init -> /bin/busybox", "bin/sh -> /bin/busybox", "etc/inittab")
        .contains("-rwxr-xr-x");
  }

  @Test
  void hasWhatTheKernelAndInitNeed() {
    Map<String, CpioReader.Entry> entries = CpioReader.read(Initramfs.build(BUSYBOX, APPLETS));
    assertThat(entries.get("init").text()).isEqualTo("/bin/busybox");
    assertThat(entries.get("bin/busybox").contents()).isEqualTo(BUSYBOX);
    assertThat(entries.get("bin/busybox").mode()).isEqualTo(0100755);
    assertThat(entries.get("bin/ls").text()).isEqualTo("/bin/busybox");
    assertThat(entries.get("dev/console").mode()).isEqualTo(0020600);
    assertThat(entries.get("dev/console").major()).isEqualTo(5);
    assertThat(entries.get("dev/console").minor()).isEqualTo(1);
    assertThat(entries.get("tmp").mode()).isEqualTo(0041777);
    assertThat(entries.get("etc/session").mode()).isEqualTo(0100755);
    assertThat(entries.get("etc/session").text()).startsWith("#!/bin/sh\necho \"Ringside guest: ");
    assertThat(entries.get("etc/inittab").text()).contains("::once:-/etc/session\n");
    assertThat(entries).doesNotContainKey("linuxrc");
  }

  @Test
  void parentsComeBeforeTheirChildren() {
    Map<String, CpioReader.Entry> entries = CpioReader.read(Initramfs.build(BUSYBOX, APPLETS));
    java.util.Set<String> seen = new java.util.HashSet<>();
    for (String path : entries.keySet()) {
      int slash = path.lastIndexOf('/');
      assertThat(slash < 0 || seen.contains(path.substring(0, slash))).as(path).isTrue();
      seen.add(path);
    }
  }

  @Test
  void sameInputSameBytes() {
    assertThat(Initramfs.build(BUSYBOX, APPLETS))
        .isEqualTo(Initramfs.build(BUSYBOX, APPLETS.reversed()));
  }
}
