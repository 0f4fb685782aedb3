package io.ringside.devices;

/**
 * A configuration space in which each bit is constant or writable by the guest; a device whose registers act on writes
 * extends it or stands in front of it.
 */
public class PciConfigSpace implements PciFunction {
  private final byte[] values = new byte[256];
  private final byte[] writable = new byte[256];

  /**
   * Makes a type 0 header (PCI 3.0, 6.1) that is otherwise zero.
   *
   * @param vendorAndDevice vendor ID in the low half, device ID in the high one
   * @param classAndRevision class code in the upper three bytes, revision in the lowest
   * @param subsystem subsystem vendor ID in the low half, subsystem ID in the high one
   */
  public PciConfigSpace(int vendorAndDevice, int classAndRevision, int subsystem) {
    put(0x00, 4, vendorAndDevice);
    put(0x08, 4, classAndRevision);
    put(0x2c, 4, subsystem);
  }

  /** Sets {@code size} bytes from the device's side, little-endian. */
  public final void put(int offset, int size, int value) {
    for (int i = 0; i < size; i++) {
      values[offset + i] = (byte) (value >>> (8 * i));
    }
  }

  /** Says which bits of {@code size} bytes at {@code offset} the guest can write. */
  public final void allowWrites(int offset, int size, int mask) {
    for (int i = 0; i < size; i++) {
      writable[offset + i] = (byte) (mask >>> (8 * i));
    }
  }

  @Override
  public int readConfig(int offset, int size) {
    int value = 0;
    for (int i = 0; i < size; i++) {
      value |= (values[offset + i] & 0xff) << (8 * i);
    }
    return value;
  }

  @Override
  public void writeConfig(int offset, int size, int value) {
    for (int i = 0; i < size; i++) {
      int mask = writable[offset + i];
      values[offset + i] = (byte) (values[offset + i] & ~mask | value >>> (8 * i) & mask);
    }
  }
}
