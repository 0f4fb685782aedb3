package io.ringside.xen;

import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;

/**
 * Guest-virtual memory as hypercalls see it: what {@code copy_from_guest} and {@code copy_to_guest} are in Xen. What
 * can't be accessed throws {@link HypercallException#EFAULT}; a copy that fails half-way has done its first pages.
 */
final class GuestAccess {
  private static final int PAGE = 4096;

  private final PvCpu cpu;
  private final NativeMemory raw;

  GuestAccess(PvCpu cpu, GuestMemory memory) {
    this.cpu = cpu;
    this.raw = memory.raw();
  }

  /**
   * Whether an array may be the guest's at all: nothing of it in the range that belongs to Xen ({@code access_ok}).
   * Says nothing about mappings.
   */
  static boolean isPlausible(long gva, long count, int size) {
    if (count < 0 || count > 1L << 40) {
      return false;
    }
    // Like Xen, only the start is checked: a copy that runs into Xen's range or the hole faults
    // there.
    return gva >= 0 ? gva < 1L << 47 : gva >= Layout.HYPERVISOR_END;
  }

  byte readByte(long gva) {
    return (byte) raw.getByte(readable(gva));
  }

  int readShort(long gva) {
    return (gva & PAGE - 1) <= PAGE - 2 ? raw.getShort(readable(gva)) : (int) assemble(gva, 2);
  }

  int readInt(long gva) {
    return (gva & PAGE - 1) <= PAGE - 4 ? raw.getInt(readable(gva)) : (int) assemble(gva, 4);
  }

  long readLong(long gva) {
    return (gva & PAGE - 1) <= PAGE - 8 ? raw.getLong(readable(gva)) : assemble(gva, 8);
  }

  void writeByte(long gva, int value) {
    long maddr = writable(gva);
    raw.putByte(maddr, value);
    cpu.stored(maddr, 1);
  }

  void writeShort(long gva, int value) {
    writeSmall(gva, value, 2);
  }

  void writeInt(long gva, int value) {
    writeSmall(gva, value, 4);
  }

  void writeLong(long gva, long value) {
    writeSmall(gva, value, 8);
  }

  /** Copies out of the guest. */
  void read(long gva, byte[] into, int from, int length) {
    long address = gva;
    int done = 0;
    while (done < length) {
      int part = Math.min(length - done, PAGE - (int) (address & PAGE - 1));
      raw.read(readable(address), into, from + done, part);
      done += part;
      address += part;
    }
  }

  /** Copies into the guest. */
  void write(long gva, byte[] source, int from, int length) {
    long address = gva;
    int done = 0;
    while (done < length) {
      int part = Math.min(length - done, PAGE - (int) (address & PAGE - 1));
      long maddr = writable(address);
      raw.write(maddr, source, from + done, part);
      cpu.stored(maddr, part);
      done += part;
      address += part;
    }
  }

  /** The machine address behind a readable byte; the rest of its page is readable too. */
  long readable(long gva) {
    return translate(gva, false);
  }

  /** The machine address behind a writable byte. */
  long writable(long gva) {
    return translate(gva, true);
  }

  private long translate(long gva, boolean write) {
    if (!isPlausible(gva, 1, 1)) {
      throw HypercallException.EFAULT;
    }
    long maddr = cpu.translate(gva, write);
    if (maddr < 0) {
      throw HypercallException.EFAULT;
    }
    return maddr;
  }

  private long assemble(long gva, int size) {
    long value = 0;
    for (int i = 0; i < size; i++) {
      value |= (long) raw.getByte(readable(gva + i)) << 8 * i;
    }
    return value;
  }

  private void writeSmall(long gva, long value, int size) {
    if ((gva & PAGE - 1) <= PAGE - size) {
      long maddr = writable(gva);
      switch (size) {
        case 2 -> raw.putShort(maddr, (int) value);
        case 4 -> raw.putInt(maddr, (int) value);
        default -> raw.putLong(maddr, value);
      }
      cpu.stored(maddr, size);
      return;
    }
    for (int i = 0; i < size; i++) {
      long maddr = writable(gva + i);
      raw.putByte(maddr, (int) (value >>> 8 * i));
      cpu.stored(maddr, 1);
    }
  }
}
