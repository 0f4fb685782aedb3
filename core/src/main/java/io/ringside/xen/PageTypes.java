package io.ringside.xen;

/**
 * What each frame of the domain is used as, and how often. A frame is of one type at a time: page table of one level,
 * page of descriptors, or writable by the guest. It may change only while nothing uses it, and what it holds is checked
 * before it is used as a table. This is what keeps a guest from writing its own page tables.
 */
final class PageTypes {
  static final int NONE = 0;

  /** Page tables have their level as type. */
  static final int L1 = 1;

  static final int L2 = 2;
  static final int L3 = 3;
  static final int L4 = 4;

  /** Descriptors of a GDT or LDT. */
  static final int SEGMENT = 5;

  /** Mapped writable, or written for the guest. */
  static final int WRITABLE = 7;

  /** Where the type is in {@link FrameTable#type(long)}; below it come the bits and the count. */
  static final int TYPE_SHIFT = 29;

  /** The contents were checked. */
  static final int VALIDATED = 1 << 27;

  private static final int PINNED = 1 << 28;
  private static final int COUNT_MASK = VALIDATED - 1;

  /** Checks and takes apart what frames hold. */
  interface Contents {
    /** Checks a frame for a type, and takes the references that its entries are: 0 or a negative error. */
    int validate(long mfn, int type);

    /** Gives back the references of a table's entries. */
    void invalidate(long mfn, int level);
  }

  private final FrameTable frames;
  private final XenStatistics statistics;
  private final Runnable flush;
  private Contents contents;
  // Frames start with stamp 0: nothing can be cached of what was never used.
  private int flushes = 1;

  /**
   * Starts with no frame of any type.
   *
   * @param flush drops all translations that any vCPU has cached, and calls {@link #flushed}
   */
  PageTypes(FrameTable frames, XenStatistics statistics, Runnable flush) {
    this.frames = frames;
    this.statistics = statistics;
    this.flush = flush;
  }

  void contents(Contents checks) {
    contents = checks;
  }

  /** All cached translations of all vCPUs were dropped. */
  void flushed() {
    flushes++;
  }

  /** The type that a frame is used as, or was used as last. */
  int type(long mfn) {
    return frames.type(mfn) >>> TYPE_SHIFT;
  }

  /** How many uses there are. */
  int count(long mfn) {
    return frames.type(mfn) & COUNT_MASK;
  }

  /** Whether a frame is in use as {@code type} now. */
  boolean isUsedAs(long mfn, int type) {
    int word = frames.type(mfn);
    return word >>> TYPE_SHIFT == type && (word & COUNT_MASK) != 0 && (word & VALIDATED) != 0;
  }

  /** Whether a frame is in use at all. */
  boolean isUsed(long mfn) {
    int word = frames.type(mfn);
    return (word & COUNT_MASK) != 0 && (word & VALIDATED) != 0;
  }

  /**
   * Uses a frame as {@code type} once more. The caller has a reference to it.
   *
   * @return 0, or a negative error: EINVAL where it is used otherwise, or what is wrong with its contents
   */
  int acquire(long mfn, int type) {
    int word = frames.type(mfn);
    int count = word & COUNT_MASK;
    if (count == COUNT_MASK) {
      return -Errno.EINVAL;
    }
    if (count != 0) {
      // A frame that is not validated is being validated further up the stack.
      if (word >>> TYPE_SHIFT != type || (word & VALIDATED) == 0) {
        return -Errno.EINVAL;
      }
      frames.type(mfn, word + 1);
      return 0;
    }
    boolean validated = (word & VALIDATED) != 0;
    if (word >>> TYPE_SHIFT != type) {
      validated = false;
      // A stale translation would let the guest write to what is to be a table.
      if (frames.stamp(mfn) == flushes) {
        flush.run();
      }
    }
    if (validated || type == WRITABLE) {
      frames.type(mfn, type << TYPE_SHIFT | VALIDATED | 1);
      return 0;
    }
    frames.type(mfn, type << TYPE_SHIFT | 1);
    frames.linear(mfn, 0);
    statistics.count(XenStatistics.Counter.VALIDATIONS);
    int error = contents.validate(mfn, type);
    frames.type(mfn, error == 0 ? type << TYPE_SHIFT | VALIDATED | 1 : 0);
    return error;
  }

  /** Ends one use of a frame. */
  void release(long mfn) {
    int word = frames.type(mfn) - 1;
    int type = word >>> TYPE_SHIFT;
    if ((word & COUNT_MASK) != 0) {
      frames.type(mfn, word);
      return;
    }
    if (type >= L1 && type <= L4) {
      // Out of use only when its entries have given back what they refer to.
      frames.type(mfn, word + 1 & ~VALIDATED);
      contents.invalidate(mfn, type);
      word &= ~VALIDATED;
    }
    frames.stamp(mfn, flushes);
    frames.type(mfn, word);
  }

  /**
   * Ends the use of a table by an entry of the table {@code parent}. If both are of one level it was a linear use.
   */
  void releaseEntry(long mfn, long parent) {
    boolean linear = type(mfn) == type(parent);
    release(mfn);
    if (linear) {
      frames.linear(mfn, frames.linear(mfn) + 1);
      frames.linear(parent, frames.linear(parent) - 1);
    }
  }

  /**
   * Uses a table that is validated already in an entry of another one of its level, {@code parent}: page tables that
   * map each other. One that is mapped so must not itself map others so, and the other way round.
   */
  boolean acquireLinear(long mfn, long parent, int level) {
    if (frames.linear(parent) < 0 || frames.linear(mfn) > 0 || !isUsedAs(mfn, level)) {
      return false;
    }
    int word = frames.type(mfn);
    if ((word & COUNT_MASK) == COUNT_MASK) {
      return false;
    }
    frames.type(mfn, word + 1);
    // Negative for what is mapped, positive for what maps.
    frames.linear(parent, frames.linear(parent) + 1);
    frames.linear(mfn, frames.linear(mfn) - 1);
    return true;
  }

  /** Marks a table, in use by the caller, as pinned; false if it was. */
  boolean pin(long mfn) {
    int word = frames.type(mfn);
    frames.type(mfn, word | PINNED);
    return (word & PINNED) == 0;
  }

  /** Takes the mark away; false if there was none. */
  boolean unpin(long mfn) {
    int word = frames.type(mfn);
    frames.type(mfn, word & ~PINNED);
    return (word & PINNED) != 0;
  }

  /** Whether it is pinned. */
  boolean isPinned(long mfn) {
    return (frames.type(mfn) & PINNED) != 0;
  }

  // Reference and use together.

  /** Takes a reference to a frame of the domain's and uses it as {@code type}: 0 or a negative error. */
  int acquirePage(long mfn, int type) {
    if (!frames.get(mfn)) {
      return -Errno.EINVAL;
    }
    int error = acquire(mfn, type);
    if (error != 0) {
      frames.put(mfn);
    }
    return error;
  }

  /** Gives back what {@link #acquirePage} took. */
  void releasePage(long mfn) {
    release(mfn);
    frames.put(mfn);
  }
}
