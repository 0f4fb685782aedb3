package io.ringside.xen;

import java.util.ArrayList;
import java.util.List;

/**
 * What requests do to the nodes of XenStore, with the checks of rights and quotas that xenstored makes ({@code
 * xenstored_core.c}). Paths are absolute; all methods throw {@link StoreException}.
 */
final class StoreOperations {
  private final StoreDatabase database;

  StoreOperations(StoreDatabase database) {
    this.database = database;
  }

  /** A node that must be there. */
  StoreNode get(StoreClient client, StoreView view, String path, int rights) {
    StoreNode node = find(client, view, path, rights);
    if (!node.exists()) {
      throw StoreException.ENOENT;
    }
    return node;
  }

  /**
   * A node, or {@link StoreNode#ABSENT} if it isn't there and the client may know that: the nearest parent that is there gives
   * it one of the rights.
   */
  private static StoreNode find(StoreClient client, StoreView view, String path, int rights) {
    if (!StorePath.isValid(path)) {
      throw StoreException.EINVAL;
    }
    StoreNode node = view.read(path);
    if (node.exists() && (client.rights(node.permissions()) & rights) == rights) {
      return node;
    }
    String parent = path;
    StoreNode nearest;
    do {
      parent = StorePath.parent(parent);
      nearest = view.read(parent);
    } while (!nearest.exists());
    if (node.exists() || (client.rights(nearest.permissions()) & rights) == 0) {
      throw StoreException.EACCES;
    }
    return node;
  }

  /** Writes a value; creates the node and its parents where they are missing. */
  void write(StoreClient client, StoreView view, String path, byte[] value) {
    StoreNode node = find(client, view, path, StorePermission.WRITE);
    if (node.exists()) {
      node = node.withValue(value);
      check(client, view, path, node);
      view.write(path, node);
    } else {
      create(client, view, path, value);
    }
    view.changed(path, view.read(path), false, List.of());
  }

  /** Creates a node and its parents where they are missing. */
  void makeDirectory(StoreClient client, StoreView view, String path) {
    if (!find(client, view, path, StorePermission.WRITE).exists()) {
      create(client, view, path, new byte[0]);
      view.changed(path, view.read(path), false, List.of());
    }
  }

  private void create(StoreClient client, StoreView view, String path, byte[] value) {
    List<String> paths = new ArrayList<>();
    String parentPath = path;
    StoreNode parent;
    do {
      paths.add(parentPath);
      parentPath = StorePath.parent(parentPath);
      parent = view.read(parentPath);
    } while (!parent.exists());

    List<StorePermission> permissions = parent.permissions();
    if (!client.isPrivileged()) {
      // Who creates a node owns it.
      permissions = new ArrayList<>(permissions);
      permissions.set(0, new StorePermission(client.domid(), permissions.getFirst().rights()));
    }
    List<StoreNode> nodes = new ArrayList<>();
    for (int i = 0; i < paths.size(); i++) {
      StoreNode node = StoreNode.of(i == 0 ? value : new byte[0], permissions);
      node = i == 0 ? node : node.withChild(StorePath.name(paths.get(i - 1)));
      if (!client.isPrivileged() && view.nodes(client.domid()) + i >= StoreAccounts.MAX_NODES) {
        throw StoreException.ENOSPC;
      }
      check(client, view, paths.get(i), node);
      nodes.add(node);
    }
    parent = parent.withChild(StorePath.name(paths.getLast()));
    check(client, view, parentPath, parent);

    for (int i = 0; i < paths.size(); i++) {
      view.write(paths.get(i), nodes.get(i));
      view.addNodes(nodes.get(i).owner(), 1);
    }
    view.write(parentPath, parent);
  }

  private void check(StoreClient client, StoreView view, String path, StoreNode node) {
    if (!client.isPrivileged() && node.size() >= StoreAccounts.MAX_NODE_SIZE) {
      view.fail();
      throw StoreException.ENOSPC;
    }
    if (!database.accounts().hasMemory(node.owner(), view.charge(path, node))) {
      view.fail();
      throw StoreException.ENOMEM;
    }
  }

  /** Deletes a node with all below it. That it isn't there is no error if its parent is. */
  void remove(StoreClient client, StoreView view, String path) {
    String parentPath = StorePath.parent(path);
    if (!find(client, view, path, StorePermission.WRITE).exists()) {
      if (!view.read(parentPath).exists()) {
        throw StoreException.ENOENT;
      }
      return;
    }
    // A transaction may have read the parent when it was not there.
    if (path.equals("/") || !view.read(parentPath).exists()) {
      throw StoreException.EINVAL;
    }
    removeTree(view, path, false);
    StoreNode parent = view.read(parentPath);
    view.write(parentPath, parent.withoutChild(StorePath.name(path)));
  }

  private static void removeTree(StoreView view, String path, boolean exact) {
    StoreNode node = view.read(path);
    if (!node.exists()) {
      // A transaction read the parent, then someone removed the child: it will not be committed.
      return;
    }
    for (String child : node.children()) {
      removeTree(view, StorePath.child(path, child), true);
    }
    view.delete(path);
    view.changed(path, node, exact, List.of());
    view.addNodes(node.owner(), -1);
  }

  /** Replaces the permissions. */
  void setPermissions(
      StoreClient client, StoreView view, String path, List<StorePermission> permissions) {
    if (path.startsWith("@")) {
      boolean known = path.equals("@introduceDomain") || path.equals("@releaseDomain");
      throw known ? StoreException.EACCES : StoreException.EINVAL;
    }
    StoreNode node = get(client, view, path, StorePermission.WRITE | StoreClient.OWNER);
    if (!client.isPrivileged() && permissions.getFirst().domid() != node.owner()) {
      throw StoreException.EPERM;
    }
    StoreNode changed = node.withPermissions(permissions);
    check(client, view, path, changed);
    view.addNodes(node.owner(), -1);
    view.addNodes(changed.owner(), 1);
    view.write(path, changed);
    view.changed(path, view.read(path), false, node.permissions());
  }
}
