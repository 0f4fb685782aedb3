package io.ringside.boot;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Finds programs of the host, for tests that compare with them. */
public final class HostTools {
  private HostTools() {}

  /** The path of a program in {@code $PATH}. */
  public static Optional<Path> find(String name) {
    for (String directory : String.valueOf(System.getenv("PATH")).split(":", -1)) {
      Path path = Path.of(directory, name);
      if (Files.isExecutable(path)) {
        return Optional.of(path);
      }
    }
    return Optional.empty();
  }
}
