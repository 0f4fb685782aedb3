package io.ringside.devices;

import io.ringside.machine.InterruptLine;
import io.ringside.machine.PortDevice;
import java.util.function.IntConsumer;

/**
 * A 16550A UART (National Semiconductor PC16550D data sheet; section numbers below are its own). The wire is infinitely
 * fast: what is written is out at once, so THRE and TEMT are always 1, and the receiver's character timeout (8.4) is over
 * as soon as a byte is in the FIFO.
 *
 * <p>The peer is a terminal with RTS/CTS flow control: {@link #receive} refuses while the guest has not raised RTS.
 * So nothing that a person types ahead, or that is piped in, is lost to the FIFO reset of a driver that starts.
 */
public final class Uart16550 implements PortDevice {
  /** How many ports the device takes. */
  public static final int PORTS = 8;

  private static final int FIFO_SIZE = 16;

  /** Interrupt enable bits (8.7 IER). */
  private static final int IER_RECEIVED = 1;

  private static final int IER_THRE = 2;
  private static final int IER_LINE = 4;
  private static final int IER_MODEM = 8;

  /** Line status bits (8.4 LSR). */
  private static final int LSR_DATA_READY = 0x01;

  private static final int LSR_OVERRUN = 0x02;
  private static final int LSR_ERRORS = 0x1e;
  private static final int LSR_TRANSMITTER_EMPTY = 0x60;

  /** Modem control bits (8.8 MCR). */
  private static final int MCR_DTR = 0x01;

  private static final int MCR_RTS = 0x02;
  private static final int MCR_OUT1 = 0x04;
  private static final int MCR_OUT2 = 0x08;
  private static final int MCR_LOOP = 0x10;

  /** Modem status (8.9 MSR): the high nibble is CTS, DSR, RI, DCD; the low one tells which changed. */
  private static final int MSR_CTS = 0x10;

  private static final int MSR_DSR = 0x20;
  private static final int MSR_RI = 0x40;
  private static final int MSR_DCD = 0x80;

  private static final int LCR_DLAB = 0x80;

  private final int base;
  private final InterruptLine interrupt;
  private final IntConsumer output;
  private final Runnable roomForInput;

  private final int[] fifo = new int[FIFO_SIZE];
  private int head;
  private int count;
  private boolean fifoEnabled;
  private int trigger = 1;
  private boolean refused;

  private int divisor = 12;
  private int ier;
  private int lcr;
  private int mcr;
  private int lsrErrors;
  private int msr = MSR_CTS | MSR_DSR | MSR_DCD;
  private int scratch;
  private boolean threPending;

  /**
   * Makes a UART at reset.
   *
   * @param base its first port
   * @param interrupt its line, already gated by OUT2 as on a PC
   * @param output gets each byte sent (0 to 255); must not block
   * @param roomForInput called when a byte that {@link #receive} refused can be offered again; must not block
   */
  public Uart16550(int base, InterruptLine interrupt, IntConsumer output, Runnable roomForInput) {
    this.base = base;
    this.interrupt = interrupt;
    this.output = output;
    this.roomForInput = roomForInput;
  }

  /**
   * Offers a byte from the wire. The caller holds the machine's lock.
   *
   * @return false if the guest is not ready or the FIFO is full: the byte was not taken, and the callback will tell when
   *     to offer it again
   */
  public boolean receive(int value) {
    boolean ready = (mcr & (MCR_RTS | MCR_LOOP)) == MCR_RTS && count < capacity();
    if (!ready) {
      refused = true;
      return false;
    }
    push(value);
    updateInterrupt();
    return true;
  }

  @Override
  public int readPort(int port, int size) {
    int value =
        switch (port - base) {
          case 0 -> (lcr & LCR_DLAB) != 0 ? divisor & 0xff : readReceiver();
          case 1 -> (lcr & LCR_DLAB) != 0 ? divisor >>> 8 : ier;
          case 2 -> readInterruptIdentification();
          case 3 -> lcr;
          case 4 -> mcr;
          case 5 -> readLineStatus();
          case 6 -> readModemStatus();
          default -> scratch;
        };
    return value;
  }

  @Override
  public void writePort(int port, int size, int value) {
    switch (port - base) {
      case 0 -> {
        if ((lcr & LCR_DLAB) != 0) {
          divisor = (divisor & 0xff00) | value;
        } else {
          transmit(value);
        }
      }
      case 1 -> {
        if ((lcr & LCR_DLAB) != 0) {
          divisor = (divisor & 0xff) | value << 8;
        } else {
          writeInterruptEnable(value);
        }
      }
      case 2 -> writeFifoControl(value);
      case 3 -> lcr = value;
      case 4 -> writeModemControl(value);
      case 5, 6 -> {
        // LSR and MSR are for reading; writes to them are for factory tests (8.4, 8.9).
      }
      default -> scratch = value;
    }
  }

