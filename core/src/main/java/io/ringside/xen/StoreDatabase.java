package io.ringside.xen;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** XenStore's nodes, and the watches on them. */
final class StoreDatabase implements StoreView {
  /** What only domain 0 may: the permissions of the root and of special events. */
  static final List<StorePermission> PRIVATE =
      List.of(new StorePermission(0, StorePermission.NONE));

  private final Map<String, StoreNode> nodes = new HashMap<>();
  private final StoreAccounts accounts = new StoreAccounts();
  private final List<StoreClient> clients = new ArrayList<>();
  private long generation;

  /** Makes a store with nothing but a root. */
  StoreDatabase() {
    write("/", StoreNode.of(new byte[0], PRIVATE));
  }

  StoreAccounts accounts() {
    return accounts;
  }

  /** Counts a change, of whatever view. */
  long nextGeneration() {
    return ++generation;
  }

  void connect(StoreClient client) {
    clients.add(client);
  }

  @Override
  public StoreNode read(String path) {
    return nodes.getOrDefault(path, StoreNode.ABSENT);
  }

  @Override
  public void write(String path, StoreNode node) {
    delete(path);
    nodes.put(path, node.withGeneration(nextGeneration()));
    accounts.addMemory(node.owner(), node.size() + path.length());
  }

  @Override
  public void delete(String path) {
    StoreNode old = read(path);
    nextGeneration();
    if (old.exists()) {
      nodes.remove(path);
      accounts.addMemory(old.owner(), -old.size() - path.length());
    }
  }

  @Override
  public int charge(String path, StoreNode node) {
    StoreNode old = read(path);
    boolean charged = old.exists() && old.owner() == node.owner();
    return charged ? node.size() - old.size() : node.size() + path.length();
  }

  @Override
  public int nodes(int domid) {
    return accounts.nodes(domid);
  }

  @Override
  public void addNodes(int domid, int count) {
    accounts.addNodes(domid, count);
  }

  @Override
  public void fail() {}

  @Override
  public void changed(
      String path, StoreNode node, boolean exact, List<StorePermission> oldPermissions) {
    StoreNode parent = read(StorePath.parent(path));
    for (StoreClient client : clients) {
      boolean could =
          !oldPermissions.isEmpty() && (client.rights(oldPermissions) & StorePermission.READ) != 0;
      if (could || node.exists() && (client.mayRead(node) || client.mayRead(parent))) {
        fire(client, path, exact);
      }
    }
  }

  /** A special event: {@code @introduceDomain} or {@code @releaseDomain}. */
  void special(String event) {
    for (StoreClient client : clients) {
      if (client.isPrivileged()) {
        fire(client, event, false);
      }
    }
  }

  private static void fire(StoreClient client, String path, boolean exact) {
    // A client of the VMM's may set watches while it is told of one.
    for (StoreWatch watch : List.copyOf(client.watches())) {
      if (exact ? path.equals(watch.path()) : StorePath.isBelow(path, watch.path())) {
        client.fire(watch, path);
      }
    }
  }
}
