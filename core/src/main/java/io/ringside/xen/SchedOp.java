package io.ringside.xen;

import io.ringside.host.NativeMemory;
import io.ringside.machine.Timers;

/** sched_op: yield, block, poll, shutdown, watchdog. Source: {@code public/sched.h}. */
final class SchedOp {
  private static final int YIELD = 0;
  private static final int BLOCK = 1;
  private static final int SHUTDOWN = 2;
  private static final int POLL = 3;
  private static final int REMOTE_SHUTDOWN = 4;
  private static final int SHUTDOWN_CODE = 5;
  private static final int WATCHDOG = 6;
  private static final int PIN_OVERRIDE = 7;

  private static final int MAX_POLLED = 128;
  private static final int WATCHDOGS = 2;
  private static final long SECOND = 1_000_000_000;

  private final Domain domain;
  private final NativeMemory raw;
  private final Timers.Timer[] watchdogs = new Timers.Timer[WATCHDOGS];
  private final boolean[] watchdogUsed = new boolean[WATCHDOGS];

  SchedOp(Domain domain) {
    this.domain = domain;
    this.raw = domain.raw();
    for (int i = 0; i < WATCHDOGS; i++) {
      watchdogs[i] =
          domain.config().timers().create(() -> domain.shutdown(DomainHost.SHUTDOWN_WATCHDOG));
    }
  }

  /** sched_op. */
  long operation(PvVcpu caller, int command, long argument) {
    GuestAccess access = caller.access();
    switch (command) {
      case YIELD -> {}
      case BLOCK -> {
        raw.putByte(caller.infoAddress() + SharedInfo.UPCALL_MASK, 0);
        caller.runState().block();
      }
      case SHUTDOWN -> domain.shutdown(access.readInt(argument) & 0xff);
      case SHUTDOWN_CODE -> domain.announceShutdown(access.readInt(argument));
      case POLL -> {
        return poll(caller, argument);
      }
      case REMOTE_SHUTDOWN -> {
        return remoteShutdown(access, argument);
      }
      case WATCHDOG -> {
        return watchdog(access.readInt(argument), access.readInt(argument + 4));
      }
      // Only for the hardware domain.
      case PIN_OVERRIDE -> {
        return -Errno.EPERM;
      }
      default -> {
        return -Errno.ENOSYS;
      }
    }
    return 0;
  }

  /** The old sched_op, whose argument is a value. */
  long compatOperation(PvVcpu caller, int command, long argument) {
    switch (command) {
      case YIELD, BLOCK -> {
        return operation(caller, command, 0);
      }
      case SHUTDOWN -> {
        domain.shutdown((int) argument & 0xff);
        return 0;
      }
      default -> {
        return -Errno.ENOSYS;
      }
    }
  }

  /** The array of ports (8 bytes), how many (4), padding, until when in system time (8), 0 for ever. */
  private long poll(PvVcpu caller, long argument) {
    GuestAccess access = caller.access();
    long ports = access.readLong(argument);
    int count = access.readInt(argument + 8);
    long timeout = access.readLong(argument + 16);
    if (Integer.compareUnsigned(count, MAX_POLLED) > 0) {
      return -Errno.EINVAL;
    }
    if (!GuestAccess.isPlausible(ports, count, 4)) {
      return -Errno.EFAULT;
    }
    if (caller.upcallPending()) {
      return 0;
    }
    int port = 0;
    for (int i = 0; i < count; i++) {
      port = access.readInt(ports + 4L * i);
      int pending = domain.eventChannels().poll(port);
      if (pending != 0) {
        return Math.min(pending, 0);
      }
    }
    caller.runState().poll(count == 1 ? port : -1, timeout);
    return 0;
  }

  /** The domain (2 bytes), padding, the reason (4). */
  private long remoteShutdown(GuestAccess access, long argument) {
    int target = access.readShort(argument) & 0xffff;
    var unused = access.readInt(argument + 4);
    // A domain is no controller of itself either; DOMID_SELF is not understood here.
    return target == 0 || target == domain.domid() ? -Errno.EPERM : -Errno.ESRCH;
  }

  /** Number 0 takes a new watchdog and gives its number; a timeout of 0 seconds ends one. */
  private long watchdog(int id, int seconds) {
    long deadline = domain.deadline(domain.now() + Integer.toUnsignedLong(seconds) * SECOND);
    if (id == 0) {
      for (int i = 0; i < WATCHDOGS; i++) {
        if (!watchdogUsed[i]) {
          watchdogUsed[i] = true;
          watchdogs[i].arm(deadline);
          return i + 1L;
        }
      }
      return -Errno.ENOSPC;
    }
    if (Integer.compareUnsigned(id, WATCHDOGS) > 0 || !watchdogUsed[id - 1]) {
      return -Errno.EINVAL;
    }
    if (seconds == 0) {
      watchdogs[id - 1].cancel();
      watchdogUsed[id - 1] = false;
    } else {
      watchdogs[id - 1].arm(deadline);
    }
    return 0;
  }
}
