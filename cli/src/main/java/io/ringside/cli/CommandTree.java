package io.ringside.cli;

import java.io.File;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The grammar of the command line, built by picocli's programmatic interface: no annotations, no reflection. */
final class CommandTree {
  static final String RUN = "run";
  static final String DOCTOR = "doctor";
  static final String COMPLETION = "generate-completion";

  private static final int HELP_WIDTH = 100;

  private CommandTree() {}

  /** The whole grammar. */
  static CommandLine create() {
    CommandSpec root =
        CommandSpec.create()
            .name("ringside")
            .addOption(help())
            .addOption(flag("Print the version and exit.", "--version").versionHelp(true).build());
    root.usageMessage()
        .description(
            "Runs an x86 operating system in a virtual machine: without root, without C code, with"
                + " or without /dev/kvm.")
        .synopsisSubcommandLabel("COMMAND")
        .footer("", "'ringside COMMAND --help' tells more about a command.");
    root.addSubcommand(RUN, new CommandLine(run()));
    root.addSubcommand(DOCTOR, new CommandLine(doctor()));
    root.addSubcommand(COMPLETION, new CommandLine(completion()));
    return new CommandLine(root)
        .setExpandAtFiles(false)
        .setOverwrittenOptionsAllowed(false)
        .setUsageHelpWidth(HELP_WIDTH);
  }

  private static CommandSpec run() {
    CommandSpec spec = CommandSpec.create().name(RUN).addPositional(guest());
    for (int i = 0; i < RunOption.count(); i++) {
      spec.addOption(option(RunOption.at(i)));
    }
    spec.addOption(help());
    spec.usageMessage()
        .description(
            "Boots a guest with its serial console on standard input and output.",
            "On a terminal, Ctrl-A x leaves the guest and Ctrl-A h lists the console's keys.")
        .exitCodeListHeading("%nExit status:%n")
        .exitCodeList(exitStatuses());
    return spec;
  }

  private static PositionalParamSpec guest() {
    return PositionalParamSpec.builder()
        .index("0")
        .arity("0..1")
        .paramLabel("GUEST")
        .type(String.class)
        .completionCandidates(List.of(RunRequest.DEFAULT_GUEST))
        .description(
            "What to run: 'debian', the kernel of Debian's linux-image-cloud-amd64 with a busybox"
                + " shell. It supplies what --kernel and --initrd don't, and is the default unless"
                + " --kernel is given.")
        .build();
  }

  private static OptionSpec option(RunOption option) {
    OptionSpec.Builder builder =
        OptionSpec.builder(option.label()).description(option.description());
    if (!option.takesValue()) {
      return builder.arity("0").type(boolean.class).build();
    }
    if (option == RunOption.METHOD) {
      builder.completionCandidates(List.of("auto", "bt", "pv", "hvm"));
    }
    return builder
        .arity("1")
        .paramLabel(option.parameter())
        .type(option.takesFile() ? File.class : String.class)
        .build();
  }

  private static Map<String, String> exitStatuses() {
    Map<String, String> statuses = new LinkedHashMap<>();
    statuses.put("0", "the guest powered off or rebooted, or you left it");
    statuses.put(
        "1", "the VM failed, or the host lacks what the method needs; standard error says why");
    statuses.put("2", "the command line is wrong");
    statuses.put("124", "the guest was still running after --timeout SECONDS");
    return statuses;
  }

  private static CommandSpec doctor() {
    CommandSpec spec = CommandSpec.create().name(DOCTOR).addOption(help());
    spec.usageMessage()
        .description("Tells what this host offers to each method of virtualization, and why not.");
    return spec;
  }

  private static CommandSpec completion() {
    CommandSpec spec = CommandSpec.create().name(COMPLETION).addOption(help());
    spec.usageMessage()
        .description(
            "Prints a completion script for bash and zsh: source <(ringside generate-completion)");
    return spec;
  }

  private static OptionSpec help() {
    return flag("Print this help and exit.", "-h", "--help").usageHelp(true).build();
  }

  private static OptionSpec.Builder flag(String description, String... names) {
    return OptionSpec.builder(names[0], names)
        .arity("0")
        .type(boolean.class)
        .description(description);
  }
}
