package io.ringside.cli;

import java.lang.module.ModuleDescriptor;

/** Which Ringside this is. */
final class Version {
  private Version() {}

  /** Name, version and the Java runtime, on one line. */
  static String text() {
    return "ringside " + number() + " (Java " + Runtime.version() + ")";
  }

  private static String number() {
    // As a module Ringside's version is in its descriptor; on a class path it is in the manifest.
    ModuleDescriptor descriptor = Version.class.getModule().getDescriptor();
    if (descriptor != null && descriptor.rawVersion().isPresent()) {
      return descriptor.rawVersion().get();
    }
    String fromManifest = Version.class.getPackage().getImplementationVersion();
    return fromManifest == null ? "(not packaged)" : fromManifest;
  }
}
