package io.ringside.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/** What the host says about itself in /proc, /sys and /etc, read below a root so that tests can bring a host of their own. */
final class HostFacts {
  private static final String STATUS = "/proc/self/status";

  private final Path root;
  private final String cpuFlags;

  HostFacts(Path root) {
    this.root = root;
    this.cpuFlags = readCpuFlags();
  }

  /** Whether /proc/cpuinfo tells the processor's flags; a sandbox may be without it. */
  boolean knowsCpu() {
    return !cpuFlags.isEmpty();
  }

  /** Whether /proc/cpuinfo lists the flag. */
  boolean hasCpuFlag(String flag) {
    return cpuFlags.contains(" " + flag + " ");
  }

  /** Whether a path such as {@code /sys/module} exists. */
  boolean exists(String path) {
    return Files.exists(resolve(path));
  }

  /** Whether a kernel module is loaded, or built in with parameters. */
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

  /** The name of the user that this process runs as. */
  String userName() {
    String[] ids = words(field(STATUS, "Uid:"));
    Optional<String[]> user = record("/etc/passwd", 2, ids[0]);
    return user.isPresent() ? user.get()[0] : System.getProperty("user.name");
  }

  /** Whether this process is in the group of that number, which it was given when its session began. */
  boolean hasGroup(int gid) {
    String wanted = Integer.toString(gid);
    return Arrays.asList(words(field(STATUS, "Groups:"))).contains(wanted)
        || Arrays.asList(words(field(STATUS, "Gid:"))).contains(wanted);
  }

  /** Whether /etc/group or /etc/passwd has the user in the group of that number. */
  boolean isMember(String user, int gid) {
    String wanted = Integer.toString(gid);
    Optional<String[]> group = record("/etc/group", 2, wanted);
    Optional<String[]> account = record("/etc/passwd", 0, user);
    return group.isPresent()
            && group.get().length > 3
            && Arrays.asList(group.get()[3].split(",", -1)).contains(user)
        || account.isPresent() && account.get().length > 3 && account.get()[3].equals(wanted);
  }

  /** The first line of a file with fields between colons of which one is {@code value}. */
  private Optional<String[]> record(String path, int field, String value) {
    for (String line : text(path).split("\n", -1)) {
      String[] fields = line.split(":", -1);
      if (fields.length > field && fields[field].equals(value)) {
        return Optional.of(fields);
      }
    }
    return Optional.empty();
  }

  /** What follows {@code label} on its line of a file, empty if there is no such line. */
  private String field(String path, String label) {
    for (String line : text(path).split("\n", -1)) {
      if (line.startsWith(label)) {
        return line.substring(label.length()).strip();
      }
    }
    return "";
  }

  private static String[] words(String text) {
    return text.replace('\t', ' ').split(" ", -1);
  }

  private Path resolve(String path) {
    return root.resolve(path.substring(1));
  }

  /**
   * The first processor's flags, each between spaces. The rest is not read: the kernel writes the file while it is read,
   * and takes many milliseconds for many processors.
   */
  private String readCpuFlags() {
    ByteArrayOutputStream read = new ByteArrayOutputStream();
    byte[] buffer = new byte[4096];
    try (InputStream file = Files.newInputStream(resolve("/proc/cpuinfo"))) {
      for (int length = file.read(buffer); length > 0; length = file.read(buffer)) {
        read.write(buffer, 0, length);
        String text = read.toString(StandardCharsets.ISO_8859_1);
        int start = text.indexOf("\nflags");
        int end = start < 0 ? -1 : text.indexOf('\n', start + 1);
        if (end >= 0) {
          return " " + text.substring(text.indexOf(':', start) + 1, end).strip() + " ";
        }
      }
    } catch (IOException e) {
      return "";
    }
    return "";
  }
}
