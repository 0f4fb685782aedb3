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
  private static final Path KVM = Path.of("/dev/kvm");

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
    assertRefused(ringside("run", "--method", "bt", "--kernel", text.toString()));
  }

  @Test
  void anEmptyKernelFileIsRefusedInOneLine() throws Exception {
    Path empty = Files.createFile(directory.resolve("empty"));
    assertRefused(ringside("run", "--method", "bt", "--kernel", empty.toString()));
  }

  @Test
  void doctorTellsTheTruthAboutThisHostsKvm() throws Exception {
    Result result = ringside("doctor");
    assertThat(result.errors()).isEmpty();
    if (!mayOpenKvm()) {
      assertThat(result.output()).contains("hvm: does not work on this host\n", "no  /dev/kvm ");
    } else if (kvmIsReal()) {
      assertThat(result.output())
          .containsAnyOf("ok  KVM's module      kvm_intel\n", "ok  KVM's module      kvm_amd\n")
          .containsAnyOf("hvm: works on this host\n", "no  KVM's API ", "no  /dev/kvm ");
    } else {
      assertThat(result.output())
          .contains("no  KVM's module ")
          .containsAnyOf(
              "hvm: works, but emulated, slowly: tiny guests only\n",
              "no  KVM's API ",
              "no  /dev/kvm ");
    }
  }

  @Test
  void theMethodAndItsReasonAreTheFirstLine() throws Exception {
    Path empty = Files.createFile(directory.resolve("empty"));
    Result result = ringside("run", "--kernel", empty.toString());
    String first = result.errors().lines().toList().getFirst();
    if (mayOpenKvm() && kvmIsReal()) {
      assertThat(first)
          .containsAnyOf("method hvm (auto: ", "method bt (auto: /dev/kvm is there, but ");
    } else {
      assertThat(first).startsWith("ringside: method bt (auto: ").contains("/dev/kvm");
    }
  }

  @Test
  void hvmIsTakenOrRefusedButNeverReplaced() throws Exception {
    Path empty = Files.createFile(directory.resolve("empty"));
    Result result = ringside("run", "--method", "hvm", "--kernel", empty.toString());
    assertThat(result.status()).isEqualTo(1);
    List<String> lines = result.errors().lines().toList();
    assertThat(lines).allMatch(line -> line.startsWith("ringside: "));
    if (lines.size() == 1) {
      // Refused. A sandbox may forbid to open what the file's mode allows.
      assertThat(lines.getFirst()).startsWith("ringside: --method hvm: ");
      return;
    }
    assertThat(mayOpenKvm()).isTrue();
    assertThat(lines.getFirst()).contains("method hvm (as asked");
    assertThat(lines.getLast()).contains("it is empty");
    if (kvmIsReal()) {
      assertThat(lines).hasSize(2);
    } else {
      assertThat(lines).hasSize(3);
      assertThat(lines.get(1)).contains("warning: /dev/kvm is there, but");
    }
  }

  private static boolean mayOpenKvm() {
    return Files.isReadable(KVM) && Files.isWritable(KVM);
  }

  private static boolean kvmIsReal() throws IOException {
    String flags = Files.readString(Path.of("/proc/cpuinfo")).replace('\n', ' ');
    Path modules = Path.of("/sys/module");
    return !Files.exists(modules.resolve("kvm_pvm"))
        && (flags.contains(" vmx ") && Files.exists(modules.resolve("kvm_intel"))
            || flags.contains(" svm ") && Files.exists(modules.resolve("kvm_amd")));
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
