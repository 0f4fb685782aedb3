package io.ringside.machine;

/** A virtual processor as one method of virtualization makes it. {@link #run} is called by one thread only. */
public interface Vcpu extends AutoCloseable {
  /** Runs the guest until it needs the VMM. The previous exit must have been completed. */
  Exit run();

  /** Supplies the value that the last {@link Exit.PortRead} or {@link Exit.MmioRead} asked for. */
  void completeRead(long value);

  /** Whether a vCPU that ended in {@link Exit.Halt} must go on: an interrupt waits for it. By the thread that runs it. */
  boolean wakes(boolean interruptsEnabled);

  /** Makes a running vCPU notice the interrupt controller's state soon; from any thread. */
  void interruptChanged();

  /** Makes {@link #run} return {@link Exit.Interrupted} soon; from any thread. */
  void kick();

  @Override
  void close();
}
