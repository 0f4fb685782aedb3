package io.ringside.xen;

import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Who owns each machine frame, how many references keep it, and what it is used as.
 *
 * <p>A frame of the domain has one reference for being allocated, and one for each entry that maps it, for each use as
 * an L4 table, GDT and so on. When the last goes the frame is free.
 */
final class FrameTable {
  private static final int ALLOCATED = 1 << 31;
  private static final int SHARED = 1 << 30;
  private static final int DOMAIN = 1 << 29;
  private static final int COUNT_MASK = DOMAIN - 1;

  private final GuestMemory memory;
  private final MachineToPhys m2p;
  private final IntTable counts;
  private final IntTable types;
  private final IntTable stamps;
  private final Map<Long, Integer> linear = new HashMap<>();
  private final long frames;
  private final long maximum;
  private final BitSet free = new BitSet();
  private long allocated;
  private int lowestFree;

  /**
   * Makes the table; all frames that are not Xen's are free.
   *
   * @param maximum how many frames the domain may have
   */
  FrameTable(GuestMemory memory, XenHeap heap, MachineToPhys m2p, long maximum) {
    this.memory = memory;
    this.m2p = m2p;
    this.frames = heap.frames();
    NativeMemory raw = memory.raw();
    long base = heap.frameTable() << 12;
    this.counts = IntTable.create(frames, raw, base);
    this.types = IntTable.create(frames, raw, base + IntTable.bytes(frames));
    this.stamps = IntTable.create(frames, raw, base + 2 * IntTable.bytes(frames));
    this.maximum = maximum;
    free.set((int) heap.end(), (int) (memory.lowEnd() >> 12));
    if (memory.highEnd() != 0) {
      free.set((int) (GuestMemory.HIGH_RAM_START >> 12), (int) (memory.highEnd() >> 12));
    }
    for (int i = 0; i < heap.end(); i++) {
      m2p.set(i, Layout.INVALID_M2P_ENTRY);
    }
    if (maximum > free.cardinality()) {
      throw new IllegalArgumentException("machine memory is too small for the domain");
    }
  }

  /** One more than the highest mfn. */
  long frames() {
    return frames;
  }

  /** How many frames the domain has. */
  long allocated() {
    return allocated;
  }

  /** How many frames it may have. */
  long maximum() {
    return maximum;
  }

  /** Whether a number is that of a frame of RAM. */
  boolean isValid(long mfn) {
    return mfn >= 0 && mfn < frames && memory.isRam(mfn << 12, 4096);
  }

  // Allocation.

  /**
   * Gives the domain 2^{@code order} adjoining frames, aligned to their size, which have no pfn and keep what was in
   * them.
   *
   * @param addressBits how many bits their addresses may have, 0 for any number
   * @return the first mfn, or -1 where the domain has its maximum or there are none
   */
  long allocate(int order, int addressBits) {
    if (allocated + (1L << order) > maximum) {
      return -1;
    }
    long first = take(order, addressBits);
    if (first >= 0) {
      allocated += 1L << order;
      own(first, 1 << order);
    }
    return first;
  }

  /**
   * Gives the domain the lowest free frames that adjoin, {@code most} at the most, as {@link #allocate} does.
   *
   * @param most 1 to what is left of the domain's maximum
   * @throws IllegalStateException where none is free
   */
  Run allocateRun(int most) {
    int first = free.nextSetBit(lowestFree);
    if (first < 0 || allocated + most > maximum) {
      throw new IllegalStateException("machine memory is too small for the domain");
    }
    int count = Math.min(most, free.nextClearBit(first) - first);
    free.clear(first, first + count);
    allocated += count;
    own(first, count);
    return new Run(first, count);
  }

  /** Frames that adjoin. */
  record Run(long mfn, int count) {}

  private void own(long first, int count) {
    counts.fill(first, count, ALLOCATED | DOMAIN | 1);
    types.fill(first, count, 0);
  }

  /** Takes free frames without giving them to the domain. */
  long take(int order, int addressBits) {
    int size = 1 << order;
    long limit =
        addressBits == 0 || addressBits >= 63 ? frames : Math.min(frames, 1L << addressBits - 12);
    int first = free.nextSetBit(lowestFree);
    lowestFree = first < 0 ? 0 : first;
    while (first >= 0 && first + size <= limit) {
      if ((first & size - 1) != 0) {
        first = free.nextSetBit((first | size - 1) + 1);
        continue;
      }
      int gap = free.nextClearBit(first);
      if (gap >= first + size) {
        free.clear(first, first + size);
        return first;
      }
      first = free.nextSetBit(gap);
    }
    return -1;
  }

