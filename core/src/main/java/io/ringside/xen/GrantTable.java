package io.ringside.xen;

/**
 * grant_table_op, of versions 1 and 2 as Xen 4.17 gives them to a PV domain. Source: {@code public/grant_table.h}; what is
 * checked in which order: {@code common/grant_table.c}.
 *
 * <p>Arguments are arrays of structures; errors of a single operation go into its status, and only what ends all of them is
 * the hypercall's result.
 */
final class GrantTable {
  private static final int MAP_GRANT_REF = 0;
  private static final int UNMAP_GRANT_REF = 1;
  private static final int SETUP_TABLE = 2;
  private static final int TRANSFER = 4;
  private static final int COPY = 5;
  private static final int QUERY_SIZE = 6;
  private static final int UNMAP_AND_REPLACE = 7;
  private static final int SET_VERSION = 8;
  private static final int GET_STATUS_FRAMES = 9;
  private static final int GET_VERSION = 10;
  private static final int SWAP_GRANT_REF = 11;
  private static final int CACHE_FLUSH = 12;

  /** Bits of the command; the others say where an interrupted cache_flush goes on. */
  private static final int COMMAND_MASK = 0xfff;

  private static final int CACHE_CLEAN = 1;
  private static final int CACHE_INVAL = 2;
  private static final int EILSEQ = 84;

  /** Entries of domain 0's grant table, a page of version 1, none of which grants anything. */
  private static final int DOMAIN_0_ENTRIES = 512;

  private final Domain domain;
  private final GrantEntries entries;
  private final GrantMappings mappings;
  private final GrantCopy copies;

  GrantTable(Domain domain) {
    this.domain = domain;
    this.entries = new GrantEntries(domain);
    this.mappings = new GrantMappings(domain, entries);
    this.copies = new GrantCopy(domain, entries);
  }

  /** The domain's grants. */
  GrantEntries entries() {
    return entries;
  }

  /**
   * grant_table_op.
   *
   * @param argument an array of {@code count} structures
   */
  long operation(PvVcpu caller, int command, long argument, int count) {
    int continuation = command & ~COMMAND_MASK;
    int operation = command & COMMAND_MASK;
    if (count < 0 || operation != CACHE_FLUSH && continuation != 0) {
      return -Errno.EINVAL;
    }
    return switch (operation) {
      case MAP_GRANT_REF -> {
        check(argument, count, 32);
        for (int i = 0; i < count; i++) {
          mappings.map(caller, argument + 32L * i);
        }
        yield 0;
      }
      case UNMAP_GRANT_REF, UNMAP_AND_REPLACE -> {
        check(argument, count, 24);
        unmap(caller, argument, count, operation == UNMAP_AND_REPLACE);
        yield 0;
      }
      case SETUP_TABLE -> setupTable(caller, argument, count);
      case TRANSFER -> {
        check(argument, count, 24);
        for (int i = 0; i < count; i++) {
          transfer(caller, argument + 24L * i);
        }
        yield 0;
      }
      case COPY -> {
        check(argument, count, 40);
        for (int i = 0; i < count; i++) {
          copies.copy(caller, argument + 40L * i);
        }
        yield 0;
      }
      case QUERY_SIZE -> querySize(caller, argument, count);
      case SET_VERSION -> setVersion(caller, argument);
      case GET_STATUS_FRAMES -> getStatusFrames(caller, argument, count);
      case GET_VERSION -> getVersion(caller, argument);
      case SWAP_GRANT_REF -> {
        check(argument, count, 12);
        for (int i = 0; i < count; i++) {
          swap(caller, argument + 12L * i);
        }
        yield 0;
      }
      case CACHE_FLUSH -> {
        check(argument, count, 16);
        long error = 0;
        for (int i = 0; i < count && error == 0; i++) {
          error = flushCache(caller, argument + 16L * i, continuation != 0 && i == 0);
        }
        yield error;
      }
      default -> -Errno.ENOSYS;
    };
  }

  private static void check(long argument, int count, int size) {
    if (!GuestAccess.isPlausible(argument, count, size)) {
      throw HypercallException.EFAULT;
    }
  }

