package io.ringside.cli;

/** Entry point of the {@code ringside} command. */
public final class Main {
  private Main() {}

  /** Runs the command line and ends the process with its exit status. */
  public static void main(String[] args) {
    System.err.println("usage: ringside COMMAND");
    System.exit(2);
  }
}
