package io.ringside.xen;

import java.util.HashMap;
import java.util.Map;

/** How much of XenStore each domain uses, and how much it may: the quotas that xenstored has by default. */
final class StoreAccounts {
  /** Nodes that a domain may own. */
  static final int MAX_NODES = 1000;

  /** Watches that it may have before its last. */
  static final int MAX_WATCHES = 128;

  /** A node must be smaller than this. */
  static final int MAX_NODE_SIZE = 2048;

  /** Transactions that it may have before its last. */
  static final int MAX_TRANSACTIONS = 10;

  /** Nodes that a transaction may touch. */
  static final int MAX_TRANSACTION_NODES = 1024;

  /** Permissions of a node. */
  static final int MAX_PERMISSIONS = 5;

  /** Replies that wait for room in the ring, until which further requests are taken. */
  static final int MAX_REPLIES = 20;

  /** Bytes of nodes, watches and messages that wait. */
  static final int MAX_MEMORY = 2560 * 1024;

  private final Map<Integer, Account> accounts = new HashMap<>();

  private static final class Account {
    private int nodes;
    private int memory;
  }

  StoreAccounts() {}

  private Account account(int domid) {
    return accounts.computeIfAbsent(domid, _ -> new Account());
  }

  /** How many nodes a domain owns. */
  int nodes(int domid) {
    return account(domid).nodes;
  }

  void addNodes(int domid, int count) {
    account(domid).nodes += count;
  }

  /** How many bytes a domain uses. */
  int memory(int domid) {
    return account(domid).memory;
  }

  void addMemory(int domid, int bytes) {
    account(domid).memory += bytes;
  }

  /** Whether a domain may use so many bytes more; domain 0 always may. */
  boolean hasMemory(int domid, int bytes) {
    return domid == 0 || account(domid).memory + bytes < MAX_MEMORY;
  }
}
