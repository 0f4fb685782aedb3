package io.ringside.cpu;

import io.ringside.machine.InterruptController;
import io.ringside.x86.Feature;
import java.util.EnumSet;
import java.util.Set;

/**
 * What CPUID tells the guest: the host's identity, with no more features than translated code and emulation give
 * (SDM vol. 2, CPUID; AMD APM vol. 3, appendix E). One core with one thread and APIC id 0.
 *
 * <p><b>Transient execution.</b> Both of the guest's privilege levels run in one process at the host's CPL 3, and each
 * indirect branch and return of the guest is an indirect jump of the host through a table. So the processor's branch
 * predictors don't keep a guest's kernel and its processes apart, and nothing that the guest can do makes them: a
 * retpoline, an untrained or stuffed return stack, a cleared branch history become further jumps of that kind. The bits
 * below tell the guest that it need not try, for its attempts cost time and protect nothing:
 *
 * <ul>
 *   <li>SRSO_NO and BTC_NO: what safe RET and return thunks work around is the prediction of RET instructions. No RET of
 *       the guest becomes a RET of the host.
 *   <li>Automatic IBRS (AMD) and IBRS_ALL with BHI_NO, BHI_CTRL and ITS_NO (Intel): the guest leaves indirect branches as they are.
 *       The control bits are kept and have no effect; nor has IBPB, which comes with IBRS on Intel's processors.
 *   <li>GDS_NO: gathers are emulated by single loads. RDCL_NO and its kin: faults of paging and of device memory, which
 *       the software TLB finds before there is an access.
 * </ul>
 *
 * <p>The rest is as the host says (TSA_SQ_NO, TSA_L1_NO), or is not claimed: guests find themselves open to speculative
 * store bypass. What these bits do <em>not</em> say is that a process of the guest can't read its kernel's memory through
 * a side channel. Who needs that boundary must not run both in one machine.
 */
public final class CpuidModel {
  /** IA32_ARCH_CAPABILITIES where it is shown (SDM vol. 4); the class comment has the reasons. */
  static final long ARCH_CAPABILITIES =
      1L // RDCL_NO
          | 1L << 3 // SKIP_L1DFL_VMENTRY
          | 1L << 5 // MDS_NO
          | 1L << 6 // IF_PSCHANGE_MC_NO
          | 1L << 8 // TAA_NO
          | 1L << 13 // SBDR_SSDP_NO
          | 1L << 14 // FBSDP_NO
          | 1L << 15 // PSDP_NO
          | 1L << 1 // IBRS_ALL
          | 1L << 20 // BHI_NO
          | 1L << 24 // PBRSB_NO
          | 1L << 26 // GDS_NO
          | 1L << 62; // ITS_NO

  private static final long AMD_PATCH_LEVEL = 0x0100_0065;
  private static final long INTEL_MICROCODE_REVISION = 0xffff_ffffL << 32;

  private static final int VENDOR_AMD_EBX = 0x6874_7541;
  private static final int VENDOR_INTEL_EBX = 0x756e_6547;

