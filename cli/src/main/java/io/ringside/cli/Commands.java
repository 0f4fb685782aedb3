package io.ringside.cli;

import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Parses any command line with picocli and does everything that needs no guest. Not loaded by a usual {@code run}. */
final class Commands {
  private final Supplier<Host> host;
  private final OutputStream output;
  private final Messages messages;
  private Optional<RunArguments> runArguments = Optional.empty();

  Commands(Supplier<Host> host, OutputStream output, Messages messages) {
    this.host = host;
    this.output = output;
    this.messages = messages;
  }

  /** What to run, if the last command line said {@code run} and was right. */
  Optional<RunArguments> runArguments() {
    return runArguments;
  }

  /** Does what the command line says, except to run a guest. Returns the exit status. */
  int execute(String... words) {
    CommandLine grammar = CommandTree.create();
    ParseResult parsed;
    try {
      parsed = grammar.parseArgs(words);
    } catch (ParameterException e) {
      String command = e.getCommandLine().getCommandSpec().qualifiedName();
      messages.say(e.getMessage().replace('\n', ' ').strip() + " (try '" + command + " --help')");
      return ExitStatus.USAGE;
    }
    if (parsed.isVersionHelpRequested()) {
      print(Version.text() + "\n");
      return ExitStatus.OK;
    }
    if (parsed.isUsageHelpRequested()) {
      print(grammar.getUsageMessage());
      return ExitStatus.OK;
    }
    if (!parsed.hasSubcommand()) {
      messages.println(grammar.getUsageMessage().stripTrailing());
      return ExitStatus.USAGE;
    }
    ParseResult command = parsed.subcommand();
    if (command.isUsageHelpRequested()) {
      print(command.commandSpec().commandLine().getUsageMessage());
      return ExitStatus.OK;
    }
    return switch (command.commandSpec().name()) {
      case CommandTree.DOCTOR -> examineHost();
      case CommandTree.COMPLETION -> {
        print(AutoComplete.bash("ringside", grammar));
        yield ExitStatus.OK;
      }
      default -> {
        runArguments = Optional.of(arguments(command));
        yield ExitStatus.OK;
      }
    };
  }

  private int examineHost() {
    Doctor doctor = new Doctor(host.get());
    print(doctor.report());
    return doctor.anyMethodWorks() ? ExitStatus.OK : ExitStatus.FAILED;
  }

  private static RunArguments arguments(ParseResult parsed) {
    Map<RunOption, String> values = new EnumMap<>(RunOption.class);
    for (int i = 0; i < RunOption.count(); i++) {
      RunOption option = RunOption.at(i);
      if (parsed.hasMatchedOption(option.label())) {
        List<String> words = parsed.matchedOption(option.label()).originalStringValues();
        values.put(option, option.takesValue() ? words.getFirst() : "true");
      }
    }
    String guest =
        parsed.hasMatchedPositional(0)
            ? parsed.matchedPositional(0).originalStringValues().getFirst()
            : "";
    return new RunArguments(values, guest);
  }

  private void print(String text) {
    PrintWriter writer = new PrintWriter(output, false, StandardCharsets.UTF_8);
    writer.print(text);
    writer.flush();
  }
}
