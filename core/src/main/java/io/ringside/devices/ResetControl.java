package io.ringside.devices;

import io.ringside.machine.PortDevice;

/**
 * The reset control register at port CF9h (Intel 82371SB PIIX3 data sheet, 2.5.4.2): bit 2 going from 0 to 1 resets the
 * processor, and with bit 1 the whole system. Here both reset the machine.
 */
public final class ResetControl implements PortDevice {
  /** Its port. */
  public static final int PORT = 0xcf9;

  private static final int RESET_CPU = 0x04;

  private final PowerEvents power;
  private int value;

  /** Makes the register. */
  public ResetControl(PowerEvents power) {
    this.power = power;
  }

  @Override
  public int readPort(int port, int size) {
    return value;
  }

  @Override
  public void writePort(int port, int size, int newValue) {
    boolean rises = (newValue & ~value & RESET_CPU) != 0;
    value = newValue & 0x0e;
    if (rises) {
      value &= ~RESET_CPU;
      power.reset();
    }
  }
}
