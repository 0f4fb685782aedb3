package io.ringside.cli;

import io.ringside.host.HostException;
import io.ringside.host.Terminal;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** One guest run from the command line's side: console, time limit, ways to end it early, exit status. */
final class GuestSession implements Console.Listener {
  /** A runner that was told to stop and has not after this time is left behind. */
  private static final long STOP_GRACE_NANOS = 5_000_000_000L;

  private static final int STANDARD_INPUT = 0;
  private static final long LAST_OUTPUT_MILLIS = 1000;

  private final RunRequest request;
  private final GuestRunner runner;
  private final Messages messages;
  private final Console console;
  private final Optional<Terminal> terminal;
  private volatile EndedEarly endedEarly = EndedEarly.NO;
  private volatile boolean over;

  private enum EndedEarly {
    NO,
    USER_LEFT,
    TIMEOUT,
    OUTPUT_LOST
  }

  /** Prepares a run whose console is on the given streams. */
  GuestSession(
      RunRequest request,
      GuestRunner runner,
      Messages messages,
      InputStream input,
      OutputStream output) {
    this.request = request;
    this.runner = runner;
    this.messages = messages;
    this.terminal =
        Terminal.isTerminal(STANDARD_INPUT)
            ? Optional.of(Terminal.of(STANDARD_INPUT))
            : Optional.empty();
    this.console = new Console(input, output, terminal.isPresent(), messages, this);
  }

  /** Runs the guest to its end and returns the exit status of the process. */
  int run() {
    Runtime.getRuntime().addShutdownHook(new Thread(this::cleanUp, "session-clean-up"));
    if (request.timeoutNanos().isPresent()) {
      startDaemon("timeout", this::watchTime);
    }
    GuestRunner.End end;
    try {
      if (terminal.isPresent()) {
        messages.say(
            "this terminal is the guest's console now; Ctrl-A x leaves it, Ctrl-A h helps");
        terminal.get().enterRaw();
        messages.setRaw(true);
      }
      end = runner.run(request, console, messages);
    } catch (HostException e) {
      end = GuestRunner.End.failed(e.getMessage());
    } catch (RuntimeException | Error e) {
      end = GuestRunner.End.failed("internal error, please report it: " + e);
      cleanUp();
      messages.printTrace(e);
    }
    over = true;
    cleanUp();
    return report(end);
  }

  @Override
  public void userLeft() {
    endEarly(EndedEarly.USER_LEFT);
  }

  @Override
  public void outputLost(IOException why) {
    endEarly(EndedEarly.OUTPUT_LOST);
  }

  private int report(GuestRunner.End end) {
    return switch (end.kind()) {
      case POWERED_OFF, RESET -> ExitStatus.OK;
      case GUEST_EXIT -> {
        messages.say(end.detail() + ", status " + end.code());
        yield end.code();
      }
      case STOPPED -> reportEndedEarly();
      // Also where it was told to stop meanwhile: it failed before that took effect.
      case FAILED -> {
        messages.say(end.detail());
        yield ExitStatus.FAILED;
      }
    };
  }

  private int reportEndedEarly() {
    return switch (endedEarly) {
      case TIMEOUT -> {
        messages.say("the guest was still running when --timeout was over; ended it");
        yield ExitStatus.TIMEOUT;
      }
      case USER_LEFT -> {
        messages.say("left the guest; it is ended");
        yield ExitStatus.OK;
      }
      case OUTPUT_LOST -> {
        messages.say("standard output was closed by its reader; ended the guest");
        yield ExitStatus.FAILED;
      }
      case NO -> {
        messages.say("the guest was stopped");
        yield ExitStatus.FAILED;
      }
    };
  }

  private synchronized void endEarly(EndedEarly reason) {
    if (endedEarly != EndedEarly.NO || over) {
      return;
    }
    endedEarly = reason;
    runner.stop();
    startDaemon("session-end", this::insist);
  }

  private void watchTime() {
    long deadline = System.nanoTime() + request.timeoutNanos().getAsLong();
    while (!over) {
      long left = deadline - System.nanoTime();
      if (left <= 0) {
        endEarly(EndedEarly.TIMEOUT);
        return;
      }
      LockSupport.parkNanos(this, left);
    }
  }

  private void insist() {
    long deadline = System.nanoTime() + STOP_GRACE_NANOS;
    while (!over) {
      long left = deadline - System.nanoTime();
      if (left <= 0) {
        cleanUp();
        Runtime.getRuntime().halt(reportEndedEarly());
      }
      LockSupport.parkNanos(this, left);
    }
  }

  /** Writes out the guest's last words and gives the terminal back. Also runs on SIGINT, SIGTERM and SIGHUP. */
  private void cleanUp() {
    console.close(LAST_OUTPUT_MILLIS);
    if (terminal.isPresent()) {
      terminal.get().close();
      messages.setRaw(false);
    }
  }

  private static void startDaemon(String name, Runnable body) {
    Thread thread = new Thread(body, name);
    thread.setDaemon(true);
    thread.start();
  }
}
