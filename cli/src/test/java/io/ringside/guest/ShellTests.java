package io.ringside.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** Programs in the guest, whose results are known: busybox's applets, pipes, processes, /proc, time. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 3, unit = TimeUnit.MINUTES)
abstract class ShellTests {
  private final GuestMethod method;
  private RunningGuest guest;

  ShellTests(GuestMethod method) {
    this.method = method;
  }

  @BeforeAll
  void boot() throws InterruptedException {
    guest = RunningGuest.booted(method, "quiet");
  }

  @AfterAll
  void end() {
    if (guest != null) {
      guest.close();
    }
  }

  @Test
  void unameTellsTheKernel() throws Exception {
    assertThat(guest.output("uname -srm")).matches("Linux \\d+\\.\\d+\\S+ x86_64\n");
  }

  @Test
  void freeTellsTheMemory() throws Exception {
    String[] total = guest.output("free | grep Mem:").strip().split(" +", -1);
    assertThat(Long.parseLong(total[1])).isBetween(440_000L, 512L << 10);
    assertThat(Long.parseLong(total[3])).isGreaterThan(300_000L);
  }

  @Test
  void theProcessorIsAnOrdinaryOne() throws Exception {
    String cpuinfo = guest.output("cat /proc/cpuinfo");
    assertThat(cpuinfo.lines().filter(line -> line.startsWith("processor\t"))).hasSize(1);
    String flags =
        cpuinfo.lines().filter(line -> line.startsWith("flags\t")).findFirst().orElseThrow();
    List<String> words = List.of(flags.split(" ", -1));
    assertThat(words).contains("fpu", "tsc", "msr", "cx16", "sse2", "nx", "lm", "syscall");
    if (method == GuestMethod.PV) {
      assertThat(words).contains("hypervisor").doesNotContain("apic", "fsgsbase");
    } else {
      assertThat(words).contains("apic", "constant_tsc").doesNotContain("hypervisor");
    }
    String megahertz =
        cpuinfo.lines().filter(line -> line.startsWith("cpu MHz")).findFirst().orElseThrow();
    assertThat(Double.parseDouble(megahertz.split(": ", -1)[1])).isBetween(500.0, 10_000.0);
  }

  @Test
  void interruptsComeFromTimerAndConsole() throws Exception {
    String consoleLine = method == GuestMethod.PV ? "hvc_console" : "ttyS0";
    String timerLine = method == GuestMethod.PV ? "timer0" : "LOC:";
    long console = count(consoleLine);
    long timer = count(timerLine);
    guest.output("sleep 0.2");
    assertThat(count(consoleLine)).isGreaterThan(console);
    assertThat(count(timerLine)).isGreaterThan(timer);
    assertThat(count("ERR:")).as("ERR").isZero();
    assertThat(count("SPU:")).as("SPU").isZero();
    // The NMI watchdog's, where there are performance counters, after some seconds of work.
    assertThat(count("NMI:")).as("NMI").isLessThanOrEqualTo(count("PMI:"));
  }

  private long count(String what) throws InterruptedException {
    return Long.parseLong(
        guest.output("grep " + what + " /proc/interrupts | sed 's/.*: *//;s/ .*//'").strip());
  }

  @Test
  void digestsAreRight() throws Exception {
    guest.output("seq 1 200000 >/tmp/numbers");
    byte[] numbers =
        IntStream.rangeClosed(1, 200_000)
            .mapToObj(n -> n + "\n")
            .collect(Collectors.joining())
            .getBytes(StandardCharsets.US_ASCII);
    for (String[] digest :
        new String[][] {
          {"md5sum", "MD5"},
          {"sha1sum", "SHA-1"},
          {"sha256sum", "SHA-256"},
          {"sha512sum", "SHA-512"}
        }) {
      String expected =
          HexFormat.of().formatHex(MessageDigest.getInstance(digest[1]).digest(numbers));
      assertThat(guest.output(digest[0] + " </tmp/numbers")).isEqualTo(expected + "  -\n");
    }
  }

