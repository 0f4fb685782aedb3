package io.ringside.cpu;

import io.ringside.machine.InterruptController;
import io.ringside.x86.Instruction;

/**
 * RDMSR and WRMSR. The numbers are those of SDM vol. 4 and, from C001_0000h, of AMD's APM vol. 2 and the family's
 * processor programming reference. What is not here raises #GP.
 */
public final class Msrs {
  public static final int TSC = 0x10;
  public static final int APIC_BASE = 0x1b;
  public static final int TSC_ADJUST = 0x3b;
  public static final int TSC_DEADLINE = 0x6e0;
  public static final int EFER = 0xc000_0080;
  public static final int STAR = 0xc000_0081;
  public static final int LSTAR = 0xc000_0082;
  public static final int CSTAR = 0xc000_0083;
  public static final int SFMASK = 0xc000_0084;
  public static final int FS_BASE = 0xc000_0100;
  public static final int GS_BASE = 0xc000_0101;
  public static final int KERNEL_GS_BASE = 0xc000_0102;
  public static final int TSC_AUX = 0xc000_0103;

  private static final int X2APIC_FIRST = 0x800;
  private static final int X2APIC_LAST = 0x8ff;
  private static final int PLATFORM_ID = 0x17;
  private static final int EBL_CR_POWERON = 0x2a;
  private static final int FEATURE_CONTROL = 0x3a;
  private static final int SPEC_CTRL = 0x48;
  private static final int PRED_CMD = 0x49;
  private static final int MICROCODE_UPDATE = 0x79;
  private static final int MICROCODE_REVISION = 0x8b;
  private static final int PLATFORM_INFO = 0xce;
  private static final int ARCH_CAPABILITIES = 0x10a;
  private static final int SYSENTER_CS = 0x174;
  private static final int SYSENTER_ESP = 0x175;
  private static final int SYSENTER_EIP = 0x176;
  private static final int MCG_CAP = 0x179;
  private static final int MCG_STATUS = 0x17a;
  private static final int MISC_ENABLE = 0x1a0;
  private static final int DEBUGCTL = 0x1d9;
  private static final int PAT = 0x277;
  private static final int AMD_SYSCFG = 0xc001_0010;
  private static final int AMD_HWCR = 0xc001_0015;
  private static final int AMD_TOP_MEM = 0xc001_001a;
  private static final int AMD_TOP_MEM2 = 0xc001_001d;
  private static final int AMD_NB_CFG = 0xc001_001f;
  private static final int AMD_MMIO_CONF_BASE = 0xc001_0058;
  private static final int AMD_LS_CFG = 0xc001_1020;
  private static final int AMD_IC_CFG = 0xc001_1021;
  private static final int AMD_DC_CFG = 0xc001_1022;
  private static final int AMD_DE_CFG = 0xc001_1029;

  /** PAT at reset: SDM vol. 3, table 11-12. */
  private static final long PAT_RESET = 0x0007_0406_0007_0406L;

  /** Fast strings and, read-only, no BTS and no PEBS: SDM vol. 4, IA32_MISC_ENABLE. */
  private static final long MISC_ENABLE_RESET = 0x1801;

  /** TscFreqSel: the TSC counts at the P0 frequency. */
  private static final long HWCR_RESET = 1L << 24;

  /** LFENCE is serializing. */
  private static final long DE_CFG_RESET = 2;

  /** IBRS and BHI_DIS_S: SDM vol. 4, IA32_SPEC_CTRL. */
  private static final long SPEC_CTRL_WRITABLE = 1 | 1 << 10;

  /** IBPB: SDM vol. 4, IA32_PRED_CMD. */
  private static final long PRED_CMD_WRITABLE = 1;

  private final CpuState state;
  private final CpuHooks hooks;
  private final VirtualMemory memory;
  private final InterruptController interruptController;
  private final CpuidModel cpuid;
  private final boolean amd;
  private final Mtrrs mtrrs;
  private final PerformanceCounters performanceCounters;
  private final long topOfMemory;
  private final long topOfMemory2;

  private long sysenterCs;
  private long sysenterEsp;
  private long sysenterEip;
  private long tscAdjust;
  private long pat = PAT_RESET;
  private long miscEnable = MISC_ENABLE_RESET;
  private long debugCtl;
  private long specCtrl;
  private long hwcr = HWCR_RESET;
  private long lsCfg;
  private long deCfg = DE_CFG_RESET;
  private int lastUnknown;

  Msrs(
      CpuState state,
      CpuHooks hooks,
      VirtualMemory memory,
      InterruptController interruptController,
      CpuidModel cpuid,
      long lowRamEnd,
      long highRamEnd) {
    this.state = state;
    this.hooks = hooks;
    this.memory = memory;
    this.interruptController = interruptController;
    this.cpuid = cpuid;
    this.amd = cpuid.isAmd();
    this.mtrrs = new Mtrrs(cpuid.physicalAddressBits());
    this.performanceCounters = new PerformanceCounters(hooks, interruptController);
    this.topOfMemory = lowRamEnd;
    this.topOfMemory2 = highRamEnd;
  }

