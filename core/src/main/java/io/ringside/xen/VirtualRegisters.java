package io.ringside.xen;

/**
 * Control and debug registers as one vCPU's guest kernel sees them; the processor's are Xen's. Bits: SDM vol. 3, 2.5 and
 * 17.2.
 */
final class VirtualRegisters {
  static final long CR0_TS = 1 << 3;
  static final long CR4_TSD = 1 << 2;
  static final long CR4_DE = 1 << 3;
  static final long CR4_OSXSAVE = 1 << 18;

  /** Bits of CR4 that the guest sets: TSD, DE, OSXSAVE. FSGSBASE is ignored, as CPUID doesn't show it. */
  private static final long CR4_GUEST = CR4_TSD | CR4_DE | CR4_OSXSAVE;

  /** Bits of CR4 that it sees as Xen has them: PAE, MCE, OSFXSR, OSXMMEXCPT. */
  private static final long CR4_VISIBLE = 1 << 5 | 1 << 6 | 1 << 9 | 1 << 10;

  private static final long DR6_DEFAULT = 0xffff_0ff0L;
  private static final long DR6_SETTABLE = 0xffff_efffL;
  private static final long DR7_SETTABLE = 0xffff_27ffL;
  private static final long DR7_ONE = 0x400;
  private static final long DR7_ENABLE = 0xff;
  private static final long DR7_GENERAL_DETECT = 1 << 13;
  private static final int DR7_CONTROL = 16;
  private static final int BREAK_ON_IO = 2;

  private boolean taskSwitched;
  private long cr2;
  private long cr4 = CR4_VISIBLE;
  private final long[] addresses = new long[4];
  private long dr6 = DR6_DEFAULT;
  private long dr7 = DR7_ONE;
  private long ioBreakpoints;
  private long iopl;
  private long ioBitmap;
  private int ioPorts;

  VirtualRegisters() {}

  /** CR0.TS. */
  boolean taskSwitched() {
    return taskSwitched;
  }

  void taskSwitched(boolean set) {
    taskSwitched = set;
  }

  long cr2() {
    return cr2;
  }

  void cr2(long value) {
    cr2 = value;
  }

  long cr4() {
    return cr4;
  }

  /** Sets the bits of CR4 that are the guest's; the others stay as they are. */
  void cr4(long value) {
    cr4 = value & CR4_GUEST | CR4_VISIBLE;
  }

  /** RFLAGS.IOPL as the guest has set it, in place (bits 12 and 13). */
  long iopl() {
    return iopl;
  }

  void iopl(long bits) {
    iopl = bits;
  }

  /** The guest-virtual address of the I/O permission bitmap. */
  long ioBitmap() {
    return ioBitmap;
  }

  /** How many ports the I/O permission bitmap is for; all others are denied. */
  int ioPorts() {
    return ioPorts;
  }

  /** Sets the I/O permission bitmap. */
  void ioBitmap(long gva, int ports) {
    ioBitmap = gva;
    ioPorts = ports;
  }

  /** Reads a debug register that {@link #hasDebug} says is there: DR4 is DR6, DR5 is DR7. */
  long debug(int number) {
    return switch (number) {
      case 0, 1, 2, 3 -> addresses[number];
      case 4, 6 -> dr6;
      default -> dr7 | ioBreakpoints;
    };
  }

  /** Whether there is a debug register of that number: not over 7, and not 4 and 5 with CR4.DE. */
  boolean hasDebug(int number) {
    return number >= 0 && number <= 7 && ((number & ~1) != 4 || (cr4 & CR4_DE) == 0);
  }

  /**
   * Sets a debug register.
   *
   * @return 0; or -ENODEV where there is none, -EINVAL for a reserved bit, -EPERM for what the guest may not set
   */
  int setDebug(PvCpu cpu, int number, long value) {
    if (!hasDebug(number)) {
      return -Errno.ENODEV;
    }
    if (number <= 3) {
      if (!GuestAccess.isPlausible(value, 1, 1)) {
        return -Errno.EPERM;
      }
      addresses[number] = value;
      cpu.debugRegister(number, value);
      return 0;
    }
    if (value >>> 32 != 0) {
      return -Errno.EINVAL;
    }
    if ((number & 1) == 0) {
      dr6 = value & DR6_SETTABLE | DR6_DEFAULT;
      cpu.debugRegister(6, dr6);
      return 0;
    }
    return setDebugControl(cpu, value & DR7_SETTABLE | DR7_ONE);
  }

  private int setDebugControl(PvCpu cpu, long value) {
    if ((value & DR7_GENERAL_DETECT) != 0) {
      return -Errno.EPERM;
    }
    long emulated = 0;
    if ((value & DR7_ENABLE) != 0) {
      for (int i = 0; i < 4; i++) {
        if ((value >>> DR7_CONTROL + 4 * i & 3) == BREAK_ON_IO) {
          if ((cr4 & CR4_DE) == 0) {
            return -Errno.EPERM;
          }
          emulated |= value & 3L << 2 * i;
        }
      }
    }
    ioBreakpoints = emulated;
    dr7 = value & ~emulated;
    cpu.debugRegister(7, dr7);
    return 0;
  }

  /** A #DB for these causes (bits of DR6 that say so by being set): they are added to those that the guest has not cleared. */
  void debugCaused(long causes) {
    dr6 |= causes & DR6_SETTABLE & ~DR6_DEFAULT;
  }

  /** Which breakpoints (bits 0 to 3) an access to I/O ports hits. */
  int ioBreakpoints(int port, int size) {
    if (ioBreakpoints == 0 || (cr4 & CR4_DE) == 0) {
      return 0;
    }
    int hit = 0;
    for (int i = 0; i < 4; i++) {
      if ((ioBreakpoints >>> 2 * i & 3) == 0) {
        continue;
      }
      int width =
          switch ((int) (dr7 >>> DR7_CONTROL + 2 + 4 * i & 3)) {
            case 0 -> 1;
            case 1 -> 2;
            case 2 -> 8;
            default -> 4;
          };
      long start = addresses[i] & -width;
      if (start >= 0 && start < port + size && start + width > port) {
        hit |= 1 << i;
      }
    }
    return hit;
  }
}
