package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command line in this process, with a runner that needs no guest. */
@Timeout(60)
class RingsideTest {
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private final ByteArrayOutputStream errors = new ByteArrayOutputStream();
  private final FakeRunner runner = new FakeRunner();

  @TempDir private Path directory;
  @TempDir private Path root;
  private FakeHost host;

  @BeforeEach
  void aHostWithoutKvm() {
    host = new FakeHost(root);
  }

  @Test
  void runsTheDefaultGuestByBinaryTranslation() {
    assertThat(ringside("run")).isZero();
    assertThat(runner.request.guest()).contains("debian");
    assertThat(runner.request.method()).isEqualTo(Method.BT);
    assertThat(runner.request.memory()).isEqualTo(512L << 20);
    assertThat(runner.request.timeoutNanos()).isEmpty();
    assertThat(runner.request.append()).isEmpty();
    assertThat(runner.request.stats()).isFalse();
    assertThat(errors()).startsWith("ringside: method bt (auto: ");
    assertThat(output()).isEqualTo("guest says hello");
  }

  @Test
  void runsTheDefaultGuestOnRealHardware() {
    host.realKvm();
    assertThat(ringside("run")).isZero();
    assertThat(runner.request.method()).isEqualTo(Method.HVM);
    assertThat(errors()).isEqualTo("ringside: method hvm (auto: AMD-V by kvm_amd)\n");
  }

  @Test
  void warnsOfAnEmulatedKvm() {
    host.emulatedKvm();
    assertThat(ringside("run", "--method", "hvm")).isZero();
    assertThat(runner.request.method()).isEqualTo(Method.HVM);
    assertThat(errors().lines()).hasSize(2).first().isEqualTo("ringside: method hvm (as asked)");
    assertThat(errors()).contains("\nringside: warning: /dev/kvm is there, but emulated");
  }

  @Test
  void whatTheHostLacksIsStatusOneAndOneLine() {
    assertThat(ringside("run", "--method", "hvm")).isEqualTo(1);
    assertThat(errors()).startsWith("ringside: --method hvm: there is no /dev/kvm").hasLineCount(1);
    assertThat(output()).isEmpty();
  }

  @Test
  void passesTheOptionsOn() throws IOException {
    Path kernel = Files.writeString(directory.resolve("vmlinuz"), "kernel");
    Path initrd = Files.writeString(directory.resolve("initrd"), "initrd");
    int status =
        ringside(
            "run",
            "--method=bt",
            "--kernel",
            kernel.toString(),
            "--initrd",
            initrd.toString(),
            "--append",
            "quiet panic=-1",
            "--memory",
            "1G",
            "--timeout",
            "2.5",
            "--stats");
    assertThat(status).isZero();
    assertThat(runner.request)
        .isEqualTo(
            new RunRequest(
                Optional.empty(),
                Method.BT,
                Optional.of(kernel),
                Optional.of(initrd),
                "quiet panic=-1",
                1L << 30,
                java.util.OptionalLong.of(2_500_000_000L),
                true));
    assertThat(errors()).startsWith("ringside: method bt (as asked)");
  }

  @Test
  void aNamedGuestSuppliesWhatAKernelLeavesOpen() throws IOException {
    Path kernel = Files.writeString(directory.resolve("vmlinuz"), "kernel");
    assertThat(ringside("run", "debian", "--kernel", kernel.toString())).isZero();
    assertThat(runner.request.guest()).contains("debian");
  }

  @ParameterizedTest
  @CsvSource({
    "run --method kvm, '--method kvm: there is no such method; choose auto, bt, pv or hvm'",
    "run --memory 1, '--memory 1: 1M is too little; a guest needs 32M at least'",
    "run --timeout 0, '--timeout 0: not a number of seconds above 0'",
    "run --timeout soon, '--timeout soon: not a number of seconds'",
    "run --timeout NaN, '--timeout NaN: not a number of seconds'",
    "run --timeout=-1, '--timeout -1: not a number of seconds'",
    "run --kernel /nowhere/vmlinuz, '--kernel /nowhere/vmlinuz: there is no such file'",
    "run --initrd /, '--initrd /: this is a directory; give a file'",
    "run windows, 'guest windows: the only known guest is debian'",
    "run --bogus, 'Unknown option: ''--bogus'''",
    "run --memory, 'Missing required parameter for option ''--memory'''",
    "run --stats --stats, 'option ''--stats'' should be specified only once'",
    "run a b, 'Unmatched argument at index 2: ''b'''",
    "walk, 'Unmatched argument at index 0: ''walk'''",
    "doctor now, 'Unmatched argument at index 1: ''now'''"
  })
  void tellsWhatIsWrongInOneLineWithStatusTwo(String line, String message) {
    assertThat(ringside(line.split(" ", -1))).isEqualTo(2);
    assertThat(errors())
        .startsWith("ringside: ")
        .contains(message)
        .endsWith("\n")
        .doesNotContain("\tat ");
    assertThat(errors().lines()).hasSize(1);
    assertThat(output()).isEmpty();
  }

  @Test
  void aFailedMachineIsStatusOneAndOneLine() {
    runner.end = GuestRunner.End.failed("the guest's processor shut down: triple fault");
    assertThat(ringside("run")).isEqualTo(1);
    assertThat(errors()).endsWith("\nringside: the guest's processor shut down: triple fault\n");
  }

