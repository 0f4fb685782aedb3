package io.ringside.xen;

import io.ringside.host.NativeMemory;

/** GNTTABOP_copy: copies between pages that are named by frame (the caller's own) or by grant. */
final class GrantCopy {
  private static final int SOURCE_GREF = 1;
  private static final int DEST_GREF = 2;
  private static final int PAGE = 4096;

  /** Offsets in {@code struct gnttab_copy}. */
  private static final int DEST = 16;

  private static final int DOMID = 8;
  private static final int OFFSET = 10;
  private static final int LENGTH = 32;
  private static final int FLAGS = 34;
  private static final int STATUS = 36;

  /** One end of a copy. */
  private static final class End {
    private boolean granted;
    private int reference;
    private boolean held;
    private boolean typed;
    private long mfn;
    private int start;
    private int length = PAGE;
  }

  private final Domain domain;
  private final NativeMemory raw;
  private final GrantEntries entries;

  GrantCopy(Domain domain, GrantEntries entries) {
    this.domain = domain;
    this.raw = domain.raw();
    this.entries = entries;
  }

  /** Does one copy and stores its status. */
  void copy(PvVcpu caller, long argument) {
    GuestAccess access = caller.access();
    access.read(argument, new byte[40], 0, 40);
    int flags = access.readShort(argument + FLAGS);
    End source = new End();
    End dest = new End();
    source.granted = (flags & SOURCE_GREF) != 0;
    dest.granted = (flags & DEST_GREF) != 0;
    int status = checkDomain(access.readShort(argument + DOMID) & 0xffff, source.granted);
    if (status == GrantStatus.OKAY) {
      status = checkDomain(access.readShort(argument + DEST + DOMID) & 0xffff, dest.granted);
    }
    if (status == GrantStatus.OKAY) {
      status = claim(access, argument, source, false);
    }
    if (status == GrantStatus.OKAY) {
      status = claim(access, argument + DEST, dest, true);
    }
    if (status == GrantStatus.OKAY) {
      int from = access.readShort(argument + OFFSET) & 0xffff;
      int to = access.readShort(argument + DEST + OFFSET) & 0xffff;
      int length = access.readShort(argument + LENGTH) & 0xffff;
      status = copy(source, from, dest, to, length);
    }
    release(dest, true);
    release(source, false);
    access.writeShort(argument + STATUS, status);
  }

  /** Frames are the caller's; a grant may be of any domain. */
  private int checkDomain(int domid, boolean granted) {
    if (domid != Layout.DOMID_SELF && !granted) {
      return GrantStatus.PERMISSION_DENIED;
    }
    boolean known = domid == Layout.DOMID_SELF || domid == domain.domid() || domid == 0;
    return known ? GrantStatus.OKAY : GrantStatus.BAD_DOMAIN;
  }

  private int claim(GuestAccess access, long pointer, End end, boolean writes) {
    if (end.granted) {
      int granter = access.readShort(pointer + DOMID) & 0xffff;
      end.reference = access.readInt(pointer);
      int status = GrantTable.checkReference(domain, entries, granter, end.reference);
      if (status == GrantStatus.OKAY) {
        GrantEntries.Pin pin = writes ? GrantEntries.Pin.WRITE : GrantEntries.Pin.READ;
        status = entries.pin(end.reference, false, pin, pin);
      }
      if (status != GrantStatus.OKAY) {
        return status;
      }
      GrantEntries.Active active = entries.active(end.reference);
      end.mfn = active.mfn();
      end.start = active.start();
      end.length = active.length();
      end.held = true;
      if (!domain.frames().isDomains(end.mfn)) {
        // The guest has given the page away since the grant's use began.
        return GrantStatus.BAD_DOMAIN;
      }
    } else {
      end.mfn = access.readLong(pointer);
      if (!domain.frames().isDomains(end.mfn)) {
        return GrantStatus.BAD_PAGE;
      }
    }
    if (writes) {
      if (domain.types().acquirePage(end.mfn, PageTypes.WRITABLE) != 0) {
        return GrantStatus.GENERAL_ERROR;
      }
      end.typed = true;
    }
    return GrantStatus.OKAY;
  }

  private void release(End end, boolean writes) {
    if (end.typed) {
      domain.types().releasePage(end.mfn);
    }
    if (end.held) {
      entries.unpin(end.reference, writes ? GrantEntries.Pin.WRITE : GrantEntries.Pin.READ);
    }
  }

  private int copy(End source, int from, End dest, int to, int length) {
    if (from + length > PAGE || to + length > PAGE) {
      return GrantStatus.BAD_COPY_ARG;
    }
    boolean inside =
        from >= source.start
            && from + length <= source.start + source.length
            && to >= dest.start
            && to + length <= dest.start + dest.length;
    if (!inside) {
      return GrantStatus.GENERAL_ERROR;
    }
    if (length > 0) {
      byte[] bytes = new byte[length];
      raw.read((source.mfn << 12) + from, bytes, 0, length);
      raw.write((dest.mfn << 12) + to, bytes, 0, length);
      domain.stored((dest.mfn << 12) + to, length);
    }
    return GrantStatus.OKAY;
  }
}
