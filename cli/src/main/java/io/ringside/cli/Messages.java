package io.ringside.cli;

import java.io.PrintStream;

/** Ringside's own words, on standard error. Each line starts with the program's name; a terminal in raw mode is allowed for. */
final class Messages {
  private final PrintStream stream;
  private volatile boolean raw;

  Messages(PrintStream stream) {
    this.stream = stream;
  }

  /** Says whether the terminal takes line feeds literally, so that lines must end in CR LF. */
  void setRaw(boolean raw) {
    this.raw = raw;
  }

  /** Prints one line, prefixed with {@code ringside: }. */
  void say(String line) {
    println("ringside: " + line);
  }

  /** Prints lines as they are. */
  void println(String text) {
    String end = raw ? "\r\n" : "\n";
    String lines = raw ? text.replace("\n", end) : text;
    // One print for each message keeps it whole when the guest's console writes to the same
    // terminal.
    stream.print(lines + end);
    stream.flush();
  }

  /** Prints where an error in Ringside itself came from. */
  void printTrace(Throwable error) {
    StringBuilder text = new StringBuilder(error.toString());
    for (StackTraceElement element : error.getStackTrace()) {
      text.append("\n    at ").append(element);
    }
    println(text.toString());
    if (error.getCause() != null) {
      printTrace(error.getCause());
    }
  }
}
