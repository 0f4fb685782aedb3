package io.ringside.xen;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A XenStore transaction: sees the nodes as they were when it first read each, keeps its changes to itself, and makes them
 * all at its end if none of the nodes that it read has changed since.
 */
final class StoreTransaction implements StoreView {
  private static final class Access {
    private StoreNode node;

    /** What the node's generation was when it was first read. */
    private final long generation;

    private final List<StorePermission> oldPermissions;
    private boolean modified;
    private boolean changed;
    private boolean exact;
    private int charged;
    private int chargedTo;

    private Access(StoreNode node) {
      this.node = node;
      this.generation = node.generation();
      this.oldPermissions = node.permissions();
    }
  }

  private final StoreDatabase store;
  private final boolean limited;
  private final Map<String, Access> accesses = new LinkedHashMap<>();
  private final Map<Integer, Integer> nodes = new LinkedHashMap<>();
  private boolean failed;
  private boolean created;

  /**
   * Starts a transaction.
   *
   * @param limited whether quotas hold for who does it
   */
  StoreTransaction(StoreDatabase store, boolean limited) {
    this.store = store;
    this.limited = limited;
  }

  private Access access(String path) {
    Access access = accesses.get(path);
    if (access == null) {
      if (limited && accesses.size() >= StoreAccounts.MAX_TRANSACTION_NODES) {
        failed = true;
        throw StoreException.ENOSPC;
      }
      access = new Access(store.read(path));
      accesses.put(path, access);
    }
    return access;
  }

  @Override
  public StoreNode read(String path) {
    return access(path).node;
  }

  @Override
  public void write(String path, StoreNode node) {
    Access access = access(path);
    access.modified = true;
    access.node = node.withGeneration(store.nextGeneration());
    refund(access);
    access.charged = node.size() + path.length();
    access.chargedTo = node.owner();
    store.accounts().addMemory(access.chargedTo, access.charged);
  }

  @Override
  public void delete(String path) {
    Access access = access(path);
    access.modified = true;
    access.node = StoreNode.ABSENT;
    refund(access);
    store.nextGeneration();
  }

  private void refund(Access access) {
    store.accounts().addMemory(access.chargedTo, -access.charged);
    access.charged = 0;
  }

  @Override
  public int charge(String path, StoreNode node) {
    return node.size() + path.length() - access(path).charged;
  }

  @Override
  public int nodes(int domid) {
    // What the transaction itself has created counts at its end.
    return store.accounts().nodes(domid);
  }

  @Override
  public void addNodes(int domid, int count) {
    created |= count > 0;
    nodes.merge(domid, count, Integer::sum);
  }

  @Override
  public void fail() {
    failed = true;
  }

  @Override
  public void changed(
      String path, StoreNode node, boolean exact, List<StorePermission> oldPermissions) {
    Access access = access(path);
    access.exact = exact && (access.exact || !access.changed);
    access.changed = true;
  }

  /**
   * Makes the changes, and fires the watches.
   *
   * @throws StoreException ENOMEM if something in it failed, ENOSPC where a domain would own too many nodes, EAGAIN on a
   *     conflict; nothing is changed then
   */
  void commit() {
    if (failed) {
      throw StoreException.ENOMEM;
    }
    if (created && limited) {
      for (Map.Entry<Integer, Integer> entry : nodes.entrySet()) {
        int count = store.accounts().nodes(entry.getKey()) + entry.getValue();
        if (count >= StoreAccounts.MAX_NODES) {
          throw StoreException.ENOSPC;
        }
      }
    }
    for (Map.Entry<String, Access> entry : accesses.entrySet()) {
      if (store.read(entry.getKey()).generation() != entry.getValue().generation) {
        throw StoreException.EAGAIN;
      }
    }
    for (Map.Entry<String, Access> entry : accesses.entrySet()) {
      Access access = entry.getValue();
      if (!access.modified) {
        continue;
      }
      refund(access);
      if (access.node.exists()) {
        store.write(entry.getKey(), access.node);
      } else {
        store.delete(entry.getKey());
      }
      if (access.changed) {
        store.changed(
            entry.getKey(), store.read(entry.getKey()), access.exact, access.oldPermissions);
      }
    }
    for (Map.Entry<Integer, Integer> entry : nodes.entrySet()) {
      store.accounts().addNodes(entry.getKey(), entry.getValue());
    }
    accesses.clear();
  }

  /** Gives back what it used. */
  void close() {
    for (Access access : accesses.values()) {
      refund(access);
    }
    accesses.clear();
  }
}
