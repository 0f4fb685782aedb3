package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The launcher script in a project of its own, whose {@code mvnw} only makes jars and whose JDK is a script that writes
 * down its arguments.
 */
@Timeout(60)
class LauncherTest {
  private static final Path PROJECT = Path.of("").toAbsolutePath().getParent();

  private static final String JAVA =
      """
      #!/bin/sh
      echo "$@" >>"$LOG/java.log"
      for word in "$@"; do
        case $word in
          -XX:AOTConfiguration=*) configuration=${word#*=} ;;
          -XX:AOTCache=*) cache=${word#*=} ;;
          -XX:AOTMode=record) recording=yes ;;
          -XX:AOTMode=create) creating=yes ;;
        esac
      done
      [ -z "${creating:-}" ] || { : >"$cache"; exit 0; }
      [ -z "${recording:-}" ] || : >"$configuration"
      cat
      exit "${STATUS:-0}"
      """;

  private static final String MVNW =
      """
      #!/bin/sh
      echo "$@" >>"$LOG/mvnw.log"
      [ -z "${BREAK:-}" ] || { echo "[ERROR] Foo.java:1 broken"; exit 1; }
      mkdir -p "$ROOT/cli/target/lib"
      : >"$ROOT/cli/target/lib/ringside-core-1.jar"
      : >"$ROOT/cli/target/ringside-cli-1.jar"
      """;

  @TempDir private Path directory;
  private Path root;
  private Path jdk;

  private record Result(int status, String output, String errors) {}

  @BeforeEach
  void aProjectAndAJdk() throws IOException {
    root = directory.resolve("pro ject");
    jdk = directory.resolve("jdk");
    for (String source : List.of("core/src/main/java/A.java", "cli/src/main/java/B.java")) {
      write(root.resolve(source), "class");
    }
    for (String pom : List.of("pom.xml", "core/pom.xml", "cli/pom.xml")) {
      write(root.resolve(pom), "<project/>");
    }
    copy("ringside");
    copy(".mvn/find-jdk.sh");
    script(root.resolve("mvnw"), MVNW);
    jdk("25.0.1");
  }

  @Test
  void buildsOnceThenStartsAtOnce() throws Exception {
    assertThat(launch(Map.of(), "", "--version").status()).isZero();
    assertThat(launch(Map.of(), "", "--version").errors()).isEmpty();
    assertThat(lines("mvnw.log")).hasSize(1);
    assertThat(lines("java.log"))
        .hasSize(2)
        .allMatch(line -> line.endsWith("--module io.ringside.cli/io.ringside.cli.Main --version"))
        .allMatch(line -> line.contains("-XX:+UseSerialGC"));
    assertThat(root.resolve("target/dist/lib")).isDirectoryContaining("glob:**ringside-core-1.jar");
    assertThat(root.resolve("target/dist/lib")).isDirectoryContaining("glob:**ringside-cli-1.jar");
  }

  @Test
  void saysOnStandardErrorThatItBuilds() throws Exception {
    Result result = launch(Map.of(), "", "--version");
    assertThat(result.errors()).isEqualTo("ringside: building\n");
    assertThat(result.output()).isEmpty();
  }

  @Test
  void buildsAgainWhenASourceIsNewer() throws Exception {
    launch(Map.of(), "", "--version");
    Files.setLastModifiedTime(
        root.resolve("core/src/main/java/A.java"), FileTime.from(Instant.now().plusSeconds(60)));
    launch(Map.of(), "", "--version");
    assertThat(lines("mvnw.log")).hasSize(2);
  }

  @Test
  void aFailedBuildIsToldWithItsErrorsAndTriedAgain() throws Exception {
    Result failed = launch(Map.of("BREAK", "yes"), "", "--version");
    assertThat(failed.status()).isEqualTo(1);
    assertThat(failed.errors()).contains("ringside: the build failed", "Foo.java:1 broken");
    assertThat(failed.output()).isEmpty();
    assertThat(launch(Map.of(), "", "--version").status()).isZero();
    assertThat(lines("mvnw.log")).hasSize(2);
  }

  @Test
  void theFirstRunRecordsAndTheSecondUsesTheCache() throws Exception {
    Result first = launch(Map.of(), "typed\n", "run");
    assertThat(first.output()).as("standard input reaches the first run").isEqualTo("typed\n");
    assertThat(launch(Map.of(), "typed\n", "run").output()).isEqualTo("typed\n");
    List<String> starts = lines("java.log");
    assertThat(starts).hasSize(3);
    assertThat(starts.get(0)).contains("-XX:AOTMode=record");
    assertThat(starts.get(1)).contains("-XX:AOTMode=create");
    assertThat(starts.get(2))
        .contains("-XX:AOTCache=" + root.resolve("target/dist/ringside-25.0.1-bt.aot"))
        .doesNotContain("AOTMode");
    assertThat(root.resolve("target/dist")).isDirectoryNotContaining("glob:**recorded*");
  }

