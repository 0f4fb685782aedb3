package io.ringside.xen;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The requests of XenStore's wire protocol. Sources: {@code public/io/xs_wire.h}, {@code docs/misc/xenstore.txt}; errors and
 * quotas as xenstored of Xen 4.17 has them.
 */
final class StoreProtocol {
  static final int CONTROL = 0;
  static final int DIRECTORY = 1;
  static final int READ = 2;
  static final int GET_PERMS = 3;
  static final int WATCH = 4;
  static final int UNWATCH = 5;
  static final int TRANSACTION_START = 6;
  static final int TRANSACTION_END = 7;
  static final int INTRODUCE = 8;
  static final int RELEASE = 9;
  static final int GET_DOMAIN_PATH = 10;
  static final int WRITE = 11;
  static final int MKDIR = 12;
  static final int RM = 13;
  static final int SET_PERMS = 14;
  static final int IS_DOMAIN_INTRODUCED = 17;
  static final int RESUME = 18;
  static final int SET_TARGET = 19;
  static final int RESET_WATCHES = 21;
  static final int DIRECTORY_PART = 22;

  private static final byte[] OK = StoreConnection.text("OK\0");

  private final StoreDatabase database;
  private final StoreOperations operations;

  StoreProtocol(StoreDatabase database, StoreOperations operations) {
    this.database = database;
    this.operations = operations;
  }

  /** Does what a message of a guest's asks for, and queues the reply. */
  void handle(StoreConnection client, int type, int request, int transaction, byte[] payload) {
    try {
      byte[] reply = handle(client, type, transaction, payload);
      client.reply(type, request, transaction, reply);
      if (type == WATCH) {
        // A watch fires once when it is set.
        StoreWatch watch = client.watches().getLast();
        client.fire(watch, watch.path());
      }
    } catch (StoreException e) {
      client.error(e, request, transaction);
    }
  }

  private byte[] handle(StoreConnection client, int type, int transaction, byte[] payload) {
    switch (type) {
      case CONTROL, INTRODUCE, RELEASE, IS_DOMAIN_INTRODUCED, RESUME, SET_TARGET ->
          throw StoreException.EACCES;
      case WATCH -> {
        return watch(client, payload);
      }
      case UNWATCH -> {
        return unwatch(client, payload);
      }
      default -> {}
    }
    if (type < 0 || type > DIRECTORY_PART || type == 20 || type == 15 || type == 16) {
      throw StoreException.ENOSYS;
    }
    if (transaction != 0 && !client.transactions().containsKey(transaction)) {
      throw StoreException.ENOENT;
    }
    StoreView view = transaction == 0 ? database : client.transactions().get(transaction);
    return switch (type) {
      case DIRECTORY -> directory(readable(client, view, argument(payload)));
      case DIRECTORY_PART -> directoryPart(client, view, payload);
      case READ -> readable(client, view, argument(payload)).value();
      case GET_PERMS -> permissions(readable(client, view, argument(payload)));
      case SET_PERMS -> setPermissions(client, view, payload);
      case WRITE -> write(client, view, payload);
      case MKDIR -> {
        operations.makeDirectory(client, view, client.absolute(argument(payload)));
        yield OK;
      }
      case RM -> {
        operations.remove(client, view, client.absolute(argument(payload)));
        yield OK;
      }
      case TRANSACTION_START -> startTransaction(client, transaction);
      case TRANSACTION_END -> endTransaction(client, transaction, argument(payload));
      case GET_DOMAIN_PATH ->
          StoreConnection.text(StorePath.ofDomain(number(argument(payload))) + '\0');
      default -> {
        client.forget();
        yield OK;
      }
    };
  }

  /** The payload as one string with a zero at its end and no other. */
  private static String argument(byte[] payload) {
    List<String> strings = strings(payload);
    if (strings.size() != 1 || strings.getFirst().length() + 1 != payload.length) {
      throw StoreException.EINVAL;
    }
    return strings.getFirst();
  }

