package io.ringside.cli;

import java.util.Arrays;

/** A first-in first-out queue of bytes between two threads, in bulk on either side. */
final class ByteQueue {
  private final int limit;
  private byte[] bytes;
  private int head;
  private int size;
  private boolean closed;

  /**
   * Makes an empty queue.
   *
   * @param capacity bytes to begin with
   * @param limit bytes at which {@link #put} waits for room; the queue grows up to it
   */
  ByteQueue(int capacity, int limit) {
    this.bytes = new byte[capacity];
    this.limit = limit;
  }

  /** Appends a byte, waiting for room at the limit. Returns false if the queue is closed: the byte is dropped. */
  synchronized boolean put(int value) throws InterruptedException {
    while (size == limit && !closed) {
      wait();
    }
    if (closed) {
      return false;
    }
    if (size == bytes.length) {
      grow();
    }
    int tail = head + size;
    bytes[tail < bytes.length ? tail : tail - bytes.length] = (byte) value;
    if (size++ == 0) {
      notifyAll();
    }
    return true;
  }

  /**
   * Waits for bytes and takes as many as fit.
   *
   * @return how many, 0 if the queue is closed and empty
   */
  synchronized int take(byte[] into) throws InterruptedException {
    while (size == 0) {
      if (closed) {
        return 0;
      }
      wait();
    }
    int count = Math.min(size, into.length);
    int first = Math.min(count, bytes.length - head);
    System.arraycopy(bytes, head, into, 0, first);
    System.arraycopy(bytes, 0, into, first, count - first);
    head = (head + count) % bytes.length;
    boolean waited = size == limit || size == count;
    size -= count;
    if (waited) {
      notifyAll();
    }
    return count;
  }

  /** Waits until everything has been taken, or the queue is closed. */
  synchronized void awaitEmpty() throws InterruptedException {
    while (size != 0 && !closed) {
      wait();
    }
  }

  /** Takes nothing more; what is in it can still be taken. */
  synchronized void close() {
    closed = true;
    notifyAll();
  }

  private void grow() {
    byte[] larger = Arrays.copyOf(bytes, (int) Math.min(limit, 2L * bytes.length));
    // The part that had wrapped round to the start goes behind the rest.
    int wrapped = head;
    int room = Math.min(wrapped, larger.length - bytes.length);
    System.arraycopy(larger, 0, larger, bytes.length, room);
    System.arraycopy(larger, room, larger, 0, wrapped - room);
    bytes = larger;
  }
}
