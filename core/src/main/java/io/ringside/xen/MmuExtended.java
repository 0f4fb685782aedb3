package io.ringside.xen;

import io.ringside.host.NativeMemory;
import io.ringside.xen.XenStatistics.Counter;

/** mmuext_op. Source: {@code public/xen.h}. */
final class MmuExtended {
  private static final int PIN_L1_TABLE = 0;
  private static final int PIN_L4_TABLE = 3;
  private static final int UNPIN_TABLE = 4;
  private static final int NEW_BASEPTR = 5;
  private static final int TLB_FLUSH_LOCAL = 6;
  private static final int INVLPG_LOCAL = 7;
  private static final int TLB_FLUSH_MULTI = 8;
  private static final int INVLPG_MULTI = 9;
  private static final int TLB_FLUSH_ALL = 10;
  private static final int INVLPG_ALL = 11;
  private static final int FLUSH_CACHE = 12;
  private static final int SET_LDT = 13;
  private static final int NEW_USER_BASEPTR = 15;
  private static final int CLEAR_PAGE = 16;
  private static final int COPY_PAGE = 17;
  private static final int FLUSH_CACHE_GLOBAL = 18;
  private static final int MARK_SUPER = 19;
  private static final int UNMARK_SUPER = 20;

  /** Bytes of an operation: command (4), padding, first argument (8), second argument (8). */
  private static final int OPERATION = 24;

  private static final int PAGE = 4096;

  private final Domain domain;
  private final NativeMemory raw;
  private final FrameTable frames;
  private final PageTypes types;

  MmuExtended(Domain domain) {
    this.domain = domain;
    this.raw = domain.raw();
    this.frames = domain.frames();
    this.types = domain.types();
  }

  /**
   * mmuext_op.
   *
   * @param operations the guest's array
   * @param done where to store how many were done, 0 for nowhere
   * @param foreign the domain whose frames are meant
   */
  long operation(PvVcpu caller, long operations, int count, long done, int foreign) {
    if (count == MmuUpdate.PREEMPTED && operations == 0) {
      return foreign;
    }
    int already = MmuUpdate.alreadyDone(caller, count, done);
    int number = count & ~MmuUpdate.PREEMPTED;
    if (!GuestAccess.isPlausible(operations, number, OPERATION)) {
      return -Errno.EFAULT;
    }
    int owner = foreign & 0xffff;
    long error = owner == domain.domid() ? -Errno.ESRCH : permission(owner);
    if (error != 0) {
      return error;
    }
    int i = 0;
    while (i < number && error == 0) {
      try {
        long gva = operations + (long) i * OPERATION;
        int command = caller.access().readInt(gva);
        long first = caller.access().readLong(gva + 8);
        long second = caller.access().readLong(gva + 16);
        error = execute(caller, command, first, second);
      } catch (HypercallException e) {
        error = -e.errno();
      }
      if (error == 0) {
        i++;
      }
    }
    return MmuUpdate.storeDone(caller, done, already + i, error);
  }

  private int permission(int owner) {
    return owner == Layout.DOMID_IO || owner == Layout.DOMID_XEN
        ? -Errno.EPERM
        : domain.permission(owner);
  }

  private long execute(PvVcpu caller, int command, long first, long second) {
    if (command >= PIN_L1_TABLE && command <= PIN_L4_TABLE) {
      return pin(first, PageTypes.L1 + command - PIN_L1_TABLE);
    }
    switch (command) {
      case TLB_FLUSH_LOCAL, TLB_FLUSH_ALL -> domain.flushTlbs();
      case INVLPG_LOCAL, INVLPG_ALL -> invalidate(first);
      case TLB_FLUSH_MULTI -> {
        if (CpuMask.check(caller, second) != 0) {
          return -Errno.EINVAL;
        }
        domain.flushTlbs();
      }
      case INVLPG_MULTI -> {
        if (CpuMask.check(caller, second) != 0) {
          return -Errno.EINVAL;
        }
        invalidate(first);
      }
      default -> {
        return executeRare(caller, command, first, second);
      }
    }
    return 0;
  }

  private long executeRare(PvVcpu caller, int command, long first, long second) {
    return switch (command) {
      case UNPIN_TABLE -> unpin(first);
      case NEW_BASEPTR -> newRoot(caller, first);
      case NEW_USER_BASEPTR -> newUserRoot(caller, first);
      // Only who has devices may flush caches.
      case FLUSH_CACHE -> -Errno.EACCES;
      case FLUSH_CACHE_GLOBAL -> -Errno.EINVAL;
      case SET_LDT -> domain.segments().setLdt(caller, first, (int) second);
      case CLEAR_PAGE -> clearPage(first);
      case COPY_PAGE -> copyPage(first, second);
      case MARK_SUPER, UNMARK_SUPER -> -Errno.EOPNOTSUPP;
      default -> -Errno.ENOSYS;
    };
  }

  private void invalidate(long gva) {
    if (GuestAccess.isPlausible(gva, 1, 1)) {
      domain.invalidatePage(gva);
    }
  }

  private int pin(long mfn, int level) {
    int error = types.acquirePage(mfn, level);
    if (error != 0) {
      return error;
    }
    if (!types.pin(mfn)) {
      types.releasePage(mfn);
      return -Errno.EINVAL;
    }
    return 0;
  }

  private int unpin(long mfn) {
    if (!frames.isDomains(mfn) || !types.unpin(mfn)) {
      return -Errno.EINVAL;
    }
    types.releasePage(mfn);
    return 0;
  }

  /** Takes another root of kernel mode: 0 or a negative error. */
  int newRoot(PvVcpu caller, long mfn) {
    long old = caller.kernelRoot();
    if (mfn != old) {
      int error = types.acquirePage(mfn, PageTypes.L4);
      if (error != 0) {
        return error;
      }
      domain.segments().dropLdt(caller);
      if (!domain.assists(Domain.ASSIST_M2P_STRICT)) {
        domain.tables().mapM2p(mfn);
      }
      caller.kernelRoot(mfn);
    }
    caller.cpu().kernelRoot(mfn);
    domain.statistics().count(Counter.TLB_FLUSHES);
    if (domain.vcpus() == 1) {
      types.flushed();
    }
    if (mfn != old && old != 0) {
      types.releasePage(old);
    }
    return 0;
  }

  private int newUserRoot(PvVcpu caller, long mfn) {
    long old = caller.userRoot();
    if (mfn == old) {
      return 0;
    }
    if (mfn != 0) {
      int error = types.acquirePage(mfn, PageTypes.L4);
      if (error != 0) {
        return error;
      }
      if (domain.assists(Domain.ASSIST_M2P_STRICT)) {
        domain.tables().unmapM2p(mfn);
      }
    }
    caller.userRoot(mfn);
    caller.cpu().userRoot(mfn);
    if (old != 0) {
      types.releasePage(old);
    }
    return 0;
  }

  private int clearPage(long mfn) {
    if (types.acquirePage(mfn, PageTypes.WRITABLE) != 0) {
      return -Errno.EINVAL;
    }
    raw.fill(mfn << 12, PAGE, 0);
    domain.stored(mfn << 12, PAGE);
    types.releasePage(mfn);
    return 0;
  }

  private int copyPage(long target, long source) {
    if (!frames.get(source)) {
      return -Errno.EINVAL;
    }
    int error = types.acquirePage(target, PageTypes.WRITABLE);
    if (error == 0) {
      raw.copy(source << 12, target << 12, PAGE);
      domain.stored(target << 12, PAGE);
      types.releasePage(target);
    }
    frames.put(source);
    return error;
  }
}
