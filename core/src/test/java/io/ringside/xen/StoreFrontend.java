package io.ringside.xen;

import io.ringside.host.NativeMemory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;

/** A guest's end of XenStore: sends requests by the ring, and takes replies and events from it. */
final class StoreFrontend {
  /**
   * A message from XenStore.
   *
   * @param type of reply, event or error
   * @param request the request's number
   * @param transaction the request's transaction
   * @param payload what it says, a character for each byte
   */
  record Reply(int type, int request, int transaction, String payload) {}

  final ServiceGuest guest = new ServiceGuest();
  final XenStore store = guest.domain.store();

  /** Paths and tokens of watch events, as {@code PATH TOKEN}. */
  final List<String> events = new ArrayList<>();

  final long page = guest.buffer;
  int notified;

  private final NativeMemory ram = guest.ram;
  private final ArrayDeque<Byte> bytes = new ArrayDeque<>();
  private int lastRequest = 100;
  private boolean connected;

  /** Connects the ring, whose indices the test may have set. */
  void connect() {
    connected = true;
    store.ring().connect(page, () -> notified++);
  }

  /** A message as it is sent. */
  static byte[] message(int type, int request, int transaction, String payload) {
    byte[] text = payload.getBytes(StandardCharsets.ISO_8859_1);
    byte[] message = new byte[16 + text.length];
    int[] words = {type, request, transaction, text.length};
    for (int i = 0; i < 16; i++) {
      message[i] = (byte) (words[i / 4] >>> 8 * (i % 4));
    }
    System.arraycopy(text, 0, message, 16, text.length);
    return message;
  }

  /** Puts bytes into the ring, without an event; there must be room. */
  void put(byte[] message, int from, int to) {
    int prod = ram.getInt(page + XenStoreRing.REQUEST_PROD);
    for (int i = from; i < to; i++) {
      ram.putByte(page + (prod++ & 1023), message[i]);
    }
    ram.putInt(page + XenStoreRing.REQUEST_PROD, prod);
  }

  /** Makes a request, waits for its reply, and notes the events that come before. */
  Reply request(int type, int transaction, String payload) {
    if (!connected) {
      connect();
    }
    byte[] message = message(type, ++lastRequest, transaction, payload);
    for (int sent = 0; sent < message.length; ) {
      int room =
          1024
              - (ram.getInt(page + XenStoreRing.REQUEST_PROD)
                  - ram.getInt(page + XenStoreRing.REQUEST_CONS));
      int count = Math.min(room, message.length - sent);
      put(message, sent, sent + count);
      sent += count;
      store.ring().run();
      take();
    }
    while (true) {
      Reply reply = next();
      if (reply.type != StoreConnection.WATCH_EVENT) {
        if (reply.request != lastRequest || reply.transaction != transaction) {
          throw new AssertionError("a reply to something else: " + reply);
        }
        return reply;
      }
    }
  }

  /** The payload of a reply, or {@code !} and the error's name. */
  String ask(int type, int transaction, String payload) {
    Reply reply = request(type, transaction, payload);
    if (reply.type == StoreConnection.ERROR) {
      return "!" + reply.payload.substring(0, reply.payload.length() - 1);
    }
    if (reply.type != type) {
      throw new AssertionError("a reply of another type: " + reply);
    }
    return reply.payload;
  }

  /** Outside of transactions. */
  String ask(int type, String payload) {
    return ask(type, 0, payload);
  }

  /** Takes the events that are there. */
  List<String> events() {
    take();
    while (!bytes.isEmpty()) {
      Reply event = next();
      if (event.type != StoreConnection.WATCH_EVENT) {
        throw new AssertionError("no event: " + event);
      }
    }
    List<String> taken = List.copyOf(events);
    events.clear();
    return taken;
  }

  /** Takes a message off the ring; an event is noted. */
  Reply next() {
    int[] words = new int[4];
    for (int i = 0; i < 16; i++) {
      words[i / 4] |= (takeByte() & 0xff) << 8 * (i % 4);
    }
    StringBuilder payload = new StringBuilder();
    for (int i = 0; i < words[3]; i++) {
      payload.append((char) (takeByte() & 0xff));
    }
    if (words[0] == StoreConnection.WATCH_EVENT) {
      String[] parts = payload.toString().split("\0", -1);
      events.add(parts[0] + " " + parts[1]);
    }
    return new Reply(words[0], words[1], words[2], payload.toString());
  }

  private byte takeByte() {
    if (bytes.isEmpty()) {
      take();
      if (bytes.isEmpty()) {
        throw new NoSuchElementException("XenStore says nothing");
      }
    }
    return bytes.removeFirst();
  }

  /** Takes what is in the ring, and tells XenStore. */
  void take() {
    int cons = ram.getInt(page + XenStoreRing.REPLY_CONS);
    while (cons != ram.getInt(page + XenStoreRing.REPLY_PROD)) {
      bytes.add((byte) ram.getByte(page + 1024 + (cons++ & 1023)));
      ram.putInt(page + XenStoreRing.REPLY_CONS, cons);
      if (cons == ram.getInt(page + XenStoreRing.REPLY_PROD)) {
        store.ring().run();
      }
    }
  }
}
