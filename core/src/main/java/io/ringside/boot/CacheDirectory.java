package io.ringside.boot;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Where Ringside keeps what it can make again: unpacked kernels, the default guest's files. Everything in it may be
 * deleted at any time. Files appear complete or not at all, since they are written under another name and renamed.
 *
 * @param path the directory, which need not exist yet
 */
public record CacheDirectory(Path path) {
  /**
   * The user's own: {@code $XDG_CACHE_HOME/ringside}, or {@code ~/.cache/ringside} where that variable isn't set to an
   * absolute path (XDG Base Directory Specification).
   */
  public static CacheDirectory ofUser() {
    String base = System.getenv("XDG_CACHE_HOME");
    Path root =
        base != null && base.startsWith("/")
            ? Path.of(base)
            : Path.of(System.getProperty("user.home", "/tmp"), ".cache");
    return new CacheDirectory(root.resolve("ringside"));
  }

  /** The path of a file in the directory; the file need not exist. */
  public Path resolve(String name) {
    return path.resolve(name);
  }

  /** Makes a new empty file that {@link #publish} gives its name. */
  Path newTemporaryFile() throws IOException {
    Files.createDirectories(path);
    return Files.createTempFile(path, ".new-", ".tmp");
  }

  /** Gives a finished temporary file its name, in one step that others see as a whole. */
  Path publish(Path temporary, String name) throws IOException {
    return Files.move(
        temporary,
        path.resolve(name),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }
}
