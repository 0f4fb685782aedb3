package io.ringside.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.UserPrincipal;
import java.util.Map;
import java.util.Optional;

/**
 * A file below /dev and who may open it.
 *
 * @param accessible whether this process may read and write it, as access(2) tells
 * @param owner the owner's name, or number where that has no name
 * @param gid the number of its group
 * @param group the group's name, or number where that has no name
 * @param mode the permission bits, as chmod(1) takes them
 */
record DeviceNode(boolean accessible, String owner, int gid, String group, int mode) {
  private static final int GROUP_READ_WRITE = 060;

  /** Finds device nodes by their path, such as {@code /dev/kvm}. */
  @FunctionalInterface
  interface Lookup {
    /** The node, empty if there is no such file. */
    Optional<DeviceNode> find(String path);
  }

  /** Looks below a directory that stands for the root. */
  static Lookup below(Path root) {
    return path -> look(root.resolve(path.substring(1)));
  }

  /** Whether members of its group may read and write it. */
  boolean isForGroup() {
    return (mode & GROUP_READ_WRITE) == GROUP_READ_WRITE;
  }

  private static Optional<DeviceNode> look(Path path) {
    boolean accessible = Files.isReadable(path) && Files.isWritable(path);
    try {
      Map<String, Object> attributes = Files.readAttributes(path, "unix:mode,owner,gid,group");
      return Optional.of(
          new DeviceNode(
              accessible,
              ((UserPrincipal) attributes.get("owner")).getName(),
              (Integer) attributes.get("gid"),
              ((GroupPrincipal) attributes.get("group")).getName(),
              (Integer) attributes.get("mode") & 0777));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
