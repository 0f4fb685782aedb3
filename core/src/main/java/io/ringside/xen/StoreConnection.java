package io.ringside.xen;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Set;

/** A client of XenStore that speaks the wire protocol: what is to be sent to it waits here. */
final class StoreConnection extends StoreClient {
  /** The size of a message's header: type, request, transaction and length, 4 bytes each. */
  static final int HEADER = 16;

  /** How long a message may be beside its header. */
  static final int MAX_PAYLOAD = 4096;

  static final int WATCH_EVENT = 15;
  static final int ERROR = 16;

  /**
   * A message that waits.
   *
   * @param bytes all of it
   * @param event the path and the token of a watch event, empty for a reply
   */
  private record Message(byte[] bytes, String event) {
    private boolean isReply() {
      return event.isEmpty();
    }
  }

  private final StoreAccounts accounts;
  private final ArrayDeque<Message> waiting = new ArrayDeque<>();
  private final Set<String> events = new HashSet<>();
  private int replies;

  StoreConnection(int domid, StoreAccounts accounts) {
    super(domid);
    this.accounts = accounts;
  }

  /** Whether a further request is taken now. */
  boolean takesRequests() {
    return replies < StoreAccounts.MAX_REPLIES;
  }

  /** Queues a reply; one that is too long becomes an error. */
  void reply(int type, int request, int transaction, byte[] payload) {
    if (payload.length > MAX_PAYLOAD) {
      error(StoreException.E2BIG, request, transaction);
      return;
    }
    replies++;
    add(new Message(message(type, request, transaction, payload), ""));
  }

  /** Queues a reply that names an error. */
  void error(StoreException error, int request, int transaction) {
    reply(ERROR, request, transaction, text(error.error() + '\0'));
  }

  @Override
  void event(String path, String token) {
    String key = path + '\0' + token + '\0';
    boolean special = path.startsWith("@");
    int size = HEADER + key.length();
    if (key.length() > MAX_PAYLOAD
        || !special && events.contains(key)
        || !accounts.hasMemory(domid(), size)) {
      return;
    }
    if (!special) {
      events.add(key);
    }
    add(new Message(message(WATCH_EVENT, 0, 0, text(key)), key));
  }

  private void add(Message message) {
    accounts.addMemory(domid(), message.bytes.length);
    waiting.add(message);
  }

  /** Whether something waits. */
  boolean hasOutput() {
    return !waiting.isEmpty();
  }

  /** The message that is to be sent first. */
  byte[] output() {
    return waiting.getFirst().bytes;
  }

  /** That message was sent. */
  void sent() {
    Message message = waiting.removeFirst();
    accounts.addMemory(domid(), -message.bytes.length);
    if (message.isReply()) {
      replies--;
    } else {
      events.remove(message.event);
    }
  }

  /** Forgets its watches and transactions. */
  void forget() {
    for (StoreWatch watch : watches()) {
      accounts.addMemory(domid(), -watch.path().length() - watch.token().length());
    }
    watches().clear();
    for (StoreTransaction transaction : transactions().values()) {
      transaction.close();
    }
    transactions().clear();
  }

  /** Forgets all, and what waits too. */
  void reset() {
    forget();
    while (hasOutput()) {
      sent();
    }
  }

  static byte[] text(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static byte[] message(int type, int request, int transaction, byte[] payload) {
    byte[] message = new byte[HEADER + payload.length];
    put(message, 0, type);
    put(message, 4, request);
    put(message, 8, transaction);
    put(message, 12, payload.length);
    System.arraycopy(payload, 0, message, HEADER, payload.length);
    return message;
  }

  private static void put(byte[] message, int at, int value) {
    for (int i = 0; i < 4; i++) {
      message[at + i] = (byte) (value >>> 8 * i);
    }
  }
}
