package io.ringside.devices;

import io.ringside.machine.InterruptLine;
import io.ringside.machine.PortDevice;
import io.ringside.machine.Timers;

/**
 * ACPI fixed hardware (ACPI specification 6.5, 4.8): the PM1a event and control registers, the power button, and the
 * power management timer of 24 bits. The machine is in ACPI mode from the start: SCI_EN is always 1.
 */
public final class AcpiPm implements PortDevice {
  /** PM1a_EVT_BLK: status, then enable, two bytes each (4.8.3.1). */
  public static final int EVENT_BLOCK = 0x600;

  /** PM1a_CNT_BLK, two bytes (4.8.3.2). */
  public static final int CONTROL_BLOCK = 0x604;

  /** PM_TMR_BLK, four bytes (4.8.3.3). */
  public static final int TIMER_BLOCK = 0x608;

  /** How many ports from {@link #EVENT_BLOCK} on. */
  public static final int PORTS = 12;

  /** The global system interrupt of the SCI: level-triggered. */
  public static final int SCI_IRQ = 9;

  /** The SLP_TYP value of S5 that the DSDT must name. */
  public static final int SLEEP_TYPE_S5 = 5;

  /** Ticks of the timer in a second (4.8.2.1). */
  public static final long TIMER_HZ = 3_579_545;

  private static final int STATUS_TIMER = 0x0001;
  private static final int STATUS_POWER_BUTTON = 0x0100;
  private static final int STATUS_CLEARABLE = 0x8731;
  private static final int ENABLE_WRITABLE = 0x0721;
  private static final int CONTROL_SCI_ENABLE = 0x0001;
  private static final int CONTROL_SLEEP_TYPE = 0x1c00;
  private static final int CONTROL_SLEEP_ENABLE = 0x2000;

  private static final int TIMER_MASK = 0xff_ffff;

  /** The status bit is set each time bit 23 of the timer changes (4.8.2.1). */
  private static final int HALF_SHIFT = 23;

  private final Ticks ticks;
  private final Timers.Timer overflow;
  private final InterruptLine sci;
  private final PowerEvents power;
  private int status;
  private int enable;
  private int sleepType;
  private long flaggedHalf;

  /** Makes the block. */
  public AcpiPm(Timers timers, InterruptLine sci, PowerEvents power) {
    this.ticks = new Ticks(timers.clock(), TIMER_HZ);
    this.overflow = timers.create(new Overflow());
    this.sci = sci;
    this.power = power;
  }

  /** Presses the power button: a system that listens shuts down. The caller holds the machine's lock. */
  public void pressPowerButton() {
    status |= STATUS_POWER_BUTTON;
    update();
  }

  @Override
  public int readPort(int port, int size) {
    if (port >= TIMER_BLOCK) {
      int timer = (int) ticks.now() & TIMER_MASK;
      return timer >>> (8 * (port - TIMER_BLOCK));
    }
    // PM1 registers may be read as bytes, words, or both halves of the event block at once (4.8.3).
    int value = 0;
    for (int i = 0; i < size; i++) {
      value |= readByte(port - EVENT_BLOCK + i) << (8 * i);
    }
    return value;
  }

  private int readByte(int offset) {
    return switch (offset) {
      case 0, 1 -> {
        collectTimer();
        yield status >>> (8 * offset) & 0xff;
      }
      case 2, 3 -> enable >>> (8 * (offset - 2)) & 0xff;
      case 4 -> CONTROL_SCI_ENABLE;
      case 5 -> sleepType >>> 8;
      default -> 0;
    };
  }

  @Override
  public void writePort(int port, int size, int value) {
    for (int i = 0; i < size; i++) {
      writeByte(port - EVENT_BLOCK + i, value >>> (8 * i) & 0xff);
    }
    update();
  }

  private void writeByte(int offset, int value) {
    switch (offset) {
      case 0, 1 -> {
        collectTimer();
        status &= ~(value << (8 * offset) & STATUS_CLEARABLE);
      }
      case 2 -> enable = (enable & 0xff00 | value) & ENABLE_WRITABLE;
      case 3 -> enable = (enable & 0x00ff | value << 8) & ENABLE_WRITABLE;
      case 5 -> writeSleep(value << 8);
      default -> {
        // SCI_EN is fixed, BM_RLD and GBL_RLS have nobody who listens, the timer is read-only.
      }
    }
  }

  /** SLP_EN is a trigger, SLP_TYP says which state; S5 is the only one that the DSDT offers. */
  private void writeSleep(int value) {
    sleepType = value & CONTROL_SLEEP_TYPE;
    if ((value & CONTROL_SLEEP_ENABLE) != 0 && sleepType >>> 10 == SLEEP_TYPE_S5) {
      power.powerOff();
    }
  }

  private void collectTimer() {
    long half = ticks.now() >>> HALF_SHIFT;
    if (half != flaggedHalf) {
      flaggedHalf = half;
      status |= STATUS_TIMER;
    }
  }

  private void update() {
    collectTimer();
    sci.set((status & enable) != 0);
    if ((enable & STATUS_TIMER) != 0) {
      overflow.arm(ticks.nanosAt((flaggedHalf + 1) << HALF_SHIFT));
    } else {
      overflow.cancel();
    }
  }

  private final class Overflow implements Runnable {
    @Override
    public void run() {
      update();
    }
  }
}
