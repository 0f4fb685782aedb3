package io.ringside.cli;

import io.ringside.host.HostException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.Optional;
import java.util.function.Supplier;

/** The {@code ringside} command: does what its arguments say and returns the exit status. */
final class Ringside {
  private final Supplier<GuestRunner> runners;
  private final Supplier<Host> host;
  private final InputStream input;
  private final OutputStream output;
  private final Messages messages;

  /**
   * Makes the command.
   *
   * @param runners makes what runs a guest; asked only by {@code run}
   * @param host finds the host's facts; asked only where they matter
   * @param input the guest's console input
   * @param output the guest's console output, and the place of {@code --help} and other text that was asked for
   * @param errors the place of Ringside's own words
   */
  Ringside(
      Supplier<GuestRunner> runners,
      Supplier<Host> host,
      InputStream input,
      OutputStream output,
      PrintStream errors) {
    this.runners = runners;
    this.host = host;
    this.input = input;
    this.output = output;
    this.messages = new Messages(errors);
  }

  /** Runs one command line. */
  int execute(String... words) {
    try {
      if (words.length > 0 && words[0].equals(CommandTree.RUN)) {
        Optional<RunArguments> usual = RunArguments.scan(words, 1);
        if (usual.isPresent()) {
          return run(usual.get());
        }
      }
      Commands commands = new Commands(host, output, messages);
      int status = commands.execute(words);
      return commands.runArguments().isPresent() ? run(commands.runArguments().get()) : status;
    } catch (UsageException e) {
      messages.say(e.getMessage());
      return ExitStatus.USAGE;
    } catch (HostException e) {
      messages.say(e.getMessage());
      return ExitStatus.FAILED;
    }
  }

  private int run(RunArguments arguments) {
    Method wanted = Method.parse(arguments.get(RunOption.METHOD, Method.AUTO.label()));
    MethodChoice choice = MethodChoice.of(wanted, host.get());
    RunRequest request = RunRequest.of(arguments, choice.method());
    messages.say("method " + choice.method().label() + " (" + choice.reason() + ")");
    if (!choice.warning().isEmpty()) {
      messages.say("warning: " + choice.warning());
    }
    return new GuestSession(request, runners.get(), messages, input, output).run();
  }
}
