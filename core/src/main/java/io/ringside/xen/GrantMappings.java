package io.ringside.xen;

import io.ringside.host.NativeMemory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * map_grant_ref, unmap_grant_ref and unmap_and_replace: entries of the caller's page tables that Xen makes from grants. The
 * entry holds the references to the frame, as any other does; what is held for a device is held here.
 */
final class GrantMappings {
  static final int DEVICE_MAP = 1;
  static final int HOST_MAP = 1 << 1;
  static final int READ_ONLY = 1 << 2;
  static final int APPLICATION_MAP = 1 << 3;
  static final int CONTAINS_PTE = 1 << 4;

  private static final int GUEST_AVAILABLE_SHIFT = 16;
  private static final int PTE_AVAILABLE_SHIFT = 9;
  private static final long PTE_AVAILABLE = 0xe00;

  /** As many mappings as 1024 pages of Xen's have room for. */
  private static final int MAX_MAPPINGS = 1024 * 256;

  private static final class Mapping {
    private final int reference;
    private int flags;

    private Mapping(int reference, int flags) {
      this.reference = reference;
      this.flags = flags;
    }
  }

  private final Domain domain;
  private final NativeMemory raw;
  private final GrantEntries entries;
  private final List<Mapping> mappings = new ArrayList<>();
  private final ArrayDeque<Integer> free = new ArrayDeque<>();

  GrantMappings(Domain domain, GrantEntries entries) {
    this.domain = domain;
    this.raw = domain.raw();
    this.entries = entries;
  }

  /**
   * Maps a grant: {@code struct gnttab_map_grant_ref}. The address (8 bytes), flags (4), reference (4) and domain (2) are read,
   * status (2), handle (4) and bus address (8) written.
   */
  void map(PvVcpu caller, long argument) {
    GuestAccess access = caller.access();
    access.read(argument, new byte[32], 0, 32);
    long address = access.readLong(argument);
    int flags = access.readInt(argument + 8);
    int reference = access.readInt(argument + 12);
    int granter = access.readShort(argument + 16) & 0xffff;
    int handle = access.readInt(argument + 20);
    long bus = access.readLong(argument + 24);

    int status = check(flags, reference, granter);
    if (status == GrantStatus.OKAY) {
      GrantEntries.Pin[] pins = pins(flags);
      status = entries.pin(reference, true, pins[0], pins[pins.length - 1]);
      if (status == GrantStatus.OKAY) {
        long mfn = entries.active(reference).mfn();
        status = enter(caller, address, mfn, flags);
        if (status == GrantStatus.OKAY) {
          handle = add(new Mapping(reference, flags));
          bus = mfn << 12;
        } else {
          for (GrantEntries.Pin pin : pins) {
            entries.unpin(reference, pin);
          }
        }
      }
    }
    access.writeLong(argument, address);
    access.writeInt(argument + 8, flags);
    access.writeInt(argument + 12, reference);
    access.writeShort(argument + 16, granter);
    access.writeShort(argument + 18, status);
    access.writeInt(argument + 20, handle);
    access.writeLong(argument + 24, bus);
  }

  private int check(int flags, int reference, int granter) {
    if ((flags & (HOST_MAP | DEVICE_MAP)) == 0) {
      return GrantStatus.BAD_GNTREF;
    }
    if (granter != domain.domid() && granter != 0) {
      return GrantStatus.BAD_DOMAIN;
    }
    if (free.isEmpty() && mappings.size() >= MAX_MAPPINGS) {
      return GrantStatus.NO_SPACE;
    }
    return GrantTable.checkReference(domain, entries, granter, reference);
  }

  private static GrantEntries.Pin[] pins(int flags) {
    boolean readOnly = (flags & READ_ONLY) != 0;
    GrantEntries.Pin host = readOnly ? GrantEntries.Pin.READ : GrantEntries.Pin.WRITE;
    GrantEntries.Pin device =
        readOnly ? GrantEntries.Pin.DEVICE_READ : GrantEntries.Pin.DEVICE_WRITE;
    return switch (flags & (HOST_MAP | DEVICE_MAP)) {
      case HOST_MAP -> new GrantEntries.Pin[] {host};
      case DEVICE_MAP -> new GrantEntries.Pin[] {device};
      default -> new GrantEntries.Pin[] {host, device};
    };
  }

  private int add(Mapping mapping) {
    if (free.isEmpty()) {
      mappings.add(mapping);
      return mappings.size() - 1;
    }
    int handle = free.removeFirst();
    mappings.set(handle, mapping);
    return handle;
  }

  /** Takes the references, and stores the entry; does nothing if it fails. */
  private int enter(PvVcpu caller, long address, long mfn, int flags) {
    if ((flags & DEVICE_MAP) != 0 && !takeForDevice(mfn, flags)) {
      return GrantStatus.GENERAL_ERROR;
    }
    if ((flags & HOST_MAP) != 0 && !enterHost(caller, address, mfn, flags)) {
      if ((flags & DEVICE_MAP) != 0) {
        giveBackForDevice(mfn, flags);
      }
      return GrantStatus.GENERAL_ERROR;
    }
    return GrantStatus.OKAY;
  }

  private boolean takeForDevice(long mfn, int flags) {
    return (flags & READ_ONLY) != 0
        ? domain.frames().get(mfn)
        : domain.types().acquirePage(mfn, PageTypes.WRITABLE) == 0;
  }

