package io.ringside.cli;

import io.ringside.boot.BootException;
import io.ringside.boot.CacheDirectory;
import io.ringside.boot.DebianGuest;
import io.ringside.boot.GuestFiles;
import io.ringside.host.HostException;
import io.ringside.vmm.Machine;
import io.ringside.vmm.MachineConfig;
import io.ringside.vmm.VcpuLoop;
import java.nio.file.Path;
import java.util.Optional;

/** Runs guests on Ringside's machine. */
final class MachineRunner implements GuestRunner {
  private static final int TRANSLATION_CACHE_BYTES = 32 << 20;

  /** The guest's serial port, so that it shows what it does. Text that the user appends comes after and prevails. */
  private static final String COMMAND_LINE = "console=ttyS0";

  private static final VcpuLoop.End STOP =
      new VcpuLoop.End(VcpuLoop.Reason.STOPPED, "stopped from outside", 0);

  private boolean stopped;
  private Optional<Machine> running = Optional.empty();

  @Override
  public End run(RunRequest request, Console console, Messages messages) {
    try {
      CacheDirectory cache = CacheDirectory.ofUser();
      Optional<Path> initrd = request.initrd();
      Path kernelFile;
      if (request.guest().isPresent()) {
        DebianGuest guest = new DebianGuest(cache, messages::say);
        GuestFiles files = guest.resolve(request.kernel(), request.initrd());
        kernelFile = files.kernel();
        initrd = Optional.of(files.initrd());
      } else {
        kernelFile = request.kernel().orElseThrow();
      }
      try (Machine machine = Machine.of(config(request, console, kernelFile, cache, initrd))) {
        return run(machine, request, console, messages);
      }
    } catch (BootException | HostException e) {
      return End.failed(e.getMessage());
    }
  }

  @Override
  public synchronized void stop() {
    stopped = true;
    if (running.isPresent()) {
      running.get().loop().end(STOP);
    }
  }

  private End run(Machine machine, RunRequest request, Console console, Messages messages) {
    synchronized (this) {
      if (stopped) {
        return End.STOPPED;
      }
      running = Optional.of(machine);
    }
    if (request.stats()) {
      machine.sampleTlb();
    }
    console.start(machine::consoleInput);
    VcpuLoop.End end = machine.run();
    synchronized (this) {
      running = Optional.empty();
    }
    if (request.stats()) {
      console.flush();
      messages.say(StatisticsReport.of(request.method(), machine));
    }
    return switch (end.reason()) {
      case POWER_OFF -> End.POWERED_OFF;
      case RESET -> End.RESET;
      case STOPPED -> End.STOPPED;
      case DEBUG_EXIT -> End.guestExit(end.detail(), end.code());
      case SHUTDOWN, FAILURE -> End.failed(end.detail());
    };
  }

  private static MachineConfig config(
      RunRequest request,
      Console console,
      Path kernel,
      CacheDirectory cache,
      Optional<Path> initrd) {
    String commandLine = request.append();
    if (request.method() != Method.PV) {
      commandLine = commandLine.isEmpty() ? COMMAND_LINE : COMMAND_LINE + " " + commandLine;
    }
    return new MachineConfig(
        switch (request.method()) {
          case PV -> io.ringside.vmm.Method.PV;
          case HVM -> io.ringside.vmm.Method.HVM;
          case AUTO, BT -> io.ringside.vmm.Method.BT;
        },
        kernel,
        cache,
        initrd,
        commandLine,
        request.memory(),
        console::write,
        console::roomForInput,
        console::write,
        TRANSLATION_CACHE_BYTES);
  }
}
