package io.ringside.bench.exits;

import io.ringside.machine.MachineLock;
import io.ringside.machine.MmioBus;
import io.ringside.machine.MmioDevice;
import io.ringside.machine.PortBus;
import io.ringside.machine.PortDevice;
import io.ringside.machine.Vcpu;
import io.ringside.vmm.VcpuLoop;

/** The loop that runs every guest, with its counters and clock, the buses, the machine's lock, and a device. */
final class MachineLoop implements ExitLoop {
  private static final VcpuLoop.End ENOUGH =
      new VcpuLoop.End(VcpuLoop.Reason.STOPPED, "enough exits", 0);

  private final Vcpu vcpu;
  private final PortBus ports;
  private final MmioBus mmio;
  private VcpuLoop loop;
  private long left;
  private long sum;

  MachineLoop(Vcpu vcpu) {
    this.vcpu = vcpu;
    MachineLock lock = new MachineLock();
    ports = new PortBus(lock);
    mmio = new MmioBus(lock);
    Device device = new Device();
    ports.claim(ExitKind.PORT, 8, 1, device);
    mmio.claim(ExitKind.MMIO_GPA, 4096, device);
    loop = new VcpuLoop(vcpu, ports, mmio);
  }

  @Override
  public long run(long exits) {
    loop = new VcpuLoop(vcpu, ports, mmio);
    left = exits;
    sum = 0;
    VcpuLoop.End end = loop.run();
    if (end.reason() != VcpuLoop.Reason.STOPPED) {
      throw new IllegalStateException(end.detail());
    }
    return sum;
  }

  private final class Device implements PortDevice, MmioDevice {
    private void add(long mark) {
      sum += mark;
      if (--left == 0) {
        loop.end(ENOUGH);
      }
    }

    @Override
    public int readPort(int port, int size) {
      add(port);
      return ExitKind.ANSWER;
    }

    @Override
    public void writePort(int port, int size, int value) {
      add(value);
    }

    @Override
    public long readMmio(long offset, int size) {
      add(ExitKind.MMIO_GPA + offset);
      return ExitKind.ANSWER;
    }

    @Override
    public void writeMmio(long offset, int size, long value) {
      add(value);
    }
  }
}