  private void giveBackForDevice(long mfn, int flags) {
    if ((flags & READ_ONLY) != 0) {
      domain.frames().put(mfn);
    } else {
      domain.types().releasePage(mfn);
    }
  }

  private boolean enterHost(PvVcpu caller, long address, long mfn, int flags) {
    long at = entryAddress(caller, address, flags);
    if (at < 0) {
      return false;
    }
    boolean wasPresent = Pte.isPresent(raw.getLong(at));
    if (domain.tables().update(at, PageTypes.L1, entry(mfn, flags), false, false) != 0) {
      return false;
    }
    if (wasPresent) {
      domain.flushTlbs();
    }
    return true;
  }

  /** The machine address of the level-1 entry that an operation is about, or -1. */
  private long entryAddress(PvVcpu caller, long address, int flags) {
    long at = address;
    if ((flags & CONTAINS_PTE) == 0) {
      at = domain.tables().findL1Entry(caller, address);
    } else if ((address & 7) != 0) {
      return -1;
    }
    boolean isTable =
        at >= 0
            && domain.frames().isDomains(at >>> 12)
            && domain.types().isUsedAs(at >>> 12, PageTypes.L1);
    return isTable ? at : -1;
  }

  private static long entry(long mfn, int flags) {
    long entry = mfn << 12 | Pte.PRESENT | Pte.ACCESSED | Pte.DIRTY | Pte.NO_EXECUTE;
    if ((flags & APPLICATION_MAP) != 0) {
      entry |= Pte.USER;
    }
    if ((flags & READ_ONLY) == 0) {
      entry |= Pte.WRITABLE;
    }
    long available = Integer.toUnsignedLong(flags) >>> GUEST_AVAILABLE_SHIFT;
    return entry | available << PTE_AVAILABLE_SHIFT & PTE_AVAILABLE;
  }

  /**
   * Unmaps a grant: {@code struct gnttab_unmap_grant_ref}, or gnttab_unmap_and_replace, whose second address is that of a page
   * that is moved in its place. Both: address (8), second address (8), handle (4), status (2).
   *
   * @return whether translations have become stale
   */
  boolean unmap(PvVcpu caller, long argument, boolean replace) {
    GuestAccess access = caller.access();
    access.read(argument, new byte[24], 0, 24);
    long address = access.readLong(argument);
    long second = access.readLong(argument + 8);
    int handle = access.readInt(argument + 16);
    int flags = 0;
    int status = GrantStatus.BAD_HANDLE;
    if (handle >= 0 && handle < mappings.size()) {
      Mapping mapping = mappings.get(handle);
      flags = mapping.flags;
      if (flags != 0) {
        status = unmap(caller, mapping, address, replace ? 0 : second, replace ? second : 0);
        if (mapping.flags == 0) {
          free.addLast(handle);
        }
      }
    }
    access.writeShort(argument + 20, status);
    return status == GrantStatus.OKAY && address != 0 && (flags & HOST_MAP) != 0;
  }

  private int unmap(PvVcpu caller, Mapping mapping, long address, long bus, long replacement) {
    int flags = mapping.flags;
    int reference = mapping.reference;
    long mfn = entries.active(reference).mfn();
    boolean readOnly = (flags & READ_ONLY) != 0;
    if (bus != 0 && (flags & DEVICE_MAP) != 0 && bus != mfn << 12) {
      return GrantStatus.BAD_DEV_ADDR;
    }
    if (address != 0 && (flags & HOST_MAP) != 0) {
      if (!leaveHost(caller, address, mfn, flags, replacement)) {
        return GrantStatus.GENERAL_ERROR;
      }
      mapping.flags &= ~HOST_MAP;
      entries.unpin(reference, readOnly ? GrantEntries.Pin.READ : GrantEntries.Pin.WRITE);
    }
    if (bus != 0 && (flags & DEVICE_MAP) != 0) {
      mapping.flags &= ~DEVICE_MAP;
      giveBackForDevice(mfn, flags);
      entries.unpin(
          reference, readOnly ? GrantEntries.Pin.DEVICE_READ : GrantEntries.Pin.DEVICE_WRITE);
    }
    if ((mapping.flags & (HOST_MAP | DEVICE_MAP)) == 0) {
      mapping.flags = 0;
    }
    return GrantStatus.OKAY;
  }

  /** Empties an entry that maps the grant, or moves another one there. */
  private boolean leaveHost(PvVcpu caller, long address, long mfn, int flags, long replacement) {
    if (replacement != 0 && (flags & CONTAINS_PTE) != 0) {
      return false;
    }
    long from = -1;
    long moved = 0;
    if (replacement != 0) {
      from = entryAddress(caller, replacement, 0);
      if (from < 0) {
        return false;
      }
      moved = raw.getLong(from);
    }
    long at = entryAddress(caller, address, flags);
    boolean done = false;
    if (at >= 0) {
      long old = raw.getLong(at);
      boolean matches =
          Pte.isPresent(old)
              && Pte.mfn(old) == mfn
              && Pte.isWritable(old) == ((flags & READ_ONLY) == 0);
      done = matches && domain.tables().update(at, PageTypes.L1, moved, false, false) == 0;
    }
    if (from >= 0) {
      // As under Xen, the page to be moved is unmapped even where it could not be moved.
      domain.tables().update(from, PageTypes.L1, 0, false, false);
    }
    return done;
  }
}