  /** The strings that end with a zero; what is behind the last zero is left out. */
  private static List<String> strings(byte[] payload) {
    List<String> strings = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < payload.length; i++) {
      if (payload[i] == 0) {
        strings.add(new String(payload, start, i - start, StandardCharsets.ISO_8859_1));
        start = i + 1;
      }
    }
    return strings;
  }

  /** A decimal number at the start of a text, as C's {@code atoi} has it: 0 if there is none. */
  private static int number(String text) {
    int i = 0;
    while (i < text.length() && (text.charAt(i) == ' ' || text.charAt(i) == '\t')) {
      i++;
    }
    boolean negative = i < text.length() && text.charAt(i) == '-';
    if (negative || i < text.length() && text.charAt(i) == '+') {
      i++;
    }
    int value = 0;
    while (i < text.length() && text.charAt(i) >= '0' && text.charAt(i) <= '9') {
      value = value * 10 + text.charAt(i++) - '0';
    }
    return negative ? -value : value;
  }

  private StoreNode readable(StoreClient client, StoreView view, String path) {
    return operations.get(client, view, client.absolute(path), StorePermission.READ);
  }

  private static byte[] directory(StoreNode node) {
    ByteArrayOutputStream names = new ByteArrayOutputStream(node.childrenLength());
    for (String child : node.children()) {
      names.writeBytes(StoreConnection.text(child));
      names.write(0);
    }
    return names.toByteArray();
  }

  /** The generation, and as many names from an offset on as fit; an empty one after the last. */
  private byte[] directoryPart(StoreClient client, StoreView view, byte[] payload) {
    List<String> strings = strings(payload);
    if (strings.size() != 2) {
      throw StoreException.EINVAL;
    }
    StoreNode node = readable(client, view, strings.getFirst());
    byte[] names = directory(node);
    int offset = number(strings.getLast());
    ByteArrayOutputStream reply = new ByteArrayOutputStream();
    reply.writeBytes(StoreConnection.text(Long.toString(node.generation()) + '\0'));
    if (Integer.compareUnsigned(offset, names.length) >= 0) {
      reply.write(0);
      return reply.toByteArray();
    }
    int room = StoreConnection.MAX_PAYLOAD - reply.size() - 1;
    int end = offset;
    while (end < names.length) {
      int next = end;
      while (names[next] != 0) {
        next++;
      }
      if (next - offset >= room) {
        break;
      }
      end = next + 1;
    }
    reply.write(names, offset, end - offset);
    if (end == names.length) {
      reply.write(0);
    }
    return reply.toByteArray();
  }

  private static byte[] permissions(StoreNode node) {
    StringBuilder text = new StringBuilder();
    for (StorePermission permission : node.permissions()) {
      text.append(permission).append('\0');
    }
    return StoreConnection.text(text.toString());
  }

  private byte[] setPermissions(StoreClient client, StoreView view, byte[] payload) {
    List<String> strings = strings(payload);
    if (strings.size() < 2) {
      throw StoreException.EINVAL;
    }
    if (strings.size() - 1 > StoreAccounts.MAX_PERMISSIONS) {
      throw StoreException.ENOSPC;
    }
    List<StorePermission> permissions = new ArrayList<>();
    for (int i = 1; i < strings.size(); i++) {
      permissions.add(StorePermission.parse(strings.get(i)));
    }
    int owner = permissions.getFirst().domid();
    if (owner != 0 && owner != client.domid()) {
      // There is no such domain.
      throw StoreException.ENOENT;
    }
    operations.setPermissions(client, view, client.absolute(strings.getFirst()), permissions);
    return OK;
  }

  private byte[] write(StoreClient client, StoreView view, byte[] payload) {
    int end = 0;
    while (end < payload.length && payload[end] != 0) {
      end++;
    }
    if (end == payload.length) {
      throw StoreException.EINVAL;
    }
    String path = new String(payload, 0, end, StandardCharsets.ISO_8859_1);
    byte[] value = new byte[payload.length - end - 1];
    System.arraycopy(payload, end + 1, value, 0, value.length);
    operations.write(client, view, client.absolute(path), value);
    return OK;
  }

  private byte[] watch(StoreConnection client, byte[] payload) {
    List<String> strings = strings(payload);
    if (strings.size() != 2) {
      throw StoreException.EINVAL;
    }
    String named = strings.getFirst();
    String path = client.absolute(named);
    boolean special = path.startsWith("@");
    if (special ? path.length() > StorePath.MAX_LENGTH : !StorePath.isValid(path)) {
      throw StoreException.EINVAL;
    }
    String token = strings.getLast();
    StoreWatch watch = new StoreWatch(path, token, !special && !named.startsWith("/"));
    for (StoreWatch other : client.watches()) {
      if (other.path().equals(path) && other.token().equals(token)) {
        throw StoreException.EEXIST;
      }
    }
    if (client.watches().size() > StoreAccounts.MAX_WATCHES) {
      throw StoreException.E2BIG;
    }
    int size = path.length() + token.length();
    if (!database.accounts().hasMemory(client.domid(), size)) {
      throw StoreException.ENOMEM;
    }
    database.accounts().addMemory(client.domid(), size);
    client.watches().add(watch);
    return OK;
  }

  private byte[] unwatch(StoreConnection client, byte[] payload) {
    List<String> strings = strings(payload);
    if (strings.size() != 2) {
      throw StoreException.EINVAL;
    }
    String path = client.absolute(strings.getFirst());
    String token = strings.getLast();
    if (!client
        .watches()
        .removeIf(watch -> watch.path().equals(path) && watch.token().equals(token))) {
      throw StoreException.ENOENT;
    }
    database.accounts().addMemory(client.domid(), -path.length() - token.length());
    return OK;
  }

  private byte[] startTransaction(StoreConnection client, int transaction) {
    if (transaction != 0) {
      throw StoreException.EBUSY;
    }
    if (client.transactions().size() > StoreAccounts.MAX_TRANSACTIONS) {
      throw StoreException.ENOSPC;
    }
    int id = client.newTransactionId();
    client.transactions().put(id, new StoreTransaction(database, !client.isPrivileged()));
    return StoreConnection.text(Integer.toUnsignedString(id) + '\0');
  }

  private byte[] endTransaction(StoreConnection client, int transaction, String how) {
    if (!how.equals("T") && !how.equals("F")) {
      throw StoreException.EINVAL;
    }
    if (transaction == 0) {
      throw StoreException.ENOENT;
    }
    StoreTransaction ended = client.transactions().remove(transaction);
    try {
      if (how.equals("T")) {
        ended.commit();
      }
    } finally {
      ended.close();
    }
    return OK;
  }
}
