package io.ringside.xen;

/** memory_op. Source: {@code public/memory.h}. */
final class MemoryOp {
  private static final int INCREASE_RESERVATION = 0;
  private static final int DECREASE_RESERVATION = 1;
  private static final int MAXIMUM_RAM_PAGE = 2;
  private static final int CURRENT_RESERVATION = 3;
  private static final int MAXIMUM_RESERVATION = 4;
  private static final int MACHPHYS_MFN_LIST = 5;
  private static final int POPULATE_PHYSMAP = 6;
  private static final int ADD_TO_PHYSMAP = 7;
  private static final int MEMORY_MAP = 9;
  private static final int MACHINE_MEMORY_MAP = 10;
  private static final int EXCHANGE = 11;
  private static final int MACHPHYS_MAPPING = 12;
  private static final int SET_MEMORY_MAP = 13;
  private static final int MAXIMUM_GPFN = 14;
  private static final int REMOVE_FROM_PHYSMAP = 15;
  private static final int SET_POD_TARGET = 16;
  private static final int GET_POD_TARGET = 17;
  private static final int ADD_TO_PHYSMAP_BATCH = 23;
  private static final int MACHPHYS_COMPAT_MFN_LIST = 25;
  private static final int CLAIM_PAGES = 24;
  private static final int GET_VNUMAINFO = 26;
  private static final int RESERVED_DEVICE_MEMORY_MAP = 27;
  private static final int ACQUIRE_RESOURCE = 28;

  /** In the command above its number: how many extents an interrupted call had done. */
  private static final int EXTENT_SHIFT = 6;

  private static final int MAPSPACE_GMFN_RANGE = 3;
  private static final int MAPSPACE_GMFN_FOREIGN = 4;

  private final Domain domain;
  private final Reservations reservations;
  private final MemoryExchange exchange;
  private final MemoryMap map;

  MemoryOp(Domain domain) {
    this.domain = domain;
    this.reservations = new Reservations(domain);
    this.exchange = new MemoryExchange(domain);
    this.map = domain.memoryMap();
  }

  /** memory_op. */
  long operation(PvVcpu caller, long command, long argument) {
    long start = command >>> EXTENT_SHIFT;
    int number = (int) command & (1 << EXTENT_SHIFT) - 1;
    GuestAccess access = caller.access();
    return switch (number) {
      case INCREASE_RESERVATION ->
          reservations.operation(access, Reservations.Kind.INCREASE, argument, start);
      case DECREASE_RESERVATION ->
          reservations.operation(access, Reservations.Kind.DECREASE, argument, start);
      case POPULATE_PHYSMAP ->
          reservations.operation(access, Reservations.Kind.POPULATE, argument, start);
      case EXCHANGE -> start != 0 ? -Errno.EINVAL : exchange.operation(access, argument);
      case MAXIMUM_RAM_PAGE -> start != 0 ? -Errno.EINVAL : domain.frames().frames();
      case CURRENT_RESERVATION, MAXIMUM_RESERVATION, MAXIMUM_GPFN ->
          start != 0 ? -Errno.EINVAL : query(number, access.readShort(argument));
      case MACHPHYS_MFN_LIST -> machPhysList(access, argument);
      case MACHPHYS_MAPPING -> machPhysMapping(access, argument);
      case MEMORY_MAP -> map.get(access, argument);
      case SET_MEMORY_MAP -> map.set(access, argument);
      case ADD_TO_PHYSMAP, ADD_TO_PHYSMAP_BATCH -> addToPhysmap(access, number, argument, start);
      case REMOVE_FROM_PHYSMAP -> start != 0 ? -Errno.EINVAL : removeFromPhysmap(access, argument);
      case CLAIM_PAGES -> start != 0 ? -Errno.EINVAL : claimPages(access, argument);
      case GET_VNUMAINFO -> start != 0 ? -Errno.EINVAL : virtualNuma(access, argument);
      case RESERVED_DEVICE_MEMORY_MAP -> start != 0 ? -Errno.EINVAL : reservedMap(access, argument);
      case ACQUIRE_RESOURCE -> acquireResource(access, argument);
      case SET_POD_TARGET, GET_POD_TARGET -> podTarget(access.readShort(argument + 32));
      case MACHINE_MEMORY_MAP -> -Errno.EPERM;
      case MACHPHYS_COMPAT_MFN_LIST -> -Errno.EOPNOTSUPP;
      default -> -Errno.ENOSYS;
    };
  }

