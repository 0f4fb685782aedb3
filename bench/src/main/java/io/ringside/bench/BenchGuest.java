package io.ringside.bench;

import io.ringside.boot.CacheDirectory;
import io.ringside.boot.Cpio;
import io.ringside.boot.DebianGuest;
import io.ringside.boot.GuestFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The files of a measurement: Debian's kernel and Ringside's initramfs, which the time to boot is measured with, the
 * program, and an initramfs that runs it.
 *
 * @param kernel the kernel of all guests
 * @param initrd the default guest's initramfs
 * @param busybox a statically linked busybox
 * @param program the benchmark program
 * @param directory where initramfs files for the loads go
 */
record BenchGuest(Path kernel, Path initrd, Path busybox, Path program, Path directory) {
  /** The line that the default guest's initramfs prints first. */
  static final String FIRST_LINE = "Ringside guest:";

  private static final int EXECUTABLE = 0755;

  /** Finds or fetches all files, and writes the program. */
  static BenchGuest prepare(BenchProgram program, Path directory, Optional<Path> kernel)
      throws IOException {
    DebianGuest guest =
        new DebianGuest(CacheDirectory.ofUser(), step -> System.err.println("bench: " + step));
    GuestFiles files = guest.resolve(kernel, Optional.empty());
    Path file = directory.resolve("ringbench");
    Files.write(file, program.file());
    if (!file.toFile().setExecutable(true)) {
      throw new IOException("can't make " + file + " executable");
    }
    return new BenchGuest(files.kernel(), files.initrd(), guest.busybox(), file, directory);
  }

  /** Writes an initramfs whose init runs the program on {@code loads} and powers the machine off. */
  Path initramfs(List<String> loads, int milliseconds) throws IOException {
    String init =
        """
        #!/bin/busybox sh
        /bin/busybox mount -t devtmpfs devtmpfs /dev
        /bin/busybox mkdir -p /dev/shm
        /bin/busybox mount -t tmpfs tmpfs /dev/shm
        /bin/busybox mount -t proc proc /proc
        exec </dev/console >/dev/console 2>&1
        /bin/ringbench -t %d %s
        /bin/busybox poweroff -f
        """
            .formatted(milliseconds, String.join(" ", loads));
    byte[] archive =
        new Cpio()
            .directory("bin", 0755)
            .directory("dev", 0755)
            .directory("proc", 0755)
            .characterDevice("dev/console", 0600, 5, 1)
            .file("bin/busybox", EXECUTABLE, Files.readAllBytes(busybox))
            .file("bin/ringbench", EXECUTABLE, Files.readAllBytes(program))
            .file("init", EXECUTABLE, init.getBytes(StandardCharsets.US_ASCII))
            .toBytes();
    return Files.write(directory.resolve("initramfs.cpio"), archive);
  }
}
