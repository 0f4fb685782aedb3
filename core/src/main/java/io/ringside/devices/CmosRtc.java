package io.ringside.devices;

import io.ringside.machine.Clock;
import io.ringside.machine.InterruptLine;
import io.ringside.machine.PortDevice;
import io.ringside.machine.Timers;

/**
 * The real-time clock and CMOS RAM at ports 70h and 71h (Motorola MC146818A data sheet), with the century at 32h and the
 * memory sizes where PC firmware puts them. The clock runs in UTC. Its interrupt, IRQ 8, comes from the periodic rate,
 * the alarm and the end of each update.
 */
public final class CmosRtc implements PortDevice {
  private static final long NANOS = 1_000_000_000L;

  /** The update-in-progress flag rises this long before the second changes (data sheet, "Update Cycle"). */
  private static final long UIP_NANOS = 244_000;

  /** A rate above 8 kHz is not for a machine whose timers are threads: its interrupts merge. */
  private static final long SHORTEST_PERIOD_NANOS = 100_000;

  private static final int INDEX = 0x70;

  private static final int REGISTER_A = 0x0a;
  private static final int REGISTER_B = 0x0b;
  private static final int REGISTER_C = 0x0c;
  private static final int REGISTER_D = 0x0d;
  private static final int CENTURY = 0x32;

  private static final int B_SET = 0x80;
  private static final int B_PERIODIC = 0x40;
  private static final int B_ALARM = 0x20;
  private static final int B_UPDATE = 0x10;
  private static final int B_WRITABLE = 0xff;

  private static final int C_IRQ = 0x80;

  private final Clock clock;
  private final InterruptLine irq8;
  private final Timers.Timer timer;
  private final int[] ram = new int[128];
  private final CalendarTime time = new CalendarTime();
  private int index;

  /** Seconds since 1970 less seconds of the clock, both whole; setting the time changes it. */
  private long epochOffsetNanos;

  /** Up to where alarms and updates, and periods, have been turned into flags. */
  private long flaggedSecond;

  private long flaggedPeriod;

  /**
   * Makes a clock.
   *
   * @param timers what times it
   * @param irq8 its line
   * @param epochMillis the time of day now, in milliseconds since 1970 UTC
   * @param lowMemoryEnd the first gpa after RAM below 4 GiB
   * @param highMemoryBytes bytes of RAM from 4 GiB on
   */
  public CmosRtc(
      Timers timers,
      InterruptLine irq8,
      long epochMillis,
      long lowMemoryEnd,
      long highMemoryBytes) {
    this.clock = timers.clock();
    this.irq8 = irq8;
    this.timer = timers.create(new Expiry());
    this.epochOffsetNanos = epochMillis * 1_000_000L - clock.nanos();
    this.flaggedSecond = second();
    ram[REGISTER_A] = 0x26; // 32,768 Hz time base, 1,024 Hz periodic rate.
    ram[REGISTER_B] = 0x02; // 24 hours, BCD.
    setMemorySize(lowMemoryEnd, highMemoryBytes);
    loadTime();
  }

  private void setMemorySize(long lowEnd, long highBytes) {
    put16(0x15, 640); // Base memory in KiB.
    long extended = Math.clamp((lowEnd >>> 10) - 1024, 0, 0xffff);
    put16(0x17, (int) Math.min(extended, 0xfc00)); // KiB above 1 MiB, of the first 64 MiB.
    put16(0x30, (int) Math.min(extended, 0xfc00));
    put16(0x34, Math.clamp((lowEnd >>> 16) - 256, 0, 0xffff)); // 64 KiB units above 16 MiB.
    long high = highBytes >>> 16;
    put16(0x5b, (int) (high & 0xffff)); // 64 KiB units above 4 GiB.
    ram[0x5d] = (int) (high >>> 16) & 0xff;
    ram[0x14] = 0x02; // Equipment: a mathematics coprocessor.
  }

  private void put16(int at, int value) {
    ram[at] = value & 0xff;
    ram[at + 1] = value >>> 8;
  }

  @Override
  public int readPort(int port, int size) {
    if (port == INDEX) {
      return 0xff; // Write-only on a PC.
    }
    return switch (index) {
      case 0, 2, 4, 6, 7, 8, 9, CENTURY -> {
        if ((ram[REGISTER_B] & B_SET) == 0) {
          loadTime();
        }
        yield ram[index];
      }
      case REGISTER_A -> ram[REGISTER_A] | (updateInProgress() ? 0x80 : 0);
      case REGISTER_C -> readFlags();
      case REGISTER_D -> 0x80; // The battery is good.
      default -> ram[index];
    };
  }

