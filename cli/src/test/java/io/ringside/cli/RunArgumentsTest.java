package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunArgumentsTest {
  @Test
  void scansEveryOption() {
    Optional<RunArguments> scanned =
        RunArguments.scan(
            words(
                "run debian --method bt --kernel k --initrd=i --append quiet --memory 1G"
                    + " --timeout=2.5 --stats"),
            1);
    assertThat(scanned)
        .contains(
            new RunArguments(
                Map.of(
                    RunOption.METHOD, "bt",
                    RunOption.KERNEL, "k",
                    RunOption.INITRD, "i",
                    RunOption.APPEND, "quiet",
                    RunOption.MEMORY, "1G",
                    RunOption.TIMEOUT, "2.5",
                    RunOption.STATS, "true"),
                "debian"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "run",
        "run debian",
        "run --stats debian",
        "run --memory 1G --kernel ./a=b",
        "run --append=panic=-1 --timeout 3",
        "run --append= --stats",
        "run --append a,b"
      })
  void scanAndFullParseAgree(String line) {
    Optional<RunArguments> scanned = RunArguments.scan(words(line), 1);
    Commands full = fullParse();
    assertThat(full.execute(words(line))).isEqualTo(ExitStatus.OK);
    assertThat(scanned).isPresent().isEqualTo(full.runArguments());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "run --help",
        "run -h",
        "run --mem 1G",
        "run --memory",
        "run --memory --stats",
        "run --append -x",
        "run --stats=yes",
        "run --stats --stats",
        "run --memory 1G --memory 2G",
        "run debian debian",
        "run -- debian"
      })
  void leavesTheUnusualToTheFullParse(String line) {
    assertThat(RunArguments.scan(words(line), 1)).isEmpty();
  }

  @Test
  void aValueThatLooksLikeAnOptionIsTakenByTheFullParse() {
    Commands full = fullParse();
    assertThat(full.execute("run", "--append", "-x")).isEqualTo(ExitStatus.OK);
    assertThat(full.runArguments().orElseThrow().get(RunOption.APPEND, "")).isEqualTo("-x");
  }

  private static Commands fullParse() {
    ByteArrayOutputStream sink = new ByteArrayOutputStream();
    return new Commands(
        Host::ofThisProcess,
        sink,
        new Messages(new PrintStream(sink, true, StandardCharsets.UTF_8)));
  }

  private static String[] words(String line) {
    return Arrays.stream(line.split(" ", -1)).toArray(String[]::new);
  }
}
