package io.ringside.xen;

import java.util.ArrayList;
import java.util.List;

/** A node of XenStore: its value, its children's names in the order of their creation, its permissions. Never changes. */
final class StoreNode {
  /** What stands for a node that is not there. */
  static final StoreNode ABSENT = new StoreNode(new byte[0], List.of(), 0, List.of(), -1);

  /** Bytes of a node beside its value, children and permissions: its header in xenstored's database. */
  private static final int HEADER = 24;

  private static final int PERMISSION = 8;

  private final byte[] value;
  private final List<String> children;
  private final int childrenLength;
  private final List<StorePermission> permissions;
  private final long generation;

  private StoreNode(
      byte[] value,
      List<String> children,
      int childrenLength,
      List<StorePermission> permissions,
      long generation) {
    this.value = value;
    this.children = children;
    this.childrenLength = childrenLength;
    this.permissions = permissions;
    this.generation = generation;
  }

  /** A node without children that was never in the store. */
  static StoreNode of(byte[] value, List<StorePermission> permissions) {
    return new StoreNode(value, List.of(), 0, permissions, 0);
  }

  boolean exists() {
    return this != ABSENT;
  }

  /** Its value; not to be changed. */
  byte[] value() {
    return value;
  }

  List<String> children() {
    return children;
  }

  /** Bytes of the children's names with a zero after each. */
  int childrenLength() {
    return childrenLength;
  }

  List<StorePermission> permissions() {
    return permissions;
  }

  /** The domain that owns it. */
  int owner() {
    return permissions.getFirst().domid();
  }

  /** Which change of the store made it what it is; -1 for {@link #ABSENT}. */
  long generation() {
    return generation;
  }

  /** How large it is in bytes, for quotas. */
  int size() {
    return exists() ? HEADER + PERMISSION * permissions.size() + value.length + childrenLength : 0;
  }

  StoreNode withValue(byte[] newValue) {
    return new StoreNode(newValue, children, childrenLength, permissions, generation);
  }

  StoreNode withPermissions(List<StorePermission> newPermissions) {
    return new StoreNode(value, children, childrenLength, newPermissions, generation);
  }

  StoreNode withGeneration(long newGeneration) {
    return new StoreNode(value, children, childrenLength, permissions, newGeneration);
  }

  StoreNode withChild(String name) {
    List<String> more = new ArrayList<>(children.size() + 1);
    more.addAll(children);
    more.add(name);
    int length = childrenLength + name.length() + 1;
    return new StoreNode(value, more, length, permissions, generation);
  }

  StoreNode withoutChild(String name) {
    List<String> fewer = new ArrayList<>(children);
    int length = fewer.remove(name) ? childrenLength - name.length() - 1 : childrenLength;
    return new StoreNode(value, fewer, length, permissions, generation);
  }
}
