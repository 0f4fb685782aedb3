package io.ringside.xen;

import io.ringside.host.NativeMemory;
import io.ringside.xen.XenStatistics.Counter;

/** mmu_update, update_va_mapping, update_va_mapping_otherdomain. Source: {@code public/xen.h}. */
final class MmuUpdate {
  /** In a count: the hypercall goes on from where it was interrupted. Never made by us, but a guest may set it. */
  static final int PREEMPTED = 1 << 31;

  private static final int NORMAL_PT_UPDATE = 0;
  private static final int MACHPHYS_UPDATE = 1;
  private static final int PT_UPDATE_PRESERVE_AD = 2;
  private static final int PT_UPDATE_NO_TRANSLATE = 3;

  private static final int REQUEST = 16;

  private static final int UVMF_FLUSHTYPE = 3;
  private static final int UVMF_TLB_FLUSH = 1;
  private static final int UVMF_INVLPG = 2;
  private static final long UVMF_LOCAL = 0;
  private static final long UVMF_ALL = 4;

  private final Domain domain;
  private final NativeMemory raw;
  private final FrameTable frames;
  private final PageTypes types;
  private final long[] batchOfRequests = new long[4096 / 8];

  MmuUpdate(Domain domain) {
    this.domain = domain;
    this.raw = domain.raw();
    this.frames = domain.frames();
    this.types = domain.types();
  }

  /**
   * mmu_update.
   *
   * @param requests the guest's array of requests, 16 bytes each
   * @param done where to store how many were done, 0 for nowhere
   * @param foreign the domain whose frames are mapped; in bits 16 to 31 one more than the tables' domain, or 0
   */
  long mmuUpdate(PvVcpu caller, long requests, int count, long done, int foreign) {
    if (count == PREEMPTED && requests == 0) {
      return foreign;
    }
    int already = alreadyDone(caller, count, done);
    int number = count & ~PREEMPTED;
    if (!GuestAccess.isPlausible(requests, number, REQUEST)) {
      return -Errno.EFAULT;
    }
    int tablesDomain = foreign >>> 16;
    if (tablesDomain != 0 && tablesDomain - 1 != domain.domid()) {
      return tablesDomain - 1 == 0 ? storeDone(caller, done, already, -Errno.EPERM) : -Errno.ESRCH;
    }
    int owner = foreign & 0xffff;
    boolean io = owner == Layout.DOMID_IO;
    int error = io ? 0 : foreignPermission(owner);
    if (error == -Errno.ESRCH) {
      return error;
    }

    if (number == 0) {
      error = 0;
    }
    int i = 0;
    while (i < number && error == 0) {
      int batch = readRequests(caller, requests + (long) i * REQUEST, number - i);
      if (batch == 0) {
        error = -Errno.EFAULT;
      }
      for (int j = 0; j < batch && error == 0; j++) {
        error = update(batchOfRequests[2 * j], batchOfRequests[2 * j + 1], io);
        if (error == 0) {
          i++;
        }
      }
    }
    domain.statistics().count(Counter.PAGE_TABLE_UPDATES, i);
    return storeDone(caller, done, already + i, error);
  }

  /** Reads requests up to the end of a page; gives how many, 0 where the first can't be read. */
  private int readRequests(PvVcpu caller, long gva, int number) {
    try {
      int inPage = (4096 - (int) (gva & 4095)) / REQUEST;
      if (inPage == 0) {
        batchOfRequests[0] = caller.access().readLong(gva);
        batchOfRequests[1] = caller.access().readLong(gva + 8);
        return 1;
      }
      int batch = Math.min(inPage, number);
      raw.read(caller.access().readable(gva), batchOfRequests, 0, 2 * batch);
      return batch;
    } catch (HypercallException _) {
      return 0;
    }
  }

  private int update(long pointer, long value, boolean io) {
    int command = (int) pointer & 7;
    return switch (command) {
      case NORMAL_PT_UPDATE, PT_UPDATE_NO_TRANSLATE -> updateEntry(pointer & ~7L, value, false, io);
      case PT_UPDATE_PRESERVE_AD -> updateEntry(pointer & ~7L, value, true, io);
      case MACHPHYS_UPDATE -> {
        if (io || !frames.isDomains(pointer >>> 12)) {
          yield -Errno.EINVAL;
        }
        domain.m2p().set(pointer >>> 12, value);
        yield 0;
      }
      default -> -Errno.ENOSYS;
    };
  }

