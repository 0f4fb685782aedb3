package io.ringside.xen;

import io.ringside.cpu.CpuidModel;
import io.ringside.cpu.GuestFault;
import io.ringside.devices.TscClock;

/**
 * CPUID as Xen shows it to an unprivileged PV guest: the leaves of the processor that {@link CpuidModel} describes without
 * what a PV guest can't use, and Xen's own from 4000_0000h on. Sources: {@code public/arch-x86/cpuid.h}, and {@code
 * cpufeatureset.h} for which features are a PV guest's by default.
 *
 * <p>It differs from Xen's default in two bits. Automatic IBRS is shown, and EFER says that it is on ({@link PvMsrs}), for
 * the reason that {@link CpuidModel} gives. FSGSBASE is hidden, as Xen does where its configuration says so: a kernel that
 * has it reads the base of its programs' GS by RDMSR whenever it switches between them, for which there is no hypercall;
 * one that has not uses hypercalls only.
 */
public final class PvCpuid {
  private static final int XEN_LEAVES = 0x4000_0000;
  private static final int LAST_XEN_LEAF = 5;
  private static final int LAST_BASIC_LEAF = 0xd;
  private static final long MSR_BASE = 0x4000_0000L;

  private static final int SIGNATURE_EBX = 0x566e_6558;
  private static final int SIGNATURE_ECX = 0x6558_4d4d;
  private static final int SIGNATURE_EDX = 0x4d4d_566e;

  /** Leaf 4000_0002h ECX: MMU_PT_UPDATE_PRESERVE_AD works. */
  private static final int PRESERVE_AD = 1;

  // Leaf 4000_0003h EAX.
  private static final int HOST_TSC_RELIABLE = 1 << 1;
  private static final int HAS_RDTSCP = 1 << 2;

  private static final long OSXSAVE = 1L << 18;
  private static final long RF = 1L << 16;

  // Leaf 1 EDX: VME PSE MTRR PGE PSE36 DS TM PBE are not for PV guests; SEP on AMD, whose SYSENTER
  // does nothing in long mode. The APIC is there because it is in Xen.
  private static final int HIDDEN_1_EDX =
      1 << 1 | 1 << 3 | 1 << 12 | 1 << 13 | 1 << 17 | 1 << 21 | 1 << 29 | 1 << 31;
  private static final int SEP = 1 << 11;
  private static final int APIC = 1 << 9;
  // Leaf 1 ECX: DTES64 MONITOR DS-CPL VMX SMX EIST TM2 xTPR PDCM PCID DCA x2APIC TSC-deadline;
  // OSXSAVE comes from CR4.
  private static final int HIDDEN_1_ECX =
      0x1fc | 1 << 14 | 1 << 15 | 1 << 17 | 1 << 18 | 1 << 21 | 1 << 24 | 1 << 27;
  private static final int XSAVE = 1 << 26;
  private static final int SHOWN_OSXSAVE = 1 << 27;
  private static final int HYPERVISOR = 1 << 31;
  // Leaf 7 EBX: FSGSBASE TSC_ADJUST SMEP INVPCID SMAP.
  private static final int HIDDEN_7_EBX = 1 | 1 << 1 | 1 << 7 | 1 << 10 | 1 << 20;
  // Leaf 7 ECX: UMIP PKU OSPKE.
  private static final int HIDDEN_7_ECX = 1 << 2 | 1 << 3 | 1 << 4;
  private static final int IBRS_IBPB = 1 << 26;
  private static final int STIBP = 1 << 27;
  // 80000001h ECX: SVM, ExtApicSpace, AltMovCr8, TOPOEXT. EDX: the common ones of leaf 1, 1 GiB
  // pages.
  private static final int HIDDEN_EXT1_ECX = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 22;
  private static final int PAGE_1GB = 1 << 26;
  private static final int COMMON_WITH_LEAF1 = 0x0183_f3ff;
  private static final int IBPB = 1 << 12;

