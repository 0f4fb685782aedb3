package io.ringside.boot;

import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;

/** The processor's own tables for the 64-bit entry: GDT, TSS and identity page tables. */
final class BootTables {
  /** Bytes of a 64-bit task state segment (Intel SDM volume 3A, figure 8-11). */
  static final int TSS_SIZE = 104;

  private static final long CODE_64 = 0x00af_9b00_0000_ffffL;
  private static final long DATA = 0x00cf_9300_0000_ffffL;

  /** Present, writable. */
  private static final long TABLE = 0x3;

  /** Present, writable, and a page by itself. */
  private static final long LARGE_PAGE = 0x83;

  private static final long LARGE_PAGE_SIZE = 2 << 20;
  private static final int ENTRIES = 512;

  private BootTables() {}

  /** Writes the tables at the addresses of {@link MemoryLayout}. */
  static void write(GuestMemory memory) {
    NativeMemory raw = memory.raw();
    raw.putLong(MemoryLayout.GDT + MemoryLayout.BOOT_CS, CODE_64);
    raw.putLong(MemoryLayout.GDT + MemoryLayout.BOOT_DS, DATA);
    raw.putLong(MemoryLayout.GDT + MemoryLayout.BOOT_TR, tssDescriptorLow());
    raw.putLong(MemoryLayout.GDT + MemoryLayout.BOOT_TR + 8, MemoryLayout.TSS >>> 32);

    raw.putLong(MemoryLayout.PML4, MemoryLayout.PDPT | TABLE);
    for (int gib = 0; gib < MemoryLayout.IDENTITY_GIB; gib++) {
      long directory = MemoryLayout.PAGE_DIRECTORIES + gib * MemoryLayout.PAGE_SIZE;
      raw.putLong(MemoryLayout.PDPT + gib * 8L, directory | TABLE);
      for (int i = 0; i < ENTRIES; i++) {
        long page = ((long) gib * ENTRIES + i) * LARGE_PAGE_SIZE;
        raw.putLong(directory + i * 8L, page | LARGE_PAGE);
      }
    }
  }

  /** The lower half of a 16-byte TSS descriptor (Intel SDM volume 3A, figure 8-4). */
  private static long tssDescriptorLow() {
    long base = MemoryLayout.TSS;
    return TSS_SIZE - 1
        | (base & 0xff_ffff) << 16
        | (long) EntryState.TSS_RIGHTS << 40
        | (base >>> 24 & 0xff) << 56;
  }
}
