package io.ringside.xen;

import io.ringside.host.NativeMemory;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The guest's page tables, which the processor walks as they are: each entry is checked before it gets there, and is a
 * reference to what it maps.
 */
final class PageTables implements PageTypes.Contents {
  private static final int ENTRIES = 512;

  /** The frame number in an entry of all ones. */
  private static final long INVALID_MFN = Pte.ADDRESS >>> 12;

  private final NativeMemory raw;
  private final FrameTable frames;
  private final PageTypes types;
  private final MachineToPhys m2p;

  /** Tables that the upper half of an address space has been translated by since they are tables. */
  private final BitSet kernelHalf = new BitSet();

  private final Domain domain;

  /** Copies of tables, one for each that is being gone through: tables refer to tables. */
  private final List<long[]> copies = new ArrayList<>();

  private int depth;

  PageTables(Domain domain, FrameTable frames, PageTypes types, MachineToPhys m2p) {
    this.domain = domain;
    this.raw = domain.raw();
    this.frames = frames;
    this.types = types;
    this.m2p = m2p;
  }

  // Whole tables.

  @Override
  public int validate(long mfn, int type) {
    return switch (type) {
      case PageTypes.L1 -> validateL1(mfn);
      case PageTypes.L2, PageTypes.L3, PageTypes.L4 -> validateUpper(mfn, type);
      case PageTypes.SEGMENT -> SegmentDescriptors.validate(raw, mfn) ? 0 : -Errno.EINVAL;
      default -> -Errno.EINVAL;
    };
  }

  @Override
  public void invalidate(long mfn, int level) {
    kernelHalf.clear((int) mfn);
    leaveAll(mfn, level, entries(mfn), ENTRIES);
    done();
  }

  /**
   * The entries of a table, in an array that nothing else uses until {@link #done}: an array is much faster to go
   * through than the guest's memory is.
   */
  private long[] entries(long mfn) {
    if (depth == copies.size()) {
      copies.add(new long[ENTRIES]);
    }
    long[] entries = copies.get(depth++);
    raw.read(mfn << 12, entries, 0, ENTRIES);
    return entries;
  }

  private void done() {
    depth--;
  }

  private int validateL1(long mfn) {
    long[] entries = entries(mfn);
    int error = 0;
    int i = 0;
    while (i < ENTRIES) {
      long entry = entries[i];
      if (Pte.isPresent(entry)) {
        error = enterL1(entry, false);
        if (error != 0) {
          break;
        }
        adjust(mfn, 1, i, entry);
      }
      i++;
    }
    if (error != 0) {
      leaveAll(mfn, 1, entries, i);
    }
    done();
    return error;
  }

  private int validateUpper(long mfn, int level) {
    long[] entries = entries(mfn);
    int error = 0;
    int i = 0;
    while (i < ENTRIES) {
      long entry = entries[i];
      if (Pte.isPresent(entry) && !(level == 4 && isXenSlot(i))) {
        error = enter(level, entry, mfn);
        if (error != 0) {
          break;
        }
        adjust(mfn, level, i, entry);
      }
      i++;
    }
    if (error != 0) {
      leaveAll(mfn, level, entries, i);
    } else if (level == 4) {
      fillXenSlots(mfn, domain.assists(Domain.ASSIST_M2P_STRICT));
      for (int slot = Layout.LAST_XEN_SLOT + 1; slot < ENTRIES; slot++) {
        markKernelHalf(entries[slot], 3);
      }
    }
    done();
    return error;
  }

  /**
   * Marks a table that an entry of the upper half leads to, and those that it leads to itself. {@code level} is the
   * table's, as far as it isn't a linear one.
   */
  private void markKernelHalf(long entry, int level) {
    int mfn = (int) Pte.mfn(entry);
    if (level == 0 || !Pte.isPresent(entry) || kernelHalf.get(mfn)) {
      return;
    }
    kernelHalf.set(mfn);
    if (level > 1) {
      for (int i = 0; i < ENTRIES; i++) {
        markKernelHalf(raw.getLong(((long) mfn << 12) + 8L * i), level - 1);
      }
    }
  }

  private void adjust(long mfn, int level, int index, long entry) {
    long adjusted = Pte.adjust(level, entry);
    if (adjusted != entry) {
      raw.putLong((mfn << 12) + 8L * index, adjusted);
    }
  }

  /** Gives back the references of the first {@code count} entries. */
  private void leaveAll(long mfn, int level, long[] entries, int count) {
    for (int i = count - 1; i >= 0; i--) {
      long entry = entries[i];
      if (!Pte.isPresent(entry) || level == 4 && isXenSlot(i)) {
        continue;
      }
      if (level == 1) {
        leaveL1(entry);
      } else {
        leave(entry, mfn);
      }
    }
  }

  static boolean isXenSlot(int index) {
    return index >= Layout.FIRST_XEN_SLOT && index <= Layout.LAST_XEN_SLOT;
  }

  /** Overwrites the slots of an L4 table that are Xen's. */
  private void fillXenSlots(long mfn, boolean withM2p) {
    raw.fill((mfn << 12) + 8 * Layout.FIRST_XEN_SLOT, 8L * 16, 0);
    if (withM2p) {
      mapM2p(mfn);
    }
  }

  /** Makes the M2P table visible in an L4 table. */
  void mapM2p(long mfn) {
    raw.putLong((mfn << 12) + 8 * Layout.FIRST_XEN_SLOT, m2p.l4Entry());
  }

