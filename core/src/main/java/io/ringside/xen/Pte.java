package io.ringside.xen;

/** Bits of page-table entries of every level (SDM vol. 3, 4.5), and what a PV guest may have in them. */
final class Pte {
  static final long PRESENT = 1;
  static final long WRITABLE = 1 << 1;
  static final long USER = 1 << 2;
  static final long WRITE_THROUGH = 1 << 3;
  static final long CACHE_DISABLE = 1 << 4;
  static final long ACCESSED = 1 << 5;
  static final long DIRTY = 1 << 6;
  static final long GLOBAL = 1 << 8;
  static final long NO_EXECUTE = 1L << 63;

  /** The frame number. */
  static final long ADDRESS = 0x000f_ffff_ffff_f000L;

  private static final long AVAILABLE = 0xe00;
  private static final long AVAILABLE_HIGH = 0x7ffL << 52;

  /** Set by Xen in the entry of a page that the guest wanted for its kernel only: U/S was clear. */
  private static final long GUEST_KERNEL = 1L << 52;

  /** Bits that may be set in tables of levels 2 to 4. */
  private static final long ALLOWED =
      PRESENT | WRITABLE | USER | ACCESSED | DIRTY | AVAILABLE | AVAILABLE_HIGH | NO_EXECUTE;

  /** Bits in which an entry may change without any check. */
  private static final long HARMLESS =
      USER | ACCESSED | DIRTY | GLOBAL | AVAILABLE | AVAILABLE_HIGH | NO_EXECUTE;

  private Pte() {}

  static boolean isPresent(long entry) {
    return (entry & PRESENT) != 0;
  }

  static boolean isWritable(long entry) {
    return (entry & WRITABLE) != 0;
  }

  /** The frame that an entry names. */
  static long mfn(long entry) {
    return (entry & ADDRESS) >>> 12;
  }

  /**
   * Whether a present entry has bits that a domain without devices can't have: large pages, cache attributes, and the
   * global bit above level 1.
   */
  static boolean isMalformed(int level, long entry) {
    return (entry & ~(ADDRESS | ALLOWED | (level == 1 ? GLOBAL : 0))) != 0;
  }

  /** Whether two entries differ in nothing that needs a check. */
  static boolean isSimilar(long a, long b) {
    return ((a ^ b) & ~HARMLESS) == 0;
  }

  /**
   * What Xen makes of an entry that the guest wants: kernel and user mode are both CPL 3, so that all of it is U/S.
   * Pages that were meant for user mode become global, since they are the same in the page tables of both modes.
   */
  static long adjust(int level, long entry) {
    if (!isPresent(entry)) {
      return entry;
    }
    if (level == 4) {
      return entry | USER | ACCESSED;
    }
    if (level != 1) {
      return entry | USER;
    }
    long adjusted = entry;
    if ((adjusted & USER) == 0) {
      adjusted |= GUEST_KERNEL | USER;
    }
    if ((adjusted & GUEST_KERNEL) == 0) {
      adjusted |= GLOBAL;
    }
    return adjusted;
  }

  /** The index in a table of {@code level} of the entry that translates {@code gva}. */
  static int index(int level, long gva) {
    return (int) (gva >>> 3 + 9 * level) & 511;
  }
}
