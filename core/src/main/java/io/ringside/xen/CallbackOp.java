package io.ringside.xen;

/** Where the guest kernel is entered: set_callbacks, callback_op, nmi_op. Source: {@code public/callback.h}, {@code public/nmi.h}. */
final class CallbackOp {
  private static final int REGISTER = 0;
  private static final int UNREGISTER = 1;

  private static final int EVENT = 0;
  private static final int FAILSAFE = 1;
  private static final int SYSCALL = 2;
  private static final int NMI = 4;
  private static final int SYSENTER = 5;
  private static final int SYSCALL32 = 7;

  private static final int MASK_EVENTS = 1;

  CallbackOp() {}

  /** set_callbacks. As in Xen an address that isn't canonical is passed over. */
  long setCallbacks(PvVcpu caller, long event, long failsafe, long syscall) {
    var unused = register(caller, EVENT, 0, event);
    unused = register(caller, FAILSAFE, 0, failsafe);
    unused = register(caller, SYSCALL, 0, syscall);
    return 0;
  }

  /**
   * callback_op.
   *
   * @param argument where the type (2 bytes), flags (2 bytes), padding and address (8 bytes) are
   */
  long operation(PvVcpu caller, int command, long argument) {
    GuestAccess access = caller.access();
    switch (command) {
      case REGISTER -> {
        int type = access.readShort(argument) & 0xffff;
        int flags = access.readShort(argument + 2);
        return register(caller, type, flags, access.readLong(argument + 8));
      }
      case UNREGISTER -> {
        return unregister(caller, access.readInt(argument) & 0xffff);
      }
      default -> {
        return -Errno.ENOSYS;
      }
    }
  }

  private static int register(PvVcpu caller, int type, int flags, long address) {
    if (!Traps.isCanonical(address)) {
      return -Errno.EINVAL;
    }
    Callbacks callbacks = caller.traps().callbacks();
    boolean masks = (flags & MASK_EVENTS) != 0;
    switch (type) {
      case EVENT -> callbacks.event(address);
      case FAILSAFE -> callbacks.failsafe(address, masks);
      case SYSCALL -> callbacks.syscall(address, masks);
      case SYSCALL32 -> callbacks.syscall32(address, masks);
      case SYSENTER -> callbacks.sysenter(address, masks);
      case NMI -> {
        return registerNmi(caller, address);
      }
      default -> {
        return -Errno.ENOSYS;
      }
    }
    return 0;
  }

  private static int unregister(PvVcpu caller, int type) {
    return switch (type) {
      case EVENT, FAILSAFE, SYSCALL, SYSCALL32, SYSENTER -> -Errno.EINVAL;
      case NMI -> {
        caller.traps().table().set(Traps.NMI, 0, 0);
        yield 0;
      }
      default -> -Errno.ENOSYS;
    };
  }

  /** nmi_op, with the address of the handler at {@code argument}, before 8 bytes of padding. */
  long nmi(PvVcpu caller, int command, long argument) {
    switch (command) {
      case REGISTER -> {
        long address = caller.access().readLong(argument);
        var unused = caller.access().readLong(argument + 8);
        return registerNmi(caller, address);
      }
      case UNREGISTER -> {
        return unregister(caller, NMI);
      }
      default -> {
        return -Errno.ENOSYS;
      }
    }
  }

  private static int registerNmi(PvVcpu caller, long address) {
    if (!Traps.isCanonical(address)) {
      return -Errno.EINVAL;
    }
    caller.traps().table().setMasking(Traps.NMI, address);
    Domain domain = caller.domain();
    boolean reason = domain.raw().getLong(domain.sharedInfo() + SharedInfo.NMI_REASON) != 0;
    if (caller.id() == 0 && reason && caller.traps().raiseNmi()) {
      // It may have come before there was a handler.
      caller.wake();
    }
    return 0;
  }
}
