package io.ringside.guest;

import static org.junit.jupiter.api.Assumptions.abort;

import io.ringside.boot.BootException;
import io.ringside.boot.CacheDirectory;
import io.ringside.boot.DebianGuest;
import io.ringside.boot.GuestFiles;
import io.ringside.boot.KernelImage;
import java.util.ArrayList;
import java.util.Optional;

/** The default guest's files, fetched once into the user's cache as the command does it. */
final class DefaultGuest {
  private DefaultGuest() {}

  /** The files; ends the test as skipped where they can't be had. */
  static GuestFiles files() {
    try {
      return new DebianGuest(CacheDirectory.ofUser(), new ArrayList<>()::add)
          .resolve(Optional.empty(), Optional.empty());
    } catch (BootException e) {
      return abort("the default guest can't be had on this host: " + e.getMessage());
    }
  }

  /** The kernel, unpacked; the caller's to close. */
  static KernelImage kernel(GuestFiles files) {
    return KernelImage.open(files.kernel(), CacheDirectory.ofUser());
  }
}
