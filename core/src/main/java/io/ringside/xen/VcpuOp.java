package io.ringside.xen;

import io.ringside.host.NativeMemory;

/** vcpu_op and set_timer_op. Source: {@code public/vcpu.h}. */
final class VcpuOp {
  private static final int INITIALISE = 0;
  private static final int UP = 1;
  private static final int DOWN = 2;
  private static final int IS_UP = 3;
  private static final int GET_RUNSTATE_INFO = 4;
  private static final int REGISTER_RUNSTATE_MEMORY_AREA = 5;
  private static final int SET_PERIODIC_TIMER = 6;
  private static final int STOP_PERIODIC_TIMER = 7;
  private static final int SET_SINGLESHOT_TIMER = 8;
  private static final int STOP_SINGLESHOT_TIMER = 9;
  private static final int REGISTER_VCPU_INFO = 10;
  private static final int SEND_NMI = 11;
  private static final int GET_PHYSID = 12;
  private static final int REGISTER_VCPU_TIME_MEMORY_AREA = 13;

  /** In the flags of a single-shot timer: a deadline that has passed is an error. */
  private static final int FUTURE = 1;

  private static final long MILLISECOND = 1_000_000;

  /** A quarter of the range of a 64-bit number of nanoseconds. */
  private static final long LONGEST_PERIOD = -1L >>> 2;

  /** Deadlines of set_timer_op that are farther away (2^50 ns, 13 days) are taken for a wrapped-around jiffy count. */
  private static final int FAR_AWAY = 50;

  /** Bytes of {@code struct vcpu_guest_context}. */
  private static final int CONTEXT_SIZE = 5168;

  private static final int PAGE = 4096;

  private final Domain domain;
  private final NativeMemory raw;

  VcpuOp(Domain domain) {
    this.domain = domain;
    this.raw = domain.raw();
  }

  /** vcpu_op on the vCPU with number {@code target}. */
  long operation(PvVcpu caller, int command, int target, long argument) {
    if (target < 0 || target >= domain.vcpus()) {
      return -Errno.ENOENT;
    }
    PvVcpu vcpu = domain.vcpu(target);
    GuestAccess access = caller.access();
    switch (command) {
      case INITIALISE -> {
        return initialise(access, vcpu, argument);
      }
      case UP -> {
        return up(vcpu);
      }
      case DOWN -> down(vcpu);
      case IS_UP -> {
        return vcpu.runState().isDown() ? 0 : 1;
      }
      case GET_RUNSTATE_INFO -> {
        return vcpu.runState().storeNow(access, argument) ? 0 : -Errno.EFAULT;
      }
      case REGISTER_RUNSTATE_MEMORY_AREA -> {
        return registerRunState(access, vcpu, argument);
      }
      case SET_PERIODIC_TIMER -> {
        return setPeriodic(vcpu, access.readLong(argument));
      }
      case STOP_PERIODIC_TIMER -> vcpu.timers().period(0);
      case SET_SINGLESHOT_TIMER -> {
        return vcpu == caller ? setOnce(vcpu, argument) : -Errno.EINVAL;
      }
      case STOP_SINGLESHOT_TIMER -> {
        if (vcpu != caller) {
          return -Errno.EINVAL;
        }
        vcpu.timers().cancel();
      }
      case REGISTER_VCPU_INFO -> {
        return registerInfo(caller, vcpu, argument);
      }
      case SEND_NMI -> {
        return sendNmi(vcpu, argument);
      }
      // Only for vCPUs of the hardware domain that are pinned.
      case GET_PHYSID -> {
        return -Errno.EINVAL;
      }
      case REGISTER_VCPU_TIME_MEMORY_AREA -> {
        return registerTime(caller, vcpu, argument);
      }
      default -> {
        return -Errno.ENOSYS;
      }
    }
    return 0;
  }

  /** The whole {@code struct vcpu_guest_context} is read first. */
  private static long initialise(GuestAccess access, PvVcpu vcpu, long argument) {
    byte[] context = new byte[CONTEXT_SIZE];
    access.read(argument, context, 0, CONTEXT_SIZE);
    return vcpu.isInitialised() ? -Errno.EEXIST : -Errno.EINVAL;
  }