  @Test
  void anErrorInRingsideIsStatusOneWithItsTrace() {
    runner.thrown = Optional.of(new IllegalStateException("impossible"));
    assertThat(ringside("run")).isEqualTo(1);
    assertThat(errors())
        .contains("ringside: internal error, please report it")
        .contains("java.lang.IllegalStateException: impossible\n    at ");
  }

  @Test
  void aTestKernelSetsTheStatusByTheDebugExitPort() {
    runner.end = GuestRunner.End.guestExit("the guest left by the debug-exit port", 33);
    assertThat(ringside("run")).isEqualTo(33);
  }

  @Test
  void aRebootIsAnOrderlyEnd() {
    runner.end = GuestRunner.End.RESET;
    assertThat(ringside("run")).isZero();
  }

  @Test
  void theTimeLimitEndsTheGuestWithStatus124() {
    runner.runsForever = true;
    assertThat(ringside("run", "--timeout", "0.2")).isEqualTo(124);
    assertThat(errors()).contains("--timeout");
    assertThat(output()).as("what the guest said before").isEqualTo("guest says hello");
  }

  @Test
  void aFailureThatComesBeforeTheTimeLimitTakesEffectIsAFailure() {
    runner.runsForever = true;
    runner.endWhenStopped = GuestRunner.End.failed("no kernel can be fetched");
    assertThat(ringside("run", "--timeout", "0.2")).isEqualTo(1);
    assertThat(errors())
        .endsWith("\nringside: no kernel can be fetched\n")
        .doesNotContain("--timeout");
  }

  @Test
  void lostStandardOutputEndsTheGuest() {
    runner.runsForever = true;
    java.io.OutputStream broken =
        new java.io.OutputStream() {
          @Override
          public void write(int value) throws IOException {
            throw new IOException("Broken pipe");
          }
        };
    Ringside command =
        new Ringside(
            () -> runner,
            host::host,
            new ByteArrayInputStream(new byte[0]),
            broken,
            new PrintStream(errors));
    assertThat(command.execute("run")).isEqualTo(1);
    assertThat(errors()).contains("standard output was closed");
  }

  @Test
  void helpGoesToStandardOutput() {
    assertThat(ringside("--help")).isZero();
    assertThat(output())
        .startsWith("Usage: ringside")
        .contains("run", "doctor", "generate-completion");
    assertThat(errors()).isEmpty();
  }

  @Test
  void helpOfRunListsEveryOption() {
    assertThat(ringside("run", "--help")).isZero();
    for (RunOption option : RunOption.values()) {
      assertThat(output()).contains(option.label()).contains(option.description().split(" ", 2)[0]);
    }
    assertThat(output()).contains("Exit status:", "124");
  }

  @Test
  void tellsItsVersion() {
    assertThat(ringside("--version")).isZero();
    assertThat(output()).startsWith("ringside ").contains("Java 2").hasLineCount(1);
  }

  @Test
  void noCommandIsAUsageError() {
    assertThat(ringside()).isEqualTo(2);
    assertThat(errors()).startsWith("Usage: ringside");
    assertThat(output()).isEmpty();
  }

  @Test
  void doctorReportsOnStandardOutput() {
    assertThat(ringside("doctor")).isIn(0, 1);
    assertThat(output()).contains("\nbt: ", "\npv: ", "\nhvm: ", "\ndebian: ");
    assertThat(errors()).isEmpty();
  }

  @Test
  void completionIsAScriptThatBashTakes() throws Exception {
    assertThat(ringside("generate-completion")).isZero();
    Path script = Files.writeString(directory.resolve("completion"), output());
    Process bash =
        new ProcessBuilder(
                "bash",
                "-c",
                "source "
                    + script
                    + " && COMP_WORDS=(ringside run --method '') COMP_CWORD=3"
                    + " && _complete_ringside && echo ${COMPREPLY[@]}")
            .redirectError(ProcessBuilder.Redirect.DISCARD) // compopt complains outside of a prompt
            .start();
    String reply = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(bash.waitFor()).as(reply).isZero();
    assertThat(reply.strip()).isEqualTo("auto bt pv hvm");
  }

  private int ringside(String... words) {
    return new Ringside(
            () -> runner,
            host::host,
            new ByteArrayInputStream(new byte[0]),
            output,
            new PrintStream(errors, true, StandardCharsets.UTF_8))
        .execute(words);
  }

  private String output() {
    return output.toString(StandardCharsets.UTF_8);
  }

  private String errors() {
    return errors.toString(StandardCharsets.UTF_8);
  }

  private static final class FakeRunner implements GuestRunner {
    private final CountDownLatch stop = new CountDownLatch(1);
    private RunRequest request;
    private End end = End.POWERED_OFF;
    private End endWhenStopped = End.STOPPED;
    private Optional<RuntimeException> thrown = Optional.empty();
    private boolean runsForever;

    @Override
    public End run(RunRequest wanted, Console console, Messages messages) {
      request = wanted;
      if (thrown.isPresent()) {
        throw thrown.get();
      }
      for (byte value : "guest says hello".getBytes(StandardCharsets.US_ASCII)) {
        console.write(value);
      }
      if (!runsForever) {
        return end;
      }
      try {
        assertThat(stop.await(30, TimeUnit.SECONDS)).isTrue();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return endWhenStopped;
    }

    @Override
    public void stop() {
      stop.countDown();
    }
  }
}