  @Test
  void aRunThatFailedMakesNoCache() throws Exception {
    assertThat(launch(Map.of("STATUS", "1"), "", "run").status()).isEqualTo(1);
    assertThat(launch(Map.of("STATUS", "124"), "", "run").status()).isEqualTo(124);
    assertThat(lines("java.log")).hasSize(3);
    assertThat(lines("java.log").get(1)).contains("-XX:AOTMode=record");
  }

  @Test
  void aNewBuildDropsTheCache() throws Exception {
    launch(Map.of(), "", "run");
    Files.setLastModifiedTime(
        root.resolve("cli/pom.xml"), FileTime.from(Instant.now().plusSeconds(60)));
    launch(Map.of(), "", "run");
    assertThat(lines("java.log").get(2)).contains("-XX:AOTMode=record");
  }

  @Test
  void aMovedProjectDropsTheCache() throws Exception {
    launch(Map.of(), "", "run");
    Path moved = directory.resolve("moved");
    Files.move(root, moved);
    root = moved;
    launch(Map.of(), "", "run");
    assertThat(lines("java.log").get(2)).contains("-XX:AOTMode=record");
  }

  @Test
  void passesTheExitStatusAndTheUsersFlags() throws Exception {
    launch(Map.of(), "", "run");
    Result result = launch(Map.of("STATUS", "42", "RINGSIDE_JAVA_OPTS", "-Da=b -Dc=d"), "", "run");
    assertThat(result.status()).isEqualTo(42);
    assertThat(lines("java.log").getLast()).contains(" -Da=b -Dc=d ");
  }

  @Test
  void worksThroughASymbolicLink() throws Exception {
    Path link = Files.createSymbolicLink(directory.resolve("link"), root.resolve("ringside"));
    Result result = run(Map.of(), "", link.toString(), "--version");
    assertThat(result.status()).as(result.errors()).isZero();
  }

  @Test
  void anOldJdkIsPassedOverAndAMissingOneExplained() throws Exception {
    jdk("21.0.2");
    Result result = launch(Map.of("HOME", directory.toString()), "", "--version");
    // The machine that runs this test has a JDK 25 somewhere; the old one is not what starts.
    assertThat(directory.resolve("java.log")).doesNotExist();
    assertThat(result.status()).isNotZero();
    Path finder = root.resolve(".mvn/find-jdk.sh");
    String nowhere =
        Files.readString(finder).replaceAll("for JDK in /usr[^;]*; do", "for JDK in /none; do");
    Files.writeString(finder, nowhere);
    Result missing = launch(Map.of("PATH", "/nonexistent"), "", "--version");
    assertThat(missing.status()).isEqualTo(1);
    assertThat(missing.errors()).hasLineCount(1).contains("no JDK 25 or newer found", "JAVA_HOME");
  }

  private Result launch(Map<String, String> environment, String input, String... words)
      throws IOException, InterruptedException {
    return run(environment, input, root.resolve("ringside").toString(), words);
  }

  private Result run(Map<String, String> environment, String input, String program, String... words)
      throws IOException, InterruptedException {
    Path stdin = Files.writeString(directory.resolve("stdin"), input);
    Path stdout = directory.resolve("stdout");
    Path stderr = directory.resolve("stderr");
    List<String> command = new java.util.ArrayList<>(List.of("/bin/sh", program));
    command.addAll(List.of(words));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectInput(stdin.toFile())
            .redirectOutput(stdout.toFile())
            .redirectError(stderr.toFile());
    builder.environment().put("JAVA_HOME", jdk.toString());
    builder.environment().put("LOG", directory.toString());
    builder.environment().put("ROOT", root.toString());
    builder.environment().putAll(environment);
    Process process = builder.start();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return new Result(
        process.exitValue(),
        Files.readString(stdout, StandardCharsets.UTF_8),
        Files.readString(stderr, StandardCharsets.UTF_8));
  }

  private void jdk(String version) throws IOException {
    write(jdk.resolve("release"), "IMPLEMENTOR=\"Nobody\"\nJAVA_VERSION=\"" + version + "\"\n");
    script(jdk.resolve("bin/java"), JAVA);
    script(jdk.resolve("bin/javac"), "#!/bin/sh\n");
  }

  private void copy(String name) throws IOException {
    script(root.resolve(name), Files.readString(PROJECT.resolve(name)));
  }

  private List<String> lines(String log) throws IOException {
    return Files.readAllLines(directory.resolve(log));
  }

  private static void script(Path file, String text) throws IOException {
    write(file, text);
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  private static void write(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
