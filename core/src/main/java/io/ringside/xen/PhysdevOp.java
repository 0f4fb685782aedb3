package io.ringside.xen;

import java.util.BitSet;

/**
 * physdev_op as an unprivileged domain without devices has it. Source: {@code public/physdev.h}; what is checked in which
 * order: {@code arch/x86/physdev.c} of Xen 4.17.
 */
final class PhysdevOp {
  private static final int IRQ_UNMASK_NOTIFY = 4;
  private static final int IRQ_STATUS_QUERY = 5;
  private static final int SET_IOPL = 6;
  private static final int SET_IOBITMAP = 7;
  private static final int APIC_READ = 8;
  private static final int APIC_WRITE = 9;
  private static final int ALLOC_IRQ_VECTOR = 10;
  private static final int EOI = 12;
  private static final int MAP_PIRQ = 13;
  private static final int UNMAP_PIRQ = 14;
  private static final int MANAGE_PCI_ADD = 15;
  private static final int MANAGE_PCI_REMOVE = 16;
  private static final int PIRQ_EOI_GMFN_V1 = 17;
  private static final int RESTORE_MSI = 19;
  private static final int MANAGE_PCI_ADD_EXT = 20;
  private static final int SETUP_GSI = 21;
  private static final int GET_FREE_PIRQ = 23;
  private static final int PCI_MMCFG_RESERVED = 24;
  private static final int PCI_DEVICE_ADD = 25;
  private static final int PCI_DEVICE_REMOVE = 26;
  private static final int RESTORE_MSI_EXT = 27;
  private static final int PIRQ_EOI_GMFN_V2 = 28;
  private static final int DBGP_OP = 29;
  private static final int PREPARE_MSIX = 30;
  private static final int RELEASE_MSIX = 31;

  private static final int MAP_PIRQ_TYPE_MSI = 0;
  private static final int MAP_PIRQ_TYPE_GSI = 1;
  private static final int MAP_PIRQ_TYPE_MSI_SEG = 3;
  private static final int MAP_PIRQ_TYPE_MULTI_MSI = 4;

  private static final int MAP_PIRQ_SIZE = 40;

  /** XENIRQSTAT_needs_eoi. */
  private static final int NEEDS_EOI = 1;

  /** In pci_device_add: the node's proximity domain follows. */
  private static final int PCI_DEV_PXM = 4;

  private static final int IO_BITMAP_BYTES = 65536 / 8;

  /** Physical interrupts of an I/O APIC, and in all of a domain's, 32 more. */
  private static final int GSIS = 24;

  private static final int FIRST_FREE_GSI = 16;
  private static final int PIRQS = GSIS + 32;

  /** Bytes of the old hypercall's argument, and where the command's own starts in it. */
  private static final int COMPAT_SIZE = 24;

  private static final int COMPAT_ARGUMENT = 8;

  private final Domain domain;
  private final BitSet allocated = new BitSet(PIRQS);
  private boolean hasEoiMap;

  PhysdevOp(Domain domain) {
    this.domain = domain;
  }

  /** The old physdev_op, whose argument holds the command too. */
  long compatOperation(PvVcpu caller, long argument) {
    readable(caller, argument, COMPAT_SIZE);
    return operation(caller, caller.access().readInt(argument), argument + COMPAT_ARGUMENT);
  }

  /** physdev_op. */
  long operation(PvVcpu caller, int command, long argument) {
    GuestAccess access = caller.access();
    return switch (command) {
      case IRQ_UNMASK_NOTIFY -> 0;
      case IRQ_STATUS_QUERY -> queryStatus(access, argument);
      case SET_IOPL -> setIopl(caller, access.readInt(argument));
      case SET_IOBITMAP -> setIoBitmap(caller, argument);
      // The domain has no physical interrupt that could be at its end.
      case EOI -> {
        access.readInt(argument);
        yield -Errno.EINVAL;
      }
      case PIRQ_EOI_GMFN_V1, PIRQ_EOI_GMFN_V2 -> setEoiMap(access.readLong(argument));
      case MAP_PIRQ -> mapPirq(caller, argument);
      case UNMAP_PIRQ -> {
        readable(caller, argument, 8);
        yield devicePermission(access.readShort(argument));
      }
      case GET_FREE_PIRQ -> findFreePirq(access, argument);
      case SETUP_GSI -> {
        readable(caller, argument, 8);
        int gsi = access.readInt(argument);
        yield gsi < 0 || gsi >= GSIS ? -Errno.EINVAL : -Errno.EPERM;
      }
      case APIC_READ, APIC_WRITE -> denied(caller, argument, 16);
      case ALLOC_IRQ_VECTOR -> denied(caller, argument, 8);
      case MANAGE_PCI_ADD, MANAGE_PCI_REMOVE -> denied(caller, argument, 2);
      case MANAGE_PCI_ADD_EXT -> {
        readable(caller, argument, 16);
        boolean valid =
            (access.readInt(argument + 4) & ~1) == 0 && (access.readInt(argument + 8) & ~1) == 0;
        yield valid ? -Errno.EPERM : -Errno.EINVAL;
      }
      case PCI_DEVICE_ADD -> {
        readable(caller, argument, 12);
        if ((access.readInt(argument + 4) & PCI_DEV_PXM) != 0) {
          access.readInt(argument + 12);
        }
        yield -Errno.EPERM;
      }
      case PCI_DEVICE_REMOVE, PREPARE_MSIX, RELEASE_MSIX -> denied(caller, argument, 4);
      case PCI_MMCFG_RESERVED, DBGP_OP -> -Errno.EPERM;
      case RESTORE_MSI -> absent(caller, argument, 2);
      case RESTORE_MSI_EXT -> absent(caller, argument, 4);
      default -> -Errno.ENOSYS;
    };
  }

