package io.ringside.vmm;

import io.ringside.bt.BtVcpu;
import io.ringside.cpu.CpuState;
import io.ringside.devices.EmulatedChips;
import io.ringside.host.HostCpu;
import io.ringside.machine.InterruptChips;
import io.ringside.machine.MmioBus;
import io.ringside.machine.TimerThread;
import io.ringside.machine.Vcpu;

/** Binary translation: all chips are devices. */
final class BtEngine implements Engine {
  private final HostCpu hostCpu = new HostCpu();
  private final TimerThread timers;
  private final EmulatedChips chips;
  private final BtVcpu vcpu;

  BtEngine(Parts parts, int cacheBytes) {
    timers = parts.timers();
    GuestTsc tsc = new GuestTsc(hostCpu, parts.clock());
    chips = new EmulatedChips(parts.ports(), parts.mmio(), 1, parts.lock(), timers, tsc);
    vcpu = new BtVcpu(parts.memory(), chips.apic(0), hostCpu, cacheBytes);
    tsc.attach(vcpu.state());
  }

  @Override
  public InterruptChips chips() {
    return chips;
  }

  @Override
  public MmioBus mmio() {
    return chips.mmio(0);
  }

  @Override
  public Vcpu vcpu() {
    return vcpu;
  }

  @Override
  public CpuState state() {
    return vcpu.state();
  }

  @Override
  public void start(VcpuLoop loop) {
    chips.apic(0).onInterrupt(loop::interruptChanged);
    vcpu.onLook(timers::fireOverdue);
    vcpu.stateLoaded();
  }

  @Override
  public Runnable entered() {
    return vcpu.startTicker()::close;
  }

  @Override
  public void sampleTlb() {
    vcpu.sampleTlb();
  }

  @Override
  public long nanosToFirstUserInstruction() {
    return vcpu.statistics().nanosToFirstUserInstruction();
  }

  @Override
  public String report() {
    return vcpu.statistics().report();
  }

  @Override
  public String dump() {
    return vcpu.dump();
  }

  @Override
  public void close() {
    vcpu.close();
    hostCpu.close();
  }
}
