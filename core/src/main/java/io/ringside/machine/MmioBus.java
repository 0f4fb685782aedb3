package io.ringside.machine;

import java.util.Arrays;

/**
 * Devices in guest-physical memory: ranges that do not overlap, kept sorted. What nobody claimed reads as all ones and
 * swallows writes. A bus may have a bus behind it: what each processor sees alone (its local APIC) is claimed on a bus
 * of its own, and everything else is found on the machine's.
 */
public final class MmioBus {
  private final MachineLock lock;
  private final MmioBus behind;
  private long[] starts = {};
  private long[] ends = {};
  private MmioDevice[] devices = {};

  /** Makes an empty bus whose accesses hold {@code lock}. */
  public MmioBus(MachineLock lock) {
    this.lock = lock;
    this.behind = this;
  }

  /** Makes an empty bus in front of {@code behind}, which gets the accesses that no device claims here. */
  public MmioBus(MmioBus behind) {
    this.lock = behind.lock;
    this.behind = behind;
  }

  /**
   * Gives a range to a device.
   *
   * @param gpa the first guest-physical address
   * @param length bytes
   * @param device the device
   * @throws IllegalArgumentException if the range overlaps one that is claimed
   */
  public void claim(long gpa, long length, MmioDevice device) {
    if (gpa < 0 || length < 1 || gpa + length < 0) {
      throw new IllegalArgumentException("bad MMIO range at 0x" + Long.toHexString(gpa));
    }
    lock.lock();
    try {
      int at = 0;
      while (at < starts.length && starts[at] < gpa) {
        at++;
      }
      if ((at > 0 && ends[at - 1] > gpa) || (at < starts.length && starts[at] < gpa + length)) {
        throw new IllegalArgumentException(
            "MMIO range at 0x" + Long.toHexString(gpa) + " overlaps another");
      }
      int count = starts.length;
      long[] newStarts = Arrays.copyOf(starts, count + 1);
      long[] newEnds = Arrays.copyOf(ends, count + 1);
      MmioDevice[] newDevices = Arrays.copyOf(devices, count + 1);
      System.arraycopy(starts, at, newStarts, at + 1, count - at);
      System.arraycopy(ends, at, newEnds, at + 1, count - at);
      System.arraycopy(devices, at, newDevices, at + 1, count - at);
      newStarts[at] = gpa;
      newEnds[at] = gpa + length;
      newDevices[at] = device;
      starts = newStarts;
      ends = newEnds;
      devices = newDevices;
    } finally {
      lock.unlock();
    }
  }

  /** Takes back the range that starts at {@code gpa}; nothing happens if none does. */
  public void release(long gpa) {
    lock.lock();
    try {
      int at = Arrays.binarySearch(starts, gpa);
      if (at < 0) {
        return;
      }
      int count = starts.length - 1;
      long[] newStarts = Arrays.copyOf(starts, count);
      long[] newEnds = Arrays.copyOf(ends, count);
      MmioDevice[] newDevices = Arrays.copyOf(devices, count);
      System.arraycopy(starts, at + 1, newStarts, at, count - at);
      System.arraycopy(ends, at + 1, newEnds, at, count - at);
      System.arraycopy(devices, at + 1, newDevices, at, count - at);
      starts = newStarts;
      ends = newEnds;
      devices = newDevices;
    } finally {
      lock.unlock();
    }
  }

  /** Reads {@code size} (1, 2, 4 or 8) bytes at {@code gpa}: the value, zero-extended. */
  public long read(long gpa, int size) {
    lock.lock();
    try {
      MmioBus bus = this;
      int at = bus.find(gpa, size);
      if (at < 0 && behind != this) {
        bus = behind;
        at = bus.find(gpa, size);
      }
      long value = at < 0 ? -1 : bus.devices[at].readMmio(gpa - bus.starts[at], size);
      return size == 8 ? value : value & ((1L << (8 * size)) - 1);
    } finally {
      lock.unlock();
    }
  }

  /** Writes the low {@code size} (1, 2, 4 or 8) bytes of {@code value} at {@code gpa}. */
  public void write(long gpa, int size, long value) {
    lock.lock();
    try {
      MmioBus bus = this;
      int at = bus.find(gpa, size);
      if (at < 0 && behind != this) {
        bus = behind;
        at = bus.find(gpa, size);
      }
      if (at >= 0) {
        bus.devices[at].writeMmio(
            gpa - bus.starts[at], size, size == 8 ? value : value & ((1L << (8 * size)) - 1));
      }
    } finally {
      lock.unlock();
    }
  }

  private int find(long gpa, int size) {
    int low = 0;
    int high = starts.length - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (gpa < starts[middle]) {
        high = middle - 1;
      } else if (gpa >= ends[middle]) {
        low = middle + 1;
      } else {
        return gpa + size <= ends[middle] ? middle : -1;
      }
    }
    return -1;
  }
}
