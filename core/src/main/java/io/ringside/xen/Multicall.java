package io.ringside.xen;

/** multicall: a list of hypercalls, 64 bytes each: number, result, six arguments. Source: {@code public/xen.h}. */
final class Multicall {
  private static final int ENTRY = 64;
  private static final int RESULT = 8;
  private static final int ARGUMENTS = 16;

  private static final int RSI = 6;
  private static final int RDI = 7;

  /** After so many calls the guest gets to its events, and the VMM to what it wants, before the rest. */
  private static final int SLICE = 1024;

  private static final int SYSCALL_LENGTH = 2;

  private boolean active;

  Multicall() {}

  /** multicall. */
  long call(Hypercalls hypercalls, PvVcpu caller, long list, int count) {
    if (active) {
      return -Errno.EINVAL;
    }
    if (!GuestAccess.isPlausible(list, Integer.toUnsignedLong(count), ENTRY)) {
      return -Errno.EFAULT;
    }
    active = true;
    try {
      return execute(hypercalls, caller, list, count);
    } finally {
      active = false;
    }
  }

  private static long execute(Hypercalls hypercalls, PvVcpu caller, long list, int count) {
    GuestAccess access = caller.access();
    for (int i = 0; i != count; i++) {
      long entry = list + Integer.toUnsignedLong(i) * ENTRY;
      if (i == SLICE || i != 0 && isInterrupted(caller)) {
        return continueLater(caller, entry, count - i);
      }
      long number = access.readLong(entry);
      long result =
          hypercalls.dispatch(
              caller,
              number,
              access.readLong(entry + ARGUMENTS),
              access.readLong(entry + ARGUMENTS + 8),
              access.readLong(entry + ARGUMENTS + 16),
              access.readLong(entry + ARGUMENTS + 24),
              access.readLong(entry + ARGUMENTS + 32));
      if (number == HypercallNumber.IRET) {
        storeIfPossible(access, entry + RESULT, result);
        return result;
      }
      access.writeLong(entry + RESULT, result);
    }
    return 0;
  }

  /** Whether the guest has an event to take, or a call has blocked it or ended the domain. */
  private static boolean isInterrupted(PvVcpu caller) {
    return caller.traps().hasPending() || caller.runState().waits() || caller.domain().isShutDown();
  }

  /** The guest is already where IRET led it: an entry that can't be written is none of its business any more. */
  private static void storeIfPossible(GuestAccess access, long gva, long result) {
    try {
      access.writeLong(gva, result);
    } catch (HypercallException e) {
      return;
    }
  }

  /** Has the guest make the hypercall again, for the rest of the list. */
  private static long continueLater(PvVcpu caller, long list, int count) {
    PvCpu cpu = caller.cpu();
    cpu.rip(cpu.rip() - SYSCALL_LENGTH);
    cpu.register(RDI, list);
    cpu.register(RSI, Integer.toUnsignedLong(count));
    return HypercallNumber.MULTICALL;
  }
}
