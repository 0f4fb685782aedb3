package io.ringside.xen;

import io.ringside.host.NativeMemory;

/**
 * The machine-to-phys table (M2P): for each mfn its pfn, 8 bytes. Guests read it at {@link Layout#M2P_START}, through
 * an L3 table of Xen's own that each L4 table has in slot 256. Source: {@code public/arch-x86/xen-x86_64.h}.
 */
final class MachineToPhys {
  private static final long TABLE = Pte.PRESENT | Pte.USER | Pte.ACCESSED;
  private static final long PAGE = TABLE | Pte.NO_EXECUTE;

  private final NativeMemory raw;
  private final long frames;
  private final long base;
  private final long l4Entry;

  /** Makes the table and its page tables; every frame has no pfn. */
  MachineToPhys(NativeMemory raw, XenHeap heap) {
    this.raw = raw;
    this.frames = heap.frames();
    this.base = heap.m2p() << 12;
    long l3 = heap.m2pTables();
    long l2 = l3 + 1;
    long l1 = l2 + 1;
    this.l4Entry = l3 << 12 | TABLE;
    raw.putLong(l3 << 12, l2 << 12 | TABLE);
    long pages = pages(frames);
    for (long i = 0; i < pages; i++) {
      if ((i & 511) == 0) {
        raw.putLong((l2 << 12) + (i >> 9) * 8, l1 + (i >> 9) << 12 | TABLE);
      }
      raw.putLong((l1 << 12) + i * 8, heap.m2p() + i << 12 | PAGE);
    }
  }

  /** How many pages the table has for {@code frames} frames. */
  static long pages(long frames) {
    return frames * 8 + 4095 >> 12;
  }

  /** How many pages the page tables have that map it: 512 GiB of machine memory at the most. */
  static long tablePages(long frames) {
    if (frames > 1L << 27) {
      throw new IllegalArgumentException("more than 512 GiB of machine memory");
    }
    return 2 + (pages(frames) + 511 >> 9);
  }

  /** What L4 tables have in slot 256. */
  long l4Entry() {
    return l4Entry;
  }

  /** The frame at the start of each 2 MiB of the table. */
  long extent(long index) {
    return (base >> 12) + index * 512;
  }

  /** How many 2 MiB parts the table has. */
  long extents() {
    return frames * 8 + (1 << 21) - 1 >> 21;
  }

  /** The pfn of a frame, or one of the special entries of {@link Layout}. */
  long get(long mfn) {
    return raw.getLong(base + mfn * 8);
  }

  /** Records the pfn of a frame. */
  void set(long mfn, long pfn) {
    raw.putLong(base + mfn * 8, pfn);
  }

  /** Records pfns in a row of {@code count} frames in a row. */
  void setAll(long mfn, long pfn, int count) {
    long[] entries = new long[512];
    for (int done = 0; done < count; done += entries.length) {
      int part = Math.min(entries.length, count - done);
      for (int i = 0; i < part; i++) {
        entries[i] = pfn + done + i;
      }
      raw.write(base + (mfn + done) * 8, entries, 0, part);
    }
  }
}
