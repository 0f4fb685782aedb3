package io.ringside.hvm;

import io.ringside.host.HostMapping;
import io.ringside.host.KvmFile;
import io.ringside.host.NativeMemory;

/**
 * What CPUID tells a guest on KVM: what processor and KVM support, as one core with one thread and APIC id 0, without
 * what this VMM gives no guest (virtualization within the guest, MONITOR), with KVM's paravirtual clock.
 *
 * <p>Leaves: SDM volume 2, CPUID; AMD APM volume 3, appendix E; Documentation/virt/kvm/x86/cpuid.rst.
 */
final class KvmCpuid {
  private static final int MAX_ENTRIES = 256;
  private static final int HEADER = 8;
  private static final int ENTRY = 40;
  private static final int FUNCTION = 0;
  private static final int INDEX = 4;
  private static final int FLAGS = 8;
  private static final int SIGNIFICANT_INDEX = 1;
  private static final int EAX = 12;
  private static final int EBX = 16;
  private static final int ECX = 20;
  private static final int EDX = 24;

  // Leaf 1.
  private static final int MONITOR = 1 << 3;
  private static final int VMX = 1 << 5;
  private static final int X2APIC = 1 << 21;
  private static final int TSC_DEADLINE = 1 << 24;
  private static final int HYPERVISOR = 1 << 31;
  private static final int HTT = 1 << 28;

  private static final int SVM = 1 << 2; // of 80000001h ECX
  private static final int CMP_LEGACY = 1 << 1;

  /** Features of leaf 40000001h that KVM gives without help: two clocks, I/O without delay, a stable clock. */
  private static final int PV_CLOCK = 1 | 1 << 1 | 1 << 3 | 1 << 24;

  /** Asynchronous page faults, steal time, PV EOI, poll control; with the local APIC in the kernel. */
  private static final int PV_WITH_APIC = 1 << 4 | 1 << 5 | 1 << 6 | 1 << 12 | 1 << 14;

  private final NativeMemory table;
  private final boolean chips;
  private final boolean deadline;

  private KvmCpuid(NativeMemory table, KvmVm vm) {
    this.table = table;
    this.chips = vm.hasChips();
    this.deadline = chips && vm.supports(KvmApi.CAP_TSC_DEADLINE_TIMER);
  }

  /** Gives a vCPU its CPUID. */
  static void set(KvmVm vm, KvmFile vcpu) {
    try (HostMapping mapping = HostMapping.anonymous(HEADER + MAX_ENTRIES * ENTRY, 0, 4096)) {
      NativeMemory table = mapping.memory();
      table.putInt(0, MAX_ENTRIES);
      vm.supportedCpuid(table);
      KvmCpuid cpuid = new KvmCpuid(table, vm);
      int entries = table.getInt(0);
      for (int i = 0; i < entries; i++) {
        cpuid.filter(HEADER + (long) i * ENTRY);
      }
      cpuid.addCoreLevel(0xb);
      cpuid.addCoreLevel(0x1f);
      vcpu.must("KVM_SET_CPUID2", KvmApi.SET_CPUID2, table.address());
    }
  }

  private void filter(long entry) {
    switch (table.getInt(entry + FUNCTION)) {
      case 1 -> {
        and(entry + EBX, 0xffff);
        or(entry + EBX, 1 << 16);
        and(entry + ECX, ~(MONITOR | VMX | X2APIC | TSC_DEADLINE));
        or(entry + ECX, HYPERVISOR | (chips ? X2APIC : 0) | (deadline ? TSC_DEADLINE : 0));
        and(entry + EDX, ~HTT);
      }
      // Caches: nobody shares them, one core in the package.
      case 4 -> and(entry + EAX, 0x3fff);
      case 0x8000_001d -> and(entry + EAX, 0x3fff);
      // MONITOR's leaf.
      case 5 -> values(entry, 0, 0, 0, 0);
      case 0xb, 0x1f -> topology(entry, table.getInt(entry + INDEX));
      case 0x4000_0001 -> {
        and(entry + EAX, PV_CLOCK | (chips ? PV_WITH_APIC : 0));
        table.putInt(entry + EDX, 0);
      }
      case 0x8000_0001 -> and(entry + ECX, ~(SVM | CMP_LEGACY));
      case 0x8000_0008 -> and(entry + ECX, ~0xf0ff);
      // SVM, and the encryption of guests.
      case 0x8000_000a, 0x8000_001f -> values(entry, 0, 0, 0, 0);
      case 0x8000_001e -> values(entry, 0, 0, 0, 0);
      default -> {}
    }
  }

  /** KVM's table may have only the first level of a topology leaf; it answers for those above by the second. */
  private void addCoreLevel(int leaf) {
    int entries = table.getInt(0);
    boolean there = false;
    for (int i = 0; i < entries; i++) {
      long entry = HEADER + (long) i * ENTRY;
      if (table.getInt(entry + FUNCTION) == leaf) {
        if (table.getInt(entry + INDEX) == 1) {
          return;
        }
        there = true;
      }
    }
    if (there && entries < MAX_ENTRIES) {
      long entry = HEADER + (long) entries * ENTRY;
      table.fill(entry, ENTRY, 0);
      table.putInt(entry + FUNCTION, leaf);
      table.putInt(entry + INDEX, 1);
      table.putInt(entry + FLAGS, SIGNIFICANT_INDEX);
      topology(entry, 1);
      table.putInt(0, entries + 1);
    }
  }

  private void topology(long entry, int level) {
    switch (level) {
      case 0 -> values(entry, 0, 1, 0x100, 0);
      case 1 -> values(entry, 0, 1, 0x201, 0);
      default -> values(entry, 0, 0, level & 0xff, 0);
    }
  }

  private void values(long entry, int eax, int ebx, int ecx, int edx) {
    table.putInt(entry + EAX, eax);
    table.putInt(entry + EBX, ebx);
    table.putInt(entry + ECX, ecx);
    table.putInt(entry + EDX, edx);
  }

  private void and(long at, int mask) {
    table.putInt(at, table.getInt(at) & mask);
  }

  private void or(long at, int bits) {
    table.putInt(at, table.getInt(at) | bits);
  }
}
