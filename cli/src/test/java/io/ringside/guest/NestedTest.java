package io.ringside.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The method hvm on Linux's own KVM, in a machine with AMD-V that QEMU emulates (L1): what {@code nested/run} does, once,
 * and a test for each of its parts. Its logs stay in {@code target/nested}.
 */
class NestedTest {
  private static final Path PROJECT = Path.of("").toAbsolutePath().getParent();

  /** Many times what it takes on two idle cores. */
  private static final int SECONDS = 1200;

  /** The script's status where the host lacks something. */
  private static final int LACKING = 77;

  private static final Pattern COUNTS =
      Pattern.compile("^(\\d+) passed, (\\d+) failed, (\\d+) skipped$", Pattern.MULTILINE);

  private static int status;
  private static String summary;

  @BeforeAll
  @Timeout(value = SECONDS + 300, unit = TimeUnit.SECONDS)
  static void runOnce(@TempDir Path directory) throws IOException, InterruptedException {
    run(directory, "doctor", "conformance");
  }

  private static void run(Path directory, String... tests)
      throws IOException, InterruptedException {
    assumeTrue(
        Files.exists(PROJECT.resolve("core/target/test-classpath")),
        "the module core isn't built beside this one; build both (-pl cli -am)");
    Path output = directory.resolve("output");
    List<String> command =
        new ArrayList<>(
            List.of(
                PROJECT.resolve("nested/run").toString(), "--built", "--timeout", "" + SECONDS));
    command.addAll(List.of(tests));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      process.getOutputStream().close();
      status = process.waitFor();
    } finally {
      process.destroy();
    }
    summary = Files.readString(output);
    assumeTrue(status != LACKING, () -> summary.strip());
  }

  @Test
  void allPassed() {
    assertThat(status).as(summary).isZero();
    assertThat(summary)
        .containsPattern("(?m)^doctor +passed ")
        .containsPattern("(?m)^conformance +passed ")
        .containsPattern("(?m)^nested: all passed in [0-9.]+ s$");
  }

  @Test
  void doctorFindsTheHardwareAndSaysThatItIsNested() throws IOException {
    assertThat(log("doctor"))
        .contains("hvm: works on this host", "the processor has AMD-V", "kvm_amd", "nested");
  }

  @Test
  void theConformanceSuitePasses() throws IOException {
    String log = log("conformance");
    Matcher counts = COUNTS.matcher(log);
    assertThat(counts.find()).as(log).isTrue();
    assertThat(Integer.parseInt(counts.group(1))).isPositive();
    assertThat(counts.group(2)).as(log).isEqualTo("0");
    assertThat(log).contains("[hvm]").doesNotContain("[bt]");
  }

  /**
   * By night only: QEMU's TCG has been seen to freeze L1 during the boot of L2, using no processor time any more, in two of
   * some twenty runs.
   */
  @Test
  @Tag("nightly")
  @Timeout(value = SECONDS + 300, unit = TimeUnit.SECONDS)
  void debiansKernelBootsToItsShellAndPowersOff(@TempDir Path directory)
      throws IOException, InterruptedException {
    run(directory, "boot");
    assertThat(status).as(summary).isZero();
    assertThat(log("boot"))
        .startsWith("ringside: method hvm (as asked; AMD-V by kvm_amd")
        .containsSubsequence(
            "Linux version ",
            "Hypervisor detected: KVM",
            "Run /init as init process",
            RunningGuest.PROMPT,
            "\nsix times seven is 42\n",
            "reboot: Power down")
        .doesNotContain("Kernel panic", "BUG:", "Call Trace");
  }

  /** What a test wrote in L1, with plain line ends. */
  private static String log(String test) throws IOException {
    return Files.readString(PROJECT.resolve("target/nested/" + test + ".log")).replace("\r", "");
  }
}