  private static void readable(PvVcpu caller, long argument, int size) {
    caller.access().read(argument, new byte[size], 0, size);
  }

  private static long denied(PvVcpu caller, long argument, int size) {
    readable(caller, argument, size);
    return -Errno.EPERM;
  }

  /** No device is known by any address. */
  private static long absent(PvVcpu caller, long argument, int size) {
    readable(caller, argument, size);
    return -Errno.ENODEV;
  }

  /** Only a device model may give interrupts of devices to a domain, itself included. */
  private long devicePermission(int domid) {
    return domain.permission(domid & 0xffff) == -Errno.ESRCH ? -Errno.ESRCH : -Errno.EPERM;
  }

  private static long queryStatus(GuestAccess access, long argument) {
    int irq = access.readInt(argument);
    access.readInt(argument + 4);
    if (irq < 0 || irq >= PIRQS) {
      return -Errno.EINVAL;
    }
    access.writeInt(argument, irq);
    access.writeInt(argument + 4, NEEDS_EOI);
    return 0;
  }

  private static long setIopl(PvVcpu caller, int level) {
    if (Integer.compareUnsigned(level, 3) > 0) {
      return -Errno.EINVAL;
    }
    caller.traps().registers().iopl((long) level << 12);
    return 0;
  }

  private static long setIoBitmap(PvVcpu caller, long argument) {
    readable(caller, argument, 16);
    long bitmap = caller.access().readLong(argument);
    int ports = caller.access().readInt(argument + 8);
    if (!GuestAccess.isPlausible(bitmap, IO_BITMAP_BYTES, 1)
        || Integer.compareUnsigned(ports, 65536) > 0) {
      return -Errno.EINVAL;
    }
    caller.traps().registers().ioBitmap(bitmap, ports);
    return 0;
  }

  /** A page in which Xen would have bits of the interrupts that wait for their end: none ever does. */
  private long setEoiMap(long mfn) {
    if (domain.types().acquirePage(mfn, PageTypes.WRITABLE) != 0) {
      return -Errno.EINVAL;
    }
    if (hasEoiMap) {
      domain.types().releasePage(mfn);
      return -Errno.EBUSY;
    }
    hasEoiMap = true;
    return 0;
  }

  private long mapPirq(PvVcpu caller, long argument) {
    GuestAccess access = caller.access();
    byte[] map = new byte[MAP_PIRQ_SIZE];
    access.read(argument, map, 0, MAP_PIRQ_SIZE);
    int type = access.readInt(argument + 4);
    if (type == MAP_PIRQ_TYPE_MULTI_MSI && access.readLong(argument + 32) != 0) {
      return -Errno.EINVAL;
    }
    if (type == MAP_PIRQ_TYPE_MSI_SEG) {
      map[4] = MAP_PIRQ_TYPE_MSI;
    }
    long error = devicePermission(access.readShort(argument));
    access.write(argument, map, 0, MAP_PIRQ_SIZE);
    return error;
  }

  private long findFreePirq(GuestAccess access, long argument) {
    int type = access.readInt(argument);
    access.readInt(argument + 4);
    int pirq = -1;
    if (type == MAP_PIRQ_TYPE_GSI) {
      int free = allocated.nextClearBit(FIRST_FREE_GSI);
      pirq = free < GSIS ? free : -1;
    }
    if (pirq < 0) {
      pirq = allocated.previousClearBit(PIRQS - 1);
    }
    if (pirq < (type == MAP_PIRQ_TYPE_GSI ? FIRST_FREE_GSI : GSIS)) {
      return -Errno.ENOSPC;
    }
    allocated.set(pirq);
    access.writeInt(argument, type);
    access.writeInt(argument + 4, pirq);
    return 0;
  }
}