  // Leaf 1 EDX: FPU DE PSE TSC MSR PAE CX8 APIC MTRR PGE CMOV PAT CLFSH MMX FXSR SSE SSE2; SEP
  // where it works.
  private static final int LEAF1_EDX =
      1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 12 | 1 << 13 | 1 << 15
          | 1 << 16 | 1 << 19 | 1 << 23 | 1 << 24 | 1 << 25 | 1 << 26;
  private static final int LEAF1_EDX_SEP = 1 << 11;
  private static final int LEAF1_EDX_APIC = 1 << 9;
  // Leaf 1 ECX: SSE3 PCLMULQDQ SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 x2APIC MOVBE POPCNT TSC-deadline
  // AES XSAVE AVX F16C
  // RDRAND.
  private static final int LEAF1_ECX =
      1 | 1 << 1 | 1 << 9 | 1 << 12 | 1 << 13 | 1 << 17 | 1 << 19 | 1 << 20 | 1 << 21 | 1 << 22
          | 1 << 23 | 1 << 24 | 1 << 25 | 1 << 26 | 1 << 28 | 1 << 29 | 1 << 30;
  private static final int LEAF1_ECX_OURS = 1 << 17 | 1 << 21 | 1 << 24;
  private static final int LEAF1_ECX_OSXSAVE = 1 << 27;
  // Leaf 7 EBX: FSGSBASE TSC_ADJUST BMI1 AVX2 SMEP BMI2 ERMS INVPCID RDSEED ADX SMAP CLFLUSHOPT
  // CLWB SHA.
  private static final int LEAF7_EBX =
      1 | 1 << 1 | 1 << 3 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 18 | 1 << 19
          | 1 << 20 | 1 << 23 | 1 << 24 | 1 << 29;
  // These are emulated whatever the host has.
  private static final int LEAF7_EBX_OURS = 1 | 1 << 1 | 1 << 7 | 1 << 9 | 1 << 10 | 1 << 20;
  private static final int LEAF7_ECX_UMIP = 1 << 2;
  private static final int LEAF7_ECX_RDPID = 1 << 22;
  private static final int LEAF7_EDX_FSRM = 1 << 4;
  // The guest's code is translated anew when it changes, so SERIALIZE has nothing to do; without it
  // Linux executes an IRET to itself for each of its 50,000 patches at boot.
  private static final int LEAF7_EDX_SERIALIZE = 1 << 14;
  private static final int LEAF7_EDX_IBRS_IBPB = 1 << 26;
  private static final int LEAF7_EDX_ARCH_CAPABILITIES = 1 << 29;
  private static final int LEAF7_2_EDX_BHI_CTRL = 1 << 4;
  // 80000001h ECX: LAHF, ABM, SSE4A, PREFETCHW, TOPOEXT. EDX: SYSCALL NX 1GB RDTSCP LM.
  private static final int EXT1_ECX = 1 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 22;
  private static final int EXT1_EDX = 1 << 11 | 1 << 20 | 1 << 26 | 1 << 27 | 1 << 29;
  private static final int EXT1_EDX_AS_LEAF1 = 0x0183_f3ff;
  // 80000008h EBX: BTC_NO; from the host: error pointers saved always (XSaveErPtr).
  private static final int AMD_8000_0008_EBX_OURS = 1 << 29;
  private static final int AMD_8000_0008_EBX_HOST = 1 << 2;
  // 80000021h EAX: null selectors clear the base (as SegmentInstructions has it), Automatic IBRS,
  // SRSO_NO; from the host:
  // no nested data breakpoints, LFENCE serializes. ECX: TSA_SQ_NO, TSA_L1_NO.
  private static final int AMD_8000_0021_EAX_OURS = 1 << 6 | 1 << 8 | 1 << 29;
  private static final int AMD_8000_0021_EAX_HOST = 1 | 1 << 2;
  private static final int AMD_8000_0021_ECX_HOST = 1 << 1 | 1 << 2;
  // Leaf Dh, 1: XSAVEOPT, XSAVEC, XGETBV with ECX=1.
  private static final int XSAVE_EXTENSIONS = 7;

  private static final int MAX_BASIC = 0x16;
  private static final int MAX_BASIC_AMD = 0xd;
  private static final int CACHE_SIZE = 64;

  private final HostCpuid host;
  private final InterruptController interruptController;
  private final int physicalAddressBits;
  private final long tscHz;
  private final long apicHz;
  private final boolean amd;
  private final boolean intel;
  private final int maxBasic;
  private final int hostMaxExtended;
  private final int maxExtended;
  private final int[] hostLeaf1;
  private final int leaf1Ecx;
  private final int leaf7Ebx;
  private final int leaf7Ecx;
  private final int leaf7Edx;
  private final int ext1Ecx;
  private final int xsaveExtensions;
  private final long features;
  private final int[] cachedLeaves = new int[CACHE_SIZE];
  private final int[] cachedSubleaves = new int[CACHE_SIZE];
  private final int[][] cached = new int[CACHE_SIZE][];
  private int cachedCount;

