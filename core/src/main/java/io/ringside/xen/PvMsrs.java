package io.ringside.xen;

import io.ringside.cpu.CpuidModel;
import io.ringside.cpu.GuestFault;
import java.util.function.LongConsumer;

/**
 * RDMSR and WRMSR of one vCPU's guest kernel as Xen emulates them for an unprivileged PV domain ({@code msr.c} and {@code
 * pv/emul-priv-op.c} of Xen 4.17). Numbers: SDM vol. 4; from C001_0000h AMD's APM vol. 2 and processor programming
 * references. What is not here raises #GP.
 *
 * <p>The MSRs of system calls and of the page attribute table belong to Xen; hypercalls stand in for the first, and PAT
 * can only be read.
 */
public final class PvMsrs {
  private static final int P5_MC_ADDR = 0;
  private static final int P5_MC_TYPE = 1;
  private static final int TSC = 0x10;
  private static final int PLATFORM_ID = 0x17;
  private static final int APIC_BASE = 0x1b;
  private static final int FEATURE_CONTROL = 0x3a;
  private static final int SPEC_CTRL = 0x48;
  private static final int PRED_CMD = 0x49;
  private static final int MICROCODE_REVISION = 0x8b;
  private static final int PLATFORM_INFO = 0xce;
  private static final int MPERF = 0xe7;
  private static final int APERF = 0xe8;
  private static final int ARCH_CAPABILITIES = 0x10a;
  private static final int MISC_FEATURES_ENABLES = 0x140;
  private static final int MCG_CAP = 0x179;
  private static final int MCG_STATUS = 0x17a;
  private static final int MCG_CTL = 0x17b;
  private static final int PERF_STATUS = 0x198;
  private static final int PERF_CTL = 0x199;
  private static final int THERM_CONTROL = 0x19a;
  private static final int THERM_STATUS = 0x19c;
  private static final int MISC_ENABLE = 0x1a0;
  private static final int DEBUGCTL = 0x1d9;
  private static final int ENERGY_PERF_BIAS = 0x1b0;
  private static final int PAT = 0x277;
  private static final int PERF_CAPABILITIES = 0x345;
  private static final int EFER = 0xc000_0080;
  private static final int FS_BASE = 0xc000_0100;
  private static final int GS_BASE = 0xc000_0101;
  private static final int KERNEL_GS_BASE = 0xc000_0102;
  private static final int TSC_AUX = 0xc000_0103;
  private static final int AMD_HWCR = 0xc001_0015;
  private static final int AMD_NB_CFG = 0xc001_001f;
  private static final int AMD_MMIO_CONF_BASE = 0xc001_0058;
  private static final int AMD_DE_CFG = 0xc001_1029;

  /** Writes the hypercall page; the first MSR of a range that is Xen's. */
  private static final int XEN_HYPERCALL_PAGE = 0x4000_0000;

  private static final int MCE_BANKS = 2;

  /** Bits of IA32_MCG_CAP on Intel's processors: threshold-based error status, software error recovery. */
  private static final int MCG_TES_SER = 1 << 11 | 1 << 24;

  /** The page attributes that Xen uses: WB WT UC- UC WC WP UC UC. */
  private static final long XEN_PAT = 0x0000_0501_0007_0406L;

  /** LFENCE is serializing. */
  private static final long DE_CFG_VALUE = 2;

  /** Fast strings; no BTS, no PEBS, no xTPR messages. */
  private static final long MISC_ENABLE_VALUE = 1 | 1 << 11 | 1 << 12 | 1 << 23;

  private static final long APIC_BASE_VALUE = 0xfee0_0800L;
  private static final long APIC_BASE_BSP = 0x100;

  /** SCE, LME, LMA, NXE. */
  private static final long EFER_VALUE = 0xd01;

  private static final long EFER_AUTOMATIC_IBRS = 1L << 21;

  private static final long CPUID_FAULTING_OFFERED = 1L << 31;
  private static final long CPUID_FAULTING = 1;

  /** IBRS and STIBP: SDM vol. 4, IA32_SPEC_CTRL. */
  private static final long SPEC_CTRL_WRITABLE = 3;

  /** IBPB: SDM vol. 4, IA32_PRED_CMD. */
  private static final long PRED_CMD_WRITABLE = 1;

  private final PvVcpu vcpu;
  private final boolean amd;
  private final boolean mmioConfiguration;
  private final boolean branchControl;
  private final long archCapabilities;
  private final long microcode;
  private final long efer;
  private final boolean offersFaulting;
  private final LongConsumer tscAux;