  @Test
  void sortingIsRight() throws Exception {
    // A linear congruential generator's low 16 bits run through all values.
    assertThat(
            guest.output(
                "awk 'BEGIN{x=1;for(i=0;i<20000;i++){x=(x*1103515245+12345)%65536;print x}}'"
                    + " | sort -n | uniq | md5sum"))
        .isEqualTo(
            guest.output(
                "awk 'BEGIN{x=1;for(i=0;i<20000;i++){x=(x*1103515245+12345)%65536;s[x]=1}"
                    + "for(i=0;i<65536;i++)if(i in s)print i}' | md5sum"));
  }

  @Test
  void compressionIsUndone() throws Exception {
    assertThat(
            guest.output(
                "cd /tmp; cp /bin/busybox b; gzip -9 -c b | gunzip -c | cmp - b;"
                    + " bzip2 -c b | bunzip2 -c | cmp - b; tar c b | tar xO | cmp - b;"
                    + " uuencode -m x <b | uudecode -o - | cmp - b; od -An -c b | wc -l; rm b"))
        .matches("\\d+\n");
  }

  @Test
  void textToolsWork() throws Exception {
    assertThat(guest.output("echo 'Hello World' | sed -E 's/(\\w+) (\\w+)/\\2 \\1/' | tr a-z A-Z"))
        .isEqualTo("WORLD HELLO\n");
    assertThat(guest.output("seq 100 | awk '{s+=$1;q+=$1*$1} END{print s,q,q/7}'"))
        .isEqualTo("5050 338350 48335.7\n");
    assertThat(guest.output("printf '%s\\n' b c a | sort -r | tail -n 1")).isEqualTo("a\n");
    assertThat(guest.output("echo '2^200; scale=40; 4*a(1)' | bc -l"))
        .isEqualTo(
            "1606938044258990275541962092341162602522202993782792835301376\n"
                + "3.1415926535897932384626433832795028841968\n");
  }

  @Test
  void filesWork() throws Exception {
    assertThat(
            guest.output(
                "mkdir -p /tmp/t/a/b; cd /tmp/t; echo x >a/x; ln -s x a/y; ln a/x a/b/z;"
                    + " find . | sort | tr '\\n' ' '; readlink a/y; cat a/b/z; stat -c %h a/x;"
                    + " rm -r /tmp/t; ls /tmp/t 2>&1 | grep -c 'No such file'"))
        .isEqualTo(". ./a ./a/b ./a/b/z ./a/x ./a/y x\nx\n2\n1\n");
    assertThat(
            guest.output(
                "dd if=/dev/zero of=/tmp/z bs=64k count=300 2>/dev/null; md5sum </tmp/z; rm /tmp/z"))
        .isEqualTo(md5(new byte[300 << 16]) + "  -\n");
  }

