package io.ringside.xen;

import io.ringside.devices.TscClock;
import io.ringside.host.NativeMemory;
import java.lang.invoke.VarHandle;

/**
 * What one vCPU tells its guest about time: {@code struct vcpu_time_info}, from which the guest computes system time as
 * system_time + (((TSC - tsc_timestamp) &lt;&lt; tsc_shift) * tsc_to_system_mul &gt;&gt; 32). Source: {@code public/xen.h}.
 *
 * <p>The machine's clock is the authority: about once in a second the guest's idea of time is compared with it. Where
 * the guest is behind it jumps forward; where it is ahead its clock is slowed down until the next comparison, so that it
 * never goes back.
 */
final class PvClock {
  private static final int VERSION = 0;
  private static final int TSC_TIMESTAMP = 8;
  private static final int SYSTEM_TIME = 16;
  private static final int TSC_TO_SYSTEM_MUL = 24;
  private static final int TSC_SHIFT = 28;
  private static final int FLAGS = 29;

  /** Bytes of the structure; the last two are padding. */
  static final int SIZE = 32;

  /** XEN_PVCLOCK_TSC_STABLE_BIT: the clock needs no comparison with those of other vCPUs. */
  private static final int TSC_STABLE = 1;

  /** How often the guest's clock is compared, in nanoseconds. */
  private static final long EPOCH = 1_000_000_000;

  /** The least time, in nanoseconds, over which the rate of the TSC is measured. */
  private static final long MEASURABLE = 500_000_000;

  private static final int SAMPLES = 4;

  private final PvVcpu vcpu;
  private final Domain domain;
  private final NativeMemory raw;
  private final byte[] copy = new byte[SIZE];

  private boolean started;
  private long firstTsc;
  private long firstTime;
  private long baseTsc;
  private long baseTime;
  private int multiplier;
  private int shift;
  private long sampledTsc;
  private long sampledTime;
  private long area;
  private boolean areaDue;
  private boolean published;

  PvClock(PvVcpu vcpu, Domain domain) {
    this.vcpu = vcpu;
    this.domain = domain;
    this.raw = domain.raw();
  }

  /** Publishes the clock if it is due. On the vCPU's thread, with the machine's lock. */
  void refresh() {
    if (!started || !published || domain.now() - baseTime >= EPOCH) {
      update();
    }
  }

  /** Publishes the clock. */
  void update() {
    sample();
    if (started) {
      long shown = at(sampledTsc);
      long ahead = Math.max(0, shown - sampledTime);
      double rate = nanosPerTick() * EPOCH / (EPOCH + Math.min(ahead, EPOCH));
      baseTime = Math.max(shown, sampledTime);
      scale(rate);
    } else {
      started = true;
      if (vcpu.id() == 0) {
        publishWallClock(domain);
      }
      firstTsc = sampledTsc;
      firstTime = sampledTime;
      baseTime = sampledTime;
      scale(nanosPerTick());
    }
    baseTsc = sampledTsc;
    published = true;
    publish();
  }

  /** System time as the guest computes it at a TSC value. */
  private long at(long tsc) {
    long delta = tsc - baseTsc;
    long shifted = shift >= 0 ? delta << shift : delta >>> -shift;
    long high = Math.multiplyHigh(shifted, multiplier & 0xffff_ffffL);
    return baseTime + (high << 32 | shifted * (multiplier & 0xffff_ffffL) >>> 32);
  }

  /** Reads both clocks as close together as the host lets us. */
  private void sample() {
    TscClock tsc = domain.config().tsc();
    long narrowest = Long.MAX_VALUE;
    for (int i = 0; i < SAMPLES; i++) {
      long before = tsc.guestTsc();
      long time = domain.now();
      long after = tsc.guestTsc();
      if (after - before < narrowest) {
        narrowest = after - before;
        sampledTsc = before + (after - before) / 2;
        sampledTime = time;
      }
    }
  }

  private double nanosPerTick() {
    long time = sampledTime - firstTime;
    return time >= MEASURABLE
        ? (double) time / (sampledTsc - firstTsc)
        : 1e9 / domain.config().tsc().frequencyHz();
  }

  /** Expresses nanoseconds per tick as a shift and a multiplier between 2^31 and 2^32. */
  private void scale(double rate) {
    int exponent = Math.getExponent(rate) + 1;
    shift = exponent;
    multiplier = (int) Math.min(0xffff_ffffL, Math.round(Math.scalb(rate, 32 - exponent)));
  }

  private void publish() {
    long info = vcpu.infoAddress() + SharedInfo.TIME;
    int version = raw.getInt(info + VERSION) + 1 | 1;
    raw.putInt(info + VERSION, version);
    VarHandle.storeStoreFence();
    raw.putLong(info + TSC_TIMESTAMP, baseTsc);
    raw.putLong(info + SYSTEM_TIME, baseTime);
    raw.putInt(info + TSC_TO_SYSTEM_MUL, multiplier);
    raw.putByte(info + TSC_SHIFT, shift);
    raw.putByte(info + FLAGS, TSC_STABLE);
    VarHandle.storeStoreFence();
    raw.putInt(info + VERSION, version + 1);
    areaDue = !publishArea() && !vcpu.cpu().kernelMode();
  }

  /**
   * Sets where the guest wants a copy, by a virtual address of kernel mode (0: nowhere).
   *
   * @param now whether to write it at once, which only the vCPU's own thread can
   */
  void area(long gva, boolean now) {
    area = gva;
    if (now) {
      update();
    } else {
      published = false;
      vcpu.runState().clockDue();
    }
  }

  private boolean publishArea() {
    if (area == 0) {
      return true;
    }
    raw.read(vcpu.infoAddress() + SharedInfo.TIME, copy, 0, SIZE);
    int version = raw.getInt(vcpu.infoAddress() + SharedInfo.TIME + VERSION);
    GuestAccess access = vcpu.access();
    try {
      access.writeInt(area + VERSION, version - 1);
      access.write(area + 4, copy, 4, SIZE - 4);
      access.writeInt(area + VERSION, version);
      return true;
    } catch (HypercallException e) {
      return false;
    }
  }

  /** The vCPU is in kernel mode now, so that a copy that could not be written can be. */
  void kernelEntered() {
    if (areaDue) {
      publishArea();
      areaDue = false;
    }
  }

  /** Writes the wall-clock time at system time 0 to shared_info. */
  static void publishWallClock(Domain domain) {
    NativeMemory raw = domain.raw();
    long info = domain.sharedInfo();
    long nanos = domain.config().host().wallClockNanos() - domain.now();
    long seconds = Math.floorDiv(nanos, 1_000_000_000L);
    int version = raw.getInt(info + SharedInfo.WC_VERSION) + 1 | 1;
    raw.putInt(info + SharedInfo.WC_VERSION, version);
    VarHandle.storeStoreFence();
    raw.putInt(info + SharedInfo.WC_SEC, (int) seconds);
    raw.putInt(info + SharedInfo.WC_SEC_HI, (int) (seconds >>> 32));
    raw.putInt(info + SharedInfo.WC_NSEC, (int) Math.floorMod(nanos, 1_000_000_000L));
    VarHandle.storeStoreFence();
    raw.putInt(info + SharedInfo.WC_VERSION, version + 1);
  }
}
