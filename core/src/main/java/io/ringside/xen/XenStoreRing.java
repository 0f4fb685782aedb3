package io.ringside.xen;

import io.ringside.host.NativeMemory;
import java.lang.invoke.VarHandle;

/**
 * XenStore's end of {@code struct xenstore_domain_interface}: a page of the guest's with a ring of requests and one of replies
 * and watch events, and an event channel. Source: {@code public/io/xs_wire.h}, {@code docs/misc/xenstore-ring.txt}.
 *
 * <p>A guest whose indices make no sense, or whose message is too long, is not listened to any more, as under xenstored; the
 * page says why.
 *
 * <p>Each method needs the machine's lock. The guest reads and writes the page at the same time.
 */
final class XenStoreRing {
  static final int SIZE = 1024;
  static final int REQUESTS = 0;
  static final int REPLIES = 1024;
  static final int REQUEST_CONS = 2048;
  static final int REQUEST_PROD = 2052;
  static final int REPLY_CONS = 2056;
  static final int REPLY_PROD = 2060;
  static final int ERROR = 2072;

  /** In {@link #ERROR}: indices that make no sense. */
  static final int ERROR_INDEX = 2;

  /** In {@link #ERROR}: a message that is too long. */
  static final int ERROR_PROTOCOL = 3;

  private final NativeMemory raw;
  private final StoreConnection client;
  private final StoreProtocol protocol;
  private long page = -1;
  private Runnable notifyGuest = () -> {};
  private boolean ignored;

  private final byte[] header = new byte[StoreConnection.HEADER];
  private byte[] payload = new byte[0];
  private int received;
  private int sent;

  XenStoreRing(NativeMemory raw, StoreConnection client, StoreProtocol protocol) {
    this.raw = raw;
    this.client = client;
    this.protocol = protocol;
  }

  /**
   * Gives it its page.
   *
   * @param maddr the page's machine address. The caller holds a writable reference on the frame, so that the guest can't
   *     make it a page table.
   * @param notifyGuest sends the event to the guest's port
   */
  void connect(long maddr, Runnable notifyGuest) {
    this.page = maddr;
    this.notifyGuest = notifyGuest;
    run();
  }

  /** Takes the requests that are there, and sends what waits, as far as there is room: when the guest has sent its event. */
  void run() {
    if (page < 0) {
      return;
    }
    boolean moved = false;
    boolean more = true;
    while (more && !ignored) {
      more = send();
      if (!ignored) {
        more |= receive();
      }
      moved |= more;
    }
    if (moved) {
      notifyGuest.run();
    }
  }

  /** Moves bytes of the first message that waits; whether there were any. */
  private boolean send() {
    if (!client.hasOutput()) {
      return false;
    }
    int cons = raw.getInt(page + REPLY_CONS);
    int prod = raw.getInt(page + REPLY_PROD);
    VarHandle.fullFence();
    int used = prod - cons;
    if (Integer.compareUnsigned(used, SIZE) > 0) {
      ignore(ERROR_INDEX);
      return false;
    }
    byte[] message = client.output();
    int count = Math.min(SIZE - used, message.length - sent);
    for (int i = 0; i < count; i++) {
      raw.putByte(page + REPLIES + (prod + i & SIZE - 1), message[sent + i]);
    }
    VarHandle.fullFence();
    raw.putInt(page + REPLY_PROD, prod + count);
    sent += count;
    if (sent == message.length) {
      sent = 0;
      client.sent();
    }
    return count > 0;
  }

  /** Takes bytes of one request, and handles it if they are the last; whether there were any. */
  private boolean receive() {
    if (!client.takesRequests()) {
      return false;
    }
    int cons = raw.getInt(page + REQUEST_CONS);
    int prod = raw.getInt(page + REQUEST_PROD);
    VarHandle.fullFence();
    int available = prod - cons;
    if (Integer.compareUnsigned(available, SIZE) > 0) {
      ignore(ERROR_INDEX);
      return false;
    }
    int left = available;
    boolean complete = false;
    while (left > 0 && !complete) {
      int value = raw.getByte(page + REQUESTS + (cons++ & SIZE - 1));
      left--;
      if (received < StoreConnection.HEADER) {
        header[received++] = (byte) value;
        if (received == StoreConnection.HEADER) {
          int length = word(12);
          if (Integer.compareUnsigned(length, StoreConnection.MAX_PAYLOAD) > 0) {
            raw.putInt(page + REQUEST_CONS, cons);
            ignore(ERROR_PROTOCOL);
            return true;
          }
          payload = new byte[length];
        }
      } else {
        payload[received++ - StoreConnection.HEADER] = (byte) value;
      }
      complete = received == StoreConnection.HEADER + payload.length;
    }
    VarHandle.fullFence();
    raw.putInt(page + REQUEST_CONS, cons);
    if (complete) {
      received = 0;
      byte[] body = payload;
      payload = new byte[0];
      protocol.handle(client, word(0), word(4), word(8), body);
    }
    return available > 0;
  }

  private int word(int at) {
    return header[at] & 0xff
        | (header[at + 1] & 0xff) << 8
        | (header[at + 2] & 0xff) << 16
        | header[at + 3] << 24;
  }

  private void ignore(int why) {
    raw.putInt(page + ERROR, why);
    ignored = true;
    client.reset();
  }
}