  /**
   * Builds the model.
   *
   * @param host the host's CPUID
   * @param interruptController for the APIC enable flag that leaf 1 shows
   * @param physicalAddressBits guest-physical address width, 36 to 48
   * @param tscHz frequency of the guest's TSC, 0 if unknown
   * @param apicHz frequency of the APIC timer's input, 0 if unknown
   */
  public CpuidModel(
      HostCpuid host,
      InterruptController interruptController,
      int physicalAddressBits,
      long tscHz,
      long apicHz) {
    this.host = host;
    this.interruptController = interruptController;
    this.physicalAddressBits = physicalAddressBits;
    this.tscHz = tscHz;
    this.apicHz = apicHz;
    int[] vendor = host.read(0, 0);
    amd = vendor[1] == VENDOR_AMD_EBX;
    intel = vendor[1] == VENDOR_INTEL_EBX;
    maxBasic = Math.min(vendor[0], amd ? MAX_BASIC_AMD : MAX_BASIC);
    hostMaxExtended = host.read(0x8000_0000, 0)[0];
    maxExtended = amd ? 0x8000_0021 : 0x8000_0008;
    hostLeaf1 = host.read(1, 0);
    boolean hostHasXsave = (hostLeaf1[2] & 1 << 26) != 0;
    boolean hostHasAvx = hostHasXsave && (hostLeaf1[2] & 1 << 28) != 0;
    leaf1Ecx =
        LEAF1_ECX
            & (hostLeaf1[2] | LEAF1_ECX_OURS)
            & (hostHasAvx ? -1 : ~(1 << 12 | 1 << 28 | 1 << 29));
    int[] host7 = vendor[0] >= 7 ? host.read(7, 0) : new int[4];
    leaf7Ebx = LEAF7_EBX & (host7[1] | LEAF7_EBX_OURS) & (hostHasAvx ? -1 : ~(1 << 5));
    leaf7Ecx = LEAF7_ECX_UMIP | LEAF7_ECX_RDPID;
    leaf7Edx =
        host7[3] & LEAF7_EDX_FSRM
            | LEAF7_EDX_SERIALIZE
            | (intel ? LEAF7_EDX_IBRS_IBPB | LEAF7_EDX_ARCH_CAPABILITIES : 0);
    int[] hostExt1 = host.read(0x8000_0001, 0);
    ext1Ecx = hostExt1[2] & EXT1_ECX & (amd ? -1 : 1 | 1 << 5 | 1 << 8);
    xsaveExtensions = hostHasXsave ? XSAVE_EXTENSIONS : 0;
    features = collectFeatures();
  }

  private long collectFeatures() {
    long set =
        bit(Feature.BASE) | bit(Feature.RDTSCP) | bit(Feature.RDPID) | bit(Feature.SERIALIZE);
    set |=
        when(leaf1Ecx, 0, Feature.SSE3)
            | when(leaf1Ecx, 1, Feature.PCLMULQDQ)
            | when(leaf1Ecx, 9, Feature.SSSE3);
    set |= when(leaf1Ecx, 12, Feature.FMA) | when(leaf1Ecx, 13, Feature.CMPXCHG16B);
    set |=
        when(leaf1Ecx, 19, Feature.SSE4_1)
            | when(leaf1Ecx, 20, Feature.SSE4_2)
            | when(leaf1Ecx, 22, Feature.MOVBE);
    set |=
        when(leaf1Ecx, 23, Feature.POPCNT)
            | when(leaf1Ecx, 25, Feature.AES)
            | when(leaf1Ecx, 26, Feature.XSAVE);
    set |=
        when(leaf1Ecx, 28, Feature.AVX)
            | when(leaf1Ecx, 29, Feature.F16C)
            | when(leaf1Ecx, 30, Feature.RDRAND);
    set |=
        when(leaf7Ebx, 0, Feature.FSGSBASE)
            | when(leaf7Ebx, 3, Feature.BMI1)
            | when(leaf7Ebx, 5, Feature.AVX2);
    set |=
        when(leaf7Ebx, 8, Feature.BMI2)
            | when(leaf7Ebx, 10, Feature.INVPCID)
            | when(leaf7Ebx, 18, Feature.RDSEED);
    set |= when(leaf7Ebx, 19, Feature.ADX) | when(leaf7Ebx, 20, Feature.SMAP);
    set |=
        when(leaf7Ebx, 23, Feature.CLFLUSHOPT)
            | when(leaf7Ebx, 24, Feature.CLWB)
            | when(leaf7Ebx, 29, Feature.SHA);
    set |=
        when(ext1Ecx, 0, Feature.LAHF_LM)
            | when(ext1Ecx, 5, Feature.LZCNT)
            | when(ext1Ecx, 6, Feature.SSE4A);
    set |= when(ext1Ecx, 8, Feature.PREFETCHW);
    set |= when(xsaveExtensions, 0, Feature.XSAVEOPT) | when(xsaveExtensions, 1, Feature.XSAVEC);
    return set;
  }

  private static long bit(Feature feature) {
    return 1L << feature.ordinal();
  }

  private static long when(int register, int bit, Feature feature) {
    return (register & 1 << bit) != 0 ? bit(feature) : 0;
  }

  /** Whether the guest may use a feature's instructions; they raise #UD otherwise. */
  public boolean shows(Feature feature) {
    return (features & bit(feature)) != 0;
  }

  /** All features that the guest may use. */
  public Set<Feature> features() {
    EnumSet<Feature> set = EnumSet.noneOf(Feature.class);
    for (Feature feature : Feature.values()) {
      if (shows(feature)) {
        set.add(feature);
      }
    }
    return set;
  }

