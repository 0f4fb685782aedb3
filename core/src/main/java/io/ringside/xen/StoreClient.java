package io.ringside.xen;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Who makes requests to XenStore and watches its nodes. */
abstract class StoreClient {
  /** In {@link #rights}, beside those of {@link StorePermission}: may change the permissions. */
  static final int OWNER = 4;

  private static final int ALL = StorePermission.READ | StorePermission.WRITE | OWNER;

  private final int domid;
  private final List<StoreWatch> watches = new ArrayList<>();
  private final Map<Integer, StoreTransaction> transactions = new LinkedHashMap<>();
  private int lastTransaction;

  StoreClient(int domid) {
    this.domid = domid;
  }

  /** The domain that it is, or acts for. */
  int domid() {
    return domid;
  }

  /** Whether neither permissions nor quotas hold for it: domain 0. */
  boolean isPrivileged() {
    return domid == 0;
  }

  /** What it may do with a node. */
  int rights(List<StorePermission> permissions) {
    if (isPrivileged() || permissions.getFirst().domid() == domid) {
      return ALL;
    }
    for (int i = 1; i < permissions.size(); i++) {
      if (permissions.get(i).domid() == domid) {
        return permissions.get(i).rights();
      }
    }
    return permissions.getFirst().rights();
  }

  /** Whether it may read a node; not where there is none. */
  boolean mayRead(StoreNode node) {
    return node.exists() && (rights(node.permissions()) & StorePermission.READ) != 0;
  }

  /** Its watches, in the order in which they were set. */
  List<StoreWatch> watches() {
    return watches;
  }

  /** Its transactions by their identifiers. */
  Map<Integer, StoreTransaction> transactions() {
    return transactions;
  }

  /** An identifier for a new transaction: the next one that is free and not 0. */
  int newTransactionId() {
    do {
      lastTransaction++;
    } while (lastTransaction == 0 || transactions.containsKey(lastTransaction));
    return lastTransaction;
  }

  /** Makes a path absolute. */
  String absolute(String path) {
    boolean isAbsolute = !path.isEmpty() && (path.charAt(0) == '/' || path.charAt(0) == '@');
    return isAbsolute ? path : StorePath.ofDomain(domid) + "/" + path;
  }

  /** Tells it that one of its watches has fired for a path. */
  void fire(StoreWatch watch, String path) {
    String shown = path;
    if (watch.relative()) {
      shown = path.substring(StorePath.ofDomain(domid).length());
      shown = shown.isEmpty() ? shown : shown.substring(1);
    }
    event(shown, watch.token());
  }

  /** Gets a watch event. */
  abstract void event(String path, String token);
}
