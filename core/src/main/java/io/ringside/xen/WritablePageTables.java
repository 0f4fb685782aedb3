package io.ringside.xen;

import io.ringside.host.NativeMemory;

/**
 * Stores of the guest kernel to its own level-1 tables, which it has mapped read-only: the store faults, and is done
 * here, with the checks of an mmu_update, if the guest has asked for it (VMASST_TYPE_writable_pagetables).
 */
public final class WritablePageTables {
  private final Domain domain;
  private final NativeMemory raw;

  WritablePageTables(Domain domain) {
    this.domain = domain;
    this.raw = domain.raw();
  }

  /**
   * Where a store that faulted is to go: asked for a store of kernel mode to a page that is present and read-only.
   *
   * @param gva the address that faulted
   * @param size 1, 2, 4 or 8; the store must be aligned to it
   * @return the machine address, or -1 where the guest is to get the page fault
   */
  public long find(PvVcpu vcpu, long gva, int size) {
    if ((gva & size - 1) != 0 || !domain.assists(Domain.ASSIST_WRITABLE_PAGE_TABLES)) {
      return -1;
    }
    long slot = domain.tables().findL1Entry(vcpu, gva);
    if (slot < 0) {
      return -1;
    }
    long entry = raw.getLong(slot);
    long mfn = Pte.mfn(entry);
    if (!Pte.isPresent(entry)
        || Pte.isWritable(entry)
        || !domain.frames().isDomains(mfn)
        || !domain.types().isUsedAs(mfn, PageTypes.L1)) {
      return -1;
    }
    return mfn << 12 | gva & 4095;
  }

  /**
   * Does a store.
   *
   * @param maddr what {@link #find} gave
   * @param size 1, 2, 4 or 8
   * @param value the new value in its low bytes
   * @return false where the guest may not have that entry: it gets the page fault, and nothing has changed
   */
  public boolean store(long maddr, int size, long value) {
    long slot = maddr & ~7L;
    long wanted = value;
    if (size < 8) {
      int shift = (int) (maddr & 7) * 8;
      long mask = (1L << 8 * size) - 1 << shift;
      wanted = raw.getLong(slot) & ~mask | value << shift & mask;
    }
    boolean done = domain.tables().update(slot, PageTypes.L1, wanted, false, false) == 0;
    if (done) {
      domain.statistics().count(XenStatistics.Counter.PAGE_TABLE_EMULATIONS);
    }
    return done;
  }
}
