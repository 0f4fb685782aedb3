package io.ringside.bench;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** Runs one program of the host, hands on each line that it prints, and watches its memory and its silence. */
final class Session {
  private static final int SAMPLE_MILLISECONDS = 50;
  private static final int GRACE_SECONDS = 5;

  /** No line can be this, since it holds a line feed. */
  private static final String EOF = "\n";

  private final List<String> command;
  private final int silenceSeconds;
  private volatile long lastLine;
  private volatile boolean silent;
  private volatile ProcessMeter.Memory peak = ProcessMeter.Memory.NONE;

  /**
   * A session of {@code command}, which is ended when it prints nothing for {@code silenceSeconds}.
   */
  Session(List<String> command, int silenceSeconds) {
    this.command = List.copyOf(command);
    this.silenceSeconds = silenceSeconds;
  }

  /**
   * How a session ended.
   *
   * @param matched whether the line was seen that was waited for
   * @param wallSeconds from the start to that line, or to the end
   * @param cpuSeconds used until that line
   * @param silent whether it was ended because of its silence
   * @param lastLine the last line that it printed
   * @param peak the most memory that it had
   */
  record Outcome(
      boolean matched,
      double wallSeconds,
      double cpuSeconds,
      boolean silent,
      String lastLine,
      ProcessMeter.Memory peak) {}

  /**
   * Runs the program until {@code done} accepts a line, or to its end.
   *
   * @param powerOff whether to let it end by itself after that line, for some seconds
   * @throws IOException where it can't be started
   */
  Outcome run(Predicate<String> done, boolean powerOff) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
    builder.redirectErrorStream(true);
    long start = System.nanoTime();
    Process process = builder.start();
    lastLine = start;
    Thread watcher = Thread.ofPlatform().daemon().start(() -> watch(process));
    String last = "";
    boolean matched = false;
    double cpu = 0;
    double wall = 0;
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = next(in); !line.equals(EOF); line = next(in)) {
        lastLine = System.nanoTime();
        last = line.isBlank() ? last : line.strip();
        if (done.test(line)) {
          wall = (System.nanoTime() - start) / 1e9;
          cpu = ProcessMeter.cpuSeconds(process.toHandle());
          matched = true;
          break;
        }
      }
      if (!matched) {
        wall = (System.nanoTime() - start) / 1e9;
      } else if (powerOff) {
        process.waitFor(GRACE_SECONDS, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      end(process, watcher);
    }
    return new Outcome(matched, wall, cpu, silent, last, peak);
  }

  /** The next line; the end also where the watcher ended the process, which closes the stream. */
  private String next(BufferedReader in) throws IOException {
    try {
      return Objects.requireNonNullElse(in.readLine(), EOF);
    } catch (IOException e) {
      if (silent) {
        return EOF;
      }
      throw e;
    }
  }

  private static void end(Process process, Thread watcher) {
    kill(process);
    boolean interrupted = Thread.interrupted();
    try {
      process.waitFor();
      watcher.join();
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends a process and those that it started: a launcher's child would go on and keep the output open. */
  private static void kill(Process process) {
    for (ProcessHandle child : process.descendants().toList()) {
      child.destroyForcibly();
    }
    process.destroyForcibly();
  }

  private void watch(Process process) {
    try {
      while (!process.waitFor(SAMPLE_MILLISECONDS, TimeUnit.MILLISECONDS)) {
        peak = ProcessMeter.Memory.peak(peak, ProcessMeter.memory(process.pid()));
        if (System.nanoTime() - lastLine > silenceSeconds * 1_000_000_000L) {
          silent = true;
          kill(process);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