  /**
   * What is wrong with a reference into the grant table of a domain that exists: of domain 0 no entry grants anything.
   *
   * @return a {@link GrantStatus}
   */
  static int checkReference(Domain domain, GrantEntries entries, int granter, int reference) {
    boolean own = granter == Layout.DOMID_SELF || granter == domain.domid();
    int count = own ? entries.count() : DOMAIN_0_ENTRIES;
    if (Integer.compareUnsigned(reference, count) >= 0) {
      return GrantStatus.BAD_GNTREF;
    }
    return own ? GrantStatus.OKAY : GrantStatus.GENERAL_ERROR;
  }

  /** What Xen says to a domain that asks about the table of {@code id}. */
  private int permission(int id) {
    return switch (domain.permission(id)) {
      case 0 -> GrantStatus.OKAY;
      case -Errno.EPERM -> GrantStatus.PERMISSION_DENIED;
      default -> GrantStatus.BAD_DOMAIN;
    };
  }

  private void unmap(PvVcpu caller, long argument, int count, boolean replace) {
    boolean stale = false;
    try {
      for (int i = 0; i < count; i++) {
        stale |= mappings.unmap(caller, argument + 24L * i, replace);
      }
    } finally {
      if (stale) {
        domain.flushTlbs();
      }
    }
  }

  /** The domain (2 bytes at 0), how many pages (4 at 4), the status (2 at 8), where their frames go (8 at 16). */
  private long setupTable(PvVcpu caller, long argument, int count) {
    if (count != 1) {
      return -Errno.EINVAL;
    }
    GuestAccess access = caller.access();
    access.read(argument, new byte[24], 0, 24);
    int pages = access.readInt(argument + 4);
    long list = access.readLong(argument + 16);
    check(list, pages < 0 ? 0 : pages, 8);
    int status = permission(access.readShort(argument) & 0xffff);
    if (status == GrantStatus.OKAY && Integer.compareUnsigned(pages, GrantEntries.MAX_FRAMES) > 0) {
      status = GrantStatus.GENERAL_ERROR;
    }
    if (status == GrantStatus.OKAY) {
      entries.grow(pages);
      for (int i = 0; i < pages; i++) {
        if (!store(access, list + 8L * i, entries.frame(i))) {
          status = GrantStatus.BAD_VIRT_ADDR;
        }
      }
    }
    access.writeShort(argument + 8, status);
    return 0;
  }

  private static boolean store(GuestAccess access, long gva, long value) {
    try {
      access.writeLong(gva, value);
      return true;
    } catch (HypercallException _) {
      return false;
    }
  }

  /** The domain (2 at 0), how many pages there are and may be (4 each, at 4 and 8), the status (2 at 12). */
  private long querySize(PvVcpu caller, long argument, int count) {
    if (count != 1) {
      return -Errno.EINVAL;
    }
    GuestAccess access = caller.access();
    byte[] query = new byte[16];
    access.read(argument, query, 0, query.length);
    int status = permission(access.readShort(argument) & 0xffff);
    access.write(argument, query, 0, query.length);
    if (status == GrantStatus.OKAY) {
      access.writeInt(argument + 4, entries.frameCount());
      access.writeInt(argument + 8, GrantEntries.MAX_FRAMES);
    }
    access.writeShort(argument + 12, status);
    return 0;
  }

  /** The version (4 bytes), which becomes the one in force. */
  private long setVersion(PvVcpu caller, long argument) {
    int version = caller.access().readInt(argument);
    int error = 0;
    if (version != 1 && version != 2) {
      error = Errno.EINVAL;
    } else if (version != entries.version()) {
      error = entries.changeVersion(version);
    }
    caller.access().writeInt(argument, entries.version());
    return -error;
  }

  /** The domain (2 at 0), the version (4 at 4). */
  private long getVersion(PvVcpu caller, long argument) {
    GuestAccess access = caller.access();
    access.readLong(argument);
    int error = domain.permission(access.readShort(argument) & 0xffff);
    if (error != 0) {
      return error;
    }
    access.writeInt(argument + 4, entries.version());
    return 0;
  }