  private void transmit(int value) {
    if ((mcr & MCR_LOOP) != 0) {
      if (count == capacity()) {
        lsrErrors |= LSR_OVERRUN;
        if (!fifoEnabled) {
          fifo[head] =
              value; // Without FIFOs the newer character overwrites the older (8.4, bit 1).
        }
      } else {
        push(value);
      }
    } else {
      output.accept(value);
    }
    threPending = true;
    updateInterrupt();
  }

  private int readReceiver() {
    if (count == 0) {
      return 0;
    }
    int value = fifo[head];
    head = (head + 1) % FIFO_SIZE;
    count--;
    updateInterrupt();
    offerRoom();
    return value;
  }

  private void push(int value) {
    fifo[(head + count) % FIFO_SIZE] = value & 0xff;
    count++;
  }

  private int capacity() {
    return fifoEnabled ? FIFO_SIZE : 1;
  }

  private void offerRoom() {
    if (refused && (mcr & (MCR_RTS | MCR_LOOP)) == MCR_RTS && count == 0) {
      refused = false;
      roomForInput.run();
    }
  }

  /** IIR (8.6): the highest of the pending interrupts; reading it takes back a THRE interrupt that it reports. */
  private int readInterruptIdentification() {
    int pending = pendingInterrupt();
    if (pending == 0x2) {
      threPending = false;
      updateInterrupt();
    }
    return pending | (fifoEnabled ? 0xc0 : 0);
  }

  private int pendingInterrupt() {
    if ((ier & IER_LINE) != 0 && lsrErrors != 0) {
      return 0x6;
    }
    if ((ier & IER_RECEIVED) != 0 && count > 0) {
      return count >= trigger ? 0x4 : 0xc;
    }
    if ((ier & IER_THRE) != 0 && threPending) {
      return 0x2;
    }
    if ((ier & IER_MODEM) != 0 && (msr & 0x0f) != 0) {
      return 0x0;
    }
    return 0x1;
  }

  /** OUT2 gates the interrupt line on a PC; in loopback mode the pin is inactive (8.8). */
  private void updateInterrupt() {
    boolean gate = (mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
    interrupt.set(gate && pendingInterrupt() != 0x1);
  }

  private int readLineStatus() {
    int value = LSR_TRANSMITTER_EMPTY | lsrErrors | (count > 0 ? LSR_DATA_READY : 0);
    if (lsrErrors != 0) {
      lsrErrors &= ~LSR_ERRORS;
      updateInterrupt();
    }
    return value;
  }

  private int readModemStatus() {
    int value = msr;
    if ((msr & 0x0f) != 0) {
      msr &= 0xf0;
      updateInterrupt();
    }
    return value;
  }

  private void writeInterruptEnable(int value) {
    // Enabling the THRE interrupt while the holding register is empty raises it at once; Linux's
    // probe relies on it.
    if ((value & IER_THRE) != 0 && (ier & IER_THRE) == 0) {
      threPending = true;
    }
    ier = value & 0x0f;
    updateInterrupt();
  }

  /** FCR (8.5). Changing bit 0 or setting bit 1 empties the receiver; the transmitter's FIFO is always empty. */
  private void writeFifoControl(int value) {
    boolean enable = (value & 1) != 0;
    if (enable != fifoEnabled || (value & 2) != 0) {
      count = 0;
      head = 0;
    }
    fifoEnabled = enable;
    trigger = enable ? triggerLevel(value >>> 6) : 1;
    updateInterrupt();
    offerRoom();
  }

  private static int triggerLevel(int code) {
    return switch (code) {
      case 0 -> 1;
      case 1 -> 4;
      case 2 -> 8;
      default -> 14;
    };
  }

  /** MCR (8.8). In loopback mode the four outputs come back as the four modem inputs. */
  private void writeModemControl(int value) {
    mcr = value & 0x1f;
    int lines = MSR_CTS | MSR_DSR | MSR_DCD;
    if ((mcr & MCR_LOOP) != 0) {
      lines = 0;
      lines |= (mcr & MCR_RTS) != 0 ? MSR_CTS : 0;
      lines |= (mcr & MCR_DTR) != 0 ? MSR_DSR : 0;
      lines |= (mcr & MCR_OUT1) != 0 ? MSR_RI : 0;
      lines |= (mcr & MCR_OUT2) != 0 ? MSR_DCD : 0;
    }
    int changed = (msr ^ lines) & 0xf0;
    // RI is reported when it goes inactive only: the trailing edge (8.9, bit 2).
    changed &= ~(lines & MSR_RI);
    msr = lines | (msr & 0x0f) | changed >>> 4;
    updateInterrupt();
    offerRoom();
  }
}