  /** Gives back frames that {@link #take} or {@link #steal} gave. */
  void giveBack(long mfn, int order) {
    for (long i = mfn; i < mfn + (1L << order); i++) {
      m2p.set(i, Layout.INVALID_M2P_ENTRY);
    }
    free.set((int) mfn, (int) (mfn + (1L << order)));
    lowestFree = Math.min(lowestFree, (int) mfn);
  }

  /** Makes the domain the owner of a frame that is nobody's; its number of frames stays. */
  void own(long mfn) {
    counts.set(mfn, ALLOCATED | DOMAIN | 1);
    types.set(mfn, 0);
  }

  /**
   * Takes a frame from the domain that nothing refers to; its number of frames stays.
   *
   * @return false where something does, or the frame isn't the domain's
   */
  boolean steal(long mfn) {
    if (!isValid(mfn) || counts.get(mfn) != (ALLOCATED | DOMAIN | 1)) {
      return false;
    }
    counts.set(mfn, 0);
    types.set(mfn, 0);
    return true;
  }

  /** Makes a page of Xen's the domain's too, who can map it, writable if wanted, and never gets it freed. */
  void share(long mfn, boolean writable) {
    counts.set(mfn, ALLOCATED | DOMAIN | SHARED | 1);
    types.set(
        mfn,
        writable
            ? PageTypes.WRITABLE << PageTypes.TYPE_SHIFT | PageTypes.VALIDATED | 1
            : PageTypes.NONE << PageTypes.TYPE_SHIFT | PageTypes.VALIDATED | 1);
  }

  /** Whether the domain owns a frame that is in use. */
  boolean isDomains(long mfn) {
    return isValid(mfn) && isLive(counts.get(mfn));
  }

  /** Whether a frame is a page of Xen's that is shared with the domain. */
  boolean isShared(long mfn) {
    return (counts.get(mfn) & SHARED) != 0;
  }

  // References.

  /** Takes a reference to a frame of the domain's; false if it is not one. */
  boolean get(long mfn) {
    if (!isValid(mfn)) {
      return false;
    }
    int count = counts.get(mfn);
    if (!isLive(count) || (count & COUNT_MASK) >= COUNT_MASK - 1) {
      return false;
    }
    counts.set(mfn, count + 1);
    return true;
  }

  /** Gives back a reference. */
  void put(long mfn) {
    int count = counts.get(mfn) - 1;
    counts.set(mfn, count);
    if ((count & COUNT_MASK) == 0) {
      release(mfn, count);
    }
  }

  /** Gives back the reference of a frame for being allocated, if it still has it. */
  void putAllocation(long mfn) {
    int count = counts.get(mfn);
    if ((count & ALLOCATED) != 0) {
      counts.set(mfn, count & ~ALLOCATED);
      put(mfn);
    }
  }

  /** How many references there are. */
  int references(long mfn) {
    return counts.get(mfn) & COUNT_MASK;
  }

  private static boolean isLive(int count) {
    return (count & DOMAIN) != 0 && (count & COUNT_MASK) != 0;
  }

  private void release(long mfn, int count) {
    if ((count & SHARED) != 0) {
      return;
    }
    counts.set(mfn, 0);
    types.set(mfn, 0);
    allocated--;
    giveBack(mfn, 0);
  }

  // What PageTypes keeps here.

  int type(long mfn) {
    return types.get(mfn);
  }

  void type(long mfn, int value) {
    types.set(mfn, value);
  }

  int stamp(long mfn) {
    return stamps.get(mfn);
  }

  void stamp(long mfn, int value) {
    stamps.set(mfn, value);
  }

  int linear(long mfn) {
    return linear.isEmpty() ? 0 : linear.getOrDefault(mfn, 0);
  }

  void linear(long mfn, int value) {
    if (value != 0) {
      linear.put(mfn, value);
    } else if (!linear.isEmpty()) {
      linear.remove(mfn);
    }
  }
}
