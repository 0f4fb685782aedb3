package io.ringside.xen;

import io.ringside.host.NativeMemory;

/**
 * The guest's GDT and LDT: pages of descriptors that were checked, so that the guest can't make itself a gate or a
 * segment of another privilege. Descriptors: SDM vol. 3, 3.4.5; what Xen lets through: its {@code set_gdt},
 * {@code update_descriptor} and {@code MMUEXT_SET_LDT}.
 */
final class SegmentDescriptors {
  /** The guest's GDT ends here; behind it are entries of Xen's. */
  private static final int MAX_GDT_ENTRIES = PvVcpu.GDT_FRAMES * 512;

  private static final int PRESENT = 1 << 15;
  private static final int CODE_OR_DATA = 1 << 12;
  private static final int DPL = 3 << 13;
  private static final int TYPE = 0xf << 8;
  private static final int CALL_GATE = 0xc << 8;

  /** Xen's own entries: flat segments of ring 3. Source: {@code public/arch-x86/xen-x86_64.h}. */
  private static final long FLAT_CODE32 = 0x00cf_fb00_0000_ffffL;

  private static final long FLAT_DATA = 0x00cf_f300_0000_ffffL;
  private static final long FLAT_CODE64 = 0x00af_fb00_0000_ffffL;

  private final Domain domain;

  SegmentDescriptors(Domain domain) {
    this.domain = domain;
  }

  /** Checks a page of descriptors, and changes them as {@link #adjust} does. */
  static boolean validate(NativeMemory raw, long mfn) {
    for (long maddr = mfn << 12; maddr < mfn + 1 << 12; maddr += 8) {
      long descriptor = raw.getLong(maddr);
      long adjusted = adjust(descriptor);
      if (adjusted == -1) {
        return false;
      }
      if (adjusted != descriptor) {
        raw.putLong(maddr, adjusted);
      }
    }
    return true;
  }

  /**
   * What becomes of a descriptor: code and data segments are all of ring 3; a call gate can't be called, so that the
   * fault tells Xen which one was meant.
   *
   * @return the descriptor to use, or -1 where the guest may not have it
   */
  static long adjust(long descriptor) {
    int low = (int) descriptor;
    int high = (int) (descriptor >>> 32);
    if ((high & PRESENT) == 0) {
      return descriptor;
    }
    high |= DPL;
    if ((high & CODE_OR_DATA) == 0) {
      if ((high & TYPE) == 0) {
        // The second half of a gate.
        return descriptor;
      }
      int selector = low >>> 16;
      boolean allowed =
          selector >>> 3 < MAX_GDT_ENTRIES || selector == Layout.FLAT_CS64 || (selector & 4) != 0;
      if ((high & TYPE) != CALL_GATE || !allowed || (high & 0xff) != 0) {
        return -1;
      }
      high &= ~DPL;
      low = low & 0xffff | (selector | 3) << 16;
    }
    return (long) high << 32 | low & 0xffff_ffffL;
  }

  /** update_descriptor: stores a descriptor at a machine address. */
  long update(long maddr, long descriptor) {
    long adjusted = adjust(descriptor);
    if ((maddr & 7) != 0 || adjusted == -1) {
      return -Errno.EINVAL;
    }
    long mfn = maddr >>> 12;
    if (!domain.frames().get(mfn)) {
      return -Errno.EINVAL;
    }
    PageTypes types = domain.types();
    int type = types.type(mfn) == PageTypes.SEGMENT ? PageTypes.SEGMENT : PageTypes.WRITABLE;
    if (types.acquire(mfn, type) != 0) {
      domain.frames().put(mfn);
      return -Errno.EINVAL;
    }
    domain.raw().putLong(maddr, adjusted);
    domain.stored(maddr, 8);
    changed();
    types.release(mfn);
    domain.frames().put(mfn);
    return 0;
  }

