package io.ringside.boot;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The default guest: the kernel of Debian's {@code linux-image-cloud-amd64} and an initramfs made from {@code
 * busybox-static}. Both packages are downloaded by the host's package client, which also verifies them; that needs no
 * root. What is taken out of them is kept in the cache directory, so that later starts need neither network nor apt.
 */
public final class DebianGuest {
  private static final String KERNEL_PACKAGE = "linux-image-cloud-amd64";
  private static final String BUSYBOX_PACKAGE = "busybox-static";
  private static final String KERNEL_FILE = "debian-vmlinuz";

  /** Busybox goes by the name that it is called by, so this one has to start with its own. */
  private static final String BUSYBOX_FILE = "busybox-debian";

  static final String OWN_FILES = "give your own kernel and initrd (--kernel FILE --initrd FILE)";

  /** For the packages, what is taken out of them, and current lists. */
  private static final long ROOM_MEGABYTES = 64;

  private final CacheDirectory cache;
  private final Progress progress;
  private final String tools;

  /** A guest whose files are kept in {@code cache}; the progress of downloads goes to {@code progress}. */
  public DebianGuest(CacheDirectory cache, Progress progress) {
    this(cache, progress, "");
  }

  /** A guest whose host programs are called by names with {@code tools} in front. */
  DebianGuest(CacheDirectory cache, Progress progress, String tools) {
    this.cache = cache;
    this.progress = progress;
    this.tools = tools;
  }

  /**
   * Finds the guest's files, and downloads or builds those that aren't in the cache.
   *
   * @param kernel a kernel to use in place of Debian's
   * @param initrd an initial RAM disk to use in place of Ringside's
   * @throws BootException where a file is missing and can't be fetched
   */
  public GuestFiles resolve(Optional<Path> kernel, Optional<Path> initrd) {
    Path kernelFile = kernel.isPresent() ? kernel.get() : cache.resolve(KERNEL_FILE);
    Path busybox = cache.resolve(BUSYBOX_FILE);
    Path initrdFile =
        initrd.isPresent()
            ? initrd.get()
            : cache.resolve(
                "debian-initramfs-" + Integer.toHexString(Initramfs.fingerprint()) + ".cpio");
    boolean needsKernel = kernel.isEmpty() && !Files.isRegularFile(kernelFile);
    boolean needsInitrd = initrd.isEmpty() && !Files.isRegularFile(initrdFile);
    try {
      if (needsKernel || needsInitrd && !Files.isRegularFile(busybox)) {
        Files.createDirectories(cache.path());
        download(needsKernel, needsInitrd && !Files.isRegularFile(busybox));
      }
      if (needsInitrd) {
        progress.step("building the guest's initramfs");
        keep(Initramfs.build(Files.readAllBytes(busybox), applets(busybox)), initrdFile, false);
      }
    } catch (IOException e) {
      throw new BootException(
          "can't keep the guest's files in "
              + cache.path()
              + ": "
              + e.getMessage()
              + "; set XDG_CACHE_HOME to a directory with 100 MB of room",
          e);
    }
    return new GuestFiles(kernelFile, initrdFile);
  }

  /** The statically linked busybox of the guest's initramfs; it is there once {@link #resolve} made that. */
  public Path busybox() {
    return cache.resolve(BUSYBOX_FILE);
  }

