package io.ringside.devices;

import io.ringside.machine.InterruptLine;
import io.ringside.machine.PortDevice;

/**
 * The two 8259As of a PC, the slave on the master's input 2, with the edge/level control registers that EISA added at
 * 4D0h and 4D1h (82371SB PIIX3 data sheet, 2.5.5).
 */
public final class PicPair implements PortDevice {
  /** The master's input that the slave drives. */
  static final int CASCADE = 2;

  private static final int MASTER = 0x20;
  private static final int SLAVE = 0xa0;
  private static final int ELCR_MASTER = 0x4d0;
  private static final int ELCR_SLAVE = 0x4d1;

  // PC firmware's vectors. IRQ 0, 1, 2, 8 and 13 are always edge-triggered.
  private final I8259 master = new I8259(0x08, 0xf8, 1 << CASCADE);
  private final I8259 slave = new I8259(0x70, 0xde, 0);
  private final InterruptLine output;
  private Runnable timerTaken = () -> {};

  /** Makes the pair; {@code output} is the INTR wire. */
  public PicPair(InterruptLine output) {
    this.output = output;
  }

  /** Drives IRQ {@code irq} (0 to 15, but not 2). */
  public void setLine(int irq, boolean asserted) {
    if (irq < 8) {
      master.setLine(irq, asserted);
    } else {
      slave.setLine(irq - 8, asserted);
    }
    update();
  }

  /** Has {@code taken} run when the processor takes IRQ 0. */
  void watchTimer(Runnable taken) {
    timerTaken = taken;
  }

  /** Whether INTR is asserted. */
  public boolean pending() {
    return master.output();
  }

  /** The processor's interrupt acknowledge cycle: the vector, that of a spurious IRQ 7 or 15 if the request went away. */
  public int acknowledge() {
    int input = master.acknowledge();
    int vector = master.vectorBase() + input;
    if (input == CASCADE) {
      vector = slave.vectorBase() + slave.acknowledge();
    }
    if (input == 0) {
      timerTaken.run();
    }
    update();
    return vector;
  }

  @Override
  public int readPort(int port, int size) {
    int value =
        switch (port) {
          case MASTER, MASTER + 1 -> master.read(port & 1);
          case SLAVE, SLAVE + 1 -> slave.read(port & 1);
          case ELCR_MASTER -> master.readElcr();
          case ELCR_SLAVE -> slave.readElcr();
          default -> 0xff;
        };
    update(); // A read after the poll command is an acknowledge.
    return value;
  }

  @Override
  public void writePort(int port, int size, int value) {
    switch (port) {
      case MASTER, MASTER + 1 -> master.write(port & 1, value);
      case SLAVE, SLAVE + 1 -> slave.write(port & 1, value);
      case ELCR_MASTER -> master.writeElcr(value);
      case ELCR_SLAVE -> slave.writeElcr(value);
      default -> {
        // Not a port of the pair.
      }
    }
    update();
  }

  private void update() {
    master.setLine(CASCADE, slave.output());
    output.set(master.output());
  }
}
