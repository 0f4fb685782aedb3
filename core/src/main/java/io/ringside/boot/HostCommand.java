package io.ringside.boot;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Runs a program of the host to its end, with untranslated messages and no input. */
final class HostCommand {
  private HostCommand() {}

  /**
   * What a program said and how it ended.
   *
   * @param status its exit status
   * @param output standard output and standard error, in the order written
   */
  record Result(int status, String output) {
    /** The last line that apt calls an error, or the last line where there is none. */
    String errorLine() {
      String text = output.strip();
      int error = text.lastIndexOf("E: ");
      int start =
          error == 0 || error > 0 && text.charAt(error - 1) == '\n'
              ? error
              : text.lastIndexOf('\n') + 1;
      int end = text.indexOf('\n', start);
      return text.substring(start, end < 0 ? text.length() : end).strip();
    }
  }

  /**
   * Runs a program.
   *
   * @throws IOException where it can't be started
   */
  static Result run(Path directory, List<String> command) throws IOException {
    Process process = start(directory, command, true);
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(waitFor(process), output);
  }

  /** Starts a program whose output the caller reads; its messages are dropped. */
  static Process start(Path directory, List<String> command) throws IOException {
    return start(directory, command, false);
  }

  /** Ends a program that isn't needed any more. */
  static void stop(Process process) {
    process.destroy();
    waitFor(process);
  }

  private static Process start(Path directory, List<String> command, boolean withMessages)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
    builder.environment().put("LC_ALL", "C");
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    if (withMessages) {
      builder.redirectErrorStream(true);
    } else {
      builder.redirectError(ProcessBuilder.Redirect.DISCARD);
    }
    return builder.start();
  }

  private static int waitFor(Process process) {
    boolean interrupted = false;
    try (InputStream _ = process.getInputStream()) {
      while (true) {
        try {
          return process.waitFor();
        } catch (InterruptedException e) {
          interrupted = true;
          process.destroy();
        }
      }
    } catch (IOException e) {
      return process.exitValue();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
