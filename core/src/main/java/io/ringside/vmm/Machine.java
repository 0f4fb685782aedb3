package io.ringside.vmm;

import io.ringside.boot.EntryState;
import io.ringside.boot.LinuxBoot;
import io.ringside.boot.acpi.AcpiTables;
import io.ringside.cpu.CpuState;
import io.ringside.devices.PcDevices;
import io.ringside.devices.PowerEvents;
import io.ringside.host.HostMapping;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.MachineLock;
import io.ringside.machine.MmioBus;
import io.ringside.machine.PortBus;
import io.ringside.machine.TimerThread;

/**
 * A machine and its boot recipe, top to bottom in the constructor: memory, devices, vCPU, kernel, registers. Then
 * {@link VcpuLoop} runs it.
 */
public final class Machine implements AutoCloseable {
  private final HostMapping ramMapping;
  private final TimerThread timers;
  private final MachineLock lock = new MachineLock();
  private final PcDevices devices;
  private final Engine engine;
  private final VcpuLoop loop;

  /** Nothing may reach the devices any more: the vCPU's memory is given back. Guarded by the lock. */
  private boolean closed;

  /**
   * Builds the machine and loads the kernel.
   *
   * @throws io.ringside.boot.BootException where kernel, initrd and memory don't go together
   * @throws io.ringside.host.HostException where the host refuses memory
   */
  public Machine(MachineConfig config) {
    // 1. Guest RAM: one memfd, low part and the part above 4 GiB.
    long low = Math.min(config.memoryBytes(), GuestMemory.LOW_RAM_LIMIT);
    ramMapping = HostMapping.guestRam(low, GuestMemory.HIGH_RAM_START, config.memoryBytes() - low);
    GuestMemory memory = new GuestMemory(ramMapping.memory(), config.memoryBytes());

    // 2. Time and buses.
    timers = new TimerThread(lock);
    PortBus ports = new PortBus(lock);
    MmioBus mmio = new MmioBus(lock);

    // 3. The method: interrupt chips and vCPU.
    Engine.Parts parts = new Engine.Parts(memory, ports, mmio, lock, timers);
    engine =
        switch (config.method()) {
          case BT -> new BtEngine(parts, config.cacheBytes());
          case HVM -> new HvmEngine(parts);
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
    EntryState entry =
        LinuxBoot.load(memory, config.kernel(), config.initrd(), config.commandLine(), rsdp);

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

  /** Runs the guest on the calling thread until the machine ends. */
  public VcpuLoop.End run() {
    Runnable leave = engine.entered();
    try {
      return loop.run();
    } finally {
      leave.run();
    }
  }

  /** What runs the vCPU. */
  public VcpuLoop loop() {
    return loop;
  }

  /** The devices, for console input. */
  public PcDevices devices() {
    return devices;
  }

  /**
   * Offers a byte to the serial console; false if it has no room now. From any thread, at any time: a machine that is
   * closed swallows it.
   */
  public boolean serialInput(int value) {
    lock.lock();
    try {
      return closed || devices.com1().receive(value);
    } finally {
      lock.unlock();
    }
  }

  /** Makes the statistics tell the software TLB's hits too, by sampling. */
  public void sampleTlb() {
    engine.sampleTlb();
  }

  /** Nanoseconds from the start to the guest's first instruction in user mode; 0 if not known. */
  public long nanosToFirstUserInstruction() {
    return engine.nanosToFirstUserInstruction();
  }

  /** What the method counted: indented lines for a person, or nothing. */
  public String methodReport() {
    return engine.report();
  }

  /** RIP, registers and figures, for whoever debugs. */
  public String dump() {
    return engine.dump();
  }

  @Override
  public void close() {
    timers.close();
    lock.lock();
    try {
      closed = true;
    } finally {
      lock.unlock();
    }
    engine.close();
    ramMapping.close();
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
