package io.ringside.cli;

import java.util.List;

/** What binary translation needs of a host. */
final class TranslationNeeds {
  private TranslationNeeds() {}

  /** All needs, met or not. */
  static List<Finding> of(Host host) {
    return List.of(
        Finding.of(
            host.architecture().equals("Linux amd64"),
            "x86-64 Linux",
            "the host",
            "this host is " + host.architecture()),
        bmi2(host.facts()),
        // vm.memfd_noexec (Linux 6.3): 2 refuses every memfd that may be executed, and code lives
        // in
        // one.
        Finding.of(
            !host.facts().text("/proc/sys/vm/memfd_noexec").equals("2"),
            "executable memfd",
            "guest RAM and translated code live in memory files",
            "the sysctl vm.memfd_noexec is 2 and forbids it; set it to 0 or 1"));
  }

  private static Finding bmi2(HostFacts facts) {
    return facts.knowsCpu()
        ? Finding.of(
            facts.hasCpuFlag("bmi2"),
            "BMI2",
            "the processor has it",
            "the processor lacks it (Intel before Haswell, AMD before Excavator, or a hypervisor that hides it)")
        : new Finding(
            Finding.State.NOTE,
            "BMI2",
            "/proc/cpuinfo is not there to tell if the processor has it");
  }

  /** The first need that isn't met, as one clause; empty if all are. */
  static String lacking(Host host) {
    for (Finding need : of(host)) {
      if (need.isMissing()) {
        return need.subject() + ": " + need.detail();
      }
    }
    return "";
  }
}
