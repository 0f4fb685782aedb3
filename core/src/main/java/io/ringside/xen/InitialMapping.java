package io.ringside.xen;

import io.ringside.host.NativeMemory;
import java.util.Optional;

/**
 * A range of virtual addresses that is mapped when a domain starts, and the page tables that it takes: root, levels 3, 2
 * and 1, in this order in adjoining pages. Source: {@code tools/libs/guest/xg_dom_x86.c}.
 */
final class InitialMapping {
  private static final int PAGE_SHIFT = 12;
  private static final int LEVELS = 4;
  private static final int ENTRIES = 512;

  /** Page tables' entries: the guest may do all. */
  private static final long TABLE =
      Pte.PRESENT | Pte.WRITABLE | Pte.USER | Pte.ACCESSED | Pte.DIRTY;

  /** Pages' entries, which Xen makes the kernel's since they haven't U/S. */
  private static final long PAGE = Pte.PRESENT | Pte.WRITABLE | Pte.ACCESSED;

  private final long first;
  private final long last;
  private final Optional<InitialMapping> other;
  private final long[] firstTable = new long[LEVELS + 1];
  private final long[] tables = new long[LEVELS + 1];
  private final long[] tablePfn = new long[LEVELS + 1];
  private long tablesPfn;
  private long pfn;

  /**
   * A mapping of its own.
   *
   * @param start the first address, of a page
   * @param end the address after the last, which may be 0 for the end of the address space
   */
  InitialMapping(long start, long end) {
    this(start, end, Optional.empty());
  }

  /**
   * A mapping below another one, whose root and whose other tables it uses as far as they go.
   *
   * @param start the first address, of a page
   * @param end the address after the last
   */
  InitialMapping(long start, long end, InitialMapping above) {
    this(start, end, Optional.of(above));
  }

  private InitialMapping(long start, long end, Optional<InitialMapping> other) {
    this.first = pageNumber(start);
    this.last = pageNumber(end - 1);
    this.other = other;
    tables[LEVELS] = other.isEmpty() ? 1 : 0;
    for (int level = LEVELS - 1; level >= 1; level--) {
      firstTable[level] = first >>> 9 * level;
      long lastTable = last >>> 9 * level;
      if (other.isPresent()) {
        lastTable = Math.min(lastTable, other.get().firstTable[level] - 1);
      }
      tables[level] = Math.max(0, lastTable - firstTable[level] + 1);
    }
  }

  private static long pageNumber(long address) {
    return (address & (1L << 48) - 1) >>> PAGE_SHIFT;
  }

  /** How many tables it takes that the other one hasn't. */
  long tableCount() {
    return tables[4] + tables[3] + tables[2] + tables[1];
  }

  /**
   * Tells it where everything is.
   *
   * @param pages the pfn of the first page, which the others follow
   * @param tables the pfn of the first page table, which the others follow
   */
  void place(long pages, long tables) {
    pfn = pages;
    tablesPfn = tables;
    long next = tables;
    for (int level = LEVELS; level >= 1; level--) {
      tablePfn[level] = next;
      next += this.tables[level];
    }
  }

  /** Writes the tables, which are zero, and what leads to them. The other mapping's are placed already. */
  void write(NativeMemory raw, PhysToMachine map) {
    for (int level = LEVELS - 1; level >= 1; level--) {
      for (long i = 0; i < tables[level]; i++) {
        long table = firstTable[level] + i;
        long parent = table(level + 1, table >>> 9);
        long entry = map.mfn(tablePfn[level] + i) << PAGE_SHIFT | TABLE;
        raw.putLong((map.mfn(parent) << PAGE_SHIFT) + 8 * (table & ENTRIES - 1), entry);
      }
    }
    long[] entries = new long[ENTRIES];
    for (long page = first; page <= last; ) {
      int from = (int) page & ENTRIES - 1;
      int count = (int) Math.min(last - page + 1, ENTRIES - from);
      long target = pfn + page - first;
      map.mfns(target, entries, count);
      for (int i = 0; i < count; i++, target++) {
        entries[i] = entries[i] << PAGE_SHIFT | (isTable(target) ? PAGE & ~Pte.WRITABLE : PAGE);
      }
      long at = (map.mfn(table(1, page >>> 9)) << PAGE_SHIFT) + 8L * from;
      raw.write(at, entries, 0, count);
      page += count;
    }
  }

  /** The pfn of a table by its level and its place among all of that level. */
  private long table(int level, long index) {
    if (level == LEVELS) {
      return other.isPresent() ? other.get().tablePfn[LEVELS] : tablePfn[LEVELS];
    }
    long i = index - firstTable[level];
    return i < tables[level] ? tablePfn[level] + i : other.orElseThrow().table(level, index);
  }

  private boolean isTable(long target) {
    return target >= tablesPfn && target < tablesPfn + tableCount();
  }
}
