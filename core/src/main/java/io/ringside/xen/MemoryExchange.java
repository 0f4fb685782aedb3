package io.ringside.xen;

/** XENMEM_exchange: frames for others that lie together, or lower. Source: {@code public/memory.h}. */
final class MemoryExchange {
  private static final int OUT = Reservation.SIZE;
  private static final int NR_EXCHANGED = 2 * Reservation.SIZE;

  private final Domain domain;

  MemoryExchange(Domain domain) {
    this.domain = domain;
  }

  /** Does an exchange; stores in the argument how many input extents were exchanged. */
  long operation(GuestAccess access, long argument) {
    Reservation in = Reservation.read(access, argument);
    Reservation out = Reservation.read(access, argument + OUT);
    long exchanged = access.readLong(argument + NR_EXCHANGED);
    long error = check(in, out, exchanged);
    if (error == 0 && exchanged == in.count()) {
      return 0;
    }
    long done = exchanged;
    if (error == 0) {
      int inShift = Math.max(out.order() - in.order(), 0);
      long chunk = exchanged >> inShift;
      long chunks = in.count() >> inShift;
      while (chunk < chunks && error == 0) {
        error = exchangeChunk(access, in, out, chunk);
        if (error == 0) {
          chunk++;
        }
      }
      done = error == 0 ? in.count() : chunk << inShift;
    }
    access.writeLong(argument + NR_EXCHANGED, done);
    return error;
  }

  private long check(Reservation in, Reservation out, long exchanged) {
    if (Integer.compareUnsigned(in.order(), Reservations.MAX_ORDER) > 0
        || Integer.compareUnsigned(out.order(), Reservations.MAX_ORDER) > 0) {
      return -Errno.EPERM;
    }
    if (Long.compareUnsigned(exchanged, in.count()) > 0
        || in.domid() != out.domid()
        || Long.compareUnsigned(-1L >>> in.order(), in.count()) < 0
        || Long.compareUnsigned(-1L >>> out.order(), out.count()) < 0
        || in.count() << in.order() != out.count() << out.order()) {
      return -Errno.EINVAL;
    }
    if (exchanged == in.count()) {
      return 0;
    }
    int difference = out.order() - in.order();
    long outStart = difference >= 0 ? exchanged >> difference : exchanged << -difference;
    if (!GuestAccess.isPlausible(in.extents() + 8 * exchanged, 1, 8)
        || !GuestAccess.isPlausible(out.extents() + 8 * outStart, 1, 8)) {
      return -Errno.EFAULT;
    }
    if (out.demandsNode()) {
      return -Errno.EINVAL;
    }
    return domain.permission(in.domid());
  }

  /** Exchanges as many extents as make one of the larger size. */
  private long exchangeChunk(GuestAccess access, Reservation in, Reservation out, long chunk) {
    FrameTable frames = domain.frames();
    int inShift = Math.max(out.order() - in.order(), 0);
    int outShift = Math.max(in.order() - out.order(), 0);
    int size = 1 << Math.max(in.order(), out.order());
    long[] stolen = new long[size];
    long[] taken = new long[1 << outShift];
    int stolenCount = 0;
    int takenCount = 0;
    long error = 0;
    try {
      for (int j = 0; j < 1 << inShift && error == 0; j++) {
        long mfn = access.readLong(in.extents() + 8 * ((chunk << inShift) + j));
        for (int k = 0; k < 1 << in.order() && error == 0; k++) {
          if (frames.steal(mfn + k)) {
            stolen[stolenCount++] = mfn + k;
          } else {
            error = -Errno.EINVAL;
          }
        }
      }
    } catch (HypercallException e) {
      error = -e.errno();
    }
    while (error == 0 && takenCount < taken.length) {
      long mfn = frames.take(out.order(), out.addressBits());
      if (mfn < 0) {
        error = -Errno.ENOMEM;
      } else {
        taken[takenCount++] = mfn;
      }
    }
    if (error != 0) {
      for (int i = 0; i < stolenCount; i++) {
        frames.own(stolen[i]);
      }
      for (int i = 0; i < takenCount; i++) {
        frames.giveBack(taken[i], out.order());
      }
      return error;
    }
    for (int i = 0; i < stolenCount; i++) {
      frames.giveBack(stolen[i], 0);
    }
    return assign(access, out, chunk << outShift, taken);
  }

  /** Gives the domain its new extents; what it can't be told of is its own all the same. */
  private long assign(GuestAccess access, Reservation out, long index, long[] taken) {
    long error = 0;
    for (int j = 0; j < taken.length; j++) {
      long mfn = taken[j];
      int count = 1 << out.order();
      for (int i = 0; i < count; i++) {
        domain.frames().own(mfn + i);
      }
      domain.clear(mfn, count);
      try {
        long slot = out.extents() + 8 * (index + j);
        long pfn = access.readLong(slot);
        for (int i = 0; i < count; i++) {
          domain.m2p().set(mfn + i, pfn + i);
        }
        access.writeLong(slot, mfn);
      } catch (HypercallException e) {
        error = -e.errno();
      }
    }
    return error;
  }
}
