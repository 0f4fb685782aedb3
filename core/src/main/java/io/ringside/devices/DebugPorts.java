package io.ringside.devices;

import io.ringside.machine.PortDevice;
import java.util.function.IntConsumer;

/**
 * Ports for people who debug: test exit at F4h (a write of {@code v} ends the run with status {@code v << 1 | 1}), a
 * console at E9h (reads give E9h, which tells that it is there), and the power-on self-test code at 80h, kept for a
 * diagnosis.
 */
public final class DebugPorts implements PortDevice {
  /** The exit port, four bytes wide. */
  public static final int EXIT = 0xf4;

  /** The console port. */
  public static final int CONSOLE = 0xe9;

  /** The power-on self-test port. */
  public static final int POST = 0x80;

  private final PowerEvents power;
  private final IntConsumer console;
  private int lastPostCode;

  /** Makes the ports; {@code console} gets each byte written to E9h and must not block. */
  public DebugPorts(PowerEvents power, IntConsumer console) {
    this.power = power;
    this.console = console;
  }

  /** The last byte written to port 80h. */
  public int lastPostCode() {
    return lastPostCode;
  }

  @Override
  public int readPort(int port, int size) {
    return switch (port) {
      case CONSOLE -> CONSOLE;
      case POST ->
          0xff; // What an empty bus gives: Linux takes 80h reading FFh for "no DMA controller".
      default -> 0;
    };
  }

  @Override
  public void writePort(int port, int size, int value) {
    switch (port) {
      case CONSOLE -> console.accept(value);
      case POST -> lastPostCode = value;
      default -> {
        if (port == EXIT) {
          power.debugExit(value << 1 | 1);
        }
      }
    }
  }
}
