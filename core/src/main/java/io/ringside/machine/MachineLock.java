package io.ringside.machine;

import java.util.concurrent.locks.ReentrantLock;

/**
 * The one lock of a machine's devices. The buses take it around each access, the timer thread around each callback, and
 * anything else that touches a device (console input, for instance) takes it itself. It may be taken again by the thread
 * that holds it.
 */
public final class MachineLock {
  private final ReentrantLock lock = new ReentrantLock();

  /** Makes a free lock. */
  public MachineLock() {}

  /** Waits until the lock is free, and takes it. */
  public void lock() {
    lock.lock();
  }

  /** Gives the lock back; throws {@link IllegalMonitorStateException} if this thread does not hold it. */
  public void unlock() {
    lock.unlock();
  }

  /** Whether the calling thread holds the lock; for assertions. */
  public boolean heldByCurrentThread() {
    return lock.isHeldByCurrentThread();
  }
}
