package io.ringside.cli;

import java.util.List;

/** What binary translation needs of a host. */
final class TranslationNeeds {
  private TranslationNeeds() {}

  /** All needs, met or not. Memory for code is tried out. */
  static List<Finding> of(Host host) {
    Finding architecture = architecture(host);
    String refused = architecture.isMissing() ? "" : host.codeMemory().get();
    return List.of(
        architecture,
        bmi2(host.facts()),
        Finding.of(
            refused.isEmpty(),
            "executable memfd",
            "guest RAM and translated code live in memory files",
            refused));
  }

  /**
   * The first need that isn't met, as one clause; empty if all are. Memory for code is not looked at: whoever runs a
   * guest is told at once when it can't be had.
   */
  static String lacking(Host host) {
    for (Finding need : List.of(architecture(host), bmi2(host.facts()))) {
      if (need.isMissing()) {
        return need.subject() + ": " + need.detail();
      }
    }
    return "";
  }

  private static Finding architecture(Host host) {
    return Finding.of(
        host.isSupported(), "x86-64 Linux", "the host", "this host is " + host.architecture());
  }

  private static Finding bmi2(HostFacts facts) {
    if (!facts.knowsCpu()) {
      return new Finding(
          Finding.State.NOTE, "BMI2", "/proc/cpuinfo is not there to tell if the processor has it");
    }
    return Finding.of(
        facts.hasCpuFlag("bmi2"),
        "BMI2",
        "the processor has it",
        "the processor lacks it (Intel before Haswell, AMD before Excavator, or a hypervisor that hides it)");
  }
}
