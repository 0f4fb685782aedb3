package io.ringside.bench;

/** Entry point of the benchmark program. */
public final class Main {
  private Main() {}

  /** Prints what there is to run. */
  public static void main(String[] args) {
    System.err.println("usage: ringside-bench [--help]");
    System.exit(args.length == 1 && args[0].equals("--help") ? 0 : 2);
  }
}