  private void download(boolean kernel, boolean busybox) throws IOException {
    long free = Files.getFileStore(cache.path()).getUsableSpace() >> 20;
    if (kernel && free < ROOM_MEGABYTES) {
      // apt-get would say it at length, and not what to do.
      throw new IOException("only " + free + " MB are free there");
    }
    Path directory = Files.createTempDirectory(cache.path(), ".download-");
    try {
      Apt apt = new Apt(tools, directory);
      Optional<String> trouble = fetch(apt, kernel, busybox);
      if (trouble.isPresent()) {
        progress.step("getting current package lists (" + trouble.get() + ")");
        apt.updateOwnLists();
        trouble = fetch(apt, kernel, busybox);
      }
      if (trouble.isPresent()) {
        throw new BootException(
            trouble.get() + "; check the network and apt's sources, or " + OWN_FILES);
      }
      try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.deb")) {
        for (Path file : files) {
          if (file.getFileName().toString().startsWith(BUSYBOX_PACKAGE)) {
            keep(unpack(file, "bin/busybox"), cache.resolve(BUSYBOX_FILE), true);
          } else {
            keep(unpack(file, "boot/vmlinuz-"), cache.resolve(KERNEL_FILE), false);
          }
        }
      }
    } finally {
      delete(directory);
    }
  }

  /** Downloads what is needed; returns what went wrong. */
  private Optional<String> fetch(Apt apt, boolean kernel, boolean busybox) {
    List<String> packages = new ArrayList<>();
    if (kernel) {
      String name = kernelPackage(apt.show(KERNEL_PACKAGE));
      if (name.isEmpty()) {
        return Optional.of("apt knows no package " + KERNEL_PACKAGE);
      }
      packages.add(name);
    }
    if (busybox) {
      packages.add(BUSYBOX_PACKAGE);
    }
    String names = String.join(" and ", packages);
    progress.step("downloading " + names + " (once; kept in " + cache.path() + ")");
    HostCommand.Result result = apt.download(packages);
    return result.status() == 0
        ? Optional.empty()
        : Optional.of("apt-get can't download " + names + " (" + result.errorLine() + ")");
  }

  /** The kernel package proper, on which the package of the constant name depends; "" where apt doesn't say. */
  private static String kernelPackage(HostCommand.Result shown) {
    String output = shown.output();
    int line = output.startsWith("Depends: ") ? 0 : output.indexOf("\nDepends: ");
    int start = line < 0 ? -1 : output.indexOf("linux-image-", line);
    if (shown.status() != 0 || start < 0 || output.substring(line + 1, start).indexOf('\n') >= 0) {
      return "";
    }
    int end = start;
    while (end < output.length() && " ,|(\n".indexOf(output.charAt(end)) < 0) {
      end++;
    }
    return output.substring(start, end);
  }

  /** Takes the first file out of a package whose path, or path under usr, starts with {@code prefix}. */
  private byte[] unpack(Path file, String prefix) {
    progress.step("unpacking " + file.getFileName());
    String why = "it has no file " + prefix;
    try {
      Process process =
          HostCommand.start(
              cache.path(), List.of(tools + "dpkg-deb", "--fsys-tarfile", file.toString()));
      try (InputStream in = process.getInputStream()) {
        TarReader tar = new TarReader(in);
        for (String path = tar.nextFile(); !path.isEmpty(); path = tar.nextFile()) {
          if (path.startsWith(prefix) || path.startsWith("usr/" + prefix)) {
            return tar.read();
          }
        }
      } finally {
        HostCommand.stop(process);
      }
    } catch (EOFException e) {
      why = "it is truncated";
    } catch (IOException e) {
      why = String.valueOf(e.getMessage());
    }
    throw new BootException(
        "can't unpack the package " + file.getFileName() + ": " + why + "; " + OWN_FILES);
  }

  private void keep(byte[] contents, Path target, boolean executable) throws IOException {
    Path temporary = cache.newTemporaryFile();
    try {
      Files.write(temporary, contents);
      if (executable && !temporary.toFile().setExecutable(true)) {
        throw new IOException("can't make " + temporary + " executable");
      }
      cache.publish(temporary, target.getFileName().toString());
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private List<String> applets(Path busybox) throws IOException {
    HostCommand.Result result;
    try {
      result = HostCommand.run(cache.path(), List.of(busybox.toString(), "--list-full"));
    } catch (IOException e) {
      throw new BootException(
          "can't run "
              + busybox
              + " to ask for its commands ("
              + e.getMessage()
              + "); set XDG_CACHE_HOME to a directory where programs may run",
          e);
    }
    if (result.status() != 0) {
      throw new BootException(
          "the static busybox "
              + busybox
              + " doesn't run on this host (status "
              + result.status()
              + "); delete it to get it again, or "
              + OWN_FILES);
    }
    List<String> applets = new ArrayList<>();
    String output = result.output();
    for (int start = 0, end; (end = output.indexOf('\n', start)) >= 0; start = end + 1) {
      if (end > start) {
        applets.add(output.substring(start, end));
      }
    }
    return applets;
  }

  private static void delete(Path path) throws IOException {
    if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
        for (Path file : files) {
          delete(file);
        }
      }
    }
    Files.delete(path);
  }
}
