package io.ringside.xen;

import java.nio.charset.StandardCharsets;

/**
 * What a domain sends to the host's console: the bytes of its console ring as they are, and between them whole lines of
 * what Xen itself prints for it. Lines that the host has no room for wait here, up to {@link #LIMIT} bytes; more are
 * dropped, as Xen drops what a guest prints too fast, and counted.
 */
final class ConsoleOutput {
  /** How many bytes of lines wait at most. */
  static final int LIMIT = 64 * 1024;

  private final DomainHost host;
  private byte[] waiting = new byte[256];
  private int head;
  private int tail;
  private boolean lineStart = true;
  private long dropped;

  ConsoleOutput(DomainHost host) {
    this.host = host;
  }

  /** Whether a byte of the ring can go out: lines that wait go first. */
  boolean hasRoom() {
    return head == tail && host.consoleHasRoom();
  }

  /** Sends a byte of the ring; {@link #hasRoom} was true. */
  void put(int value) {
    lineStart = value == '\n';
    host.consoleOutput(value);
  }

  /** Sends a line, without its end, after the bytes that were sent before. */
  void line(byte[] text, int length) {
    byte[] prefix = new byte[0];
    if (dropped > 0) {
      String note = "(XEN) printk: " + dropped + " lines of the guest's were dropped\r\n";
      prefix = note.getBytes(StandardCharsets.US_ASCII);
    }
    if (tail - head + prefix.length + length + 4 > LIMIT) {
      dropped++;
      return;
    }
    dropped = 0;
    if (!lineStart) {
      append('\r');
      append('\n');
    }
    for (byte b : prefix) {
      append(b);
    }
    for (int i = 0; i < length; i++) {
      append(text[i]);
    }
    append('\r');
    append('\n');
    lineStart = true;
    flush();
  }

  /** The host has room again. */
  void flush() {
    while (head != tail && host.consoleHasRoom()) {
      host.consoleOutput(waiting[head++] & 0xff);
    }
    if (head == tail) {
      head = 0;
      tail = 0;
    }
  }

  private void append(int value) {
    if (tail == waiting.length) {
      int length = tail - head;
      byte[] larger = length > waiting.length / 2 ? new byte[waiting.length * 2] : waiting;
      System.arraycopy(waiting, head, larger, 0, length);
      waiting = larger;
      head = 0;
      tail = length;
    }
    waiting[tail++] = (byte) value;
  }
}
