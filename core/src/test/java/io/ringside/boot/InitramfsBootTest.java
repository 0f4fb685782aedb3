package io.ringside.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The default guest on another machine than Ringside's, so that a failure here is the guest's own. */
@Tag("nightly")
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class InitramfsBootTest {
  private static final String PROMPT = "ringside:~# ";

  @TempDir private Path directory;
  private GuestFiles files;

  @BeforeEach
  void fetch() {
    assumeTrue(HostTools.find("apt-get").isPresent(), "apt-get is not installed on this host");
    assumeTrue(
        HostTools.find("qemu-system-x86_64").isPresent(),
        "qemu-system-x86_64 is not installed on this host");
    files =
        new DebianGuest(new CacheDirectory(directory), new ArrayList<>()::add)
            .resolve(Optional.empty(), Optional.empty());
  }

  @Test
  void aShellWithJobControlThatPowersOffAtItsEnd() throws Exception {
    String log =
        run("tty\n", "sleep 100 &\n", "jobs\n", "kill %1; wait; echo status $?\n", "exit\n");
    assertThat(log)
        .contains("Ringside guest: Debian kernel ")
        .contains("/dev/ttyS0")
        .contains("Running")
        .doesNotContain("can't access tty")
        .contains("reboot: Power down");
  }

  @Test
  void controlCReachesTheForeground() throws Exception {
    assertThat(run("sleep 100\n", "\003", "echo status $?\n", "exit\n")).contains("status 130");
  }

  @Test
  void theEndOfInputPowersOff() throws Exception {
    assertThat(run("\004")).contains("reboot: Power down");
  }

  @Test
  void powerOffAndRebootWork() throws Exception {
    assertThat(run("poweroff\n")).contains("reboot: Power down");
    assertThat(run("sh -c poweroff\n")).contains("reboot: Power down");
    assertThat(run("reboot\n")).contains("reboot: Restarting system");
  }

  @Test
  void fileSystemsAreMounted() throws Exception {
    assertThat(run("mount\n", "exit\n"))
        .contains(
            "proc on /proc",
            "sysfs on /sys",
            "devtmpfs on /dev",
            "devpts on /dev/pts",
            "tmpfs on /tmp");
  }

  /** Types each text when the shell's prompt is there, or a second later where the text before has started something. */
  private String run(String... texts) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                List.of(
                    "qemu-system-x86_64",
                    "-accel",
                    "tcg",
                    "-m",
                    "512",
                    "-display",
                    "none",
                    "-serial",
                    "stdio",
                    "-no-reboot",
                    "-kernel",
                    files.kernel().toString(),
                    "-initrd",
                    files.initrd().toString(),
                    "-append",
                    "console=ttyS0"))
            .redirectErrorStream(true)
            .start();
    StringBuilder log = new StringBuilder();
    try (OutputStream keyboard = process.getOutputStream();
        InputStream screen = process.getInputStream()) {
      int seen = 0;
      for (String text : texts) {
        if (text.charAt(0) == '\003') {
          Thread.sleep(2000);
        } else {
          seen = waitFor(PROMPT, screen, log, seen);
        }
        keyboard.write(text.getBytes(StandardCharsets.US_ASCII));
        keyboard.flush();
      }
      log.append(new String(screen.readAllBytes(), StandardCharsets.UTF_8));
      assertThat(process.waitFor()).isZero();
    } finally {
      process.destroyForcibly();
    }
    return log.toString();
  }

  private static int waitFor(String text, InputStream screen, StringBuilder log, int from)
      throws IOException {
    int at;
    while ((at = log.indexOf(text, from)) < 0) {
      int c = screen.read();
      assertThat(c).as("no prompt after: %s", log).isNotNegative();
      log.append((char) c);
    }
    return at + text.length();
  }
}
