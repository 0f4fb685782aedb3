package io.ringside.boot;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Debian's package client, as anyone may use it who isn't root. It verifies what it downloads by the archive's signature.
 * The host's package lists are used at first; {@link #updateOwnLists} gets current ones into the working directory,
 * for hosts (containers mostly) whose lists were deleted or are too old.
 */
final class Apt {
  private final String tools;
  private final Path directory;
  private List<String> options = List.of();

  /**
   * Makes a client.
   *
   * @param tools what to put in front of the names of apt's programs
   * @param directory where downloads go
   */
  Apt(String tools, Path directory) {
    this.tools = tools;
    this.directory = directory;
  }

  /**
   * Shows the record of a package's candidate version.
   *
   * @throws BootException where there is no apt
   */
  HostCommand.Result show(String name) {
    return run("apt-cache", List.of("show", "--no-all-versions", name));
  }

  /**
   * Downloads packages into the directory.
   *
   * @throws BootException where there is no apt
   */
  HostCommand.Result download(List<String> names) {
    List<String> arguments = new ArrayList<>();
    arguments.add("download");
    arguments.addAll(names);
    return run("apt-get", arguments);
  }

  /**
   * Gets the archive's package lists into the directory, and uses these from now on.
   *
   * @throws BootException where there is no apt
   */
  HostCommand.Result updateOwnLists() throws IOException {
    Path lists = Files.createDirectories(directory.resolve("lists/partial")).getParent();
    Files.createDirectories(directory.resolve("archives/partial"));
    // Root's apt would become another user, who can't write here.
    options =
        List.of(
            "-o",
            "Dir::State::lists=" + lists,
            "-o",
            "Dir::Cache=" + directory,
            "-o",
            "APT::Sandbox::User=");
    return run("apt-get", List.of("update"));
  }

  private HostCommand.Result run(String tool, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(tools + tool);
    command.add("-q");
    command.addAll(options);
    command.addAll(arguments);
    try {
      return HostCommand.run(directory, command);
    } catch (IOException e) {
      throw new BootException(
          "the default guest comes from Debian's archive, and this host has no apt; "
              + DebianGuest.OWN_FILES,
          e);
    }
  }
}
