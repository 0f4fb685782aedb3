package io.ringside.boot;

import io.ringside.machine.GuestMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * A range of the memory map that a PC's firmware gives to the operating system (ACPI 6.5, section 15.1, INT 15h E820h).
 *
 * @param start the first guest-physical address
 * @param length bytes
 * @param type {@link #USABLE} or {@link #RESERVED}
 */
public record E820Entry(long start, long length, int type) {
  /** RAM that the operating system may use. */
  public static final int USABLE = 1;

  /** Addresses that the operating system must leave alone. */
  public static final int RESERVED = 2;

  /** The map of a machine with this memory. */
  public static List<E820Entry> mapOf(GuestMemory memory) {
    List<E820Entry> map = new ArrayList<>(6);
    map.add(range(0, MemoryLayout.LOW_MEMORY_END, USABLE));
    map.add(range(MemoryLayout.LOW_MEMORY_END, MemoryLayout.VIDEO_START, RESERVED));
    map.add(range(MemoryLayout.ACPI_TABLES, MemoryLayout.HIGH_MEMORY_START, RESERVED));
    if (memory.lowEnd() > MemoryLayout.HIGH_MEMORY_START) {
      map.add(range(MemoryLayout.HIGH_MEMORY_START, memory.lowEnd(), USABLE));
    }
    if (memory.highEnd() != 0) {
      map.add(range(GuestMemory.HIGH_RAM_START, memory.highEnd(), USABLE));
    }
    return map;
  }

  private static E820Entry range(long start, long end, int type) {
    return new E820Entry(start, end - start, type);
  }
}