  /** set_gdt with frame numbers that were copied from the guest: {@code entries} is checked by the caller too. */
  long setGdt(PvVcpu vcpu, long[] mfns, int entries) {
    if (!isGdtSize(entries)) {
      return -Errno.EINVAL;
    }
    int count = entries + 511 >> 9;
    for (int i = 0; i < count; i++) {
      if (domain.types().acquirePage(mfns[i], PageTypes.SEGMENT) != 0) {
        while (i-- > 0) {
          domain.types().releasePage(mfns[i]);
        }
        return -Errno.EINVAL;
      }
    }
    destroyGdt(vcpu);
    System.arraycopy(mfns, 0, vcpu.gdt(), 0, count);
    vcpu.gdtEntries(entries);
    changed();
    return 0;
  }

  /** Whether a GDT may have so many entries (a 32-bit unsigned number). */
  static boolean isGdtSize(int entries) {
    return Integer.compareUnsigned(entries, MAX_GDT_ENTRIES) <= 0;
  }

  /** Takes a vCPU's GDT away. */
  void destroyGdt(PvVcpu vcpu) {
    long[] gdt = vcpu.gdt();
    for (int i = 0; i < gdt.length; i++) {
      if (gdt[i] != 0) {
        domain.types().releasePage(gdt[i]);
        gdt[i] = 0;
      }
    }
    vcpu.gdtEntries(0);
  }

  /** MMUEXT_SET_LDT. */
  long setLdt(PvVcpu vcpu, long base, int entries) {
    if (Integer.compareUnsigned(entries, 8192) > 0
        || entries != 0 && ((base & 0xfff) != 0 || !GuestAccess.isPlausible(base, 1, 1))) {
      return -Errno.EINVAL;
    }
    long start = entries == 0 ? 0 : base;
    if (vcpu.ldtEntries() != entries || vcpu.ldtBase() != start) {
      dropLdt(vcpu);
      vcpu.ldt(start, entries);
      changed();
    }
    return 0;
  }

  /** Forgets which frames the LDT is in: they are found anew when a descriptor is needed. */
  void dropLdt(PvVcpu vcpu) {
    long[] ldt = vcpu.ldtFrames();
    for (int i = 0; i < ldt.length; i++) {
      if (ldt[i] != 0) {
        domain.types().releasePage(ldt[i]);
        ldt[i] = 0;
      }
    }
  }

  /**
   * The descriptor that a selector names.
   *
   * @return 0 where there is none
   */
  long find(PvVcpu vcpu, int selector) {
    int index = selector >>> 3 & 0x1fff;
    if ((selector & 4) != 0) {
      return index < vcpu.ldtEntries() ? findLocal(vcpu, index) : 0;
    }
    if (index < vcpu.gdtEntries()) {
      return domain.raw().getLong((vcpu.gdt()[index >> 9] << 12) + (index & 511) * 8L);
    }
    return switch (selector | 3) {
      case Layout.FLAT_CS32 -> FLAT_CODE32;
      case Layout.FLAT_SS -> FLAT_DATA;
      case Layout.FLAT_CS64 -> FLAT_CODE64;
      default -> 0;
    };
  }

  private long findLocal(PvVcpu vcpu, int index) {
    int page = index >> 9;
    long mfn = vcpu.ldtFrames()[page];
    if (mfn == 0) {
      long slot = domain.tables().findL1Entry(vcpu, vcpu.ldtBase() + page * 4096L);
      long entry = slot < 0 ? 0 : domain.raw().getLong(slot);
      mfn = Pte.mfn(entry);
      if (!Pte.isPresent(entry) || domain.types().acquirePage(mfn, PageTypes.SEGMENT) != 0) {
        return 0;
      }
      vcpu.ldtFrames()[page] = mfn;
    }
    return domain.raw().getLong((mfn << 12) + (index & 511) * 8L);
  }

  private void changed() {
    for (int i = 0; i < domain.vcpus(); i++) {
      if (domain.vcpu(i).isAttached()) {
        domain.vcpu(i).cpu().descriptorsChanged();
      }
    }
  }
}
