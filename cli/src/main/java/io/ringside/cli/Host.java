package io.ringside.cli;

import io.ringside.hvm.KvmProbe;
import java.nio.file.Path;

/**
 * The host as the choice of a method and {@code doctor} see it. Tests bring hosts of their own.
 *
 * @param facts its files in /proc, /sys and /etc
 * @param architecture how it calls itself, for instance {@code Linux amd64}
 * @param devices finds its device nodes
 * @param probe asks its KVM
 */
record Host(HostFacts facts, String architecture, DeviceNode.Lookup devices, KvmProbe probe) {
  /** The host that this process runs on. */
  static Host ofThisProcess() {
    Path root = Path.of("/");
    return new Host(
        new HostFacts(root),
        System.getProperty("os.name") + " " + System.getProperty("os.arch"),
        DeviceNode.below(root),
        KvmProbe.ofHost());
  }
}