  private long query(int number, int id) {
    int error = domain.permission(id);
    if (error != 0) {
      return error;
    }
    return switch (number) {
      case CURRENT_RESERVATION -> domain.frames().allocated();
      case MAXIMUM_RESERVATION -> domain.frames().maximum();
      default -> Math.max(domain.maxPfn(), 1) - 1;
    };
  }

  /** The frames of the M2P table, one for every 2 MiB of it. */
  private long machPhysList(GuestAccess access, long argument) {
    int wanted = access.readInt(argument);
    long list = access.readLong(argument + 8);
    long extents = domain.m2p().extents();
    int i = 0;
    while (i != wanted && i < extents) {
      access.writeLong(list + 8L * i, domain.m2p().extent(i));
      i++;
    }
    access.writeInt(argument + 16, i);
    return 0;
  }

  private static long machPhysMapping(GuestAccess access, long argument) {
    access.writeLong(argument, Layout.M2P_START);
    access.writeLong(argument + 8, Layout.M2P_END);
    access.writeLong(argument + 16, (Layout.M2P_END - Layout.M2P_START) / 8 - 1);
    return 0;
  }

  /** Not for PV guests, whose pfns are their own affair. */
  private long addToPhysmap(GuestAccess access, int number, long argument, long start) {
    if (start > 0xffff) {
      return -Errno.EDOM;
    }
    int id = access.readShort(argument);
    int space =
        number == ADD_TO_PHYSMAP ? access.readInt(argument + 4) : access.readShort(argument + 2);
    access.readLong(argument + (number == ADD_TO_PHYSMAP ? 16 : 24));
    if (number == ADD_TO_PHYSMAP && space == MAPSPACE_GMFN_FOREIGN) {
      return -Errno.ENOSYS;
    }
    if (number == ADD_TO_PHYSMAP_BATCH && space == MAPSPACE_GMFN_RANGE) {
      return -Errno.EOPNOTSUPP;
    }
    return notTranslated(id);
  }

  /** Populate on demand is only for HVM guests. */
  private long podTarget(int id) {
    int error = domain.permission(id);
    return error == -Errno.ESRCH ? error : -Errno.EINVAL;
  }

  private long removeFromPhysmap(GuestAccess access, long argument) {
    int id = access.readShort(argument);
    access.readLong(argument + 8);
    return notTranslated(id);
  }

  private long notTranslated(int id) {
    int error = domain.permission(id);
    return error == -Errno.ESRCH ? error : -Errno.EACCES;
  }

  private long claimPages(GuestAccess access, long argument) {
    Reservation reservation = Reservation.read(access, argument);
    boolean exists = reservation.domid() == domain.domid() || reservation.domid() == 0;
    return reservation.extents() != 0
            || reservation.order() != 0
            || reservation.flags() != 0
            || !exists
        ? -Errno.EINVAL
        : -Errno.EPERM;
  }

  private long virtualNuma(GuestAccess access, long argument) {
    int id = access.readShort(argument);
    int padding = access.readShort(argument + 2);
    access.readLong(argument + 40);
    if (padding != 0) {
      return -Errno.EINVAL;
    }
    int error = domain.permission(id);
    return error != 0 ? error : -Errno.EOPNOTSUPP;
  }

  /** There are no reserved ranges of devices. */
  private static long reservedMap(GuestAccess access, long argument) {
    int flags = access.readInt(argument);
    int room = access.readInt(argument + 4);
    long buffer = access.readLong(argument + 8);
    access.readLong(argument + 16);
    if (!GuestAccess.isPlausible(buffer, room & 0xffff_ffffL, 16)) {
      return -Errno.EFAULT;
    }
    if ((flags & ~1) != 0) {
      return -Errno.EINVAL;
    }
    access.writeInt(argument + 4, 0);
    return 0;
  }

  /** Only for those that control another domain. */
  private long acquireResource(GuestAccess access, long argument) {
    int id = access.readShort(argument);
    int padding = access.readInt(argument + 12);
    int count = access.readInt(argument + 8);
    long frame = access.readLong(argument + 16);
    access.readLong(argument + 24);
    if (padding != 0 || frame >>> 32 != 0 || frame + (count & 0xffff_ffffL) >>> 32 != 0) {
      return -Errno.EINVAL;
    }
    return id == domain.domid() || id == 0 ? -Errno.EPERM : -Errno.ESRCH;
  }
}
