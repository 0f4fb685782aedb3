package io.ringside.bench.exits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExitReportTest {
  private static final ExitFigures OUT =
      new ExitFigures(
          ExitKind.OUT,
          List.of(
              new ExitFigures.Round(1000, 1100, Optional.of(1300.0)),
              new ExitFigures.Round(2000, 2400, Optional.of(2200.0)),
              new ExitFigures.Round(1500, 1700, Optional.of(1900.0))));

  private static ExitFigures halts(double java) {
    return new ExitFigures(
        ExitKind.HLT, List.of(new ExitFigures.Round(1000, java, Optional.empty())));
  }

  @Test
  void mediansAreOfTheRoundsOwnDifferences() {
    assertThat(OUT.c()).isEqualTo(1500);
    assertThat(OUT.java()).isEqualTo(1700);
    assertThat(OUT.difference()).isEqualTo(200);
    assertThat(OUT.ratio()).isEqualTo(1700.0 / 1500);
    assertThat(OUT.machineDifference()).contains(300.0);
    assertThat(halts(1).machineDifference()).isEmpty();
  }

  @Test
  void theTableHasARowForEachKind() {
    assertThat(new ExitReport(List.of(OUT, halts(1300))).markdown())
        .contains("| OUT | 1,500 | 1,700 | 200 | 1.133 | 300 |\n")
        .contains("| HLT | 1,000 | 1,300 | 300 | 1.300 | - |\n")
        .endsWith(": holds; the most is 300 ns, of HLT.\n");
  }

  @Test
  void aMissedGoalIsBold() {
    assertThat(new ExitReport(List.of(halts(1301), OUT)).markdown())
        .contains("| **301** |")
        .endsWith(": missed; the most is 301 ns, of HLT.\n");
  }

  @Test
  void optionsAreReadAndChecked() throws Exception {
    assertThat(ExitOptions.parse(List.of("--quick", "--rounds", "7", "--out", "f")))
        .isEqualTo(new ExitOptions(100, 7, 20_000, Optional.of(Path.of("f"))));
    for (List<String> wrong :
        List.of(List.of("--what"), List.of("--rounds", "0"), List.of("--exits", "x"))) {
      assertThatThrownBy(() -> ExitOptions.parse(wrong))
          .isInstanceOf(ExitOptions.UsageException.class);
    }
  }

  @Test
  void whatIsBehindKvmIsTold(@TempDir Path root) throws Exception {
    KvmBackend backend = new KvmBackend(root);
    assertThat(backend.describe()).isEqualTo("emulated: no VT-x or AMD-V is behind it");
    Files.createDirectories(root.resolve("proc"));
    Files.createDirectories(root.resolve("sys/module/kvm_amd"));
    Files.writeString(
        root.resolve("proc/cpuinfo"), "model name\t: Some CPU\nflags\t\t: fpu svm sse\n");
    assertThat(backend.processor()).isEqualTo("Some CPU");
    assertThat(backend.describe()).isEqualTo("kvm_amd on AMD-V");
    Files.writeString(root.resolve("proc/cpuinfo"), "flags\t\t: fpu svm hypervisor sse\n");
    assertThat(backend.describe()).startsWith("kvm_amd on AMD-V, nested");
    Files.writeString(
        root.resolve("proc/cpuinfo"), "model name: QEMU TCG CPU\nflags: svm hypervisor\n");
    assertThat(backend.describe()).startsWith("kvm_amd on AMD-V, played by QEMU's TCG");
    Files.createDirectories(root.resolve("sys/module/kvm_pvm"));
    assertThat(backend.describe()).startsWith("emulated by kvm_pvm");
  }
}
