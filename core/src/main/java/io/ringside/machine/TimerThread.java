package io.ringside.machine;

import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;

/**
 * Fires a machine's timers: one daemon thread that sleeps until the earliest deadline. The deadlines are a binary heap
 * guarded by the machine's lock, in which the callbacks run as well, so that a timer that was cancelled under that lock
 * never fires afterwards. Arming allocates nothing, and wakes the thread only for a deadline earlier than the one that
 * it sleeps for.
 */
public final class TimerThread implements Timers, AutoCloseable {
  private static final long NEVER = Long.MAX_VALUE;

  private final MachineLock lock;
  private final Clock clock;
  private final Thread thread;
  private HeapTimer[] heap = new HeapTimer[16];
  private int armed;

  /** The deadline that the thread sleeps for; guarded by the lock. While the thread is awake, the earliest value. */
  private long sleepsUntil = Long.MIN_VALUE;

  private volatile boolean closed;

  /** Starts the thread on the JVM's monotonic clock. */
  public TimerThread(MachineLock lock) {
    this(lock, new SystemClock());
  }

  /**
   * Starts the thread.
   *
   * @param lock held around each callback
   * @param clock what deadlines refer to; must advance with real time
   */
  @SuppressWarnings("this-escape") // The thread starts last.
  public TimerThread(MachineLock lock, Clock clock) {
    this.lock = lock;
    this.clock = clock;
    this.thread = new Thread(new Loop(), "ringside-timers");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public Timer create(Runnable expired) {
    return new HeapTimer(expired);
  }

  @Override
  public Clock clock() {
    return clock;
  }

  /** Sets what is told when a callback throws; the thread ends then, and no timer fires any more. */
  public void onFailure(Thread.UncaughtExceptionHandler handler) {
    thread.setUncaughtExceptionHandler(handler);
  }

  /** Ends the thread; armed timers never fire. Doing it again changes nothing. */
  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(thread);
  }

  /**
   * Fires on the calling thread what is due by now and the timer thread has not got to: on a busy
   * host that thread may wait for a processor while a vCPU has one.
   */
  public void fireOverdue() {
    lock.lock();
    try {
      fireDue();
    } finally {
      lock.unlock();
    }
  }

  private final class Loop implements Runnable {
    @Override
    public void run() {
      while (!closed) {
        long wait;
        lock.lock();
        try {
          sleepsUntil = Long.MIN_VALUE;
          wait = fireDue();
        } finally {
          lock.unlock();
        }
        if (wait == NEVER) {
          LockSupport.park(TimerThread.this);
        } else {
          LockSupport.parkNanos(TimerThread.this, wait);
        }
      }
    }
  }

  /** Fires what is due; the nanoseconds to the next deadline, or {@link #NEVER}. */
  private long fireDue() {
    while (armed > 0 && !closed) {
      HeapTimer first = heap[0];
      long wait = first.deadline - clock.nanos();
      if (wait > 0) {
        sleepsUntil = first.deadline;
        return wait;
      }
      remove(first);
      first.expired.run();
    }
    sleepsUntil = NEVER;
    return NEVER;
  }

  private void remove(HeapTimer timer) {
    int hole = timer.index;
    timer.index = -1;
    HeapTimer last = heap[--armed];
    if (last != timer) {
      siftDown(hole, last);
      if (heap[hole] == last) {
        siftUp(hole, last);
      }
    }
  }

  private void siftUp(int from, HeapTimer timer) {
    int index = from;
    while (index > 0) {
      int parent = (index - 1) >>> 1;
      if (heap[parent].deadline <= timer.deadline) {
        break;
      }
      place(index, heap[parent]);
      index = parent;
    }
    place(index, timer);
  }

  private void siftDown(int from, HeapTimer timer) {
    int index = from;
    while (true) {
      int child = 2 * index + 1;
      if (child >= armed) {
        break;
      }
      if (child + 1 < armed && heap[child + 1].deadline < heap[child].deadline) {
        child++;
      }
      if (timer.deadline <= heap[child].deadline) {
        break;
      }
      place(index, heap[child]);
      index = child;
    }
    place(index, timer);
  }

  private void place(int index, HeapTimer timer) {
    heap[index] = timer;
    timer.index = index;
  }

  private final class HeapTimer implements Timer {
    private final Runnable expired;
    private long deadline;
    private int index = -1;

    HeapTimer(Runnable expired) {
      this.expired = expired;
    }

    @Override
    public void arm(long deadlineNanos) {
      lock.lock();
      try {
        if (index >= 0) {
          long before = deadline;
          deadline = deadlineNanos;
          if (deadlineNanos < before) {
            siftUp(index, this);
          } else {
            siftDown(index, this);
          }
        } else {
          deadline = deadlineNanos;
          if (armed == heap.length) {
            heap = Arrays.copyOf(heap, 2 * armed);
          }
          siftUp(armed++, this);
        }
        if (deadlineNanos < sleepsUntil) {
          sleepsUntil = deadlineNanos;
          LockSupport.unpark(thread);
        }
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void cancel() {
      lock.lock();
      try {
        if (index >= 0) {
          remove(this);
        }
      } finally {
        lock.unlock();
      }
    }
  }

  private static final class SystemClock implements Clock {
    @Override
    public long nanos() {
      return System.nanoTime();
    }
  }
}
