package io.ringside.xen;

import java.util.Arrays;

/**
 * Where the builder has a domain's pages: the P2M as runs of pfns whose mfns adjoin. The guest's own list has an entry
 * for each page.
 */
final class PhysToMachine {
  private static final int PAGE_SHIFT = 12;

  private long[] pfns = new long[16];
  private long[] mfns = new long[16];
  private int runs;
  private final long count;

  private PhysToMachine(long count) {
    this.count = count;
  }

  /**
   * Gives the domain {@code count} frames and the M2P their pfns, 0 and up.
   *
   * @throws IllegalStateException where there aren't so many
   */
  static PhysToMachine allocate(FrameTable frames, MachineToPhys m2p, long count) {
    PhysToMachine map = new PhysToMachine(count);
    for (long pfn = 0; pfn < count; ) {
      int most = (int) Math.min(count - pfn, Integer.MAX_VALUE);
      FrameTable.Run run = frames.allocateRun(most);
      map.add(pfn, run.mfn());
      m2p.setAll(run.mfn(), pfn, run.count());
      pfn += run.count();
    }
    return map;
  }

  private void add(long pfn, long mfn) {
    if (runs == pfns.length) {
      pfns = Arrays.copyOf(pfns, 2 * runs);
      mfns = Arrays.copyOf(mfns, 2 * runs);
    }
    pfns[runs] = pfn;
    mfns[runs++] = mfn;
  }

  /** How many pages there are. */
  long count() {
    return count;
  }

  private int run(long pfn) {
    int found = Arrays.binarySearch(pfns, 0, runs, pfn);
    return found >= 0 ? found : -found - 2;
  }

  /** The frame of a page; {@code pfn} is less than {@link #count}. */
  long mfn(long pfn) {
    int run = run(pfn);
    return mfns[run] + (pfn - pfns[run]);
  }

  /** The frames of {@code length} pages from {@code pfn} on. */
  void mfns(long pfn, long[] into, int length) {
    int run = run(pfn);
    for (int i = 0; i < length; i++) {
      if (run + 1 < runs && pfn + i == pfns[run + 1]) {
        run++;
      }
      into[i] = mfns[run] + (pfn + i - pfns[run]);
    }
  }

  /** The machine address of a pseudo-physical one. */
  long maddr(long address) {
    return mfn(address >>> PAGE_SHIFT) << PAGE_SHIFT | address & (1 << PAGE_SHIFT) - 1;
  }

  /** How many bytes from a pseudo-physical address on adjoin in machine memory too. */
  long contiguous(long address) {
    int run = run(address >>> PAGE_SHIFT);
    long next = run + 1 < runs ? pfns[run + 1] : count;
    return (next << PAGE_SHIFT) - address;
  }
}