  /** Whether the vendor is AuthenticAMD. */
  public boolean isAmd() {
    return amd;
  }

  /** MAXPHYADDR of the guest. */
  public int physicalAddressBits() {
    return physicalAddressBits;
  }

  /** The bits that CR4 may have. */
  public long allowedCr4() {
    long allowed =
        RegisterBits.CR4_TSD
            | RegisterBits.CR4_DE
            | RegisterBits.CR4_PSE
            | RegisterBits.CR4_PAE
            | RegisterBits.CR4_MCE
            | RegisterBits.CR4_PGE
            | RegisterBits.CR4_PCE
            | RegisterBits.CR4_OSFXSR
            | RegisterBits.CR4_OSXMMEXCPT
            | RegisterBits.CR4_UMIP
            | RegisterBits.CR4_PCIDE
            | RegisterBits.CR4_SMEP
            | RegisterBits.CR4_SMAP;
    if (shows(Feature.FSGSBASE)) {
      allowed |= RegisterBits.CR4_FSGSBASE;
    }
    return shows(Feature.XSAVE) ? allowed | RegisterBits.CR4_OSXSAVE : allowed;
  }

  /** The bits that XCR0 may have: x87, SSE and AVX. */
  public long allowedXcr0() {
    return shows(Feature.AVX) ? 7 : 3;
  }

  boolean showsXgetbv1() {
    return (xsaveExtensions & 4) != 0;
  }

  /** IA32_ARCH_CAPABILITIES, 0 where there is none. */
  public long archCapabilities() {
    return showsArchCapabilities() ? ARCH_CAPABILITIES : 0;
  }

  /** IA32_BIOS_SIGN_ID on Intel's processors, PATCH_LEVEL on AMD's: one that no guest finds too old. */
  public long microcodeRevision() {
    return amd ? AMD_PATCH_LEVEL : INTEL_MICROCODE_REVISION;
  }

  boolean showsArchCapabilities() {
    return (leaf7Edx & LEAF7_EDX_ARCH_CAPABILITIES) != 0;
  }

  /**
   * What CPUID returns in EAX, EBX, ECX and EDX. The caller must not change the array.
   *
   * @param cr4 for OSXSAVE
   * @param xcr0 for the sizes in leaf Dh
   */
  public int[] read(int leaf, int subleaf, long cr4, long xcr0) {
    if (leaf == 1) {
      return leaf1(cr4);
    }
    if (leaf == 0xd) {
      return xsaveLeaf(subleaf, xcr0);
    }
    for (int i = 0; i < cachedCount; i++) {
      if (cachedLeaves[i] == leaf && cachedSubleaves[i] == subleaf) {
        return cached[i];
      }
    }
    int[] result = build(leaf, subleaf);
    if (cachedCount < CACHE_SIZE) {
      cachedLeaves[cachedCount] = leaf;
      cachedSubleaves[cachedCount] = subleaf;
      cached[cachedCount++] = result;
    }
    return result;
  }

  private int[] build(int leaf, int subleaf) {
    if (leaf < 0) {
      return Integer.compareUnsigned(leaf, maxExtended) <= 0 ? extended(leaf, subleaf) : new int[4];
    }
    if (leaf > maxBasic) {
      // Intel gives the data of the highest basic leaf, AMD zeros; zeros mislead nobody.
      return new int[4];
    }
    return switch (leaf) {
      case 0 -> {
        int[] r = host.read(0, 0);
        yield new int[] {maxBasic, r[1], r[2], r[3]};
      }
      case 2 -> intel ? host.read(2, 0) : new int[4];
      case 4 -> cacheLeaf(leaf, subleaf, intel);
      case 6 -> new int[] {4, 0, 0, 0}; // ARAT
      case 7 ->
          switch (subleaf) {
            case 0 -> new int[] {intel ? 2 : 0, leaf7Ebx, leaf7Ecx, leaf7Edx};
            case 2 -> new int[] {0, 0, 0, intel ? LEAF7_2_EDX_BHI_CTRL : 0};
            default -> new int[4];
          };
      case 0xb -> topologyLeaf(subleaf);
      case 0x15 -> timeLeaf();
      case 0x16 -> {
        int mhz = (int) (tscHz / 1_000_000);
        yield new int[] {mhz, mhz, 0, 0};
      }
      default -> new int[4];
    };
  }

