package io.ringside.cli;

import java.util.ArrayList;
import java.util.List;

/** Tells what the host offers to each method of virtualization, and what is missing. */
final class Doctor {
  private static final int COLUMN = 18;

  private final HostFacts host;
  private final String architecture;
  private final List<Section> sections = new ArrayList<>();
  private final boolean translationWorks;

  /** One thing that was looked at. */
  private record Finding(State state, String subject, String detail) {}

  private record Section(String title, String verdict, List<Finding> findings) {}

  private enum State {
    GOOD("ok"),
    MISSING("no"),
    NOTE("--");

    private final String label;

    State(String label) {
      this.label = label;
    }
  }

  Doctor(HostFacts host) {
    this(host, System.getProperty("os.name") + " " + System.getProperty("os.arch"));
  }

  /** Examines a host that calls itself {@code architecture}, for instance {@code Linux amd64}. */
  Doctor(HostFacts host, String architecture) {
    this.host = host;
    this.architecture = architecture;
    List<Finding> translation = translation();
    translationWorks = translation.stream().noneMatch(finding -> finding.state() == State.MISSING);
    sections.add(
        new Section(
            "bt",
            translationWorks ? "works on this host" : "does not work on this host",
            translation));
    sections.add(
        new Section("pv", "not in Ringside yet; what it will need:", paravirtualization()));
    sections.add(new Section("hvm", hardwareVerdict(), hardware()));
    sections.add(new Section("debian", "the default guest", defaultGuest()));
  }

  /** Whether {@code ringside run} can work. */
  boolean anyMethodWorks() {
    return translationWorks;
  }

  /** Some lines of text that end in a line feed. */
  String report() {
    StringBuilder text = new StringBuilder();
    text.append(Version.text()).append(" on ").append(architecture).append('\n');
    for (Section section : sections) {
      text.append('\n').append(section.title()).append(": ").append(section.verdict()).append('\n');
      for (Finding finding : section.findings()) {
        text.append("  ").append(finding.state().label).append("  ").append(finding.subject());
        text.append(" ".repeat(Math.max(1, COLUMN - finding.subject().length())));
        text.append(finding.detail()).append('\n');
      }
    }
    return text.toString();
  }

  private List<Finding> translation() {
    List<Finding> findings = new ArrayList<>();
    findings.add(
        finding(
            architecture.equals("Linux amd64"),
            "x86-64 Linux",
            "the host",
            "this host is " + architecture));
    findings.add(
        finding(
            host.hasCpuFlag("bmi2"),
            "BMI2",
            "the processor has it",
            "the processor lacks it (Intel before Haswell, AMD before Excavator, or a hypervisor that hides it)"));
    findings.add(memfd());
    return findings;
  }

  private Finding memfd() {
    // vm.memfd_noexec (Linux 6.3): 2 refuses every memfd that may be executed, and code lives in
    // one.
    boolean refused = host.text("/proc/sys/vm/memfd_noexec").equals("2");
    return finding(
        !refused,
        "executable memfd",
        "guest RAM and translated code live in memory files",
        "the sysctl vm.memfd_noexec is 2 and forbids it; set it to 0 or 1");
  }

  private List<Finding> paravirtualization() {
    List<Finding> findings = new ArrayList<>();
    String actions = host.text("/proc/sys/kernel/seccomp/actions_avail");
    findings.add(
        finding(
            (" " + actions + " ").contains(" trap "),
            "seccomp traps",
            "user code can run in cells: processes whose system calls all come to the VMM",
            "the host's kernel has no seccomp filters; user code will be translated instead"));
    String scope = host.text("/proc/sys/kernel/yama/ptrace_scope");
    findings.add(
        switch (scope) {
          case "" -> new Finding(State.GOOD, "yama", "not in the kernel, nothing restricts cells");
          case "0", "1" ->
              new Finding(
                  State.GOOD,
                  "yama",
                  "ptrace_scope is " + scope + ", a parent may control its cells");
          default ->
              new Finding(
                  State.NOTE,
                  "yama",
                  "ptrace_scope is " + scope + ", cells must do without ptrace");
        });
    return findings;
  }

  private String hardwareVerdict() {
    return "not in Ringside yet; this host "
        + (hardwareIsReal() ? "has what it will need:" : "lacks what it will need:");
  }

  private boolean hardwareIsReal() {
    return host.isAccessible("/dev/kvm") && hasExtension() && backendIsReal();
  }

  private boolean hasExtension() {
    return host.hasCpuFlag("vmx") || host.hasCpuFlag("svm");
  }

  private boolean backendIsReal() {
    return host.hasModule("kvm_intel") || host.hasModule("kvm_amd");
  }

  private List<Finding> hardware() {
    List<Finding> findings = new ArrayList<>();
    String extension = host.hasCpuFlag("vmx") ? "VT-x" : "AMD-V";
    findings.add(
        finding(
            hasExtension(),
            "VT-x or AMD-V",
            "the processor has " + extension,
            host.hasCpuFlag("hypervisor")
                ? "not shown to this machine, which is a virtual one itself: nested virtualization is off"
                : "the processor shows neither; it may be off in the firmware"));
    if (!host.exists("/dev/kvm")) {
      findings.add(
          new Finding(
              State.MISSING,
              "/dev/kvm",
              "not there: KVM is not loaded, or this is a container without it"));
    } else if (!host.isAccessible("/dev/kvm")) {
      findings.add(
          new Finding(
              State.MISSING,
              "/dev/kvm",
              "there, but not for you: join the group kvm, or ask root"));
    } else {
      findings.add(new Finding(State.GOOD, "/dev/kvm", "you may open it"));
    }
    findings.add(backend());
    return findings;
  }

  private Finding backend() {
    if (host.hasModule("kvm_intel")) {
      return new Finding(State.GOOD, "KVM's module", "kvm_intel");
    }
    if (host.hasModule("kvm_amd")) {
      return new Finding(State.GOOD, "KVM's module", "kvm_amd");
    }
    if (host.hasModule("kvm_pvm")) {
      return new Finding(
          State.MISSING,
          "KVM's module",
          "kvm_pvm, which emulates ring 0 in software: too slow, and not complete");
    }
    return new Finding(State.MISSING, "KVM's module", "neither kvm_intel nor kvm_amd is loaded");
  }

  private List<Finding> defaultGuest() {
    boolean packages = host.hasProgram("apt-get") && host.hasProgram("dpkg-deb");
    return List.of(
        finding(
            packages,
            "apt-get, dpkg-deb",
            "fetch its kernel and busybox at the first run",
            "not there, so give --kernel and --initrd, which work on any host"));
  }

  private static Finding finding(boolean good, String subject, String yes, String no) {
    return good ? new Finding(State.GOOD, subject, yes) : new Finding(State.MISSING, subject, no);
  }
}
