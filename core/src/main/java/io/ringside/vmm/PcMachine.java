package io.ringside.vmm;

import io.ringside.boot.EntryState;
import io.ringside.boot.KernelImage;
import io.ringside.boot.LinuxBoot;
import io.ringside.boot.acpi.AcpiTables;
import io.ringside.cpu.CpuState;
import io.ringside.devices.PcDevices;
import io.ringside.devices.PowerEvents;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.MmioBus;
import io.ringside.machine.PortBus;

/**
 * A PC and its boot recipe, top to bottom in the constructor: memory, method, devices, kernel, registers. Then {@link
 * VcpuLoop} runs it.
 */
final class PcMachine extends Machine {
  private final PcDevices devices;
  private final Engine engine;
  private final VcpuLoop loop;

  /**
   * Builds the machine and loads the kernel.
   *
   * @throws io.ringside.boot.BootException where kernel, initrd and memory don't go together
   * @throws io.ringside.host.HostException where the host refuses memory
   */
  PcMachine(MachineConfig config) {
    // 1. Guest RAM.
    super(config.memoryBytes());
    GuestMemory memory = memory();

    // 2. Buses.
    PortBus ports = new PortBus(lock);
    MmioBus mmio = new MmioBus(lock);

    // 3. The method: interrupt chips and vCPU.
    Engine.Parts parts = new Engine.Parts(memory, ports, mmio, lock, timers);
    engine =
        switch (config.method()) {
          case BT -> new BtEngine(parts, config.cacheBytes());
          case HVM -> new HvmEngine(parts);
          case PV -> throw new IllegalArgumentException("no PC for a paravirtualized guest");
        };
    loop = new VcpuLoop(engine.vcpu(), ports, engine.mmio());

    // 4. Devices and their interrupts.
    devices =
        new PcDevices(
            new PcDevices.Surroundings(
                ports,
                memory,
                1,
                timers,
                engine.chips(),
                System.currentTimeMillis(),
                config.serialOutput(),
                config.serialRoom(),
                config.debugOutput(),
                new Power(loop)));

    // 5. The kernel, its initrd, command line, boot parameters and ACPI tables.
    long rsdp = AcpiTables.write(memory, 1);
    EntryState entry;
    try (KernelImage kernel = KernelImage.open(config.kernel(), config.cache())) {
      entry = LinuxBoot.load(memory, kernel, config.initrd(), config.commandLine(), rsdp);
    }

    // 6. The registers at the kernel's 64-bit entry.
    load(engine.state(), entry);
    engine.start(loop);
  }

  private static void load(CpuState s, EntryState entry) {
    s.rip(entry.rip());
    s.gpr(CpuState.RSP, entry.rsp());
    s.gpr(CpuState.RSI, entry.rsi());
    s.rflags(EntryState.RFLAGS);
    s.set(CpuState.CR0, entry.cr0());
    s.set(CpuState.CR3, entry.cr3());
    s.set(CpuState.CR4, entry.cr4());
    s.set(CpuState.EFER, entry.efer());
    s.set(CpuState.XCR0, 1);
    s.set(CpuState.GDTR_BASE, entry.gdtBase());
    s.set(CpuState.GDTR_LIMIT, entry.gdtLimit());
    s.segment(CpuState.CS, 0x10, EntryState.CODE_RIGHTS, EntryState.FLAT_LIMIT, 0);
    for (int segment :
        new int[] {CpuState.ES, CpuState.SS, CpuState.DS, CpuState.FS, CpuState.GS}) {
      s.segment(segment, 0x18, EntryState.DATA_RIGHTS, EntryState.FLAT_LIMIT, 0);
    }
    s.segment(CpuState.TR, 0x20, EntryState.TSS_RIGHTS, entry.trLimit(), entry.trBase());
    s.set(CpuState.DEBUG_REGISTERS + 6 * 8, 0xffff0ff0L);
    s.set(CpuState.DEBUG_REGISTERS + 7 * 8, 0x400);
  }

  @Override
  public VcpuLoop loop() {
    return loop;
  }

  @Override
  Runnable entered() {
    return engine.entered();
  }

  @Override
  boolean receive(int value) {
    return devices.com1().receive(value);
  }

  @Override
  public void sampleTlb() {
    engine.sampleTlb();
  }

  @Override
  public long nanosToFirstUserInstruction() {
    return engine.nanosToFirstUserInstruction();
  }

  @Override
  public String methodReport() {
    return engine.report();
  }

  @Override
  public String dump() {
    return engine.dump();
  }

  @Override
  void closeVcpu() {
    engine.close();
  }

  private static final class Power implements PowerEvents {
    private final VcpuLoop loop;

    Power(VcpuLoop loop) {
      this.loop = loop;
    }

    @Override
    public void powerOff() {
      loop.end(new VcpuLoop.End(VcpuLoop.Reason.POWER_OFF, "the guest powered off", 0));
    }

    @Override
    public void reset() {
      loop.end(new VcpuLoop.End(VcpuLoop.Reason.RESET, "the guest reset the machine", 0));
    }

    @Override
    public void debugExit(int code) {
      loop.end(
          new VcpuLoop.End(
              VcpuLoop.Reason.DEBUG_EXIT, "the guest left by the debug-exit port", code));
    }
  }
}
