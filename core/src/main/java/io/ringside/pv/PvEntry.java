package io.ringside.pv;

import io.ringside.bt.BtVcpu;
import io.ringside.cpu.CpuState;
import io.ringside.cpu.GuestFault;
import io.ringside.cpu.Outcome;
import io.ringside.cpu.VmmEntry;
import io.ringside.x86.Instruction;
import io.ringside.xen.Domain;
import io.ringside.xen.PrivilegedInstructions;
import io.ringside.xen.PvControls;
import io.ringside.xen.PvCpuid;
import io.ringside.xen.PvMsrs;
import io.ringside.xen.PvVcpu;
import io.ringside.xen.Traps;

/** Where a PV guest enters the VMM: hypercalls, and the exceptions and system calls that go on to its kernel. */
final class PvEntry implements VmmEntry, PvControls {
  /** CR4: OSXMMEXCPT, OSFXSR, PGE, PAE, which are always on. */
  private static final long CR4_ALWAYS = 1 << 10 | 1 << 9 | 1 << 7 | 1 << 5;

  /** CR4: OSXSAVE, DE, TSD, which the guest has a say in. */
  private static final long CR4_GUEST = 1 << 18 | 1 << 3 | 1 << 2;

  private static final long XCR0_X87 = 1;
  private static final long XCR0_SSE = 2;
  private static final long XCR0_AVX = 4;

  private final BtVcpu engine;
  private final PvProcessor cpu;
  private final PvVcpu vcpu;
  private final Domain domain;
  private final Traps traps;
  private final CpuState state;
  private final PvCpuid cpuid;
  private final PvMsrs msrs;
  private final PrivilegedInstructions privileged;

  PvEntry(BtVcpu engine, PvProcessor cpu, PvVcpu vcpu) {
    this.engine = engine;
    this.cpu = cpu;
    this.vcpu = vcpu;
    this.domain = vcpu.domain();
    this.traps = vcpu.traps();
    this.state = engine.state();
    this.msrs = new PvMsrs(vcpu, engine.cpuid(), true, value -> state.set(CpuState.TSC_AUX, value));
    this.cpuid = new PvCpuid(domain, engine.cpuid());
    this.privileged = new PrivilegedInstructions(vcpu, cpuid, msrs, this);
    cr4(privileged.cr4());
  }

  @Override
  public void exception(GuestFault fault) {
    switch (fault.vector()) {
      case GuestFault.PAGE_FAULT -> traps.pageFault(fault.cr2(), fault.errorCode());
      case GuestFault.DEBUG -> traps.debugException(0);
      case GuestFault.INVALID_OPCODE -> privileged.invalidOpcode();
      case GuestFault.GENERAL_PROTECTION -> generalProtection(fault.errorCode());
      default -> traps.exception(fault.vector(), fault.errorCode());
    }
  }

  /** What a privileged instruction raises: some are emulated all the same. */
  private void generalProtection(int errorCode) {
    if (errorCode == 0) {
      Instruction instruction;
      try {
        instruction = engine.instructionAtRip();
      } catch (GuestFault noInstruction) {
        traps.exception(GuestFault.GENERAL_PROTECTION, 0);
        return;
      }
      privileged.generalProtection(instruction);
    } else {
      traps.exception(GuestFault.GENERAL_PROTECTION, errorCode);
    }
  }

  @Override
  public void debugTrap(long causes) {
    traps.debugException(causes);
  }

  @Override
  public void interrupt(int vector) {
    traps.deliverPending();
  }

  @Override
  public void software(int vector, long nextRip) {
    traps.softwareInterrupt(vector, nextRip);
  }

  @Override
  public Outcome systemCall(Instruction instruction) {
    cpu.rip(instruction.nextRip());
    if (!cpu.kernelMode()) {
      traps.systemCall(false);
      return Outcome.NEXT;
    }
    // What the instruction itself does; Xen returns by SYSRET, to its flat segments.
    cpu.register(CpuState.RCX, cpu.rip());
    cpu.register(11, cpu.rflags());
    Traps.flatSegments(cpu);
    long result =
        domain
            .hypercalls()
            .call(
                vcpu,
                cpu.register(CpuState.RAX),
                cpu.register(CpuState.RDI),
                cpu.register(CpuState.RSI),
                cpu.register(CpuState.RDX),
                cpu.register(10),
                cpu.register(8));
    cpu.register(CpuState.RAX, result);
    if (!vcpu.mayRun()) {
      return Outcome.HALT;
    }
    if (traps.hasPending()) {
      engine.interruptChanged();
    }
    return Outcome.NEXT;
  }

  @Override
  public boolean mayRun() {
    return vcpu.mayRun();
  }

  @Override
  public long descriptor(int selector) {
    return vcpu.descriptor(selector);
  }

  @Override
  public long forbiddenStore(long gva, int size) {
    return cpu.kernelMode() ? domain.writablePageTables().find(vcpu, gva, size) : -1;
  }

  @Override
  public boolean store(long gpa, int size, long value) {
    boolean done = domain.writablePageTables().store(gpa, size, value);
    return done;
  }

  @Override
  public int[] cpuid(int leaf, int subleaf) {
    if (!cpu.kernelMode() && msrs.cpuidFaults()) {
      throw GuestFault.GP0;
    }
    return cpuid.read(leaf, subleaf, privileged.cr4(), xcr0(), false);
  }

  @Override
  public void cr4(long value) {
    state.set(CpuState.CR4, CR4_ALWAYS | value & CR4_GUEST);
    engine.modeChanged();
  }

  @Override
  public long xcr0() {
    return state.get(CpuState.XCR0);
  }

  @Override
  public boolean xcr0(long value) {
    long offered = engine.cpuid().read(0xd, 0, CR4_GUEST, 1)[0];
    boolean allowed =
        (value & ~offered) == 0
            && (value & XCR0_X87) != 0
            && ((value & XCR0_AVX) == 0 || (value & XCR0_SSE) != 0);
    if (allowed) {
      state.set(CpuState.XCR0, value);
      engine.modeChanged();
    }
    return allowed;
  }
}
