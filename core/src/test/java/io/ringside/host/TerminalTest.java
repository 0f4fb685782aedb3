package io.ringside.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class TerminalTest {
  private static final Path SCRIPT = Path.of("/usr/bin/script");

  /** Surely not open: far above the usual limit of descriptors. */
  private static final int CLOSED_FD = 1_000_000;

  @TempDir private Path directory;

  @Test
  void entersRawModeAndPutsTheSettingsBack() throws Exception {
    assumeThat(SCRIPT)
        .as("script(1) of util-linux, which makes the pseudo terminal")
        .isExecutable();
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String command =
        java
            + " --enable-native-access=ALL-UNNAMED -cp "
            + System.getProperty("java.class.path")
            + " "
            + TerminalProbe.class.getName()
            + " "
            + directory;
    Process script =
        new ProcessBuilder(SCRIPT.toString(), "-qec", command, "/dev/null")
            .redirectErrorStream(true)
            .redirectInput(new File("/dev/null"))
            .start();
    String said = new String(script.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(script.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(script.exitValue()).as(said).isZero();
    assertThat(settings("before")).contains("icanon", "isig", "echo", "opost");
    assertThat(settings("during")).contains("-icanon", "-isig", "-echo", "-opost", "-icrnl");
    assertThat(settings("after")).isEqualTo(settings("before"));
  }

  @Test
  void aClosedDescriptorIsNoTerminal() {
    assertThat(Terminal.isTerminal(CLOSED_FD)).isFalse();
    assertThatThrownBy(() -> Terminal.of(CLOSED_FD))
        .isInstanceOf(HostException.class)
        .hasMessageContaining("not a terminal");
  }

  private List<String> settings(String name) throws IOException {
    return List.of(Files.readString(directory.resolve(name)).split("\\s+", -1));
  }
}