  /** UD2, "xen", CPUID. */
  private static final byte[] FORCED = {0x0f, 0x0b, 'x', 'e', 'n', 0x0f, (byte) 0xa2};

  private static final int SIGNATURE = 5;

  private final CpuidModel model;
  private final TscClock tsc;
  private final int machineAddressBits;
  private final int scaleShift;
  private final int scaleFraction;
  private final long tscOffset;

  /**
   * Describes a domain's processors.
   *
   * @param model what the processor has that executes the guest
   */
  public PvCpuid(Domain domain, CpuidModel model) {
    this.model = model;
    this.tsc = domain.config().tsc();
    this.machineAddressBits = 64 - Long.numberOfLeadingZeros(domain.heap().frames() - 1) + 12;
    // Nanoseconds are (ticks << shift) * fraction >> 32, with the fraction as large as it gets.
    long hz = tsc.frequencyHz();
    int shift = 0;
    while (hz > 2_000_000_000L) {
      hz >>= 1;
      shift--;
    }
    while (hz <= 1_000_000_000L) {
      hz <<= 1;
      shift++;
    }
    this.scaleShift = shift;
    this.scaleFraction = (int) ((1_000_000_000L << 32) / hz);
    this.tscOffset = nanos(tsc.guestTsc());
  }

  private long nanos(long ticks) {
    long shifted = scaleShift < 0 ? ticks >>> -scaleShift : ticks << scaleShift;
    long fraction = Integer.toUnsignedLong(scaleFraction);
    return Math.multiplyHigh(shifted, fraction) << 32 | shifted * fraction >>> 32;
  }

  /**
   * What CPUID returns in EAX, EBX, ECX and EDX.
   *
   * @param cr4 CR4 as the guest has set it
   * @param xcr0 for the sizes in leaf Dh
   * @param forced whether the kernel asked by the forced-emulation prefix: it is shown OSXSAVE as Xen has it set, as PV
   *     kernels have come to depend on
   */
  public int[] read(int leaf, int subleaf, long cr4, long xcr0, boolean forced) {
    int group = leaf & 0xc000_0000;
    if (group == XEN_LEAVES) {
      int index = leaf - XEN_LEAVES;
      return index <= LAST_XEN_LEAF ? xenLeaf(index, subleaf) : new int[4];
    }
    if (leaf >= 0 && leaf > LAST_BASIC_LEAF) {
      return new int[4];
    }
    int[] r = model.read(leaf, subleaf, cr4, xcr0).clone();
    boolean amd = model.isAmd();
    switch (leaf) {
      case 0 -> r[0] = Math.min(r[0], LAST_BASIC_LEAF);
      case 1 -> {
        r[0] &= 0x0fff_0fff;
        r[1] &= 0x00ff_ffff;
        r[2] = r[2] & ~HIDDEN_1_ECX | HYPERVISOR;
        if ((r[2] & XSAVE) != 0 && ((cr4 & OSXSAVE) != 0 || forced)) {
          r[2] |= SHOWN_OSXSAVE;
        }
        r[3] = leaf1Edx(r[3]);
      }
      // MONITOR, power management and performance counters; topology.
      case 5, 6, 9, 0xa, 0xb -> r = new int[4];
      case 7 -> {
        if (subleaf == 0) {
          r[1] &= ~HIDDEN_7_EBX;
          r[2] &= ~HIDDEN_7_ECX;
          if ((r[3] & IBRS_IBPB) != 0) {
            r[3] |= STIBP;
          }
        } else {
          // What is left of subleaf 2 is control of BHI, which isn't for PV guests.
          r = new int[4];
        }
      }
      case 0x8000_0001 -> {
        r[2] &= ~HIDDEN_EXT1_ECX;
        r[3] &= ~PAGE_1GB;
        if (amd) {
          r[3] = r[3] & ~COMMON_WITH_LEAF1 | leaf1Edx(r[3]) & COMMON_WITH_LEAF1;
        }
      }
      // Invariant TSC is for domains that can't migrate, if they ask for it.
      case 0x8000_0007 -> r = new int[4];
      case 0x8000_0008 -> {
        if ((model.read(7, 0, cr4, xcr0)[3] & IBRS_IBPB) != 0) {
          r[1] |= IBPB;
        }
      }
      case 0x8000_000a, 0x8000_001d, 0x8000_001e -> r = new int[4];
      default -> {}
    }
    return r;
  }

