package io.ringside.cli;

import io.ringside.host.HostException;
import io.ringside.host.HostMapping;
import io.ringside.hvm.KvmProbe;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * The host as the choice of a method and {@code doctor} see it. Tests bring hosts of their own.
 *
 * @param facts its files in /proc, /sys and /etc
 * @param architecture how it calls itself, for instance {@code Linux amd64}
 * @param devices finds its device nodes
 * @param probe asks its KVM
 * @param codeMemory tries to map memory for translated code; why that is refused, empty if it works
 */
record Host(
    HostFacts facts,
    String architecture,
    DeviceNode.Lookup devices,
    KvmProbe probe,
    Supplier<String> codeMemory) {
  private static final int PAGE = 4096;

  /** The host that this process runs on. */
  static Host ofThisProcess() {
    Path root = Path.of("/");
    return new Host(
        new HostFacts(root),
        System.getProperty("os.name") + " " + System.getProperty("os.arch"),
        DeviceNode.below(root),
        KvmProbe.ofHost(),
        Host::tryCodeMemory);
  }

  /** Whether this is a host for which Ringside is made. */
  boolean isSupported() {
    return architecture.equals("Linux amd64");
  }

  private static String tryCodeMemory() {
    try (HostMapping _ = HostMapping.code(PAGE)) {
      return "";
    } catch (HostException e) {
      return e.getMessage();
    }
  }
}
