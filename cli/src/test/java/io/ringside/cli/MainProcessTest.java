package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command as a process of its own: streams and exit status as a script sees them. */
@Timeout(120)
class MainProcessTest {
  @TempDir private Path directory;

  private record Result(int status, String output, String errors) {}

  @Test
  void versionIsOnStandardOutput() throws Exception {
    Result result = ringside("--version");
    assertThat(result.status()).isZero();
    assertThat(result.output()).startsWith("ringside ");
    assertThat(result.errors()).isEmpty();
  }

  @Test
  void aWrongCommandLineIsStatusTwo() throws Exception {
    Result result = ringside("run", "--memory", "1");
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.output()).isEmpty();
    assertThat(result.errors()).hasLineCount(1).contains("32M at least");
  }

  @Test
  void whatIsNotAKernelIsRefusedInOneLine() throws Exception {
    Path text = Files.writeString(directory.resolve("letter.txt"), "Dear kernel, ".repeat(1000));
    assertRefused(ringside("run", "--kernel", text.toString()));
  }

  @Test
  void anEmptyKernelFileIsRefusedInOneLine() throws Exception {
    Path empty = Files.createFile(directory.resolve("empty"));
    assertRefused(ringside("run", "--kernel", empty.toString()));
  }

  private static void assertRefused(Result result) {
    assertThat(result.status()).as(result.errors()).isIn(1, 2);
    assertThat(result.output()).isEmpty();
    List<String> lines = result.errors().lines().toList();
    assertThat(lines)
        .as(result.errors())
        .hasSize(2)
        .allMatch(line -> line.startsWith("ringside: "));
    assertThat(lines.getFirst()).contains("method bt");
  }

  private Result ringside(String... words) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-Xmx96m");
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(Main.class.getName());
    command.addAll(List.of(words));
    Path output = directory.resolve("stdout");
    Path errors = directory.resolve("stderr");
    Process process =
        new ProcessBuilder(command)
            .redirectInput(new java.io.File("/dev/null"))
            .redirectOutput(output.toFile())
            .redirectError(errors.toFile())
            .start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return new Result(
        process.exitValue(),
        Files.readString(output, StandardCharsets.UTF_8),
        Files.readString(errors, StandardCharsets.UTF_8));
  }
}
