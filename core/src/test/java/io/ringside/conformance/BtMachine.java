package io.ringside.conformance;

import io.ringside.bt.BtVcpu;
import io.ringside.cpu.CpuState;
import io.ringside.host.HostCpu;
import io.ringside.host.HostMapping;
import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.Vcpu;
import java.util.EnumSet;
import java.util.Set;

/** A {@link TestMachine} by binary translation. */
public final class BtMachine implements TestMachine {
  /** EBX of leaf 0: "Auth". */
  private static final int AMD = 0x6874_7541;

  private final HostMapping mapping = HostMapping.guestRam(RAM_SIZE, GuestMemory.HIGH_RAM_START, 0);
  private final HostCpu host = new HostCpu();
  private final FakeInterrupts interrupts = new FakeInterrupts();
  private final BtVcpu vcpu;

  /** Makes one with a translation cache of {@code cacheSize} bytes. */
  public BtMachine(int cacheSize) {
    vcpu = new BtVcpu(new GuestMemory(mapping.memory(), RAM_SIZE), interrupts, host, cacheSize);
    interrupts.onChange(vcpu::interruptChanged);
    GuestTables.install(mapping.memory());
    GuestTables.start(vcpu.state());
    vcpu.stateLoaded();
  }

  /** Makes one with a translation cache of 4 MiB. */
  public BtMachine() {
    this(4 << 20);
  }

  @Override
  public String method() {
    return "bt";
  }

  /** The known deviations of docs/binary-translation.md. */
  @Override
  public Set<Need> lacks() {
    EnumSet<Need> gaps =
        EnumSet.of(Need.ALIGNMENT_CHECK, Need.BRANCH_TARGETS, Need.COMPATIBILITY_MODE);
    if (host.cpuid(0, 0)[1] == AMD) {
      gaps.add(Need.VENDORS_SYSRET);
    }
    return gaps;
  }

  @Override
  public NativeMemory ram() {
    return mapping.memory();
  }

  @Override
  public CpuState state() {
    return vcpu.state();
  }

  @Override
  public void stateChanged() {
    vcpu.modeChanged();
    vcpu.breakpointsChanged();
  }

  @Override
  public void flushTlb() {
    vcpu.flushAll();
  }

  @Override
  public void codeChanged(long gpa, int length) {
    if (vcpu.isCodePage(gpa)) {
      vcpu.codeWritten(gpa, length);
    }
  }

  @Override
  public FakeInterrupts interrupts() {
    return interrupts;
  }

  @Override
  public Vcpu vcpu() {
    return vcpu;
  }

  @Override
  public void close() {
    vcpu.close();
    host.close();
    mapping.close();
  }
}
