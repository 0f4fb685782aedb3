package io.ringside.devices;

import io.ringside.machine.PortDevice;

/**
 * System control port A at 92h, as PS/2 brought it: bit 0 resets the processor quickly, bit 1 is A20. A20 is remembered
 * but never masked: no 64-bit system turns it off.
 */
public final class SystemControlA implements PortDevice {
  /** Its port. */
  public static final int PORT = 0x92;

  private static final int RESET = 1;

  private final PowerEvents power;
  private int value = 2;

  /** Makes the port with A20 on, as firmware leaves it. */
  public SystemControlA(PowerEvents power) {
    this.power = power;
  }

  @Override
  public int readPort(int port, int size) {
    return value;
  }

  @Override
  public void writePort(int port, int size, int newValue) {
    boolean rises = (newValue & ~value & RESET) != 0;
    value = newValue & 3;
    if (rises) {
      value &= ~RESET;
      power.reset();
    }
  }
}
