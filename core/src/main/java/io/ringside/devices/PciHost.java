package io.ringside.devices;

import io.ringside.machine.PortDevice;
import java.util.Arrays;

/**
 * The PCI host bridge's configuration mechanism 1 at ports CF8h and CFCh (PCI Local Bus Specification 3.0, 3.2.2.3.2), for
 * bus 0. Function 0:0.0 is the bridge itself, an Intel 82441FX; where nothing is plugged in, reads give all ones.
 * The address register answers to whole doublewords only; the byte at CF9h is the reset control register.
 */
public final class PciHost implements PortDevice {
  /** The first of eight ports. */
  public static final int FIRST_PORT = 0xcf8;

  /** How many ports there are. */
  public static final int PORTS = 8;

  private static final int DATA = 0xcfc;
  private static final int ENABLE = 1 << 31;

  private final PortDevice resetControl;
  private final PciFunction empty = new EmptySlot();
  private final PciFunction[] functions = new PciFunction[256];
  private int address;

  /** Makes a bus with the bridge on it; {@code resetControl} gets byte accesses to port CF9h. */
  public PciHost(PortDevice resetControl) {
    this.resetControl = resetControl;
    Arrays.fill(functions, empty);
    PciConfigSpace bridge = new PciConfigSpace(0x1237_8086, 0x0600_0002, 0x1100_1af4);
    bridge.put(0x04, 4, 0x0000_0006); // Memory and bus master enabled.
    functions[0] = bridge;
  }

  /**
   * Plugs in a function.
   *
   * @param device 1 to 31
   * @param function 0 to 7; function 0 of a device must exist for the others to be found
   * @throws IllegalArgumentException if the place is taken
   */
  public void plug(int device, int function, PciFunction config) {
    int slot = device << 3 | function;
    if (!(functions[slot] instanceof EmptySlot)) {
      throw new IllegalArgumentException("PCI slot " + device + "." + function + " is taken");
    }
    functions[slot] = config;
  }

  @Override
  public int readPort(int port, int size) {
    if (port < DATA) {
      return port == FIRST_PORT && size == 4
          ? address
          : port == ResetControl.PORT && size == 1 ? resetControl.readPort(port, size) : -1;
    }
    if ((address & ENABLE) == 0 || (port - DATA) % size != 0) {
      return -1;
    }
    return target().readConfig(address & 0xfc | port - DATA, size);
  }

  @Override
  public void writePort(int port, int size, int value) {
    if (port < DATA) {
      if (port == FIRST_PORT && size == 4) {
        address = value & 0x80ff_fffc;
      } else if (port == ResetControl.PORT && size == 1) {
        resetControl.writePort(port, size, value);
      }
    } else if ((address & ENABLE) != 0 && (port - DATA) % size == 0) {
      target().writeConfig(address & 0xfc | port - DATA, size, value);
    }
  }

  private PciFunction target() {
    int bus = address >>> 16 & 0xff;
    return bus == 0 ? functions[address >>> 8 & 0xff] : empty;
  }

  private static final class EmptySlot implements PciFunction {
    @Override
    public int readConfig(int offset, int size) {
      return -1;
    }

    @Override
    public void writeConfig(int offset, int size, int value) {}
  }
}
