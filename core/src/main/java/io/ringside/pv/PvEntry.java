package io.ringside.pv;

import io.ringside.bt.BtVcpu;
import io.ringside.cpu.CpuState;
import io.ringside.cpu.GuestFault;
import io.ringside.cpu.Outcome;
import io.ringside.cpu.VmmEntry;
import io.ringside.x86.Instruction;
import io.ringside.xen.Domain;
import io.ringside.xen.PvCpuid;
import io.ringside.xen.PvVcpu;
import io.ringside.xen.Traps;

/** Where a PV guest enters the VMM: hypercalls, and the exceptions and system calls that go on to its kernel. */
final class PvEntry implements VmmEntry {
  private static final long DR6_SINGLE_STEP = 1 << 14;

  private final BtVcpu engine;
  private final PvProcessor cpu;
  private final PvVcpu vcpu;
  private final Domain domain;
  private final Traps traps;
  private final CpuState state;
  private final PvCpuid cpuid;

  PvEntry(BtVcpu engine, PvProcessor cpu, PvVcpu vcpu) {
    this.engine = engine;
    this.cpu = cpu;
    this.vcpu = vcpu;
    this.domain = vcpu.domain();
    this.traps = vcpu.traps();
    this.state = engine.state();
    this.cpuid = new PvCpuid(domain, engine.cpuid());
  }

  @Override
  public void exception(GuestFault fault) {
    if (fault.vector() == GuestFault.INVALID_OPCODE && emulatesForced()) {
      return;
    }
    switch (fault.vector()) {
      case GuestFault.PAGE_FAULT -> traps.pageFault(fault.cr2(), fault.errorCode());
      case GuestFault.DEBUG -> traps.debugException(0);
      default -> traps.exception(fault.vector(), fault.errorCode());
    }
  }

  /** Whether the #UD at RIP is the prefix by which a guest asks for Xen's CPUID. */
  private boolean emulatesForced() {
    try {
      return cpuid.emulateForced(
          vcpu, state.get(CpuState.CR4), state.get(CpuState.XCR0), cpuidFaults());
    } catch (GuestFault fault) {
      exception(fault);
      return true;
    }
  }

  private boolean cpuidFaults() {
    return false;
  }

  @Override
  public void singleStep() {
    traps.debugException(DR6_SINGLE_STEP);
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
    // What the instruction itself does.
    cpu.register(CpuState.RCX, cpu.rip());
    cpu.register(11, cpu.rflags());
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
    return cpuid.read(
        leaf, subleaf, state.get(CpuState.CR4), state.get(CpuState.XCR0), false);
  }
}