  private static long up(PvVcpu vcpu) {
    if (!vcpu.isInitialised()) {
      return -Errno.EINVAL;
    }
    vcpu.runState().up();
    return 0;
  }

  private void down(PvVcpu vcpu) {
    for (int i = 0; i < domain.vcpus(); i++) {
      if (domain.vcpu(i) != vcpu && !domain.vcpu(i).runState().isDown()) {
        vcpu.runState().down();
        return;
      }
    }
    // It is the last one.
    domain.shutdown(DomainHost.SHUTDOWN_POWEROFF);
  }

  private static long registerRunState(GuestAccess access, PvVcpu vcpu, long argument) {
    long area = access.readLong(argument);
    if (!GuestAccess.isPlausible(area, 1, RunState.SIZE)) {
      return -Errno.EFAULT;
    }
    vcpu.runState().area(area);
    if (area != 0) {
      var unused = vcpu.runState().store(access, area);
    }
    return 0;
  }

  private static long registerTime(PvVcpu caller, PvVcpu vcpu, long argument) {
    long area = caller.access().readLong(argument);
    if (!GuestAccess.isPlausible(area, 1, PvClock.SIZE)) {
      return -Errno.EFAULT;
    }
    vcpu.clock().area(area, vcpu == caller);
    return 0;
  }

  private static long setPeriodic(PvVcpu vcpu, long period) {
    if (Long.compareUnsigned(period, MILLISECOND) < 0
        || Long.compareUnsigned(period, LONGEST_PERIOD) > 0) {
      return -Errno.EINVAL;
    }
    vcpu.timers().period(period);
    return 0;
  }

  /** The deadline in system time (8 bytes), flags (4). */
  private long setOnce(PvVcpu vcpu, long argument) {
    long deadline = vcpu.access().readLong(argument);
    int flags = vcpu.access().readInt(argument + 8);
    if ((flags & FUTURE) != 0 && Long.compareUnsigned(deadline, domain.now()) < 0) {
      return -Errno.ETIME;
    }
    vcpu.timers().set(deadline);
    return 0;
  }

  private static long sendNmi(PvVcpu vcpu, long argument) {
    if (argument != 0) {
      return -Errno.EINVAL;
    }
    if (vcpu.traps().raiseNmi()) {
      vcpu.wake();
    }
    return 0;
  }

  /** The frame (8 bytes), the offset in it (4), padding: from now on the vcpu_info is there. */
  private long registerInfo(PvVcpu caller, PvVcpu vcpu, long argument) {
    long mfn = caller.access().readLong(argument);
    int offset = caller.access().readInt(argument + 8);
    if (Integer.compareUnsigned(offset, PAGE - SharedInfo.VCPU_INFO_SIZE) > 0
        || (offset & 7) != 0) {
      return -Errno.ENXIO;
    }
    if (vcpu.hasOwnInfo() || vcpu != caller && !vcpu.runState().isDown()) {
      return -Errno.EINVAL;
    }
    if (domain.types().acquirePage(mfn, PageTypes.WRITABLE) != 0) {
      return -Errno.EINVAL;
    }
    long maddr = (mfn << 12) + offset;
    raw.copy(vcpu.infoAddress(), maddr, SharedInfo.VCPU_INFO_SIZE);
    domain.stored(maddr, SharedInfo.VCPU_INFO_SIZE);
    vcpu.ownInfo(maddr);
    // An event that came while the structure moved must not be lost.
    raw.putLong(maddr + SharedInfo.PENDING_SELECTOR, -1);
    vcpu.markPending();
    if (vcpu == caller) {
      vcpu.clock().update();
    }
    return 0;
  }

  /** set_timer_op: a VIRQ_TIMER at {@code deadline} ns of system time, 0 for none. */
  long setTimer(PvVcpu caller, long deadline) {
    VcpuTimers timers = caller.timers();
    long wait = deadline - domain.now();
    if (deadline == 0) {
      timers.cancel();
    } else if (deadline < 0 || wait > 0 && wait >>> FAR_AWAY != 0) {
      timers.set(domain.now() + 100 * MILLISECOND);
    } else {
      timers.set(deadline);
    }
    return 0;
  }
}