  private int leaf1Edx(int edx) {
    return (edx & ~(model.isAmd() ? HIDDEN_1_EDX | SEP : HIDDEN_1_EDX)) | APIC;
  }

  private int[] xenLeaf(int index, int subleaf) {
    return switch (index) {
      case 0 -> new int[] {XEN_LEAVES + LAST_XEN_LEAF, SIGNATURE_EBX, SIGNATURE_ECX, SIGNATURE_EDX};
      case 1 -> new int[] {XenVersion.VERSION, 0, 0, 0};
      // One hypercall page, and the MSR that writes it.
      case 2 -> new int[] {1, (int) MSR_BASE, PRESERVE_AD, 0};
      case 3 -> timeLeaf(subleaf);
      case 5 -> subleaf == 0 ? new int[] {0, machineAddressBits, 0, 0} : new int[4];
      default -> new int[4];
    };
  }

  private int[] timeLeaf(int subleaf) {
    int kilohertz = (int) (tsc.frequencyHz() / 1000);
    return switch (subleaf) {
      // The TSC isn't emulated, its mode is the default, and the domain has never moved.
      case 0 -> new int[] {HOST_TSC_RELIABLE | HAS_RDTSCP, 0, kilohertz, 1};
      case 1 -> new int[] {(int) tscOffset, (int) (tscOffset >>> 32), scaleFraction, scaleShift};
      case 2 -> new int[] {kilohertz, 0, 0, 0};
      default -> new int[4];
    };
  }

  /**
   * Looks whether an instruction that raised #UD is the prefix that makes Xen emulate CPUID, and does so: the registers are
   * set, and RIP is behind it. A #DB for a single step is left to the caller.
   *
   * @param faulting whether the guest has user mode's CPUID raise #GP ({@link PvMsrs#cpuidFaults})
   * @return false if it is something else: the #UD is the guest's
   * @throws GuestFault what else the guest gets: #PF where the code can't be read, #GP
   */
  public boolean emulateForced(PvVcpu vcpu, long cr4, long xcr0, boolean faulting) {
    PvCpu cpu = vcpu.cpu();
    long rip = cpu.rip();
    if (!matches(vcpu, rip, 0, SIGNATURE) || !matches(vcpu, rip, SIGNATURE, FORCED.length)) {
      return false;
    }
    if (faulting && !cpu.kernelMode()) {
      cpu.rip(rip + SIGNATURE);
      throw GuestFault.GP0;
    }
    int[] r = read((int) cpu.register(0), (int) cpu.register(1), cr4, xcr0, cpu.kernelMode());
    cpu.register(0, Integer.toUnsignedLong(r[0]));
    cpu.register(1, Integer.toUnsignedLong(r[2]));
    cpu.register(2, Integer.toUnsignedLong(r[3]));
    cpu.register(3, Integer.toUnsignedLong(r[1]));
    cpu.rip(rip + FORCED.length);
    cpu.rflags(cpu.rflags() & ~RF);
    return true;
  }

  /** Whether the code at {@code rip} has some of the bytes of {@link #FORCED}; as in Xen all of them must be readable. */
  private static boolean matches(PvVcpu vcpu, long rip, int from, int to) {
    boolean matches = true;
    for (int i = from; i < to; i++) {
      long maddr = vcpu.cpu().translate(rip + i, false);
      if (maddr < 0) {
        throw GuestFault.pageFault(0, rip + i);
      }
      matches &= (byte) vcpu.domain().raw().getByte(maddr) == FORCED[i];
    }
    return matches;
  }
}
