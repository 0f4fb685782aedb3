package io.ringside.vmm;

import io.ringside.cpu.CpuState;
import io.ringside.machine.Clock;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.InterruptChips;
import io.ringside.machine.MachineLock;
import io.ringside.machine.MmioBus;
import io.ringside.machine.PortBus;
import io.ringside.machine.TimerThread;
import io.ringside.machine.Vcpu;

/** A method of virtualization as the boot recipe uses it: it makes the interrupt chips and the vCPU of one machine. */
sealed interface Engine extends AutoCloseable permits BtEngine, HvmEngine {
  /**
   * What an engine builds on.
   *
   * @param memory guest RAM
   * @param ports the machine's ports
   * @param mmio the machine's MMIO
   * @param lock the machine's lock
   * @param timers the machine's timers
   */
  record Parts(
      GuestMemory memory, PortBus ports, MmioBus mmio, MachineLock lock, TimerThread timers) {
    /** The machine's time. */
    Clock clock() {
      return timers.clock();
    }
  }

  /** The interrupt controllers and the interval timer. */
  InterruptChips chips();

  /** MMIO as the vCPU sees it. */
  MmioBus mmio();

  /** The vCPU. */
  Vcpu vcpu();

  /** Its registers, to set up before it runs. */
  CpuState state();

  /** To be called when the registers are set up; {@code loop} is told when an interrupt comes. */
  void start(VcpuLoop loop);

  /** To be called by the thread that is going to run the vCPU; it runs the result when it won't any more. */
  default Runnable entered() {
    return () -> {};
  }

  /** Makes the statistics tell the software TLB's hits too, by sampling, where there is one. */
  default void sampleTlb() {}

  /** Nanoseconds from the start to the first instruction in user mode; 0 if there was none or none knows. */
  default long nanosToFirstUserInstruction() {
    return 0;
  }

  /** What the method counted: indented lines for a person, or nothing. */
  default String report() {
    return "";
  }

  /** The registers as text. */
  String dump();

  @Override
  void close();
}