  /** How many pages (4 at 0), the domain (2 at 4), the status (2 at 6), where their frames go (8 at 8). */
  private long getStatusFrames(PvVcpu caller, long argument, int count) {
    if (count != 1) {
      return -Errno.EINVAL;
    }
    GuestAccess access = caller.access();
    access.read(argument, new byte[16], 0, 16);
    int pages = access.readInt(argument);
    long list = access.readLong(argument + 8);
    check(list, pages < 0 ? 0 : pages, 8);
    int status = permission(access.readShort(argument + 4) & 0xffff);
    if (status == GrantStatus.OKAY && Integer.compareUnsigned(pages, entries.statusCount()) > 0) {
      status = GrantStatus.GENERAL_ERROR;
    }
    if (status == GrantStatus.OKAY) {
      for (int i = 0; i < pages; i++) {
        if (!store(access, list + 8L * i, entries.statusFrame(i))) {
          status = GrantStatus.BAD_VIRT_ADDR;
        }
      }
    }
    access.writeShort(argument + 6, status);
    return 0;
  }

  /** Two references (4 each), the status (2). */
  private void swap(PvVcpu caller, long argument) {
    GuestAccess access = caller.access();
    access.read(argument, new byte[12], 0, 12);
    int a = access.readInt(argument);
    int b = access.readInt(argument + 4);
    int status = GrantStatus.OKAY;
    if (Integer.compareUnsigned(a, entries.count()) >= 0
        || Integer.compareUnsigned(b, entries.count()) >= 0) {
      status = GrantStatus.BAD_GNTREF;
    } else if (a != b) {
      if (entries.isPinned(a) || entries.isPinned(b)) {
        status = GrantStatus.EAGAIN;
      } else {
        entries.swap(a, b);
      }
    }
    access.writeShort(argument + 8, status);
  }

  /** A machine address (8 at 0), offset and length (2 each), what to do (4 at 12). The processor's caches are coherent. */
  private long flushCache(PvVcpu caller, long argument, boolean continued) {
    GuestAccess access = caller.access();
    access.read(argument, new byte[16], 0, 16);
    long mfn = access.readLong(argument) >>> 12;
    int offset = access.readShort(argument + 8) & 0xffff;
    int length = access.readShort(argument + 10) & 0xffff;
    int what = access.readInt(argument + 12);
    if (offset >= 4096 || offset + length > 4096 || (what & ~(CACHE_INVAL | CACHE_CLEAN)) != 0) {
      return -Errno.EINVAL;
    }
    if (length == 0 || what == 0) {
      return continued ? -EILSEQ : 0;
    }
    if (!domain.frames().isValid(mfn)) {
      return -Errno.EINVAL;
    }
    if (!domain.frames().isDomains(mfn)) {
      return -Errno.EPERM;
    }
    return what == CACHE_INVAL ? -Errno.EOPNOTSUPP : 0;
  }

  /**
   * Gives a page away: its frame (8 at 0), the new owner (2 at 8), its reference (4 at 12), the status (2 at 16). Whatever comes
   * of it, but for a bad page, the caller has it no more.
   */
  private void transfer(PvVcpu caller, long argument) {
    GuestAccess access = caller.access();
    access.read(argument, new byte[24], 0, 24);
    long mfn = access.readLong(argument);
    int receiver = access.readShort(argument + 8) & 0xffff;
    int reference = access.readInt(argument + 12);
    int status = GrantStatus.BAD_PAGE;
    if (domain.frames().steal(mfn)) {
      domain.flushTlbs();
      // The domain has it until it is clear who gets it.
      domain.frames().own(mfn);
      status = receive(mfn, receiver, reference);
      if (status != GrantStatus.OKAY) {
        domain.frames().putAllocation(mfn);
      }
    }
    access.writeShort(argument + 16, status);
  }

  private int receive(long mfn, int receiver, int reference) {
    if (receiver != 0 && receiver != domain.domid()) {
      return GrantStatus.BAD_DOMAIN;
    }
    boolean accepts =
        checkReference(domain, entries, receiver, reference) == GrantStatus.OKAY
            && entries.flags(reference) == GrantEntries.ACCEPT_TRANSFER
            && entries.grantee(reference) == domain.domid();
    if (!accepts) {
      return GrantStatus.GENERAL_ERROR;
    }
    int flags = GrantEntries.ACCEPT_TRANSFER | GrantEntries.TRANSFER_COMMITTED;
    entries.flags(reference, flags);
    domain.m2p().set(mfn, entries.entryFrame(reference));
    entries.entryFrame(reference, mfn);
    entries.flags(reference, flags | GrantEntries.TRANSFER_COMPLETED);
    return GrantStatus.OKAY;
  }
}
