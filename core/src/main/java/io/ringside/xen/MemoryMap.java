package io.ringside.xen;

import java.util.Arrays;

/** The pseudo-physical memory map: XENMEM_memory_map and XENMEM_set_memory_map. Source: {@code public/memory.h}. */
final class MemoryMap {
  /** E820 type of RAM. */
  static final int RAM = 1;

  /** Bytes of an entry: address (8), size (8), type (4). */
  private static final int ENTRY = 20;

  private static final int MAX_ENTRIES = 128;

  private final Domain domain;
  private byte[] entries = new byte[0];

  MemoryMap(Domain domain) {
    this.domain = domain;
  }

  /** Makes it one range of RAM from 0. */
  void setRam(long bytes) {
    byte[] entry = new byte[ENTRY];
    for (int i = 0; i < 8; i++) {
      entry[8 + i] = (byte) (bytes >>> 8 * i);
    }
    entry[16] = RAM;
    entries = entry;
  }

  /** XENMEM_memory_map: as many entries as there is room for. */
  long get(GuestAccess access, long argument) {
    int room = access.readInt(argument);
    long buffer = access.readLong(argument + 8);
    if (entries.length == 0) {
      return -Errno.ENOSYS;
    }
    int known = entries.length / ENTRY;
    int count = Integer.compareUnsigned(room, known) < 0 ? room : known;
    access.write(buffer, entries, 0, count * ENTRY);
    access.writeInt(argument, count);
    access.writeLong(argument + 8, buffer);
    return 0;
  }

  /** XENMEM_set_memory_map: a domain may change its own. */
  long set(GuestAccess access, long argument) {
    int id = access.readShort(argument);
    int count = access.readInt(argument + 8);
    long buffer = access.readLong(argument + 16);
    if (Integer.compareUnsigned(count, MAX_ENTRIES) > 0) {
      return -Errno.EINVAL;
    }
    int error = domain.permission(id);
    if (error != 0) {
      return error;
    }
    byte[] wanted = new byte[count * ENTRY];
    access.read(buffer, wanted, 0, wanted.length);
    entries = wanted;
    return 0;
  }

  /** The entries as they lie in memory; for tests. */
  byte[] entries() {
    return Arrays.copyOf(entries, entries.length);
  }
}
