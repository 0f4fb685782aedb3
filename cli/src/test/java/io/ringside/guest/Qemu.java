package io.ringside.guest;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.ringside.boot.GuestFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The same guest on QEMU's translator, to compare with. */
final class Qemu {
  private Qemu() {}

  /** Boots to the shell and returns what {@code dmesg -r} says; ends the test as skipped where there is no QEMU. */
  static String kernelLog(GuestFiles files) throws IOException, InterruptedException {
    Optional<Path> qemu = find("qemu-system-x86_64");
    assumeTrue(qemu.isPresent(), "qemu-system-x86_64 is not installed on this host");
    Process process =
        new ProcessBuilder(
                qemu.orElseThrow().toString(),
                "-accel",
                "tcg",
                "-m",
                "512",
                "-nographic",
                "-no-reboot",
                "-kernel",
                files.kernel().toString(),
                "-initrd",
                files.initrd().toString(),
                "-append",
                "console=ttyS0 quiet")
            .redirectErrorStream(true)
            .start();
    SerialLog log = new SerialLog();
    Thread reader = new Thread(() -> read(process.getInputStream(), log), "qemu-console");
    reader.start();
    try {
      int booted = log.await(RunningGuest.PROMPT, 0, RunningGuest.BOOT_SECONDS);
      try (OutputStream keys = process.getOutputStream()) {
        keys.write("dmesg -r; echo en\"\"d\n".getBytes(StandardCharsets.US_ASCII));
        keys.flush();
        return log.slice(booted, log.await("end\n", booted, RunningGuest.BOOT_SECONDS));
      }
    } finally {
      process.destroyForcibly().waitFor();
      reader.join();
    }
  }

  private static Optional<Path> find(String program) {
    for (String directory : String.valueOf(System.getenv("PATH")).split(":", -1)) {
      Path path = Path.of(directory, program);
      if (Files.isExecutable(path)) {
        return Optional.of(path);
      }
    }
    return Optional.empty();
  }

  private static void read(InputStream in, SerialLog log) {
    try (in) {
      int value;
      while ((value = in.read()) >= 0) {
        log.append(value);
      }
    } catch (IOException e) {
      // The process is gone.
    } finally {
      log.end();
    }
  }
}