  /** Hides the M2P table in an L4 table. */
  void unmapM2p(long mfn) {
    domain.translationChanged(true);
    raw.putLong((mfn << 12) + 8 * Layout.FIRST_XEN_SLOT, 0);
  }

  // Single entries.

  /**
   * Takes the references that a present entry of level 1 is.
   *
   * @param io whether the guest said that it is memory of no domain (DOMID_IO)
   * @return 0, or a negative error
   */
  int enterL1(long entry, boolean io) {
    if (Pte.isMalformed(1, entry)) {
      return -Errno.EINVAL;
    }
    long mfn = Pte.mfn(entry);
    if (!frames.isValid(mfn)) {
      return mfn == INVALID_MFN ? -Errno.EINVAL : -Errno.EPERM;
    }
    if (io || !frames.get(mfn)) {
      return -Errno.EBUSY;
    }
    if (Pte.isWritable(entry) && types.acquire(mfn, PageTypes.WRITABLE) != 0) {
      frames.put(mfn);
      return -Errno.EBUSY;
    }
    return 0;
  }

  /** Gives back the references of an entry of level 1. */
  void leaveL1(long entry) {
    if (!Pte.isPresent(entry)) {
      return;
    }
    long mfn = Pte.mfn(entry);
    if (Pte.isWritable(entry)) {
      types.release(mfn);
    }
    frames.put(mfn);
  }

  /** Takes the references that a present entry of level 2 to 4 in the table {@code parent} is. */
  private int enter(int level, long entry, long parent) {
    if (Pte.isMalformed(level, entry)) {
      return -Errno.EINVAL;
    }
    long mfn = Pte.mfn(entry);
    int error = types.acquirePage(mfn, level - 1);
    return error == -Errno.EINVAL && enterLinear(level, entry, mfn, parent) ? 0 : error;
  }

  private boolean enterLinear(int level, long entry, long mfn, long parent) {
    if (Pte.isWritable(entry)) {
      return false;
    }
    if (mfn == parent) {
      return true;
    }
    if (!frames.get(mfn)) {
      return false;
    }
    if (!types.acquireLinear(mfn, parent, level)) {
      frames.put(mfn);
      return false;
    }
    return true;
  }

  /** Gives back the references of an entry of level 2 to 4 in the table {@code parent}. */
  private void leave(long entry, long parent) {
    long mfn = Pte.mfn(entry);
    if (Pte.isPresent(entry) && mfn != parent) {
      types.releaseEntry(mfn, parent);
      frames.put(mfn);
    }
  }

  // Updates.

  /**
   * Changes an entry of a table that is in use.
   *
   * @param maddr where the entry is
   * @param level the table's level
   * @param wanted the new value
   * @param keepAccessedDirty whether accessed and dirty bits of the old value stay
   * @param io as for {@link #enterL1}
   * @return 0, or a negative error; then nothing has changed
   */
  int update(long maddr, int level, long wanted, boolean keepAccessedDirty, boolean io) {
    long old = raw.getLong(maddr);
    if (level == 4 && isXenSlot((int) (maddr >>> 3) & 511)) {
      return -Errno.EINVAL;
    }
    long value = wanted;
    if (Pte.isPresent(wanted)) {
      if (Pte.isMalformed(level, wanted)) {
        return -Errno.EINVAL;
      }
      value = Pte.adjust(level, wanted);
      if (Pte.isSimilar(old, value)) {
        store(
            maddr,
            level,
            old,
            keepAccessedDirty ? value | old & (Pte.ACCESSED | Pte.DIRTY) : value);
        return 0;
      }
      int error = level == 1 ? enterL1(value, io) : enter(level, value, maddr >>> 12);
      if (error != 0) {
        return error;
      }
    }
    store(maddr, level, old, keepAccessedDirty ? value | old & (Pte.ACCESSED | Pte.DIRTY) : value);
    if (level == 1) {
      leaveL1(old);
    } else {
      if (level == 4 ? (maddr >>> 3 & 511) > Layout.LAST_XEN_SLOT : isKernelHalf(maddr)) {
        markKernelHalf(value, level - 1);
      }
      leave(old, maddr >>> 12);
    }
    return 0;
  }

  /** Whether a table may translate addresses of the upper half; one that may not translates only lower ones. */
  private boolean isKernelHalf(long maddr) {
    return kernelHalf.get((int) (maddr >>> 12));
  }

  private void store(long maddr, int level, long old, long value) {
    raw.putLong(maddr, value);
    domain.stored(maddr, 8);
    if (Pte.isPresent(old)) {
      // An L4 table is for both halves.
      domain.translationChanged(level == 4 || isKernelHalf(maddr));
    }
  }

  // Walks.

  /**
   * Where the level-1 entry is that translates {@code gva} in the kernel's page tables of a vCPU.
   *
   * @return its machine address, or -1 where there is no L1 table for it or the address is Xen's
   */
  long findL1Entry(PvVcpu vcpu, long gva) {
    long table = vcpu.kernelRoot();
    if (table == 0 || !GuestAccess.isPlausible(gva, 1, 1)) {
      return -1;
    }
    for (int level = 4; level > 1; level--) {
      long entry = raw.getLong((table << 12) + 8L * Pte.index(level, gva));
      if (!Pte.isPresent(entry)) {
        return -1;
      }
      table = Pte.mfn(entry);
    }
    return (table << 12) + 8L * Pte.index(1, gva);
  }
}
