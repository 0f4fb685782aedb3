package io.ringside.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/** What the host says about itself in /proc, /sys and /dev, read below a root so that tests can bring a host of their own. */
final class HostFacts {
  private final Path root;
  private final Set<String> cpuFlags;

  HostFacts(Path root) {
    this.root = root;
    this.cpuFlags = readCpuFlags();
  }

  /** Whether /proc/cpuinfo lists the flag. */
  boolean hasCpuFlag(String flag) {
    return cpuFlags.contains(flag);
  }

  /** Whether a path such as {@code /dev/kvm} exists. */
  boolean exists(String path) {
    return Files.exists(resolve(path));
  }

  /** Whether this process may read and write the path. */
  boolean isAccessible(String path) {
    return Files.isReadable(resolve(path)) && Files.isWritable(resolve(path));
  }

  /** Whether a kernel module is loaded or built in with parameters. */
  boolean hasModule(String name) {
    return exists("/sys/module/" + name);
  }

  /** The text of a small file without white space around it, empty if there is none. */
  String text(String path) {
    try {
      return new String(Files.readAllBytes(resolve(path)), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      return "";
    }
  }

  /** Whether a program is in one of the directories where Debian puts programs. */
  boolean hasProgram(String name) {
    for (String directory : new String[] {"/usr/bin/", "/bin/", "/usr/local/bin/"}) {
      if (Files.isExecutable(resolve(directory + name))) {
        return true;
      }
    }
    return false;
  }

  private Path resolve(String path) {
    return root.resolve(path.substring(1));
  }

  private Set<String> readCpuFlags() {
    for (String line : text("/proc/cpuinfo").lines().toList()) {
      if (line.startsWith("flags")) {
        return new HashSet<>(
            Arrays.asList(line.substring(line.indexOf(':') + 1).strip().split(" ", -1)));
      }
    }
    return Set.of();
  }
}
