package io.ringside.vmm;

import io.ringside.host.HostCpu;
import io.ringside.machine.MmioBus;
import io.ringside.machine.PortBus;
import io.ringside.pv.PvEngine;
import io.ringside.xen.Domain;
import io.ringside.xen.DomainBuilder;
import io.ringside.xen.DomainConfig;
import io.ringside.xen.DomainHost;
import io.ringside.xen.PvKernel;

/**
 * A Xen PV domain and its boot recipe, top to bottom in the constructor: memory, domain, vCPU, start of day, registers.
 * There is no PC: no firmware tables, no devices; console and store are rings in the domain's memory.
 */
final class PvMachine extends Machine {
  private static final int DOMID = 1;

  /** The console ring, as Linux calls it. Text that the user appends comes after and prevails. */
  private static final String LINUX_CONSOLE = "console=hvc0";

  private static final int PAGE_SHIFT = 12;

  private final HostCpu hostCpu = new HostCpu();
  private final Domain domain;
  private final PvEngine engine;
  private final VcpuLoop loop;

  /**
   * Builds the domain and loads the kernel.
   *
   * @throws io.ringside.boot.BootException where the kernel can't run by this method, or doesn't fit
   * @throws io.ringside.host.HostException where the host refuses memory
   */
  PvMachine(MachineConfig config) {
    // 1. Machine memory: the domain's, and what Xen itself keeps beside it.
    super(Domain.machineBytes(config.memoryBytes()));

    // 2. Time.
    GuestTsc tsc = new GuestTsc(hostCpu, timers.clock());

    // 3. The domain, with its hypercalls, event channels, console and store.
    Host host = new Host(config);
    domain =
        new Domain(
            new DomainConfig(
                memory(), config.memoryBytes() >> PAGE_SHIFT, DOMID, 1, lock, timers, tsc, host));

    // 4. Its vCPU, on the translator's engine.
    engine = new PvEngine(domain, memory(), hostCpu, config.cacheBytes());
    tsc.attach(engine.state());
    engine.onLook(timers::fireOverdue);
    loop = new VcpuLoop(engine.vcpu(), new PortBus(lock), new MmioBus(lock));
    host.loop = loop;
    engine.attach(loop::interruptChanged);

    // 5. Start of day: the kernel, its ramdisk, tables and pages as Xen hands them over, and the
    // registers.
    try (PvKernel kernel = PvKernel.open(config.kernel(), config.cache())) {
      String commandLine = commandLine(kernel, config.commandLine());
      DomainBuilder.build(domain, kernel, config.initrd(), commandLine).load(domain.vcpu(0).cpu());
    }
    // Publishes the clock, and starts the tick that a PV guest begins with.
    domain.vcpu(0).mayRun();
  }

  /** Linux is told where its console is; others may take their command line by the letter. */
  private static String commandLine(PvKernel kernel, String given) {
    if (!kernel.notes().guestOs().startsWith("linux")) {
      return given;
    }
    return given.isEmpty() ? LINUX_CONSOLE : LINUX_CONSOLE + " " + given;
  }

  @Override
  public VcpuLoop loop() {
    return loop;
  }

  @Override
  Runnable entered() {
    return engine.startTicker()::close;
  }

  @Override
  boolean receive(int value) {
    return domain.console().offer(value);
  }

  @Override
  public void sampleTlb() {
    engine.sampleTlb();
  }

  @Override
  public long nanosToFirstUserInstruction() {
    return engine.statistics().nanosToFirstUserInstruction();
  }

  @Override
  public String methodReport() {
    return domain.statistics().report() + engine.statistics().report();
  }

  @Override
  public String dump() {
    return engine.dump();
  }

  @Override
  void closeVcpu() {
    engine.close();
    hostCpu.close();
  }

  private static final class Host implements DomainHost {
    private final MachineConfig config;
    private VcpuLoop loop;

    Host(MachineConfig config) {
      this.config = config;
    }

    @Override
    public void shutdown(int reason) {
      loop.end(
          switch (reason) {
            case SHUTDOWN_POWEROFF ->
                new VcpuLoop.End(VcpuLoop.Reason.POWER_OFF, "the guest powered off", 0);
            case SHUTDOWN_REBOOT, SHUTDOWN_SOFT_RESET ->
                new VcpuLoop.End(VcpuLoop.Reason.RESET, "the guest rebooted", 0);
            case SHUTDOWN_CRASH ->
                new VcpuLoop.End(
                    VcpuLoop.Reason.FAILURE,
                    "the guest's kernel says that it crashed (a panic: its console has more)",
                    0);
            case SHUTDOWN_WATCHDOG ->
                new VcpuLoop.End(VcpuLoop.Reason.FAILURE, "the guest's watchdog ran out", 0);
            default ->
                new VcpuLoop.End(
                    VcpuLoop.Reason.FAILURE,
                    "the guest wants to be suspended, which Ringside can't do",
                    0);
          });
    }

    @Override
    public void crash(String why) {
      loop.end(new VcpuLoop.End(VcpuLoop.Reason.FAILURE, why, 0));
    }

    @Override
    public void consoleOutput(int value) {
      config.serialOutput().accept(value);
    }

    @Override
    public boolean consoleHasRoom() {
      return true;
    }

    @Override
    public void consoleInputRoom() {
      config.serialRoom().run();
    }

    @Override
    public long wallClockNanos() {
      return System.currentTimeMillis() * 1_000_000;
    }
  }
}
