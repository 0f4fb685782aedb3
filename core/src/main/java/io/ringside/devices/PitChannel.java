package io.ringside.devices;

/**
 * One counter of an 8254 (Intel 8254 data sheet, order 231164). Its state is the tick at which the count was loaded;
 * count and output at any later tick follow from that by arithmetic, so that nothing happens while nobody looks.
 * Loading takes no tick of its own here.
 */
final class PitChannel {
  /** A tick that never comes. */
  static final long NEVER = Long.MAX_VALUE;

  /** 5 ms. */
  private static final long SLOW_START_TICKS = 6_000;

  private static final int SLOW_START_LOOKS = 64;

  private int mode;
  private int access = 3;
  private boolean bcd;

  /** The initial count, 1 to 65536 (10000 in BCD). */
  private long reload = 65536;

  /** A count for the next period of modes 2 and 3, or the next trigger of modes 1 and 5; 0 if there is none. */
  private long nextReload;

  /** Whether a count was written since the control word, and in modes 1 and 5 the gate triggered it. */
  private boolean running;

  /** The tick at which {@link #reload} was loaded. */
  private long start;

  /** Until which tick, and for how many looks, {@link #look} may put off the start. */
  private long startsBy;

  private int looksLeft;

  private boolean gate;

  /** How far the count had come when the gate stopped it. */
  private long stoppedAfter;

  private boolean writeHigh;
  private int lowByte;
  private boolean readHigh;
  private int latchedBytes;
  private int latch;
  private boolean statusLatched;
  private int status;

  PitChannel(boolean gate) {
    this.gate = gate;
  }

  /** A control word for this counter that is not a latch command. */
  void control(int word, long tick) {
    access = word >>> 4 & 3;
    mode = word >>> 1 & 7;
    if (mode > 5) {
      mode -= 4; // Modes 2 and 3 ignore the highest bit ("Control Word Format").
    }
    bcd = (word & 1) != 0;
    running = false;
    nextReload = 0;
    writeHigh = false;
    readHigh = false;
    latchedBytes = 0;
    statusLatched = false;
    start = tick;
    stoppedAfter = 0;
  }

  void write(int value, long tick) {
    switch (access) {
      case 1 -> load(value, tick);
      case 2 -> load(value << 8, tick);
      default -> {
        if (writeHigh) {
          load(value << 8 | lowByte, tick);
        } else {
          lowByte = value;
          if (mode == 0) {
            running = false; // The first byte of a new count stops mode 0 and keeps its output low.
          }
        }
        writeHigh = !writeHigh;
      }
    }
  }

  private void load(int raw, long tick) {
    long count = bcd ? fromBcd(raw) : raw;
    if (count == 0) {
      count = modulus();
    }
    if (mode == 1 || mode == 5 || (running && (mode == 2 || mode == 3))) {
      advance(tick);
      nextReload = count;
      return;
    }
    reload = count;
    start = tick;
    startsBy = tick + SLOW_START_TICKS;
    looksLeft = SLOW_START_LOOKS;
    stoppedAfter = 0;
    running = true;
  }

  /**
   * A one-shot count that the guest polls starts when the guest is at it, not when it was loaded: the first looks are
   * slow, because the code on their way runs for the first time, and time may pass between load and look that the host
   * gave to others. Linux's calibration takes the smallest of what it measures from the load on ({@code
   * pit_calibrate_tsc}), or must see the count's first 256 ticks five times ({@code quick_pit_calibrate}).
   */
  void look(boolean atOutput, long tick) {
    if (looksLeft > 0) {
      looksLeft = atOutput ? 0 : looksLeft - 1;
      if (mode == 0 && running && gate && tick < startsBy) {
        start = tick;
      }
    }
  }

  /** Lets a new count of modes 2 and 3 take effect if a period has ended since it was written. */
  private void advance(long tick) {
    if (nextReload != 0 && running && gate && (mode == 2 || mode == 3)) {
      long end = start + reload;
      if (tick >= end) {
        start = end;
        reload = nextReload;
        nextReload = 0;
      }
    }
    if (running && gate && nextReload == 0 && (mode == 2 || mode == 3) && tick >= start) {
      start += (tick - start) / reload * reload;
    }
  }

