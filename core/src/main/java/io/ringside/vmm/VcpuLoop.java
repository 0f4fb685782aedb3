package io.ringside.vmm;

import io.ringside.machine.Exit;
import io.ringside.machine.MmioBus;
import io.ringside.machine.PortBus;
import io.ringside.machine.Vcpu;
import io.ringside.vmm.ExitCounters.Kind;
import java.util.concurrent.locks.LockSupport;

/**
 * The vCPU loop: run, handle the exit, account for it, repeat, until something ends the machine. It knows no method of
 * virtualization: whatever makes the exits, they are handled here.
 */
public final class VcpuLoop {
  /** Why a machine stopped. */
  public enum Reason {
    POWER_OFF,
    RESET,
    DEBUG_EXIT,
    SHUTDOWN,
    FAILURE,
    STOPPED
  }

  /**
   * How a machine ended.
   *
   * @param reason why
   * @param detail one line for the user
   * @param code the debug-exit port's exit status, else 0
   */
  public record End(Reason reason, String detail, int code) {}

  private final Vcpu vcpu;
  private final PortBus ports;
  private final MmioBus mmio;
  private final ExitCounters counters = new ExitCounters();

  private volatile Thread thread;
  private volatile boolean waiting;
  private volatile End end;

  /** Makes the loop of one vCPU. */
  public VcpuLoop(Vcpu vcpu, PortBus ports, MmioBus mmio) {
    this.vcpu = vcpu;
    this.ports = ports;
    this.mmio = mmio;
  }

  /** Runs the guest on the calling thread until the machine ends; see {@link Machine#run}. */
  public End run() {
    thread = Thread.currentThread();
    while (end == null) {
      Exit exit = vcpu.run();
      long start = System.nanoTime();
      Kind kind = handle(exit);
      counters.count(kind, System.nanoTime() - start);
    }
    return end;
  }

  /**
   * Handles an exit; its kind. The frequent ones come first and by instanceof: javac makes a call into generated code of
   * a switch over types, which takes 60 ns longer when it is in no cache.
   */
  private Kind handle(Exit exit) {
    if (exit instanceof Exit.PortWrite(int port, int size, int value)) {
      ports.write(port, size, value);
      return Kind.PORT_WRITE;
    }
    if (exit instanceof Exit.PortRead(int port, int size)) {
      vcpu.completeRead(ports.read(port, size) & 0xffff_ffffL);
      return Kind.PORT_READ;
    }
    if (exit instanceof Exit.MmioWrite(long gpa, int size, long value)) {
      mmio.write(gpa, size, value);
      return Kind.MMIO_WRITE;
    }
    if (exit instanceof Exit.MmioRead(long gpa, int size)) {
      vcpu.completeRead(mmio.read(gpa, size));
      return Kind.MMIO_READ;
    }
    return handleOther(exit);
  }

  private Kind handleOther(Exit exit) {
    return switch (exit) {
      case Exit.Halt(boolean interruptsEnabled) -> {
        sleep(interruptsEnabled);
        yield Kind.HALT;
      }
      case Exit.Interrupted() -> Kind.INTERRUPTED;
      case Exit.SingleStep() -> Kind.SINGLE_STEP;
      case Exit.Shutdown(String detail) -> {
        end(new End(Reason.SHUTDOWN, detail, 0));
        yield Kind.SHUTDOWN;
      }
      case Exit.Failure(String detail) -> {
        end(new End(Reason.FAILURE, detail, 0));
        yield Kind.FAILURE;
      }
      case Exit.PortRead _, Exit.PortWrite _, Exit.MmioRead _, Exit.MmioWrite _ ->
          throw new IllegalStateException("handled already");
    };
  }

  /** HLT: waits for an interrupt, or only for an NMI where interrupts are off. */
  private void sleep(boolean interruptsEnabled) {
    waiting = true;
    while (end == null && !vcpu.wakes(interruptsEnabled)) {
      LockSupport.park(this);
    }
    waiting = false;
    vcpu.interruptChanged();
  }

  /** To be called when the interrupt controller's state changed; from any thread. */
  public void interruptChanged() {
    vcpu.interruptChanged();
    if (waiting) {
      LockSupport.unpark(thread);
    }
  }

  /** Ends the machine; the first end counts. From any thread. */
  public void end(End how) {
    synchronized (this) {
      if (end == null) {
        end = how;
      }
    }
    vcpu.kick();
    LockSupport.unpark(thread);
  }

  /** What was counted. */
  public ExitCounters counters() {
    return counters;
  }
}
