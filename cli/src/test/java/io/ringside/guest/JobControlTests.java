package io.ringside.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** The shell as a person uses it on the console. Tests leave no jobs behind. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 3, unit = TimeUnit.MINUTES)
abstract class JobControlTests {
  private static final double SECONDS = 30;

  private final GuestMethod method;
  private RunningGuest guest;

  JobControlTests(GuestMethod method) {
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

  /** Types, and waits until the guest says that the job runs. */
  private void start(String job) throws InterruptedException {
    guest.type("sh -c 'echo run\"\"ning; " + job + "'\n");
    guest.await("running\n", SECONDS);
  }

  @Test
  void controlCInterruptsWhatRuns() throws Exception {
    start("sleep 1000");
    guest.type("\003");
    guest.await(RunningGuest.PROMPT, SECONDS);
    assertThat(guest.interact("echo status $?")).isEqualTo("status 130\n");
  }

  @Test
  void controlCInterruptsAnEndlessLoop() throws Exception {
    start("while :; do :; done");
    guest.type("\003");
    guest.await(RunningGuest.PROMPT, SECONDS);
    assertThat(guest.interact("echo status $?")).isEqualTo("status 130\n");
  }

  @Test
  void controlZStopsAndTheJobGoesOnInBackgroundAndForeground() throws Exception {
    start("exec sleep 1000");
    guest.type("\032");
    assertThat(guest.await(RunningGuest.PROMPT, SECONDS)).contains("Stopped");
    assertThat(guest.interact("jobs")).contains("[1]+  Stopped");
    guest.interact("bg");
    assertThat(guest.interact("jobs")).contains("[1]+  Running");
    guest.type("fg\n");
    guest.await("1000\"\n", SECONDS);
    // The shell says so before it hands over the terminal, and drops what comes in between.
    Thread.sleep(1000);
    guest.type("\003");
    guest.await(RunningGuest.PROMPT, SECONDS);
    assertThat(guest.interact("jobs; echo status $?")).isEqualTo("status 0\n");
  }

  @Test
  void killEndsBackgroundJobsBySignal() throws Exception {
    guest.interact("sleep 1000 &");
    guest.interact("kill -TERM $!; wait $!; status=$?");
    assertThat(guest.interact("echo status $status")).contains("status 143\n");
  }

  @Test
  void trapsRunOnSignals() throws Exception {
    assertThat(guest.interact("sh -c 'trap \"echo caught\" USR1; kill -USR1 $$; echo after'"))
        .isEqualTo("caught\nafter\n");
  }

  @Test
  void theTerminalIsTheConsole() throws Exception {
    assertThat(guest.interact("tty")).isEqualTo("/dev/" + method.console() + "\n");
  }

  @Test
  void editingKeysWork() throws Exception {
    guest.type("echo wrong\025echo rightx\177\n");
    guest.await("\nright\n", SECONDS);
    guest.await(RunningGuest.PROMPT, SECONDS);
  }
}
