package io.ringside.xen;

import io.ringside.cpu.GuestFault;
import io.ringside.x86.Instruction;
import io.ringside.x86.Kind;
import io.ringside.xen.XenStatistics.Counter;

/**
 * What becomes of an instruction that a PV guest may not execute: some are emulated, as Xen does it ({@code
 * pv/emul-priv-op.c}), for the rest the guest gets the #GP. For one vCPU; called on its thread with the registers as they
 * were before the instruction.
 *
 * <p>Emulated are MOV to and from CR0, CR2, CR3, CR4 and debug registers, CLTS, WBINVD, RDMSR, WRMSR, RDTSC and RDTSCP
 * under CR4.TSD, CPUID under CPUID faulting, XSETBV, and with the I/O privilege level IN, OUT, INS, OUTS, and CLI and STI,
 * which do nothing. HLT, INVLPG, LGDT, SWAPGS, MOV to CR8 and all others are not.
 */
public final class PrivilegedInstructions {
  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RBX = 3;

  private static final long TF = 1 << 8;
  private static final long RF = 1 << 16;

  /** PG, AM, WP, NE, ET, MP, PE: CR0 as Xen has it. */
  private static final long CR0 = 0x8005_0033L;

  private static final long DR6_SINGLE_STEP = 1 << 14;

  private final PvVcpu vcpu;
  private final Traps traps;
  private final VirtualRegisters registers;
  private final PvCpuid cpuid;
  private final PvMsrs msrs;
  private final PvControls controls;
  private final PvPorts ports;
  private final XenStatistics statistics;

  /** Makes those of one vCPU. */
  public PrivilegedInstructions(PvVcpu vcpu, PvCpuid cpuid, PvMsrs msrs, PvControls controls) {
    this.vcpu = vcpu;
    this.traps = vcpu.traps();
    this.registers = traps.registers();
    this.cpuid = cpuid;
    this.msrs = msrs;
    this.controls = controls;
    this.ports = new PvPorts(vcpu);
    this.statistics = vcpu.domain().statistics();
  }

  /** CR4 as the guest has set it. */
  public long cr4() {
    return registers.cr4();
  }

  /** An instruction has raised #GP(0): emulates it, or delivers the exception. */
  public void generalProtection(Instruction insn) {
    PvCpu cpu = vcpu.cpu();
    boolean steps = (cpu.rflags() & TF) != 0;
    boolean kernel = cpu.kernelMode();
    int causes;
    try {
      causes = emulate(insn);
    } catch (GuestFault fault) {
      deliver(fault);
      return;
    }
    if (causes < 0) {
      traps.exception(Traps.GENERAL_PROTECTION, 0);
      return;
    }
    statistics.privileged(insn.opcode.kind(), kernel);
    finish(causes | (steps && cpu.rip() != insn.rip ? DR6_SINGLE_STEP : 0));
  }

  /** UD2 or what else raised #UD: emulates CPUID with the prefix that asks for it, or delivers the exception. */
  public void invalidOpcode() {
    PvCpu cpu = vcpu.cpu();
    boolean steps = (cpu.rflags() & TF) != 0;
    try {
      if (!cpuid.emulateForced(vcpu, registers.cr4(), controls.xcr0(), msrs.cpuidFaults())) {
        traps.exception(Traps.INVALID_OPCODE, 0);
        return;
      }
    } catch (GuestFault fault) {
      deliver(fault);
      return;
    }
    statistics.count(Counter.FORCED_EMULATIONS);
    finish(steps ? DR6_SINGLE_STEP : 0);
  }

  private void finish(long debugCauses) {
    if (debugCauses != 0) {
      traps.debugException(debugCauses);
    }
  }

  private void deliver(GuestFault fault) {
    if (fault.vector() == GuestFault.PAGE_FAULT) {
      traps.pageFault(fault.cr2(), fault.errorCode());
    } else {
      traps.exception(fault.vector(), fault.errorCode());
    }
  }

  /**
   * Emulates an instruction.
   *
   * @return the I/O breakpoints that it hit, or -1 for what isn't emulated
   */
  private int emulate(Instruction insn) {
    PvCpu cpu = vcpu.cpu();
    boolean kernel = cpu.kernelMode();
    switch (insn.opcode.kind()) {
      case IN, OUT, INS, OUTS -> {
        int hit = ports.execute(insn);
        if (hit >= 0) {
          cpu.rflags(cpu.rflags() & ~RF);
        }
        return hit;
      }
      case CLI, STI -> {
        if (!ports.hasIoPrivilege()) {
          return -1;
        }
      }
      case CLTS, WBINVD, MOV_FROM_CR, MOV_TO_CR, MOV_FROM_DR, MOV_TO_DR, RDMSR, WRMSR -> {
        if (!kernel || !emulateSupervisor(insn)) {
          return -1;
        }
      }
      case XSETBV -> setXcr0(kernel);
      case RDTSC, RDTSCP -> {
        if (!kernel && (registers.cr4() & VirtualRegisters.CR4_TSD) != 0) {
          return -1;
        }
        readTimestamp(insn.opcode.kind() == Kind.RDTSCP);
      }
      case CPUID -> {
        if (!kernel && msrs.cpuidFaults()) {
          return -1;
        }
        readCpuid();
      }
      default -> {
        return -1;
      }
    }
    cpu.rip(insn.nextRip());
    cpu.rflags(cpu.rflags() & ~RF);
    return 0;
  }

