package io.ringside.host;

import java.io.IOException;
import java.nio.file.Path;

/** Runs in a pseudo terminal for {@link TerminalTest}: goes into raw mode and back, and has stty write down the settings. */
final class TerminalProbe {
  private TerminalProbe() {}

  public static void main(String[] args) throws Exception {
    Path directory = Path.of(args[0]);
    stty(directory, "before");
    if (!Terminal.isTerminal(0)) {
      System.exit(3);
    }
    Terminal terminal = Terminal.of(0);
    terminal.enterRaw();
    stty(directory, "during");
    terminal.close();
    terminal.enterRaw();
    terminal.close();
    terminal.close();
    stty(directory, "after");
  }

  private static void stty(Path directory, String name) throws IOException, InterruptedException {
    new ProcessBuilder("stty", "-a")
        .redirectInput(ProcessBuilder.Redirect.INHERIT)
        .redirectOutput(directory.resolve(name).toFile())
        .start()
        .waitFor();
  }
}
