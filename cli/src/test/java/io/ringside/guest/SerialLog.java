package io.ringside.guest;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** What a guest wrote to its serial console, for threads that wait for some of it. */
final class SerialLog {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final StringBuilder text = new StringBuilder();
  private boolean ended;

  /** Appends a byte; carriage returns are left out. */
  void append(int value) {
    lock.lock();
    try {
      if (value != '\r') {
        text.append((char) (value & 0xff));
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Says that nothing will come any more. */
  void end() {
    lock.lock();
    try {
      ended = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** All so far. */
  String all() {
    lock.lock();
    try {
      return text.toString();
    } finally {
      lock.unlock();
    }
  }

  /** The length so far, to await something behind it. */
  int length() {
    lock.lock();
    try {
      return text.length();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until {@code wanted} comes at or behind index {@code from}; the index behind it.
   *
   * @throws AssertionError if the log ends or {@code seconds} pass before
   */
  int await(String wanted, int from, double seconds) throws InterruptedException {
    long nanos = (long) (seconds * 1e9);
    lock.lock();
    try {
      while (true) {
        int at = text.indexOf(wanted, from);
        if (at >= 0) {
          return at + wanted.length();
        }
        if (ended || nanos <= 0) {
          throw new AssertionError(
              (ended ? "the guest ended" : seconds + " s passed")
                  + " without \""
                  + wanted
                  + "\"; its console:\n"
                  + text.substring(Math.max(0, text.length() - 6000)));
        }
        nanos = changed.awaitNanos(nanos);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Characters {@code from} to {@code to}, as UTF-8. */
  String slice(int from, int to) {
    lock.lock();
    try {
      byte[] bytes = text.substring(from, to).getBytes(StandardCharsets.ISO_8859_1);
      return new String(bytes, StandardCharsets.UTF_8);
    } finally {
      lock.unlock();
    }
  }
}
