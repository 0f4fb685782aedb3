package io.ringside.devices;

import io.ringside.machine.MmioDevice;

/**
 * An I/O APIC with 24 inputs (Intel 82093AA data sheet, order 290566; section numbers are its own), with the EOI register
 * of its successors (version 20h).
 */
public final class IoApic implements MmioDevice {
  /** How many inputs there are. */
  public static final int PINS = 24;

  /** Where it is in guest-physical memory. */
  public static final long DEFAULT_BASE = 0xfec0_0000L;

  /** Bytes of guest-physical memory. */
  public static final int LENGTH = 0x1000;

  private static final int VERSION = 0x20;

  private static final int VECTOR = 0xff;
  private static final int LOGICAL = 1 << 11;
  private static final int REMOTE_IRR = 1 << 14;
  private static final int LEVEL = 1 << 15;
  private static final int MASKED = 1 << 16;

  /** Bits of the low half that software can write: all but delivery status, remote IRR and the reserved ones. */
  private static final int WRITABLE = 0x1_afff;

  private final ApicBus bus;
  private final int[] low = new int[PINS];
  private final int[] high = new int[PINS];
  private int lines;
  private int watchedPin = -1;
  private Runnable edgeTaken = () -> {};
  private int select;
  private int id;

  /** Makes an I/O APIC with all inputs masked, and puts it on {@code bus}. */
  @SuppressWarnings("this-escape") // The bus only keeps it.
  public IoApic(ApicBus bus, int id) {
    this.bus = bus;
    this.id = id;
    for (int pin = 0; pin < PINS; pin++) {
      low[pin] = MASKED;
    }
    bus.attach(this);
  }

  /** Drives an input (0 to 23). {@code asserted} is logical: the polarity bit changes nothing here. */
  public void setLine(int pin, boolean asserted) {
    int bit = 1 << pin;
    boolean before = (lines & bit) != 0;
    lines = asserted ? lines | bit : lines & ~bit;
    if ((low[pin] & LEVEL) != 0) {
      deliverLevel(pin);
    } else if (asserted && !before && (low[pin] & MASKED) == 0) {
      send(pin); // An edge on a masked input is lost (3.2.4, bit 16).
    }
  }

  /** Has {@code taken} run, with the machine's lock held, when a processor takes an edge of that one input. */
  void watchEdges(int pin, Runnable taken) {
    watchedPin = pin;
    edgeTaken = taken;
  }

  /** A local APIC's interrupt goes into service. */
  void acknowledged(int vector) {
    if (watchedPin >= 0 && (low[watchedPin] & (VECTOR | LEVEL | MASKED)) == vector) {
      edgeTaken.run();
    }
  }

  private void deliverLevel(int pin) {
    if ((lines & 1 << pin) != 0 && (low[pin] & (MASKED | REMOTE_IRR)) == 0 && send(pin)) {
      low[pin] |= REMOTE_IRR;
    }
  }

  private boolean send(int pin) {
    int entry = low[pin];
    boolean level = (entry & LEVEL) != 0;
    return bus.deliver(
        high[pin] >>> 24, 0xff, (entry & LOGICAL) != 0, entry >>> 8 & 7, entry & VECTOR, level);
  }

  /** A local APIC's EOI: an input whose line is still asserted interrupts again. */
  void endOfInterrupt(int vector) {
    for (int pin = 0; pin < PINS; pin++) {
      if ((low[pin] & (LEVEL | REMOTE_IRR)) == (LEVEL | REMOTE_IRR)
          && (low[pin] & VECTOR) == vector) {
        low[pin] &= ~REMOTE_IRR;
        deliverLevel(pin);
      }
    }
  }

  @Override
  public long readMmio(long offset, int size) {
    return switch ((int) offset & 0xff0) {
      case 0x00 -> select;
      case 0x10 -> Integer.toUnsignedLong(readRegister());
      default -> 0;
    };
  }

  @Override
  public void writeMmio(long offset, int size, long value) {
    switch ((int) offset & 0xff0) {
      case 0x00 -> select = (int) value & 0xff;
      case 0x10 -> writeRegister((int) value);
      case 0x40 -> endOfInterrupt((int) value & VECTOR);
      default -> {
        // No register is there.
      }
    }
  }

  private int readRegister() {
    if (select >= 0x10 && select < 0x10 + 2 * PINS) {
      int pin = (select - 0x10) >>> 1;
      return (select & 1) == 0 ? low[pin] : high[pin];
    }
    return switch (select) {
      case 0, 2 -> id << 24; // Identification, and arbitration, which follows it (3.2.1, 3.2.3).
      case 1 -> (PINS - 1) << 16 | VERSION;
      default -> 0;
    };
  }

  private void writeRegister(int value) {
    if (select == 0) {
      id = value >>> 24 & 0x0f;
    } else if (select >= 0x10 && select < 0x10 + 2 * PINS) {
      int pin = (select - 0x10) >>> 1;
      if ((select & 1) == 1) {
        high[pin] = value & 0xff00_0000;
        return;
      }
      low[pin] = value & WRITABLE | low[pin] & REMOTE_IRR;
      if ((value & LEVEL) == 0) {
        low[pin] &=
            ~REMOTE_IRR; // Systems acknowledge a level input of old versions by switching it to
        // edge and back.
      } else {
        deliverLevel(pin);
      }
    }
  }
}
