package io.ringside.xen;

/**
 * Memory that the guest gives back and takes: increase_reservation, decrease_reservation and populate_physmap. They
 * never fail, but tell how many extents they did. Source: {@code public/memory.h}.
 */
final class Reservations {
  /** Log2 of the frames of an extent that an unprivileged domain may ask for at the most. */
  static final int MAX_ORDER = 9;

  private static final int POPULATE_ON_DEMAND = 1 << 16;

  /** More extents than a command has room to count. */
  private static final long TOO_MANY = 0xffff_ffffL >> 6;

  /** Which of the three. */
  enum Kind {
    INCREASE,
    DECREASE,
    POPULATE
  }

  private final Domain domain;

  Reservations(Domain domain) {
    this.domain = domain;
  }

  /** Does a reservation from extent {@code start} on; gives the number of the first that was not done. */
  long operation(GuestAccess access, Kind kind, long argument, long start) {
    Reservation reservation;
    try {
      reservation = Reservation.read(access, argument);
    } catch (HypercallException _) {
      return start;
    }
    long count = reservation.count();
    int bits = reservation.addressBits();
    if (Long.compareUnsigned(count, TOO_MANY) > 0
        || start >= count
        || domain.permission(reservation.domid()) != 0
        || bits != 0 && bits <= 12
        || reservation.demandsNode()
        || Integer.compareUnsigned(reservation.order(), MAX_ORDER) > 0) {
      return start;
    }
    boolean tellsNothing = kind == Kind.INCREASE && reservation.extents() == 0;
    if (!tellsNothing && !GuestAccess.isPlausible(reservation.extents() + 8 * start, count, 8)) {
      return start;
    }
    long i = start;
    try {
      while (i < count && extent(access, kind, reservation, i)) {
        i++;
      }
    } catch (HypercallException _) {
      // The one that failed is not done.
    }
    return i;
  }

  private boolean extent(GuestAccess access, Kind kind, Reservation reservation, long index) {
    long slot = reservation.extents() + 8 * index;
    int order = reservation.order();
    return switch (kind) {
      case INCREASE -> {
        long mfn = allocate(order, reservation.addressBits());
        if (mfn >= 0 && reservation.extents() != 0) {
          access.writeLong(slot, mfn);
        }
        yield mfn >= 0;
      }
      case DECREASE -> {
        long mfn = access.readLong(slot);
        boolean done = true;
        for (int i = 0; i < 1 << order && done; i++) {
          done = remove(mfn + i);
        }
        yield done;
      }
      case POPULATE -> {
        long pfn = access.readLong(slot);
        if ((reservation.flags() & POPULATE_ON_DEMAND) != 0) {
          yield false;
        }
        long mfn = allocate(order, reservation.addressBits());
        if (mfn < 0) {
          yield false;
        }
        for (int i = 0; i < 1 << order; i++) {
          domain.m2p().set(mfn + i, pfn + i);
        }
        access.writeLong(slot, mfn);
        yield true;
      }
    };
  }

  private boolean remove(long mfn) {
    if (!domain.frames().get(mfn)) {
      return false;
    }
    domain.frames().putAllocation(mfn);
    domain.frames().put(mfn);
    return true;
  }

  /** New frames, all zero: what was in them may have been another's. */
  private long allocate(int order, int addressBits) {
    long mfn = domain.frames().allocate(order, addressBits);
    if (mfn >= 0) {
      domain.clear(mfn, 1 << order);
    }
    return mfn;
  }
}