  Outcome rdmsr(Instruction insn) {
    Privilege.requireSupervisor(state);
    long value = read((int) state.gpr(CpuState.RCX));
    state.gpr(CpuState.RAX, value & 0xffff_ffffL);
    state.gpr(CpuState.RDX, value >>> 32);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome wrmsr(Instruction insn) {
    Privilege.requireSupervisor(state);
    write(
        (int) state.gpr(CpuState.RCX),
        state.gpr(CpuState.RDX) << 32 | state.gpr(CpuState.RAX) & 0xffff_ffffL);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome rdpmc(Instruction insn) {
    if ((state.get(CpuState.CR4) & RegisterBits.CR4_PCE) == 0) {
      Privilege.requireSupervisor(state);
    }
    require(amd);
    long value = performanceCounters.readCounter((int) state.gpr(CpuState.RCX));
    state.gpr(CpuState.RAX, value & 0xffff_ffffL);
    state.gpr(CpuState.RDX, value >>> 32);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  /** The guest's time stamp counter now. */
  public long guestTsc() {
    return hooks.hostTsc() + state.get(CpuState.TSC_OFFSET);
  }

  /** The last MSR number that raised #GP because it is not implemented, for a diagnosis; 0 if none has. */
  public int lastUnknown() {
    return lastUnknown;
  }

  long sysenterCs() {
    return sysenterCs;
  }

  long sysenterEsp() {
    return sysenterEsp;
  }

  long sysenterEip() {
    return sysenterEip;
  }

  /**
   * Reads an MSR.
   *
   * @throws GuestFault #GP(0) if there is none of that number
   */
  public long read(int msr) {
    return switch (msr) {
      case TSC -> guestTsc();
      case APIC_BASE -> interruptController.readApicBase();
      case TSC_ADJUST -> tscAdjust;
      case TSC_DEADLINE -> interruptController.readTscDeadline();
      case EFER -> state.get(CpuState.EFER);
      case STAR -> state.get(CpuState.STAR);
      case LSTAR -> state.get(CpuState.LSTAR);
      case CSTAR -> state.get(CpuState.CSTAR);
      case SFMASK -> state.get(CpuState.SFMASK);
      case FS_BASE -> state.get(CpuState.FS_BASE);
      case GS_BASE -> state.get(CpuState.GS_BASE);
      case KERNEL_GS_BASE -> state.get(CpuState.KERNEL_GS_BASE);
      case TSC_AUX -> state.get(CpuState.TSC_AUX);
      case SYSENTER_CS -> sysenterCs;
      case SYSENTER_ESP -> sysenterEsp;
      case SYSENTER_EIP -> sysenterEip;
      case PAT -> pat;
      case MISC_ENABLE -> miscEnable;
      case DEBUGCTL -> debugCtl;
      case MICROCODE_REVISION -> cpuid.microcodeRevision();
      case MCG_CAP, MCG_STATUS -> 0;
      default -> {
        if (msr >= X2APIC_FIRST && msr <= X2APIC_LAST) {
          yield readX2apic(msr);
        }
        if (Mtrrs.contains(msr)) {
          yield mtrrs.read(msr);
        }
        yield amd ? readAmd(msr) : readIntel(msr);
      }
    };
  }

  private long readX2apic(int msr) {
    try {
      return interruptController.readX2apic(msr);
    } catch (IllegalArgumentException _) {
      throw GuestFault.GP0;
    }
  }

  private long readIntel(int msr) {
    return switch (msr) {
      case PLATFORM_ID, EBL_CR_POWERON, PLATFORM_INFO -> 0;
      // Locked, nothing enabled: no VMX.
      case FEATURE_CONTROL -> 1;
      case SPEC_CTRL -> specCtrl;
      case ARCH_CAPABILITIES -> {
        if (!cpuid.showsArchCapabilities()) {
          throw unknown(msr);
        }
        yield CpuidModel.ARCH_CAPABILITIES;
      }
      default -> throw unknown(msr);
    };
  }

  private long readAmd(int msr) {
    return switch (msr) {
      case AMD_SYSCFG, AMD_NB_CFG, AMD_MMIO_CONF_BASE, AMD_IC_CFG, AMD_DC_CFG -> 0;
      case AMD_HWCR -> hwcr;
      case AMD_TOP_MEM -> topOfMemory;
      case AMD_TOP_MEM2 -> topOfMemory2;
      case AMD_LS_CFG -> lsCfg;
      case AMD_DE_CFG -> deCfg;
      default -> {
        if (PerformanceCounters.contains(msr)) {
          yield performanceCounters.read(msr);
        }
        throw unknown(msr);
      }
    };
  }

  private GuestFault unknown(int msr) {
    lastUnknown = msr;
    return GuestFault.GP0;
  }

  /**
   * Writes an MSR.
   *
   * @throws GuestFault #GP(0) if there is none of that number, or the value is not allowed
   */
  public void write(int msr, long value) {
    switch (msr) {
      case TSC -> setTsc(value);
      case TSC_ADJUST -> {
        state.set(CpuState.TSC_OFFSET, state.get(CpuState.TSC_OFFSET) + value - tscAdjust);
        tscAdjust = value;
      }
      case APIC_BASE -> require(interruptController.writeApicBase(value));
      case TSC_DEADLINE -> interruptController.writeTscDeadline(value);
      case EFER -> writeEfer(value);
      case STAR -> state.set(CpuState.STAR, value);
      case LSTAR -> setCanonical(CpuState.LSTAR, value);
      case CSTAR -> setCanonical(CpuState.CSTAR, value);
      case SFMASK -> state.set(CpuState.SFMASK, value & 0xffff_ffffL);
      case FS_BASE -> setCanonical(CpuState.FS_BASE, value);
      case GS_BASE -> setCanonical(CpuState.GS_BASE, value);
      case KERNEL_GS_BASE -> setCanonical(CpuState.KERNEL_GS_BASE, value);
      case TSC_AUX -> {
        require(value >>> 32 == 0);
        state.set(CpuState.TSC_AUX, value);
      }
      case SYSENTER_CS -> sysenterCs = value & 0xffff_ffffL;
      case SYSENTER_ESP -> {
        require(RegisterBits.isCanonical(value));
        sysenterEsp = value;
      }
      case SYSENTER_EIP -> {
        require(RegisterBits.isCanonical(value));
        sysenterEip = value;
      }
      case PAT -> writePat(value);
      case MISC_ENABLE -> miscEnable = value & ~0x1800L | miscEnable & 0x1800;
      case DEBUGCTL -> {
        // BTF and LBR are there to be set, and do nothing.
        require((value & ~3L) == 0);
        debugCtl = value;
      }
      // Linux writes 0 before it reads the revision (SDM vol. 3, 9.11.7.1). An update is ignored.
      case MICROCODE_REVISION, MICROCODE_UPDATE, MCG_STATUS -> {}
      default -> {
        if (msr >= X2APIC_FIRST && msr <= X2APIC_LAST) {
          require(interruptController.writeX2apic(msr, value));
        } else if (Mtrrs.contains(msr)) {
          mtrrs.write(msr, value);
        } else if (amd) {
          writeAmd(msr, value);
        } else {
          writeIntel(msr, value);
        }
      }
    }
  }

  private void writeAmd(int msr, long value) {
    switch (msr) {
      case AMD_HWCR -> hwcr = value | HWCR_RESET;
      case AMD_LS_CFG -> lsCfg = value;
      case AMD_DE_CFG -> deCfg = value | DE_CFG_RESET;
      case AMD_SYSCFG, AMD_NB_CFG, AMD_IC_CFG, AMD_DC_CFG -> {}
      default -> {
        if (!PerformanceCounters.contains(msr)) {
          throw unknown(msr);
        }
        performanceCounters.write(msr, value);
      }
    }
  }

  /** The control of branch prediction has no effect on translated code: see {@link CpuidModel}. */
  private void writeIntel(int msr, long value) {
    switch (msr) {
      case SPEC_CTRL -> {
        require((value & ~SPEC_CTRL_WRITABLE) == 0);
        specCtrl = value;
      }
      case PRED_CMD -> require((value & ~PRED_CMD_WRITABLE) == 0);
      default -> throw unknown(msr);
    }
  }

  private static void require(boolean allowed) {
    if (!allowed) {
      throw GuestFault.GP0;
    }
  }

  private void setCanonical(int field, long value) {
    require(RegisterBits.isCanonical(value));
    state.set(field, value);
  }

  /** A write to the TSC moves TSC_ADJUST by as much (SDM vol. 3, 17.17.3). */
  private void setTsc(long value) {
    long delta = value - guestTsc();
    state.set(CpuState.TSC_OFFSET, state.get(CpuState.TSC_OFFSET) + delta);
    tscAdjust += delta;
  }

  private void writeEfer(long value) {
    long old = state.get(CpuState.EFER);
    long allowed =
        RegisterBits.EFER_SCE
            | RegisterBits.EFER_LME
            | RegisterBits.EFER_LMA
            | RegisterBits.EFER_NXE;
    if (amd) {
      allowed |= RegisterBits.EFER_AIBRSE;
    }
    require((value & ~allowed) == 0);
    // LME can't change while paging is on; LMA is read-only and ignored (SDM vol. 3, 2.2.1).
    require(((value ^ old) & RegisterBits.EFER_LME) == 0);
    long efer = value & ~RegisterBits.EFER_LMA | old & RegisterBits.EFER_LMA;
    state.set(CpuState.EFER, efer);
    if (((old ^ efer) & RegisterBits.EFER_NXE) != 0) {
      memory.flush();
      hooks.flushAll();
    }
    hooks.modeChanged();
  }

  private void writePat(long value) {
    for (int shift = 0; shift < 64; shift += 8) {
      int type = (int) (value >>> shift) & 0xff;
      require(type <= 7 && type != 2 && type != 3);
    }
    pat = value;
  }
}