  private long specCtrl;
  private long miscFeatures;
  private long machineCheckStatus;
  private long tscAuxValue;

  /**
   * Makes the MSRs of a vCPU at its start.
   *
   * @param model what the processor has that executes it
   * @param offersFaulting whether the guest may have user mode's CPUID raise #GP, which the engine then must do by {@link
   *     #cpuidFaults}
   * @param tscAux sets what RDTSCP and RDPID give, 32 bits
   */
  public PvMsrs(PvVcpu vcpu, CpuidModel model, boolean offersFaulting, LongConsumer tscAux) {
    this.vcpu = vcpu;
    this.offersFaulting = offersFaulting;
    this.tscAux = tscAux;
    this.amd = model.isAmd();
    int signature = model.read(1, 0, 0, 0)[0];
    int family = (signature >>> 8 & 0xf) + (signature >>> 20 & 0xff);
    this.mmioConfiguration = amd && family >= 0x10 && family < 0x17;
    int edx7 = model.read(7, 0, 0, 0)[3];
    this.branchControl = (edx7 & 1 << 26) != 0;
    // SKIP_L1DFL_VMENTRY is not for PV guests.
    this.archCapabilities = model.archCapabilities() & ~(1L << 3);
    this.microcode = model.microcodeRevision();
    boolean automaticIbrs = (model.read(0x8000_0021, 0, 0, 0)[0] & 1 << 8) != 0;
    this.efer = automaticIbrs ? EFER_VALUE | EFER_AUTOMATIC_IBRS : EFER_VALUE;
  }

  /** Whether the guest wants CPUID in its user mode to raise #GP. */
  public boolean cpuidFaults() {
    return (miscFeatures & CPUID_FAULTING) != 0;
  }

  /**
   * Reads an MSR for the guest kernel.
   *
   * @param handlesFaults whether the guest has a handler for #GP. Until then Xen has reads of MSRs that exist give 0, for
   *     kernels that read some that early; we take all for existing that can be in a processor's permission bitmap.
   * @throws GuestFault #GP(0)
   */
  public long read(int msr, boolean handlesFaults) {
    try {
      return read(msr);
    } catch (GuestFault fault) {
      int range = msr & 0xffff_e000;
      if (!handlesFaults && (range == 0 || range == 0xc000_0000 || range == 0xc001_0000)) {
        return 0;
      }
      throw fault;
    }
  }

  private long read(int msr) {
    return switch (msr) {
      case P5_MC_ADDR, P5_MC_TYPE, MCG_CTL -> 0;
      // Xen has no such MSR for PV guests; kernels read it all the same.
      case DEBUGCTL -> 0;
      case TSC -> vcpu.domain().config().tsc().guestTsc();
      case PLATFORM_ID, PERF_STATUS, PERF_CTL, THERM_STATUS -> onIntel(0);
      case APIC_BASE -> vcpu.id() == 0 ? APIC_BASE_VALUE | APIC_BASE_BSP : APIC_BASE_VALUE;
      // Locked, nothing enabled.
      case FEATURE_CONTROL -> onIntel(1);
      case SPEC_CTRL -> when(branchControl, specCtrl);
      case MICROCODE_REVISION -> microcode;
      case PLATFORM_INFO -> offersFaulting ? CPUID_FAULTING_OFFERED : 0;
      case ARCH_CAPABILITIES -> when(archCapabilities != 0, archCapabilities);
      case MISC_FEATURES_ENABLES -> miscFeatures;
      case MCG_CAP -> amd ? MCE_BANKS : MCE_BANKS | MCG_TES_SER;
      case MCG_STATUS -> machineCheckStatus;
      case MISC_ENABLE -> onIntel(MISC_ENABLE_VALUE);
      case PAT -> XEN_PAT;
      case PERF_CAPABILITIES -> 0;
      case EFER -> efer;
      case FS_BASE -> vcpu.cpu().segmentBase(PvCpu.FS);
      case GS_BASE -> vcpu.cpu().segmentBase(PvCpu.GS_KERNEL);
      case KERNEL_GS_BASE -> vcpu.cpu().segmentBase(PvCpu.GS_USER);
      case TSC_AUX -> tscAuxValue;
      case AMD_HWCR -> when(amd, 0);
      case AMD_NB_CFG -> 0;
      case AMD_MMIO_CONF_BASE -> when(mmioConfiguration, 0);
      case AMD_DE_CFG -> when(amd, DE_CFG_VALUE);
      case XEN_HYPERCALL_PAGE -> 0;
      default -> {
        if (isBank(msr)) {
          yield msr >= 0x400 && (msr & 3) == 0 && (msr & 0x7f) >>> 2 < MCE_BANKS ? -1L : 0;
        }
        yield when(isPerformanceCounter(msr) || isPowerState(msr), 0);
      }
    };
  }

