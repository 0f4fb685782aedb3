package io.ringside.nested;

import io.ringside.boot.BootException;
import io.ringside.boot.CacheDirectory;
import io.ringside.boot.DebianGuest;
import io.ringside.boot.GuestFiles;
import java.util.Optional;

/**
 * Finds the default guest's files as {@code ringside run} does, for the script {@code nested/run}: prints the paths of
 * kernel and initramfs, a line each. Tells on standard error what it does, and last of all what went wrong.
 */
public final class GuestFilesMain {
  private GuestFilesMain() {}

  public static void main(String[] args) {
    try {
      GuestFiles files =
          new DebianGuest(CacheDirectory.ofUser(), System.err::println)
              .resolve(Optional.empty(), Optional.empty());
      System.out.println(files.kernel());
      System.out.println(files.initrd());
    } catch (BootException e) {
      System.err.println(e.getMessage());
      System.exit(1);
    }
  }
}
