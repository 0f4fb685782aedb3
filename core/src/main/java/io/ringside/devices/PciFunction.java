package io.ringside.devices;

/** One function on the PCI bus, as its configuration space shows it (PCI Local Bus Specification 3.0, chapter 6). */
public interface PciFunction {
  /**
   * Reads the configuration space.
   *
   * @param offset 0 to 255, a multiple of {@code size}
   * @param size 1, 2 or 4 bytes
   * @return the value, zero-extended
   */
  int readConfig(int offset, int size);

  /** Writes the low {@code size} bytes of {@code value} at {@code offset}. */
  void writeConfig(int offset, int size, int value);
}
