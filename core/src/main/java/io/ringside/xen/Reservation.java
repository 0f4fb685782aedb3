package io.ringside.xen;

/**
 * {@code struct xen_memory_reservation} as the guest gave it. Source: {@code public/memory.h}.
 *
 * @param extents the guest's array of frame numbers
 * @param count how many there are
 * @param order log2 of the frames of each, unsigned
 * @param flags XENMEMF flags
 * @param domid whose memory
 */
record Reservation(long extents, long count, int order, int flags, int domid) {
  /** Bytes in memory. */
  static final int SIZE = 32;

  private static final int VNODE = 1 << 18;
  private static final int EXACT_NODE = 1 << 17;

  /** Reads one. */
  static Reservation read(GuestAccess access, long gva) {
    return new Reservation(
        access.readLong(gva),
        access.readLong(gva + 8),
        access.readInt(gva + 16),
        access.readInt(gva + 20),
        access.readShort(gva + 24));
  }

  /** How many bits addresses of new frames may have, 0 for any number. */
  int addressBits() {
    return flags & 0xff;
  }

  /** Whether it asks for one NUMA node and no other, which an unprivileged domain can't. */
  boolean demandsNode() {
    return (flags & VNODE) == 0 && (flags >>> 8 & 0xff) != 0 && (flags & EXACT_NODE) != 0;
  }
}
