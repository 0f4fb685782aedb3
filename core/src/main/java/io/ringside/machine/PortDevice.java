package io.ringside.machine;

/** A device in the I/O port space. Called with the machine's lock held. */
public interface PortDevice {
  /**
   * Reads a port.
   *
   * @param port the absolute port number
   * @param size 1, 2 or 4 bytes
   * @return the value, zero-extended
   */
  int readPort(int port, int size);

  /** Writes the low {@code size} bytes of {@code value} to the absolute port number {@code port}. */
  void writePort(int port, int size, int value);
}
