package io.ringside.xen;

import java.util.List;

/** XenStore's nodes as a request sees and changes them: those of all, or those of a transaction. */
interface StoreView {
  /**
   * Reads a node.
   *
   * @return the node, or {@link StoreNode#ABSENT}
   * @throws StoreException ENOSPC: the transaction touches too many
   */
  StoreNode read(String path);

  /**
   * Writes a node.
   *
   * @throws StoreException as {@link #read}
   */
  void write(String path, StoreNode node);

  /**
   * Deletes a node that was read before; the children are others' care.
   *
   * @throws StoreException as {@link #read}
   */
  void delete(String path);

  /** How many bytes more would be charged to the owner of a node that is written. */
  int charge(String path, StoreNode node);

  /** How many nodes a domain owns, for the quota. */
  int nodes(int domid);

  /** A domain owns {@code count} nodes more. */
  void addNodes(int domid, int count);

  /** What was done can't be taken back: if this is a transaction, it must not be committed. */
  void fail();

  /**
   * A node was changed or deleted.
   *
   * @param node what it is, or was before it was deleted
   * @param exact whether only watches of just this path see it
   * @param oldPermissions what else its permissions were
   */
  void changed(String path, StoreNode node, boolean exact, List<StorePermission> oldPermissions);
}
