package io.ringside.xen;

/** The hypercalls in place of privileged instructions: trap table, stack, descriptors, segment bases, debug registers, IRET. */
final class CpuHypercalls {
  private static final int SEGBASE_FS = 0;
  private static final int SEGBASE_GS_USER = 1;
  private static final int SEGBASE_GS_KERNEL = 2;
  private static final int SEGBASE_GS_USER_SEL = 3;

  private static final int GS = 5;

  /**
   * No table is that long; it ends the reading of one that maps the same page again and again. (Xen would go on, but
   * let others run in between.)
   */
  private static final int MAX_TRAPS = 1 << 16;

  private final Domain domain;

  CpuHypercalls(Domain domain) {
    this.domain = domain;
  }

  /**
   * set_trap_table: an array of vector (1 byte), flags (1 byte), code selector (2 bytes, of no use in 64-bit mode),
   * padding and address (8 bytes), which ends with address 0. Without an array, all handlers go.
   */
  long setTrapTable(PvVcpu caller, long array) {
    TrapTable table = caller.traps().table();
    if (array == 0) {
      table.clear();
      return 0;
    }
    GuestAccess access = caller.access();
    for (int i = 0; i < MAX_TRAPS; i++) {
      long entry = array + (long) i * TrapTable.ENTRY_SIZE;
      int head = access.readInt(entry);
      long address = access.readLong(entry + 8);
      if (address == 0) {
        return 0;
      }
      if (!Traps.isCanonical(address)) {
        return -Errno.EINVAL;
      }
      table.set(head & 0xff, address, head >>> 8 & 0xff);
    }
    return -Errno.EFAULT;
  }

  /** stack_switch: the kernel stack. In 64-bit mode SS is always the flat one. */
  long stackSwitch(PvVcpu caller, long rsp) {
    caller.traps().kernelStack(rsp);
    return 0;
  }

  /** set_gdt: {@code entries} descriptors in the frames listed at {@code frames}. */
  long setGdt(PvVcpu caller, long frames, int entries) {
    if (!SegmentDescriptors.isGdtSize(entries)) {
      return -Errno.EINVAL;
    }
    long[] mfns = new long[PvVcpu.GDT_FRAMES];
    for (int i = 0; i < entries + 511 >> 9; i++) {
      mfns[i] = caller.access().readLong(frames + 8L * i);
    }
    return domain.segments().setGdt(caller, mfns, entries);
  }

  /** update_descriptor: stores a descriptor at a machine address. */
  long updateDescriptor(long maddr, long descriptor) {
    return domain.segments().update(maddr, descriptor);
  }

  /** set_segment_base. */
  long setSegmentBase(PvVcpu caller, int which, long base) {
    int target;
    switch (which) {
      case SEGBASE_FS -> target = PvCpu.FS;
      case SEGBASE_GS_USER -> target = PvCpu.GS_USER;
      case SEGBASE_GS_KERNEL -> target = PvCpu.GS_KERNEL;
      case SEGBASE_GS_USER_SEL -> {
        loadUserGs(caller, (int) base & 0xffff);
        return 0;
      }
      default -> {
        return -Errno.EINVAL;
      }
    }
    if (!Traps.isCanonical(base)) {
      return -Errno.EINVAL;
    }
    caller.cpu().segmentBase(target, base);
    return 0;
  }

  /** Loads GS as user mode would; a selector that can't be loaded becomes the null selector, and no error. */
  private static void loadUserGs(PvVcpu caller, int selector) {
    PvCpu cpu = caller.cpu();
    long kernelBase = cpu.segmentBase(PvCpu.GS_KERNEL);
    long userBase = 0;
    if (selector <= 3) {
      cpu.loadSelector(GS, selector);
    } else if (cpu.loadSelector(GS, selector | 3)) {
      long descriptor = caller.descriptor(selector | 3);
      userBase = descriptor >>> 16 & 0xff_ffff | descriptor >>> 32 & 0xff00_0000L;
    } else {
      cpu.loadSelector(GS, 0);
    }
    cpu.segmentBase(PvCpu.GS_USER, userBase);
    cpu.segmentBase(PvCpu.GS_KERNEL, kernelBase);
  }

  /** set_debugreg. */
  long setDebugRegister(PvVcpu caller, int number, long value) {
    return caller.traps().registers().setDebug(caller.cpu(), number, value);
  }

  /** get_debugreg: the value, or -ENODEV. */
  long getDebugRegister(PvVcpu caller, int number) {
    VirtualRegisters registers = caller.traps().registers();
    return registers.hasDebug(number) ? registers.debug(number) : -Errno.ENODEV;
  }

  /** fpu_taskswitch: CR0.TS. */
  long fpuTaskSwitch(PvVcpu caller, int set) {
    caller.traps().registers().taskSwitched(set != 0);
    caller.cpu().taskSwitched(set != 0);
    return 0;
  }

  /** iret: leaves by the frame on the stack; gives the RAX in it. */
  long iret(PvVcpu caller) {
    return caller.traps().iret();
  }
}
