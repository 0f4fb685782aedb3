package io.ringside.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ReportTest {
  private static final List<String> KNOWN = List.of("integer", "sha256", "pipe");
  private static final Path LAUNCHER = Path.of("ringside");

  private final Measurements measurements = new Measurements();
  private final List<Load> loads =
      List.of(load("integer", Load.Unit.MILLISECONDS), load("sha256", Load.Unit.MEGABYTES));

  private static Load load(String name, Load.Unit unit) {
    UserProgram program = new UserProgram();
    return Load.simple(name, name + " title", unit, 1, program.here());
  }

  private static Options options(String... arguments) throws Options.UsageException {
    return Options.parse(List.of(arguments), KNOWN, LAUNCHER);
  }

  private void add(Contender contender, String load, double value, String checksum) {
    measurements.add(contender, new Result(load, value, checksum));
  }

  @Test
  void linesOfTheProgramAreFoundAmongOtherText() {
    assertThat(Result.parse("[ 1.2] xringbench: pipe 5.636 us 00000000000013ba 89 50167127 \r"))
        .contains(new Result("pipe", 5.636, "00000000000013ba"));
    assertThat(Result.parse("ringbench: pipe failed"))
        .hasValueSatisfying(result -> assertThat(result.measured()).isFalse());
    assertThat(Result.parse("ringbench: pipe 5.636 parsecs 00000000000013ba 89 50167127"))
        .isEmpty();
    assertThat(Result.parse("ringbench: pipe 5.6x6 us 00000000000013ba 89 50167127")).isEmpty();
    assertThat(Result.parse("Power down")).isEmpty();
    assertThat(Result.parseEnd("ringbench: end 1234 ")).contains(1234L);
    assertThat(Result.parseEnd("ringbench: at 1234 ")).isEmpty();
  }

  @Test
  void ratiosAreMediansOfPairsAndSayWhoIsFaster() {
    for (double factor : new double[] {1, 2, 4}) {
      add(Contender.QEMU, "integer", 10 * factor, "aa");
      add(Contender.BT, "integer", 5 * factor, "aa");
      add(Contender.QEMU, "sha256", 10 * factor, "bb");
      add(Contender.BT, "sha256", 30, "bb");
    }
    assertThat(measurements.median(Contender.QEMU, "integer")).contains(20.0);
    assertThat(measurements.speed(loads.get(0), Contender.BT, Contender.QEMU)).contains(2.0);
    assertThat(measurements.speed(loads.get(1), Contender.BT, Contender.QEMU)).contains(1.5);
    assertThat(measurements.speed(loads.get(1), Contender.BT, Contender.NATIVE)).isEmpty();
  }

  @Test
  void tablesMarkMissedGoals() throws Exception {
    add(Contender.NATIVE, "integer", 4, "aa");
    add(Contender.QEMU, "integer", 10, "aa");
    add(Contender.BT, "integer", 5, "aa");
    add(Contender.QEMU, "sha256", 10, "bb");
    add(Contender.BT, "sha256", 15, "bb");
    add(Contender.PV, "integer", 10, "aa");
    add(Contender.PV, "sha256", 30, "bb");
    Report report = new Report(loads, options("--only", "integer,sha256"), measurements);
    assertThat(report.markdown())
        .contains(
            "| QEMU TCG | Ringside bt | Ringside pv | bt : QEMU, speed | pv : QEMU, speed | goal |"
                + " bt : native, speed | pv : native, speed | pv : bt, speed | checksums |")
        .contains(
            "| integer title | ms | 4.00 | 10.0 | 5.00 | 10.0 | 2.00 | **1.00** | 1.30 | 0.80 |"
                + " 0.40 | 0.50 | equal |")
        .contains(
            "| sha256 title | MB/s | - | 10.0 | 15.0 | 30.0 | **1.50** | 3.00 | 2.00 | - | - |"
                + " 2.00 | equal |")
        .doesNotContain("init's first line, wall");
    assertThat(report.checksumsEqual()).isTrue();
  }

  @Test
  void onlyContendersThatTakePartHaveColumns() throws Exception {
    add(Contender.QEMU, "integer", 10, "aa");
    add(Contender.BT, "integer", 5, "aa");
    Options two = options("--only", "integer", "--contenders", "qemu,bt");
    assertThat(new Report(loads, two, measurements).markdown())
        .contains("| load | unit | QEMU TCG | Ringside bt | bt : QEMU, speed | goal | checksums |")
        .contains("|---|---|--:|--:|--:|--:|---|")
        .contains("| integer title | ms | 10.0 | 5.00 | 2.00 | 1.30 | equal |");
    Options own = options("--only", "integer", "--contenders", "ringside");
    assertThat(new Report(loads, own, measurements).markdown())
        .contains("| load | unit | Ringside bt | Ringside pv | pv : bt, speed | checksums |");
  }

  @Test
  void checksumsThatDifferAndBreakdownsAreTold() throws Exception {
    add(Contender.NATIVE, "integer", 4, "aa");
    add(Contender.BT, "integer", 5, "ab");
    measurements.add(Contender.BT, Result.failed("sha256", "hangs"));
    Report report = new Report(loads, options(), measurements);
    assertThat(report.markdown()).contains("**differ**", "Ringside bt: hangs");
    assertThat(report.checksumsEqual()).isFalse();
  }

  @Test
  void bootsAndMemoryHaveTheirTables() throws Exception {
    ProcessMeter.Memory memory = new ProcessMeter.Memory(200_000, 100_000);
    measurements.add(
        Contender.QEMU, new Measurements.Boot(2, 2, new ProcessMeter.Memory(300_000, 0)));
    measurements.add(Contender.BT, new Measurements.Boot(1, 1.5, memory));
    measurements.add(Contender.PV, new Measurements.Boot(0.8, 1.8, memory));
    measurements.add(Contender.BT, memory);
    measurements.addClock(Contender.BT, 1.0001);
    assertThat(new Report(loads, options("--only", "boot"), measurements).markdown())
        .contains("| QEMU TCG | 2.00 | 2.00 | 1.00 | 1.00 | 2.00 | 1.33 |")
        .contains("| Ringside bt | 1.00 | 1.50 | 0.50 | 0.75 | 1.00 | 1.00 |")
        .contains("| Ringside pv | 0.80 | 1.80 | 0.40 | 0.90 | 0.80 | 1.20 |")
        .contains("| QEMU TCG with init's first line | 307 | not told apart |  |  |")
        .contains("| Ringside bt over all loads | 205 | 102 | 102 | 1.0001 |");
  }

  @Test
  void peaksKeepTheLargestPrivateAndSharedParts() {
    ProcessMeter.Memory peak =
        ProcessMeter.Memory.peak(
            new ProcessMeter.Memory(100, 10), new ProcessMeter.Memory(100, 60));
    assertThat(peak).isEqualTo(new ProcessMeter.Memory(150, 60));
  }

  @Test
  void optionsAreRead() throws Exception {
    Options options =
        options(
            "--only", "pipe,boot", "--runs", "5", "--time", "20", "--contenders", "native,qemu");
    assertThat(options.loads()).containsExactly("pipe");
    assertThat(options.boot()).isTrue();
    assertThat(options.runs()).isEqualTo(5);
    assertThat(options.milliseconds()).isEqualTo(20);
    assertThat(options.contenders()).containsExactly(Contender.NATIVE, Contender.QEMU);
    assertThat(options.without(Contender.QEMU).contenders()).containsExactly(Contender.NATIVE);
    assertThat(options("--contenders", "ringside").contenders())
        .containsExactly(Contender.BT, Contender.PV);
    assertThat(options("--contenders", "pv").contenders()).containsExactly(Contender.PV);
    assertThat(options("--quick").runs()).isEqualTo(1);
    assertThat(options().loads()).isEqualTo(KNOWN);
    assertThat(options("--out", "x").out()).isEqualTo(Optional.of(Path.of("x")));
  }

  @Test
  void wrongOptionsAreTold() {
    assertThatThrownBy(() -> options("--only", "nonsense"))
        .hasMessageContaining("no load nonsense");
    assertThatThrownBy(() -> options("--runs", "0")).hasMessageContaining("1 to 100000");
    assertThatThrownBy(() -> options("--runs", "many")).hasMessageContaining("1 to 100000");
    assertThatThrownBy(() -> options("--runs")).hasMessageContaining("lacks its value");
    assertThatThrownBy(() -> options("--contenders", "bochs")).hasMessageContaining("bochs");
    assertThatThrownBy(() -> options("--fast", "1")).hasMessageContaining("no option --fast");
  }

  @Test
  void commandsOfGuestsTakeTheSameKernelAndInitramfs() throws Exception {
    BenchGuest guest =
        new BenchGuest(Path.of("k"), Path.of("i"), Path.of("b"), Path.of("p"), Path.of("d"));
    assertThat(Contender.QEMU.boot(options(), guest, Path.of("x"), "quiet"))
        .containsSequence("-accel", "tcg")
        .containsSequence("-kernel", "k", "-initrd", "x", "-append", "console=ttyS0 quiet");
    assertThat(Contender.BT.boot(options(), guest, Path.of("x"), "quiet"))
        .containsSequence("ringside", "run", "--method", "bt")
        .containsSequence("--kernel", "k", "--initrd", "x", "--append", "quiet");
    assertThat(Contender.PV.boot(options(), guest, Path.of("x"), ""))
        .containsSequence("ringside", "run", "--method", "pv")
        .doesNotContain("--append");
    assertThat(Contender.NATIVE.loads(options(), guest, List.of("pipe")))
        .containsExactly("p", "-t", "300", "-b", "b", "pipe");
  }
}