  /**
   * Writes an MSR for the guest kernel.
   *
   * @throws GuestFault #GP(0)
   */
  public void write(int msr, long value) {
    switch (msr) {
      // Linux writes 0 before it reads the revision.
      case MICROCODE_REVISION -> require(!amd && value == 0);
      case SPEC_CTRL -> {
        require(branchControl && (value & ~SPEC_CTRL_WRITABLE) == 0);
        specCtrl = value;
      }
      case PRED_CMD -> require(branchControl && (value & ~PRED_CMD_WRITABLE) == 0);
      case MISC_FEATURES_ENABLES -> {
        require((value & ~(offersFaulting ? CPUID_FAULTING : 0)) == 0);
        miscFeatures = value;
      }
      case MCG_STATUS -> machineCheckStatus = value;
      case PERF_CTL, THERM_CONTROL, ENERGY_PERF_BIAS, MISC_ENABLE -> require(!amd);
      case DEBUGCTL -> require(value == 0);
      case FS_BASE -> base(PvCpu.FS, value);
      case GS_BASE -> base(PvCpu.GS_KERNEL, value);
      case KERNEL_GS_BASE -> base(PvCpu.GS_USER, value);
      case TSC_AUX -> {
        require(value >>> 32 == 0);
        tscAuxValue = value;
        tscAux.accept(value);
      }
      // Linux writes back what it read.
      case EFER -> require(value == efer);
      case AMD_HWCR, AMD_DE_CFG -> require(amd);
      case AMD_MMIO_CONF_BASE -> require(mmioConfiguration);
      case XEN_HYPERCALL_PAGE -> hypercallPage(value);
      case MCG_CAP, MCG_CTL, MPERF, APERF, AMD_NB_CFG -> {}
      default -> {
        if (isBank(msr)) {
          boolean readOnly = msr >= 0x400 && (msr & 3) != 0 && (msr & 0x7f) >>> 2 < MCE_BANKS;
          require(!readOnly || value == 0);
        } else {
          require(isPerformanceCounter(msr) || isPowerState(msr));
        }
      }
    }
  }

  /** Machine check: IA32_MCi_CTL2, and CTL, STATUS, ADDR and MISC of up to 32 banks, of which the first two are there. */
  private static boolean isBank(int msr) {
    return msr >= 0x280 && msr <= 0x29f || msr >= 0x400 && msr <= 0x47f;
  }

  /** Performance counters and their controls: they read 0 while virtual ones are off. */
  private boolean isPerformanceCounter(int msr) {
    if (amd) {
      return msr >= 0xc001_0000 && msr <= 0xc001_0007 || msr >= 0xc001_0200 && msr <= 0xc001_020b;
    }
    return msr >= 0xc1 && msr <= 0xc8
        || msr >= 0x186 && msr <= 0x189
        || msr >= 0x309 && msr <= 0x30b
        || msr >= 0x38d && msr <= 0x390;
  }

  /** AMD's P-states: FID_VID_CTL and STATUS; limit, control, status and definitions. */
  private boolean isPowerState(int msr) {
    return amd
        && (msr == 0xc001_0041 || msr == 0xc001_0042 || msr >= 0xc001_0061 && msr <= 0xc001_006b);
  }

  private void base(int which, long value) {
    require(value << 16 >> 16 == value);
    vcpu.cpu().segmentBase(which, value);
  }

  private void hypercallPage(long value) {
    Domain domain = vcpu.domain();
    long mfn = value >>> 12;
    require((value & 4095) == 0);
    require(domain.types().acquirePage(mfn, PageTypes.WRITABLE) == 0);
    HypercallPage.write(domain.raw(), mfn << 12);
    domain.stored(mfn << 12, 4096);
    domain.types().releasePage(mfn);
  }

  private long onIntel(long value) {
    return when(!amd, value);
  }

  private static long when(boolean present, long value) {
    require(present);
    return value;
  }

  private static void require(boolean allowed) {
    if (!allowed) {
      throw GuestFault.GP0;
    }
  }
}