  private int updateEntry(long maddr, long value, boolean keepAccessedDirty, boolean io) {
    long mfn = maddr >>> 12;
    if (!frames.get(mfn)) {
      return -Errno.EINVAL;
    }
    int error;
    if (types.isUsed(mfn)) {
      int type = types.type(mfn);
      error =
          switch (type) {
            case PageTypes.L1 ->
                domain.tables().update(maddr, PageTypes.L1, value, keepAccessedDirty, io);
            case PageTypes.L2, PageTypes.L3, PageTypes.L4 ->
                io ? -Errno.EINVAL : updateUpper(maddr, type, value, keepAccessedDirty);
            case PageTypes.WRITABLE -> {
              store(maddr, value);
              yield 0;
            }
            default -> -Errno.EINVAL;
          };
    } else if (types.acquire(mfn, PageTypes.WRITABLE) == 0) {
      store(maddr, value);
      types.release(mfn);
      error = 0;
    } else {
      error = -Errno.EINVAL;
    }
    frames.put(mfn);
    return error;
  }

  private int updateUpper(long maddr, int level, long value, boolean keepAccessedDirty) {
    boolean wasPresent = Pte.isPresent(raw.getLong(maddr));
    int error = domain.tables().update(maddr, level, value, keepAccessedDirty, false);
    if (error == 0 && wasPresent) {
      // As under Xen, whose linear page tables need it: a guest may rely on it.
      domain.flushTlbs();
    }
    return error;
  }

  private void store(long maddr, long value) {
    raw.putLong(maddr, value);
    domain.stored(maddr, 8);
  }

  /** update_va_mapping: changes the level-1 entry of {@code gva} in the kernel's page tables. */
  long updateVaMapping(PvVcpu caller, long gva, long entry, long flags) {
    return updateVaMapping(caller, gva, entry, flags, false);
  }

  /** update_va_mapping_otherdomain: the frame is of domain {@code domid}. */
  long updateVaMappingOther(PvVcpu caller, long gva, long entry, long flags, int domid) {
    boolean io = domid == Layout.DOMID_IO;
    int error = io ? 0 : foreignPermission(domid);
    return error != 0 ? error : updateVaMapping(caller, gva, entry, flags, io);
  }

  private long updateVaMapping(PvVcpu caller, long gva, long entry, long flags, boolean io) {
    long maddr = domain.tables().findL1Entry(caller, gva);
    long mfn = maddr >>> 12;
    if (maddr < 0 || !frames.isDomains(mfn) || !types.isUsedAs(mfn, PageTypes.L1)) {
      return -Errno.EINVAL;
    }
    int error = domain.tables().update(maddr, PageTypes.L1, entry, false, io);
    if (error != 0) {
      return error;
    }
    domain.statistics().count(Counter.PAGE_TABLE_UPDATES);
    long cpus = flags & ~UVMF_FLUSHTYPE;
    int flush = (int) flags & UVMF_FLUSHTYPE;
    if (flush != UVMF_TLB_FLUSH && flush != UVMF_INVLPG) {
      return 0;
    }
    if (cpus != UVMF_LOCAL && cpus != UVMF_ALL) {
      error = CpuMask.check(caller, cpus);
      if (error != 0) {
        return error;
      }
    }
    // All vCPUs in place of those that were asked for: there is no harm in it.
    if (flush == UVMF_TLB_FLUSH) {
      domain.flushTlbs();
    } else {
      domain.invalidatePage(gva);
    }
    return 0;
  }

  /** What Xen says to a foreign domain in place of the caller's own; naming itself by number is an error. */
  int foreignPermission(int id) {
    if (id == domain.domid()) {
      return -Errno.ESRCH;
    }
    return id == Layout.DOMID_XEN || id == Layout.DOMID_IO ? -Errno.EPERM : domain.permission(id);
  }

  /** How much earlier parts of an interrupted call had done, as the guest says. */
  static int alreadyDone(PvVcpu caller, int count, long done) {
    if ((count & PREEMPTED) == 0 || done == 0) {
      return 0;
    }
    try {
      return caller.access().readInt(done);
    } catch (HypercallException _) {
      return 0;
    }
  }

  /** Tells the guest how much was done, if it wants to know; gives {@code result}. */
  static long storeDone(PvVcpu caller, long done, int count, long result) {
    if (done != 0) {
      try {
        caller.access().writeInt(done, count);
      } catch (HypercallException _) {
        // Xen ignores it too.
      }
    }
    return result;
  }
}
