package io.ringside.devices;

import io.ringside.machine.InterruptLine;
import io.ringside.machine.PortDevice;

/**
 * An 8042 keyboard controller (IBM PS/2 technical reference, keyboard and auxiliary device controller) with nothing
 * plugged into it: it answers its own commands, tells at once that no keyboard replies, and does what systems use it for
 * most, the reset pulse. The ACPI tables say that there is none, so that systems which read them don't look for a
 * keyboard.
 */
public final class I8042 implements PortDevice {
  /** Data. */
  public static final int DATA = 0x60;

  /** Command when written, status when read. */
  public static final int COMMAND = 0x64;

  private static final int STATUS_OUTPUT_FULL = 0x01;
  private static final int STATUS_SYSTEM = 0x04;
  private static final int STATUS_LAST_WAS_COMMAND = 0x08;
  private static final int STATUS_NOT_LOCKED = 0x10;
  private static final int STATUS_TIMEOUT = 0x40;

  private static final int CONFIGURATION_INTERRUPT = 0x01;

  /** What a keyboard port says when nothing answers: "resend", with the timeout bit. */
  private static final int RESEND = 0xfe;

  private final InterruptLine irq1;
  private final PowerEvents power;

  /** Keyboard interrupt off, system flag set, keyboard and auxiliary clock off. */
  private int configuration = 0x34;

  private int outputPort = 0x03; // Reset is inactive (active low), A20 on.
  private int command;
  private int status = STATUS_SYSTEM | STATUS_NOT_LOCKED;
  private int output;

  /** Makes the controller. */
  public I8042(InterruptLine irq1, PowerEvents power) {
    this.irq1 = irq1;
    this.power = power;
  }

  @Override
  public int readPort(int port, int size) {
    if (port == COMMAND) {
      return status;
    }
    status &= ~(STATUS_OUTPUT_FULL | STATUS_TIMEOUT);
    irq1.set(false);
    return output;
  }

  @Override
  public void writePort(int port, int size, int value) {
    if (port == COMMAND) {
      status |= STATUS_LAST_WAS_COMMAND;
      writeCommand(value);
    } else {
      status &= ~STATUS_LAST_WAS_COMMAND;
      writeData(value);
    }
  }

  private void writeCommand(int value) {
    command = 0;
    switch (value) {
      case 0x20 -> reply(configuration);
      case 0xa7 -> configuration |= 0x20;
      case 0xa8 -> configuration &= ~0x20;
      case 0xaa -> reply(0x55); // Self-test passed.
      case 0xab, 0xa9 -> reply(0x00); // Both ports' wires are fine.
      case 0xad -> configuration |= 0x10;
      case 0xae -> configuration &= ~0x10;
      case 0xc0 -> reply(0x80); // Input port: not locked.
      case 0xd0 -> reply(outputPort);
      case 0x60, 0xd1, 0xd2, 0xd3, 0xd4 -> command = value;
      default -> {
        // F0h to FFh pulse the output bits that are 0 in the command; bit 0 is the processor's
        // reset.
        if (value >= 0xf0 && (value & 1) == 0) {
          power.reset();
        }
      }
    }
  }

  private void writeData(int value) {
    int prefix = command;
    command = 0;
    switch (prefix) {
      case 0x60 -> configuration = value;
      case 0xd1 -> {
        outputPort = value;
        if ((value & 1) == 0) {
          power.reset();
        }
      }
      case 0xd2, 0xd3 -> reply(value);
      default -> {
        status |= STATUS_TIMEOUT;
        reply(RESEND);
      }
    }
  }

  private void reply(int value) {
    output = value;
    status |= STATUS_OUTPUT_FULL;
    irq1.set((configuration & CONFIGURATION_INTERRUPT) != 0);
  }
}
