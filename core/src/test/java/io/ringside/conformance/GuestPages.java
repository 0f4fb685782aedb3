package io.ringside.conformance;

import io.ringside.host.NativeMemory;

/** Makes 4-level page tables in RAM from {@link GuestTables#PML4} on. */
public final class GuestPages {
  public static final long PRESENT = 1;
  public static final long WRITABLE = 2;
  public static final long USER = 4;
  public static final long ACCESSED = 1 << 5;
  public static final long DIRTY = 1 << 6;
  public static final long LARGE = 1 << 7;
  public static final long GLOBAL = 1 << 8;
  public static final long NO_EXECUTE = 1L << 63;

  /** Present, writable, user, accessed and dirty. */
  public static final long ALL = PRESENT | WRITABLE | USER | ACCESSED | DIRTY;

  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

  /** The gpa after the last table is at this offset of the PML4's page, in an entry that no walk reads as present. */
  private static final long END_MARK = GuestTables.PML4 + 8 * 257;

  private static final long LIMIT = Guest.KERNEL;

  private final NativeMemory ram;

  /** Works on the tables that are in {@code ram}; zeroed memory is an empty set. */
  public GuestPages(NativeMemory ram) {
    this.ram = ram;
    if (ram.getLong(END_MARK) == 0) {
      ram.putLong(END_MARK, GuestTables.PML4 + 4096);
    }
  }

  /** All RAM, at its own address and in the upper half. */
  void mapAll() {
    for (long gpa = 0; gpa < TestMachine.RAM_SIZE; gpa += 4096) {
      long flags = gpa < GuestTables.USER_START ? ALL & ~USER : ALL;
      map(gpa, gpa, flags);
      map(GuestTables.UPPER_HALF + gpa, gpa, flags);
    }
  }

  /** Maps a 4 KiB page; the upper levels allow everything. */
  public void map(long gva, long gpa, long flags) {
    ram.putLong(entry(gva), gpa | flags);
  }

  /** Unmaps a 4 KiB page. */
  public void unmap(long gva) {
    ram.putLong(entry(gva), 0);
  }

  /** The gpa of the page table entry of {@code gva}; tables on the way are made. */
  public long entry(long gva) {
    return entry(gva, 1);
  }

  /** The gpa of the entry of {@code gva} in the table of a level, 1 to 4. */
  public long entry(long gva, int level) {
    long table = GuestTables.PML4;
    for (int l = 4; l > level; l--) {
      long at = table + 8 * (gva >>> 12 + 9 * (l - 1) & 511);
      long value = ram.getLong(at);
      if ((value & PRESENT) == 0) {
        long next = ram.getLong(END_MARK);
        if (next >= LIMIT) {
          throw new IllegalStateException("no room for page tables");
        }
        ram.putLong(END_MARK, next + 4096);
        ram.fill(next, 4096, 0);
        value = next | ALL;
        ram.putLong(at, value);
      }
      table = value & ADDRESS;
    }
    return table + 8 * (gva >>> 12 + 9 * (level - 1) & 511);
  }
}