  private boolean emulateSupervisor(Instruction insn) {
    PvCpu cpu = vcpu.cpu();
    switch (insn.opcode.kind()) {
      case CLTS -> taskSwitched(false);
      case WBINVD -> {}
      case MOV_FROM_CR -> {
        return moveFromControl(insn.reg, insn.rm);
      }
      case MOV_TO_CR -> {
        return moveToControl(insn.reg, cpu.register(insn.rm));
      }
      case MOV_FROM_DR -> {
        if (!registers.hasDebug(insn.reg)) {
          throw GuestFault.UD;
        }
        cpu.register(insn.rm, registers.debug(insn.reg));
      }
      case MOV_TO_DR -> {
        int error = registers.setDebug(cpu, insn.reg, cpu.register(insn.rm));
        if (error != 0) {
          throw error == -Errno.ENODEV ? GuestFault.UD : GuestFault.GP0;
        }
      }
      case RDMSR -> {
        boolean handlesFaults = traps.table().address(Traps.GENERAL_PROTECTION) != 0;
        putPair(msrs.read((int) cpu.register(RCX), handlesFaults));
      }
      default -> msrs.write((int) cpu.register(RCX), pair());
    }
    return true;
  }

  private boolean moveFromControl(int number, int register) {
    PvCpu cpu = vcpu.cpu();
    switch (number) {
      case 0 ->
          cpu.register(register, registers.taskSwitched() ? CR0 | VirtualRegisters.CR0_TS : CR0);
      case 2 -> cpu.register(register, registers.cr2());
      case 3 -> cpu.register(register, vcpu.kernelRoot() << 12);
      case 4 -> cpu.register(register, registers.cr4());
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean moveToControl(int number, long value) {
    switch (number) {
      case 0 -> {
        if (((value ^ CR0) & ~VirtualRegisters.CR0_TS) != 0) {
          return false;
        }
        taskSwitched((value & VirtualRegisters.CR0_TS) != 0);
      }
      case 2 -> traps.setCr2(value);
      case 3 -> {
        return newRoot(value >>> 12);
      }
      case 4 -> {
        registers.cr4(value);
        controls.cr4(registers.cr4());
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean newRoot(long mfn) {
    Domain domain = vcpu.domain();
    domain.config().lock().lock();
    try {
      return domain.hypercalls().mmuExtended().newRoot(vcpu, mfn) == 0;
    } finally {
      domain.config().lock().unlock();
    }
  }

  private void taskSwitched(boolean set) {
    registers.taskSwitched(set);
    vcpu.cpu().taskSwitched(set);
  }

  private void setXcr0(boolean kernel) {
    if ((registers.cr4() & VirtualRegisters.CR4_OSXSAVE) == 0) {
      throw GuestFault.UD;
    }
    if (!kernel || (int) vcpu.cpu().register(RCX) != 0 || !controls.xcr0(pair())) {
      throw GuestFault.GP0;
    }
  }

  private void readTimestamp(boolean withProcessor) {
    if (withProcessor) {
      vcpu.cpu().register(RCX, msrs.read(0xc000_0103, true));
    }
    putPair(vcpu.domain().config().tsc().guestTsc());
  }

  private void readCpuid() {
    PvCpu cpu = vcpu.cpu();
    int leaf = (int) cpu.register(RAX);
    int subleaf = (int) cpu.register(RCX);
    int[] r = cpuid.read(leaf, subleaf, registers.cr4(), controls.xcr0(), false);
    cpu.register(RAX, Integer.toUnsignedLong(r[0]));
    cpu.register(RBX, Integer.toUnsignedLong(r[1]));
    cpu.register(RCX, Integer.toUnsignedLong(r[2]));
    cpu.register(RDX, Integer.toUnsignedLong(r[3]));
  }

  /** EDX:EAX. */
  private long pair() {
    return vcpu.cpu().register(RDX) << 32 | vcpu.cpu().register(RAX) & 0xffff_ffffL;
  }

  private void putPair(long value) {
    vcpu.cpu().register(RAX, value & 0xffff_ffffL);
    vcpu.cpu().register(RDX, value >>> 32);
  }
}