  void setGate(boolean high, long tick) {
    if (high == gate) {
      return;
    }
    advance(tick);
    if (high) {
      if (mode == 0 || mode == 4) {
        start = tick - stoppedAfter;
      } else if (running || nextReload != 0) {
        // A rising gate starts a new period in modes 2 and 3, and is the trigger of modes 1 and 5.
        if (nextReload != 0) {
          reload = nextReload;
          nextReload = 0;
        }
        running = true;
        start = tick;
      }
    } else {
      stoppedAfter = tick - start;
    }
    gate = high;
  }

  boolean gate() {
    return gate;
  }

  private long elapsed(long tick) {
    return gate || mode == 1 || mode == 5 ? tick - start : stoppedAfter;
  }

  /** The level of OUT. */
  boolean output(long tick) {
    advance(tick);
    if (!running) {
      return mode != 0;
    }
    long elapsed = elapsed(tick);
    return switch (mode) {
      case 0, 1 -> elapsed >= reload;
      case 2 -> !gate || elapsed % reload != reload - 1;
      case 3 -> !gate || elapsed % reload < (reload + 1) / 2;
      default -> elapsed != reload;
    };
  }

  /** The first tick after {@code tick} at which OUT rises, or {@link #NEVER}. */
  long nextRise(long tick) {
    advance(tick);
    if (!running || (!gate && mode != 1 && mode != 5)) {
      return NEVER;
    }
    long elapsed = tick - start;
    return switch (mode) {
      case 0, 1 -> elapsed < reload ? start + reload : NEVER;
      case 2, 3 -> start + (elapsed / reload + 1) * reload;
      default -> elapsed <= reload ? start + reload + 1 : NEVER;
    };
  }

  /** Ticks from one rise of OUT to the next; 0 in modes that do not repeat. */
  long period() {
    return mode == 2 || mode == 3 ? reload : 0;
  }

  private int count(long tick) {
    advance(tick);
    long elapsed = running ? elapsed(tick) : 0;
    long count =
        switch (mode) {
          case 2 -> reload - elapsed % reload;
          case 3 -> squareWaveCount(elapsed % reload);
          default -> Math.floorMod(reload - elapsed, modulus());
        };
    count %= modulus();
    return bcd ? toBcd((int) count) : (int) count;
  }

  /** Mode 3 counts down by two, once for each half of the wave; an odd count is loaded less one. */
  private long squareWaveCount(long phase) {
    long half = (reload + 1) / 2;
    long inHalf = phase < half ? phase : phase - half;
    long from = reload & ~1L;
    return from == 0 ? 0 : from - 2 * inHalf % from;
  }

  /** A counter latch command; a second one before the first is read does nothing. */
  void latchCount(long tick) {
    if (latchedBytes == 0) {
      latch = count(tick);
      latchedBytes = access == 3 ? 2 : 1;
      readHigh = false;
    }
  }

  /** The status half of a read-back command. */
  void latchStatus(long tick) {
    if (!statusLatched) {
      statusLatched = true;
      boolean out = output(tick);
      boolean nullCount = !running || nextReload != 0;
      status = (out ? 0x80 : 0) | (nullCount ? 0x40 : 0) | access << 4 | mode << 1 | (bcd ? 1 : 0);
    }
  }

  int read(long tick) {
    if (statusLatched) {
      statusLatched = false;
      return status;
    }
    int value = latchedBytes > 0 ? latch : count(tick);
    boolean high = access == 2 || (access == 3 && readHigh);
    if (access == 3) {
      readHigh = !readHigh;
    }
    if (latchedBytes > 0) {
      latchedBytes--;
    }
    return high ? value >>> 8 : value & 0xff;
  }

  private long modulus() {
    return bcd ? 10_000 : 65_536;
  }

  private static int fromBcd(int value) {
    return (value >>> 12 & 15) * 1000
        + (value >>> 8 & 15) * 100
        + (value >>> 4 & 15) * 10
        + (value & 15);
  }

  private static int toBcd(int value) {
    return value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
  }
}
