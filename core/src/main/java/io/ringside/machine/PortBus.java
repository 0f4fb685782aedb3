package io.ringside.machine;

import java.util.Arrays;

/**
 * The I/O port space: 65,536 byte-wide ports. A device claims ranges of ports and says how wide an access it takes whole;
 * a wider one, or one that crosses into another device, is split into byte accesses at ascending ports, as an ISA bus
 * does with an 8-bit card. Ports that nobody claimed read as all ones and swallow writes.
 */
public final class PortBus {
  private static final int PORTS = 0x1_0000;

  private final MachineLock lock;
  private final PortDevice[] devices = new PortDevice[PORTS];

  /** The widest access that the port's device takes whole; 0 if nobody claimed the port. */
  private final byte[] widest = new byte[PORTS];

  private final PortDevice nobody = new Nobody();

  /** Makes an empty bus whose accesses hold {@code lock}. */
  public PortBus(MachineLock lock) {
    this.lock = lock;
    Arrays.fill(devices, nobody);
  }

  /**
   * Gives ports to a device.
   *
   * @param first the first port
   * @param count how many ports
   * @param widestAccess the widest access in bytes (1, 2 or 4) that the device takes whole
   * @param device the device
   * @throws IllegalArgumentException if a port is outside the space or is claimed already
   */
  public void claim(int first, int count, int widestAccess, PortDevice device) {
    if (first < 0 || count < 1 || first + count > PORTS) {
      throw new IllegalArgumentException(
          "ports " + hex(first) + " to " + hex(first + count - 1) + " do not exist");
    }
    if (widestAccess != 1 && widestAccess != 2 && widestAccess != 4) {
      throw new IllegalArgumentException("no port access is " + widestAccess + " bytes wide");
    }
    lock.lock();
    try {
      for (int port = first; port < first + count; port++) {
        if (widest[port] != 0) {
          throw new IllegalArgumentException("port " + hex(port) + " is claimed already");
        }
      }
      Arrays.fill(widest, first, first + count, (byte) widestAccess);
      Arrays.fill(devices, first, first + count, device);
    } finally {
      lock.unlock();
    }
  }

  /** Takes ports back from whoever claimed them. */
  public void release(int first, int count) {
    lock.lock();
    try {
      Arrays.fill(devices, first, first + count, nobody);
      Arrays.fill(widest, first, first + count, (byte) 0);
    } finally {
      lock.unlock();
    }
  }

  /**
   * IN: reads {@code size} (1, 2 or 4) bytes at {@code port}.
   *
   * @return the value in the low {@code size} bytes, zero above; a 4-byte value fills the int, so that whoever widens it
   *     to a long uses {@link Integer#toUnsignedLong}
   */
  public int read(int port, int size) {
    if (widest[port] == 0 && size == 1) {
      return 0xff;
    }
    lock.lock();
    try {
      PortDevice device = devices[port];
      if (size == 1) {
        return device.readPort(port, 1) & 0xff;
      }
      if (takesWhole(port, size)) {
        return device.readPort(port, size) & mask(size);
      }
      int value = 0;
      for (int i = 0; i < size; i++) {
        int each = (port + i) & 0xffff;
        value |= (devices[each].readPort(each, 1) & 0xff) << (8 * i);
      }
      return value;
    } finally {
      lock.unlock();
    }
  }

  /** OUT: writes the low {@code size} (1, 2 or 4) bytes of {@code value} at {@code port}. */
  public void write(int port, int size, int value) {
    if (widest[port] == 0 && size == 1) {
      return;
    }
    lock.lock();
    try {
      PortDevice device = devices[port];
      if (size == 1) {
        device.writePort(port, 1, value & 0xff);
      } else if (takesWhole(port, size)) {
        device.writePort(port, size, value & mask(size));
      } else {
        for (int i = 0; i < size; i++) {
          int each = (port + i) & 0xffff;
          devices[each].writePort(each, 1, (value >>> (8 * i)) & 0xff);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  @SuppressWarnings("ReferenceEquality") // The same device is meant.
  private boolean takesWhole(int port, int size) {
    int last = (port + size - 1) & 0xffff;
    return widest[port] >= size && devices[last] == devices[port];
  }

  private static int mask(int size) {
    return size == 4 ? -1 : (1 << (8 * size)) - 1;
  }

  private static String hex(int port) {
    return "0x" + Integer.toHexString(port);
  }

  private static final class Nobody implements PortDevice {
    @Override
    public int readPort(int port, int size) {
      return -1;
    }

    @Override
    public void writePort(int port, int size, int value) {}
  }
}