  private static String md5(byte[] data) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(data));
  }

  @Test
  void pipesAndManyProcesses() throws Exception {
    assertThat(guest.output("seq 5000 | cat | cat | cat | cat | cat | tail -n 1"))
        .isEqualTo("5000\n");
    assertThat(
            guest.output("i=0; while [ $i -lt 150 ]; do /bin/true || echo bad; i=$((i+1)); done"))
        .isEmpty();
    assertThat(
            guest.output(
                "for i in $(seq 20); do (sleep 0.05; exit $i) & done; s=0;"
                    + " for p in $(jobs -p); do wait $p; s=$((s+$?)); done; echo $s"))
        .isEqualTo("210\n");
  }

  @Test
  void floatingPointSurvivesOtherProcesses() throws Exception {
    String program =
        "awk -v k=%d 'BEGIN{for(i=1;i<30000;i++)s+=(i%%7)/(i+k)-s/(i*k+3);printf \"%%.14g\\n\",s}'";
    StringBuilder together = new StringBuilder();
    StringBuilder alone = new StringBuilder();
    for (int k = 1; k <= 4; k++) {
      together.append(program.formatted(k)).append(" >/tmp/f").append(k).append(" &\n");
      alone.append(program.formatted(k)).append('\n');
    }
    String expected = guest.output(alone.toString());
    assertThat(expected.lines()).hasSize(4).doesNotHaveDuplicates();
    assertThat(guest.output(together + "wait; cat /tmp/f1 /tmp/f2 /tmp/f3 /tmp/f4"))
        .isEqualTo(expected);
  }

  @Test
  void theLogHasNoTrouble() throws Exception {
    assertThat(guest.output("dmesg"))
        .doesNotContain("BUG", "WARNING:", "Oops", "Call Trace", "panic");
    assertThat(guest.output("cat /proc/sys/kernel/tainted")).isEqualTo("0\n");
  }

  @Test
  void theClockSourceIsTheTimeStampCounterOrXensPageAboutIt() throws Exception {
    assertThat(guest.output("cat /sys/devices/system/clocksource/clocksource0/current_clocksource"))
        .startsWith(method == GuestMethod.PV ? "xen" : "tsc");
  }

  @Test
  void theDateIsTheHosts() throws Exception {
    long before = System.currentTimeMillis() / 1000;
    long date = Long.parseLong(guest.output("date +%s").strip());
    assertThat(date).isBetween(before - 2, System.currentTimeMillis() / 1000 + 2);
  }

  @Test
  void theClockRunsAtTheHostsRate() throws Exception {
    assertThat(clockError(4)).isCloseTo(0, within(0.01 + 0.1 / 4));
  }

  @Tag("nightly")
  @Test
  void theClockAgreesWithinOnePercentOverHalfAMinute() throws Exception {
    assertThat(clockError(30)).isCloseTo(0, within(0.01));
  }

  /** How much faster than the host's clock the guest's is, measured over some seconds. */
  private double clockError(int seconds) throws InterruptedException {
    double[] first = clocks();
    Thread.sleep(seconds * 1000L);
    double[] second = clocks();
    double host = second[0] - first[0];
    assertThat(second[2] - first[2]).as("date").isCloseTo(second[1] - first[1], within(1.1));
    return (second[1] - first[1]) / host - 1;
  }

  /** The host's clock, the guest's uptime and its date, in seconds. The host's is taken in the middle. */
  private double[] clocks() throws InterruptedException {
    long before = System.nanoTime();
    String[] times = guest.output("cut -d' ' -f1 /proc/uptime; date +%s").split("\n", -1);
    long after = System.nanoTime();
    return new double[] {
      (before + (after - before) / 2) * 1e-9,
      Double.parseDouble(times[0]),
      Double.parseDouble(times[1])
    };
  }

  @Test
  void sleepsTakeTheirTime() throws Exception {
    long start = System.nanoTime();
    guest.output("sleep 1.5");
    double taken = (System.nanoTime() - start) * 1e-9;
    assertThat(taken).isBetween(1.5, 6.0);
  }

  /** What a PV kernel does after its start is hypercalls, and nothing that would trap. */
  @Test
  void ordinaryWorkOfTheKernelHasNothingEmulatedUnderXensAbi() throws Exception {
    List<String> before = emulatedForTheKernel();
    guest.output(
        "i=0; while [ $i -lt 30 ]; do /bin/true; i=$((i+1)); done;"
            + " seq 3000 | cat | sort -n | md5sum >/tmp/work; cp /bin/busybox /tmp/work;"
            + " awk 'BEGIN{for(i=1;i<20000;i++)s+=1/i;print s}' >/tmp/work & sleep 0.3; wait;"
            + " mount -t tmpfs none /mnt; umount /mnt; dmesg | wc -l; date; free; ps; rm /tmp/work");
    assertThat(emulatedForTheKernel()).isEqualTo(before);
    if (method == GuestMethod.PV) {
      assertThat(before).isNotEmpty();
    }
  }

  /** The lines of the statistics with the instructions that the VMM emulated because they trapped. */
  private List<String> emulatedForTheKernel() {
    return guest
        .statistics()
        .lines()
        .dropWhile(line -> !line.startsWith("  emulated for the kernel"))
        .takeWhile(line -> !line.startsWith("  first user mode"))
        .toList();
  }

  @Test
  void longInputArrives() throws Exception {
    String line = "0123456789abcdef".repeat(60);
    String text = (line + "\n").repeat(40);
    assertThat(guest.output("cat >/tmp/long <<'END'\n" + text + "END\nmd5sum </tmp/long"))
        .isEqualTo(md5(text.getBytes(StandardCharsets.US_ASCII)) + "  -\n");
  }
}
