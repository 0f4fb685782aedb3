package io.ringside.devices;

import io.ringside.machine.InterruptLine;
import io.ringside.machine.PortDevice;
import io.ringside.machine.Timers;

/**
 * The 8254 programmable interval timer at ports 40h to 43h, and system control port B (61h), which holds the gate of
 * channel 2 and shows its output. Channel 0 drives IRQ 0.
 */
public final class I8254 implements PortDevice {
  /** Ticks a second: a third of the NTSC colour carrier of 3,579,545 Hz. */
  public static final long FREQUENCY_HZ = 1_193_182;

  /** System control port B. */
  public static final int SYSTEM_CONTROL_B = 0x61;

  private static final int CONTROL = 0x43;

  /** IRQ 0 is not raised more often than this: a guest that asks for more gets the edges merged, as if it were slow. */
  private static final long SHORTEST_PERIOD_NANOS = 20_000;

  private static final long REFRESH_TICKS = 18;

  /**
   * How many interrupts that came too late for an edge of their own are made up for. Linux panics at its start unless it
   * gets five in the time of sixteen ("IO-APIC + timer doesn't work"), and a busy host may let us sleep for that long.
   */
  private static final int MOST_OWED = 10;

  /** Periods shorter than half a millisecond are nobody's clock, and are not made up for. */
  private static final long SHORTEST_OWED_TICKS = FREQUENCY_HZ / 2000;

  private final Ticks ticks;
  private final InterruptLine irq0;
  private final Timers timers;
  private final Timers.Timer timer;
  private final PitChannel[] channels = {
    new PitChannel(true), new PitChannel(true), new PitChannel(false)
  };
  private int speakerBits;

  /** The tick at which the timer was to fire. */
  private long expected;

  /** The processor has not taken the last edge. */
  private boolean waiting;

  private int owed;

  /** Makes a timer whose channels wait for their control words. */
  public I8254(Timers timers, InterruptLine irq0) {
    this.timers = timers;
    this.ticks = new Ticks(timers.clock(), FREQUENCY_HZ);
    this.irq0 = irq0;
    this.timer = timers.create(new Expiry());
  }

  @Override
  public int readPort(int port, int size) {
    if (port == SYSTEM_CONTROL_B) {
      return readSystemControl();
    }
    if (port == CONTROL) {
      return 0xff;
    }
    long now = ticks.now();
    if ((port & 3) == 2) {
      channels[2].look(false, now);
    }
    return channels[port & 3].read(now);
  }

  @Override
  public void writePort(int port, int size, int value) {
    long now = ticks.now();
    if (port == SYSTEM_CONTROL_B) {
      speakerBits = value & 0x0f;
      channels[2].setGate((value & 1) != 0, now);
    } else if (port != CONTROL) {
      channels[port & 3].write(value, now);
      if ((port & 3) == 0) {
        follow(now);
      }
    } else if (value >>> 6 == 3) {
      readBack(value, now);
    } else if ((value & 0x30) == 0) {
      channels[value >>> 6].latchCount(now);
    } else {
      channels[value >>> 6].control(value, now);
      if (value >>> 6 == 0) {
        follow(now);
      }
    }
  }

  /** Read-back command: bits 5 and 4, active low, choose count and status; bits 3 to 1 the counters. */
  private void readBack(int command, long now) {
    for (int i = 0; i < 3; i++) {
      if ((command & 2 << i) != 0) {
        if ((command & 0x20) == 0) {
          channels[i].latchCount(now);
        }
        if ((command & 0x10) == 0) {
          channels[i].latchStatus(now);
        }
      }
    }
  }

  /** Port 61h: bits 0 to 3 as written, bit 4 toggles with the memory refresh (every 15 us), bit 5 is OUT of channel 2. */
  private int readSystemControl() {
    long now = ticks.now();
    channels[2].look(true, now);
    int refresh = (int) (now / REFRESH_TICKS & 1) << 4;
    return speakerBits | refresh | (channels[2].output(now) ? 0x20 : 0);
  }

  /** To be called when the processor takes the interrupt, with the machine's lock held. */
  void interruptTaken() {
    waiting = false;
    if (owed > 0) {
      owed--;
      raise();
    }
  }

  private void raise() {
    waiting = true;
    irq0.set(false);
    irq0.set(true);
  }

  private void follow(long now) {
    waiting = false;
    owed = 0;
    irq0.set(channels[0].output(now));
    schedule(now);
  }

  private void schedule(long now) {
    long next = channels[0].nextRise(now);
    expected = next;
    if (next == PitChannel.NEVER) {
      timer.cancel();
    } else {
      timer.arm(Math.max(ticks.nanosAt(next), timers.clock().nanos() + SHORTEST_PERIOD_NANOS));
    }
  }

  private final class Expiry implements Runnable {
    @Override
    public void run() {
      long now = ticks.now();
      long period = channels[0].period();
      if (period >= SHORTEST_OWED_TICKS) {
        // The edge that is taken late merges with this one in the interrupt controller.
        long late = (waiting ? 1 : 0) + Math.max(now - expected, 0) / period;
        owed = (int) Math.min(owed + late, MOST_OWED);
      }
      raise();
      schedule(now);
    }
  }
}
