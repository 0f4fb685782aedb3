package io.ringside.cli;

import io.ringside.hvm.KvmProbe;
import java.util.ArrayList;
import java.util.List;

/** Tells what the host offers to each method of virtualization, and what is missing. */
final class Doctor {
  private static final int COLUMN = 18;
  private static final String CONTINUED = "\n" + " ".repeat(6 + COLUMN);
  private static final String WORKS = "works on this host";
  private static final String DOES_NOT_WORK = "does not work on this host";

  private final Host host;
  private final HostFacts facts;
  private final KvmDevice kvm;
  private final KvmState kvmState;
  private final List<Section> sections = new ArrayList<>();
  private final boolean translationWorks;

  private record Section(String title, String verdict, List<Finding> findings) {}

  /** Examines a host. */
  Doctor(Host host) {
    this.host = host;
    facts = host.facts();
    kvm = new KvmDevice(host);
    kvmState = kvm.ask(true);
    List<Finding> translation = TranslationNeeds.of(host);
    translationWorks = translation.stream().noneMatch(Finding::isMissing);
    sections.add(new Section("bt", translationWorks ? WORKS : DOES_NOT_WORK, translation));
    sections.add(new Section("pv", translationWorks ? WORKS : DOES_NOT_WORK, paravirtualization()));
    sections.add(new Section("hvm", hardwareVerdict(), hardware()));
    sections.add(
        new Section(
            "cells",
            "user code directly on the processor is not in Ringside yet; what it will need:",
            cells()));
    sections.add(new Section("debian", "the default guest", defaultGuest()));
  }

  /** Whether {@code ringside run} can work. */
  boolean anyMethodWorks() {
    return translationWorks || kvmState instanceof KvmState.Real;
  }

  /** Some lines of text that end in a line feed. */
  String report() {
    StringBuilder text = new StringBuilder();
    text.append(Version.text()).append(" on ").append(host.architecture()).append('\n');
    for (Section section : sections) {
      text.append('\n').append(section.title()).append(": ").append(section.verdict()).append('\n');
      for (Finding finding : section.findings()) {
        text.append("  ").append(finding.state().label()).append("  ").append(finding.subject());
        text.append(" ".repeat(Math.max(1, COLUMN - finding.subject().length())));
        text.append(finding.detail().replace("\n", CONTINUED)).append('\n');
      }
    }
    return text.toString();
  }

  private List<Finding> paravirtualization() {
    return List.of(
        Finding.of(
            translationWorks,
            "bt's engine",
            "executes the guest, with nothing to replace; the guest's kernel needs CONFIG_XEN_PV",
            "can't run here, see above"));
  }

  private List<Finding> cells() {
    List<Finding> findings = new ArrayList<>();
    String actions = facts.text("/proc/sys/kernel/seccomp/actions_avail");
    findings.add(
        Finding.of(
            (" " + actions + " ").contains(" trap "),
            "seccomp traps",
            "user code can run in cells: processes whose system calls all come to the VMM",
            "the host's kernel has no seccomp filters; user code will be translated instead"));
    String scope = facts.text("/proc/sys/kernel/yama/ptrace_scope");
    findings.add(
        switch (scope) {
          case "" ->
              new Finding(Finding.State.GOOD, "yama", "not in the kernel, nothing restricts cells");
          case "0", "1" ->
              new Finding(
                  Finding.State.GOOD,
                  "yama",
                  "ptrace_scope is " + scope + ", a parent may control its cells");
          default ->
              new Finding(
                  Finding.State.NOTE,
                  "yama",
                  "ptrace_scope is " + scope + ", cells must do without ptrace");
        });
    return findings;
  }

  private String hardwareVerdict() {
    return switch (kvmState) {
      case KvmState.Real _ -> WORKS;
      case KvmState.Emulated _ -> "works, but emulated, slowly: tiny guests only";
      case KvmState.Unusable _ -> DOES_NOT_WORK;
    };
  }

  private List<Finding> hardware() {
    List<Finding> findings = new ArrayList<>();
    findings.add(
        Finding.of(
            kvm.extension().isPresent(),
            "VT-x or AMD-V",
            "the processor has " + kvm.extension().orElse(""),
            kvm.isVirtual()
                ? "not shown to this machine, which is a virtual one itself: nested virtualization is off"
                : "the processor shows neither; it may be off in the firmware"));
    if (kvm.extension().isPresent() && kvm.isVirtual()) {
      findings.add(
          new Finding(
              Finding.State.NOTE,
              "nested",
              "this machine is a virtual one: its "
                  + kvm.extension().get()
                  + " comes from an outer hypervisor, exits take longer"));
    }
    findings.add(device());
    findings.add(backend());
    if (kvmState instanceof KvmState.Unusable(KvmState.Cause cause, String why, String remedy)) {
      switch (cause) {
        case OTHER_HOST, NO_DEVICE, NO_PERMISSION, CANNOT_OPEN -> {}
        case NOT_KVM, WRONG_VERSION, LACKS_CAPABILITIES, NO_VM ->
            findings.add(new Finding(Finding.State.MISSING, "KVM's API", why + "; " + remedy));
      }
    } else {
      findings.add(
          new Finding(
              Finding.State.GOOD,
              "KVM's API",
              "version " + KvmProbe.API_VERSION + ", with all that Ringside needs; it makes VMs"));
    }
    return findings;
  }

  private Finding device() {
    if (kvmState instanceof KvmState.Unusable(KvmState.Cause cause, String why, String remedy)) {
      switch (cause) {
        case OTHER_HOST, NO_DEVICE, NO_PERMISSION, CANNOT_OPEN -> {
          return new Finding(Finding.State.MISSING, KvmDevice.PATH, why + "; " + remedy);
        }
        case NOT_KVM, WRONG_VERSION, LACKS_CAPABILITIES, NO_VM -> {}
      }
    }
    return new Finding(Finding.State.GOOD, KvmDevice.PATH, "you may open it");
  }

  private Finding backend() {
    return kvm.emulatorIsThere()
        ? new Finding(
            Finding.State.MISSING,
            "KVM's module",
            """
            kvm_pvm, which uses neither VT-x nor AMD-V: it emulates ring 0 in software,
            about 1.5 million instructions a second, without SSE, CMPXCHG16B, software INT
            and SYSRET; a stock kernel can't run on it, so --method auto leaves it alone""")
        : Finding.of(
            kvm.module().isPresent(),
            "KVM's module",
            kvm.module().orElse(""),
            kvm.extension().isPresent()
                ? kvm.fittingModule() + " is not loaded"
                : "neither kvm_intel nor kvm_amd can work without VT-x or AMD-V");
  }

  private List<Finding> defaultGuest() {
    boolean packages = facts.hasProgram("apt-get") && facts.hasProgram("dpkg-deb");
    return List.of(
        Finding.of(
            packages,
            "apt-get, dpkg-deb",
            "fetch its kernel and busybox at the first run",
            "not there, so give --kernel and --initrd, which work on any host"));
  }
}
