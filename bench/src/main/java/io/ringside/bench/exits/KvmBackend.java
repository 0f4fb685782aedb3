package io.ringside.bench.exits;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Says what makes the exits: the figures mean something else on each. */
final class KvmBackend {
  private static final String EMULATOR = "kvm_pvm";

  /** How the processors begin that QEMU's translator plays. */
  private static final String TRANSLATED = "QEMU TCG";

  private final Path root;

  /** Of the host whose /proc and /sys are below {@code root}. */
  KvmBackend(Path root) {
    this.root = root;
  }

  /** Goes on after "KVM is ". */
  String describe() {
    String flags = " " + line("flags") + " ";
    boolean intel = flags.contains(" vmx ");
    boolean amd = flags.contains(" svm ");
    boolean there = Files.exists(root.resolve("sys/module/" + (intel ? "kvm_intel" : "kvm_amd")));
    if (Files.exists(root.resolve("sys/module/" + EMULATOR))) {
      return "emulated by "
          + EMULATOR
          + ", with no VT-x or AMD-V behind it: the exits themselves are slow and say nothing about hardware;"
          + " what Java adds to them is as real as anywhere";
    }
    if (!intel && !amd || !there) {
      return "emulated: no VT-x or AMD-V is behind it";
    }
    return (intel ? "kvm_intel on VT-x" : "kvm_amd on AMD-V") + nesting(flags);
  }

  private String nesting(String flags) {
    if (line("model name").startsWith(TRANSLATED)) {
      return ", played by QEMU's TCG: every instruction takes 20 to 50 times as long as on the processor, and each page"
          + " that is touched after an exit costs a walk of page tables in software; look at the ratios";
    }
    return flags.contains(" hypervisor ")
        ? ", nested: this machine is a virtual one itself, and its exits cost what the hypervisor below takes"
        : "";
  }

  /** The processor's name. */
  String processor() {
    String name = line("model name");
    return name.isEmpty() ? "an unknown processor" : name;
  }

  private String line(String label) {
    try {
      for (String line : Files.readAllLines(root.resolve("proc/cpuinfo"), StandardCharsets.UTF_8)) {
        if (line.startsWith(label)) {
          return line.substring(line.indexOf(':') + 1).strip();
        }
      }
    } catch (IOException e) {
      return "";
    }
    return "";
  }
}
