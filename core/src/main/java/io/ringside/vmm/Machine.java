package io.ringside.vmm;

import io.ringside.host.HostMapping;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.MachineLock;
import io.ringside.machine.TimerThread;

/**
 * A machine with a guest in it: RAM, time, and a vCPU with its loop, which {@link #run} runs. The boot recipes are the
 * constructors of its two kinds: {@link PcMachine} for a kernel that believes to own a PC, {@link PvMachine} for one that
 * knows that it is Xen's guest.
 */
public abstract sealed class Machine implements AutoCloseable permits PcMachine, PvMachine {
  /** Held while devices and hypercalls work. */
  final MachineLock lock = new MachineLock();

  final TimerThread timers = new TimerThread(lock);
  private final HostMapping ramMapping;
  private final GuestMemory memory;

  /** Nothing may reach the devices any more: the vCPU's memory is given back. Guarded by the lock. */
  private boolean closed;

  /** Makes the RAM, one memfd: the low part and the part above 4 GiB. */
  Machine(long memoryBytes) {
    long low = Math.min(memoryBytes, GuestMemory.LOW_RAM_LIMIT);
    ramMapping = HostMapping.guestRam(low, GuestMemory.HIGH_RAM_START, memoryBytes - low);
    memory = new GuestMemory(ramMapping.memory(), memoryBytes);
  }

  /**
   * Builds the machine and loads the kernel.
   *
   * @throws io.ringside.boot.BootException where kernel, initrd and memory don't go together
   * @throws io.ringside.host.HostException where the host refuses memory
   */
  public static Machine of(MachineConfig config) {
    return switch (config.method()) {
      case BT, HVM -> new PcMachine(config);
      case PV -> new PvMachine(config);
    };
  }

  /** Guest RAM. */
  final GuestMemory memory() {
    return memory;
  }

  /** What runs the vCPU. */
  public abstract VcpuLoop loop();

  /** Runs the guest on the calling thread until the machine ends. */
  public final VcpuLoop.End run() {
    Runnable leave = entered();
    try {
      return loop().run();
    } finally {
      leave.run();
    }
  }

  /** To be called by the thread that is going to run the vCPU; it runs the result when it won't any more. */
  abstract Runnable entered();

  /**
   * Offers a byte to the guest's console; false if it has no room now. From any thread, at any time: a machine that is
   * closed swallows it.
   */
  public final boolean consoleInput(int value) {
    lock.lock();
    try {
      return closed || receive(value);
    } finally {
      lock.unlock();
    }
  }

  /** As {@link #consoleInput}, with the lock held. */
  abstract boolean receive(int value);

  /** Makes the statistics tell the software TLB's hits too, by sampling, where there is one. */
  public abstract void sampleTlb();

  /** Nanoseconds from the start to the guest's first instruction in user mode; 0 if not known. */
  public abstract long nanosToFirstUserInstruction();

  /** What the method counted: indented lines for a person, or nothing. */
  public abstract String methodReport();

  /** RIP, registers and figures, for whoever debugs. */
  public abstract String dump();

  /** Gives back what the subclass has; nothing runs any more. */
  abstract void closeVcpu();

  @Override
  public final void close() {
    timers.close();
    lock.lock();
    try {
      closed = true;
    } finally {
      lock.unlock();
    }
    closeVcpu();
    ramMapping.close();
  }
}