  private int[] leaf1(long cr4) {
    int[] r = hostLeaf1;
    int edx = LEAF1_EDX | (intel ? LEAF1_EDX_SEP : 0);
    if ((interruptController.readApicBase() & 1 << 11) == 0) {
      edx &= ~LEAF1_EDX_APIC;
    }
    int ecx = leaf1Ecx;
    if ((cr4 & RegisterBits.CR4_OSXSAVE) != 0) {
      ecx |= LEAF1_ECX_OSXSAVE;
    }
    // EBX: no brand index, the host's CLFLUSH size, one logical processor, APIC id 0.
    return new int[] {r[0], r[1] & 0xff00 | 1 << 16, ecx, edx};
  }

  /** Leaf 4 or 8000001Dh: the host's caches, shared by nobody (EAX bits 31 to 14 count sharers and cores). */
  private int[] cacheLeaf(int leaf, int subleaf, boolean present) {
    if (!present || subleaf > 8) {
      return new int[4];
    }
    int[] r = host.read(leaf, subleaf);
    return (r[0] & 0x1f) == 0 ? new int[4] : new int[] {r[0] & 0x3fff, r[1], r[2], r[3]};
  }

  /** Leaf Bh: one thread in one core in one package. */
  private static int[] topologyLeaf(int subleaf) {
    return switch (subleaf) {
      case 0 -> new int[] {0, 1, 1 << 8, 0};
      case 1 -> new int[] {0, 1, 2 << 8 | 1, 0};
      default -> new int[] {0, 0, subleaf & 0xff, 0};
    };
  }

  /** Leaf 15h: TSC frequency = ECX * EBX / EAX; Linux takes ECX for the APIC timer's frequency too. */
  private int[] timeLeaf() {
    if (tscHz == 0 || apicHz == 0 || apicHz >>> 32 != 0) {
      return new int[4];
    }
    return new int[] {(int) (apicHz / 1000), (int) (tscHz / 1000), (int) apicHz, 0};
  }

  private int[] xsaveLeaf(int subleaf, long xcr0) {
    if (!shows(Feature.XSAVE)) {
      return new int[4];
    }
    boolean avx = shows(Feature.AVX);
    int full = FpuState.LEGACY_SIZE + FpuState.HEADER_SIZE;
    return switch (subleaf) {
      case 0 -> {
        int enabled = (xcr0 & 4) != 0 ? full + FpuState.AVX_SIZE : full;
        yield new int[] {(int) allowedXcr0(), enabled, avx ? full + FpuState.AVX_SIZE : full, 0};
      }
      case 1 ->
          new int[] {xsaveExtensions, (xcr0 & 4) != 0 ? full + FpuState.AVX_SIZE : full, 0, 0};
      case 2 -> avx ? new int[] {FpuState.AVX_SIZE, full, 0, 0} : new int[4];
      default -> new int[4];
    };
  }

  private int[] extended(int leaf, int subleaf) {
    return switch (leaf) {
      case 0x8000_0000 -> {
        int[] r = host.read(leaf, 0);
        yield new int[] {maxExtended, r[1], r[2], r[3]};
      }
      case 0x8000_0001 -> {
        int[] r = host.read(leaf, 0);
        int duplicated = amd ? LEAF1_EDX & EXT1_EDX_AS_LEAF1 : 0;
        yield new int[] {amd ? r[0] : 0, amd ? r[1] : 0, ext1Ecx, EXT1_EDX | duplicated};
      }
      case 0x8000_0002, 0x8000_0003, 0x8000_0004 -> host.read(leaf, 0);
      case 0x8000_0005 -> amd ? host.read(leaf, 0) : new int[4];
      case 0x8000_0006 -> host.read(leaf, 0);
      case 0x8000_0007 -> new int[] {0, 0, 0, 1 << 8};
      case 0x8000_0008 -> {
        int ebx = amd ? host.read(leaf, 0)[1] & AMD_8000_0008_EBX_HOST | AMD_8000_0008_EBX_OURS : 0;
        yield new int[] {48 << 8 | physicalAddressBits, ebx, 0, 0};
      }
      case 0x8000_001d -> cacheLeaf(leaf, subleaf, (ext1Ecx & 1 << 22) != 0);
      case 0x8000_001e -> new int[4];
      case 0x8000_0021 -> {
        int[] r =
            Integer.compareUnsigned(hostMaxExtended, leaf) >= 0 ? host.read(leaf, 0) : new int[4];
        int eax = r[0] & AMD_8000_0021_EAX_HOST | AMD_8000_0021_EAX_OURS;
        yield new int[] {eax, 0, r[2] & AMD_8000_0021_ECX_HOST, 0};
      }
      default -> new int[4];
    };
  }
}