  @Override
  public void writePort(int port, int size, int value) {
    if (port == INDEX) {
      index = value & 0x7f; // Bit 7 masks NMI, of which there is no source here.
      return;
    }
    switch (index) {
      case 0, 2, 4, 6, 7, 8, 9, CENTURY -> {
        if ((ram[REGISTER_B] & B_SET) == 0) {
          loadTime();
        }
        ram[index] = value;
        if ((ram[REGISTER_B] & B_SET) == 0) {
          storeTime();
        }
      }
      case 1, 3, 5 -> {
        collectFlags();
        ram[index] = value;
        schedule();
      }
      case REGISTER_A -> {
        collectFlags();
        ram[REGISTER_A] = value & 0x7f;
        flaggedPeriod = period();
        schedule();
      }
      case REGISTER_B -> writeControl(value);
      case REGISTER_C, REGISTER_D -> {
        // Read-only.
      }
      default -> ram[index] = value;
    }
  }

  private void writeControl(int value) {
    collectFlags();
    int before = ram[REGISTER_B];
    if ((before & B_SET) == 0) {
      loadTime();
    }
    ram[REGISTER_B] =
        value & B_WRITABLE & ~((value & B_SET) != 0 ? B_UPDATE : 0); // SET clears UIE.
    if ((before & B_SET) != 0 && (value & B_SET) == 0) {
      storeTime();
    }
    raise();
    schedule();
  }

  private long epochNanos() {
    return clock.nanos() + epochOffsetNanos;
  }

  private long second() {
    return Math.floorDiv(epochNanos(), NANOS);
  }

  /** Nanoseconds of one period, or 0 when the periodic rate is off (data sheet, table 5). */
  private long periodNanos() {
    int rate = ram[REGISTER_A] & 0x0f;
    if (rate == 0) {
      return 0;
    }
    int shift = rate <= 2 ? rate + 6 : rate - 1; // Rates 1 and 2 repeat 8 and 9.
    return (NANOS << shift) >>> 15;
  }

  private long period() {
    long nanos = periodNanos();
    return nanos == 0 ? 0 : clock.nanos() / nanos;
  }

  private boolean updateInProgress() {
    return (ram[REGISTER_B] & B_SET) == 0
        && Math.floorMod(epochNanos(), NANOS) >= NANOS - UIP_NANOS;
  }

  private void loadTime() {
    time.load(second(), ram);
  }

  private void storeTime() {
    // The divider chain is not reset: the fraction of the second goes on.
    long fraction = Math.floorMod(epochNanos(), NANOS);
    epochOffsetNanos = time.store(ram) * NANOS + fraction - clock.nanos();
    flaggedSecond = second();
    schedule();
  }

  /** Turns what happened since the last call into the flags of register C. */
  private void collectFlags() {
    long now = second();
    if ((ram[REGISTER_B] & B_SET) == 0 && now > flaggedSecond) {
      ram[REGISTER_C] |= B_UPDATE;
      long alarm = time.nextAlarm(flaggedSecond, ram);
      if (alarm <= now) {
        ram[REGISTER_C] |= B_ALARM;
      }
    }
    flaggedSecond = Math.max(now, flaggedSecond);
    long period = period();
    if (period != flaggedPeriod && periodNanos() != 0) {
      ram[REGISTER_C] |= B_PERIODIC;
    }
    flaggedPeriod = period;
  }

  /** Each flag has its enabling bit at the same place in register B. */
  private void raise() {
    boolean asserted = (ram[REGISTER_C] & ram[REGISTER_B] & (B_PERIODIC | B_ALARM | B_UPDATE)) != 0;
    ram[REGISTER_C] = ram[REGISTER_C] & ~C_IRQ | (asserted ? C_IRQ : 0);
    irq8.set(asserted);
  }

  private int readFlags() {
    collectFlags();
    raise();
    int flags = ram[REGISTER_C];
    ram[REGISTER_C] = 0;
    raise();
    schedule();
    return flags;
  }

  private void schedule() {
    int enabled = ram[REGISTER_B];
    long now = clock.nanos();
    long next = Long.MAX_VALUE;
    if ((enabled & B_PERIODIC) != 0 && periodNanos() != 0) {
      next = Math.max((period() + 1) * periodNanos(), now + SHORTEST_PERIOD_NANOS);
    }
    if ((enabled & B_SET) == 0 && (enabled & B_UPDATE) != 0) {
      next = Math.min(next, (second() + 1) * NANOS - epochOffsetNanos);
    } else if ((enabled & B_SET) == 0 && (enabled & B_ALARM) != 0) {
      long alarm = time.nextAlarm(second(), ram);
      if (alarm != Long.MAX_VALUE) {
        next = Math.min(next, alarm * NANOS - epochOffsetNanos);
      }
    }
    if (next == Long.MAX_VALUE) {
      timer.cancel();
    } else {
      timer.arm(next);
    }
  }

  private final class Expiry implements Runnable {
    @Override
    public void run() {
      collectFlags();
      raise();
      schedule();
    }
  }
}
