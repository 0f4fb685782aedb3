package io.ringside.bt;

import java.util.Arrays;

/** The direct branches out of units: where each goes, which instruction to patch, and who is linked to whom. */
final class LinkSlots {
  private long[] targetRip = new long[4096];
  private int[] targetMode = new int[4096];
  private int[] patch = new int[4096];
  private int[] unlinked = new int[4096];
  private int[] next = new int[4096];
  private long[] sourceRip = new long[4096];
  private int count;
  private long chained;

  /** The number that the next {@link #add} gives. */
  int count() {
    return count;
  }

  /**
   * Adds a slot.
   *
   * @param patchAt cache offset of the branch's rel32
   * @param stub cache offset of the code that exits for this slot
   */
  void add(long source, long rip, int mode, int patchAt, int stub) {
    if (count == targetRip.length) {
      int size = count * 2;
      targetRip = Arrays.copyOf(targetRip, size);
      sourceRip = Arrays.copyOf(sourceRip, size);
      targetMode = Arrays.copyOf(targetMode, size);
      patch = Arrays.copyOf(patch, size);
      unlinked = Arrays.copyOf(unlinked, size);
      next = Arrays.copyOf(next, size);
    }
    sourceRip[count] = source;
    targetRip[count] = rip;
    targetMode[count] = mode;
    patch[count] = patchAt;
    unlinked[count] = stub;
    next[count] = -1;
    count++;
  }

  /** Whether the branch goes backwards, so that its target looks for interrupts. */
  boolean isChecked(int slot) {
    return targetRip[slot] <= sourceRip[slot];
  }

  long targetRip(int slot) {
    return targetRip[slot];
  }

  int targetMode(int slot) {
    return targetMode[slot];
  }

  /** How many branches have been chained. */
  long chained() {
    return chained;
  }

  /** Chains the slot's branch to {@code unit}. */
  void link(int slot, Unit unit, TranslationCache cache) {
    long source = sourceRip[slot];
    long target = targetRip[slot];
    int entry;
    if ((source >>> 12) != (target >>> 12) || unit.spansPages()) {
      entry = unit.crossPageEntry;
    } else if (target > source) {
      entry = unit.bodyEntry;
    } else {
      entry = unit.checkedEntry;
    }
    chained++;
    cache.patchRelative(patch[slot], entry);
    next[slot] = unit.incoming;
    unit.incoming = slot;
  }

  /** Takes back all branches chained to {@code unit}. */
  void unlinkAll(Unit unit, TranslationCache cache) {
    int slot = unit.incoming;
    while (slot >= 0) {
      cache.patchRelative(patch[slot], unlinked[slot]);
      int following = next[slot];
      next[slot] = -1;
      slot = following;
    }
    unit.incoming = -1;
  }

  void clear() {
    count = 0;
  }
}
