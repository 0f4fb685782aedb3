package io.ringside.xen;

import io.ringside.machine.GuestMemory;

/**
 * The machine frames that are Xen's own, at the bottom of machine memory: the M2P table with the page tables that map
 * it, the frame table, and pages that Xen shares with the domain. They are handed out once and never given back.
 */
final class XenHeap {
  /** Pages that may be asked for by {@link #allocate}: shared_info, the grant table and so on. */
  private static final int SHARED_PAGES = 256;

  /** Frames that are no one's at first, so that a domain with its maximum can exchange frames. */
  private static final int FREE_PAGES = 2048;

  /** The domain's memory starts at a multiple of this many frames, so that it has large aligned extents. */
  private static final int ALIGNMENT = 512;

  private static final int PAGE_SHIFT = 12;

  private final long frames;
  private final long m2pTables;
  private final long m2p;
  private final long frameTable;
  private final long end;
  private long next;

  /** Lays out the heap of a machine with {@code memory}. */
  XenHeap(GuestMemory memory) {
    frames = frames(memory);
    // Frame 0 stays unused: as the root of an address space it means "none".
    m2pTables = 1;
    m2p = m2pTables + MachineToPhys.tablePages(frames);
    frameTable = m2p + MachineToPhys.pages(frames);
    next = frameTable + pages(3 * IntTable.bytes(frames));
    end = next + SHARED_PAGES + ALIGNMENT - 1 & -ALIGNMENT;
    if (end << PAGE_SHIFT > memory.lowEnd()) {
      throw new IllegalArgumentException("machine memory has no room for Xen's own tables");
    }
  }

  /** One more than the highest mfn of a machine. */
  static long frames(GuestMemory memory) {
    return Math.max(memory.lowEnd(), memory.highEnd()) >> PAGE_SHIFT;
  }

  /**
   * How many bytes of machine memory it takes to give a domain {@code domainBytes}: those, Xen's own, and some free ones.
   *
   * @param domainBytes a multiple of 4096
   */
  static long machineBytes(long domainBytes) {
    long total = domainBytes;
    // The tables grow with what they describe; three rounds are enough for any size.
    for (int i = 0; i < 3; i++) {
      long top = total > GuestMemory.LOW_RAM_LIMIT ? total + (1L << 30) : total;
      long count = top >> PAGE_SHIFT;
      long own =
          1
              + MachineToPhys.tablePages(count)
              + MachineToPhys.pages(count)
              + pages(3 * IntTable.bytes(count))
              + SHARED_PAGES
              + FREE_PAGES
              + ALIGNMENT;
      total = domainBytes + (own + ALIGNMENT - 1 & -ALIGNMENT) * 4096;
    }
    return total;
  }

  private static long pages(long bytes) {
    return bytes + 4095 >> PAGE_SHIFT;
  }

  /** One more than the highest mfn. */
  long frames() {
    return frames;
  }

  /** The first frame of the page tables that map the M2P table: an L3, an L2 and L1 tables. */
  long m2pTables() {
    return m2pTables;
  }

  /** The first frame of the M2P table. */
  long m2p() {
    return m2p;
  }

  /** The first frame of the frame table. */
  long frameTable() {
    return frameTable;
  }

  /** The first frame that can be the domain's. */
  long end() {
    return end;
  }

  /**
   * Hands out adjoining zeroed pages.
   *
   * @return the first mfn
   * @throws IllegalStateException where they are used up, which no guest can bring about
   */
  long allocate(int count) {
    if (next + count > end) {
      throw new IllegalStateException("Xen's heap is used up");
    }
    long first = next;
    next += count;
    return first;
  }
}
