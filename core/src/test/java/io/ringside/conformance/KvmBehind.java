package io.ringside.conformance;

import io.ringside.host.HostCpu;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;

/** What is behind this host's KVM, and what tests must not expect of it. */
enum KvmBehind {
  /** VT-x or AMD-V: nothing but KVM's own ways. */
  HARDWARE("hvm", EnumSet.of(Need.UNDEFINED_VMCALL)),

  /** AMD-V as QEMU's TCG emulates it, where this host is itself a virtual machine. */
  TCG(
      "hvm on AMD-V by QEMU's TCG",
      EnumSet.of(
          Need.UNDEFINED_VMCALL,
          Need.HARDWARE_BREAKPOINTS,
          Need.ALIGNMENT_CHECK,
          Need.BRANCH_TARGETS,
          Need.IRET_TARGETS,
          Need.INT1,
          Need.INTERRUPT_SHADOW,
          Need.STI_SHADOW,
          Need.RESERVED_CONTROL_BITS,
          Need.LOCK_PREFIX,
          Need.UNDEFINED_CONTROL_REGISTERS,
          Need.XSETBV,
          Need.CANONICAL_MSRS,
          Need.GATE_FAULTS,
          Need.DOUBLE_FAULTS_AT_GATES,
          Need.RESUME_FLAG,
          Need.GENERAL_DETECT,
          Need.SIMD_EXCEPTIONS,
          Need.EMMS_TRAPS,
          Need.NULL_SELECTOR_RPL,
          Need.NULL_TASK_REGISTER,
          Need.PORT_BITMAP,
          Need.RESERVED_BITS,
          Need.STACK_FAULTS)),

  /** No hardware virtualization: a module that emulates ring 0. What it lacks was found by these tests on kvm_pvm. */
  EMULATION(
      "hvm on an emulated KVM",
      EnumSet.of(
          Need.UNDEFINED_VMCALL,
          Need.HARDWARE_BREAKPOINTS,
          Need.FPU_IN_RING_0,
          Need.XGETBV_IN_RING_0,
          Need.STAC,
          Need.SYSRET,
          Need.SYSCALL_SWITCHED_OFF,
          Need.SOFTWARE_INTERRUPTS,
          Need.INT1,
          Need.UNDEFINED_OPCODES,
          Need.RING_3_TRAPS,
          Need.RING_3_PORTS,
          Need.PROMPT_WINDOWS,
          Need.INTERRUPT_SHADOW,
          Need.KEPT_AC,
          Need.NESTED_EXCEPTIONS,
          Need.TSS_LIMIT,
          Need.IRET_TARGETS,
          Need.STRING_STEPS,
          Need.CANONICAL_BORDER,
          Need.WHOLE_STORES,
          Need.MOVBE,
          Need.RESERVED_CONTROL_BITS,
          Need.PAT_TYPES,
          Need.UNDEFINED_CONTROL_REGISTERS,
          Need.TSC_WRITES));

  private static final int HYPERVISOR_LEAF = 0x4000_0000;

  /** EBX of that leaf: "TCGT". */
  private static final int TCG_SIGNATURE = 0x5447_4354;

  private final String description;
  private final Set<Need> lacks;

  KvmBehind(String description, Set<Need> lacks) {
    this.description = description;
    this.lacks = lacks;
  }

  /** The method and what is behind it. */
  String description() {
    return description;
  }

  /** What it can't do. */
  Set<Need> lacks() {
    return lacks;
  }

  /** Looks at this host: its CPU flags, KVM's modules, and the hypervisor that it runs on. */
  static KvmBehind thisHost(HostCpu cpu) {
    if (Files.exists(Path.of("/sys/module/kvm_pvm")) || !hasVirtualization()) {
      return EMULATION;
    }
    return cpu.cpuid(HYPERVISOR_LEAF, 0)[1] == TCG_SIGNATURE ? TCG : HARDWARE;
  }

  private static boolean hasVirtualization() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"))) {
        if (line.startsWith("flags")) {
          return (line + " ").contains(" vmx ") || (line + " ").contains(" svm ");
        }
      }
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
