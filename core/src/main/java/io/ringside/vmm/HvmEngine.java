package io.ringside.vmm;

import io.ringside.cpu.CpuState;
import io.ringside.hvm.HvmVcpu;
import io.ringside.hvm.KvmVm;
import io.ringside.machine.InterruptChips;
import io.ringside.machine.MmioBus;
import io.ringside.machine.Vcpu;

/** Hardware-assisted virtualization by KVM, with interrupt chips and clock in the host's kernel. */
final class HvmEngine implements Engine {
  private final KvmVm vm;
  private final InterruptChips chips;
  private final MmioBus mmio;
  private final HvmVcpu vcpu;

  HvmEngine(Parts parts) {
    mmio = parts.mmio();
    vm = new KvmVm(parts.memory());
    try {
      chips = vm.createInterruptChips();
      vcpu = HvmVcpu.withChips(vm, parts.memory());
    } catch (RuntimeException e) {
      vm.close();
      throw e;
    }
  }

  @Override
  public InterruptChips chips() {
    return chips;
  }

  @Override
  public MmioBus mmio() {
    return mmio;
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
    vcpu.stateLoaded();
  }

  @Override
  public String dump() {
    return vcpu.dump();
  }

  @Override
  public void close() {
    vcpu.close();
    vm.close();
  }
}
