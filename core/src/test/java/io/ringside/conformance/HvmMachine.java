package io.ringside.conformance;

import io.ringside.cpu.CpuState;
import io.ringside.host.HostCpu;
import io.ringside.host.HostMapping;
import io.ringside.host.NativeMemory;
import io.ringside.hvm.HvmVcpu;
import io.ringside.hvm.KvmVm;
import io.ringside.machine.Exit;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.Vcpu;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Set;

/** A {@link TestMachine} on KVM without interrupt chips, so that the interrupts are the tests' own. */
public final class HvmMachine implements TestMachine {
  private final HostMapping mapping = HostMapping.guestRam(RAM_SIZE, GuestMemory.HIGH_RAM_START, 0);
  private final FakeInterrupts interrupts = new FakeInterrupts();
  private final KvmBehind behind;
  private final KvmVm vm;
  private final HvmVcpu vcpu;

  /** What the registers were after the last run: only what a test changed is written. */
  private byte[] before = {};

  /** Makes one. */
  public HvmMachine() {
    GuestMemory memory = new GuestMemory(mapping.memory(), RAM_SIZE);
    try (HostCpu cpu = new HostCpu()) {
      behind = KvmBehind.thisHost(cpu);
    }
    vm = new KvmVm(memory);
    vcpu = HvmVcpu.withController(vm, memory, interrupts);
    interrupts.onChange(vcpu::interruptChanged);
    GuestTables.install(mapping.memory());
    GuestTables.start(vcpu.state());
  }

  @Override
  public String method() {
    return "hvm";
  }

  @Override
  public String processor() {
    return behind.description();
  }

  @Override
  public Set<Need> lacks() {
    return behind.lacks();
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
  public Exit run() {
    if (!java.util.Arrays.equals(before, snapshot())) {
      vcpu.stateLoaded();
    }
    Exit exit = vcpu.run();
    vcpu.readState();
    before = snapshot();
    return exit;
  }

  private byte[] snapshot() {
    MemorySegment state = vcpu.state().memory().segment();
    return state.asSlice(0, CpuState.SIZE).toArray(ValueLayout.JAVA_BYTE);
  }

  @Override
  public void stateChanged() {}

  @Override
  public void flushTlb() {
    // KVM drops the guest's translations when CR3 is set.
    vcpu.stateLoaded();
  }

  @Override
  public void codeChanged(long gpa, int length) {}

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
    vm.close();
    mapping.close();
  }
}
