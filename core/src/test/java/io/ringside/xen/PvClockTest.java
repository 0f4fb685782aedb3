package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.devices.TscClock;
import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.MachineLock;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PvClockTest {
  private final FakeTimers timers = new FakeTimers();
  private final FakeHost host = new FakeHost();
  private NativeMemory raw;
  private Domain domain;
  private PvVcpu vcpu;

  /** A TSC with {@code hz} ticks in a second, which is said to have {@code saidHz}. */
  private record Tsc(FakeTimers timers, double hz, long saidHz) implements TscClock {
    @Override
    public long guestTsc() {
      return 77_000 + (long) (timers.clock().nanos() * (hz / 1e9));
    }

    @Override
    public long nanosForTsc(long guestTsc) {
      return (long) ((guestTsc - 77_000) * 1e9 / hz);
    }

    @Override
    public long frequencyHz() {
      return saidHz;
    }
  }

  private Tsc start(double hz, long saidHz) {
    Tsc tsc = new Tsc(timers, hz, saidHz);
    int size = (int) Domain.machineBytes(64 * 4096);
    raw = new NativeMemory(MemorySegment.ofArray(new long[size / 8]));
    domain =
        new Domain(
            new DomainConfig(
                new GuestMemory(raw, size), 64, 1, 1, new MachineLock(), timers, tsc, host));
    vcpu = domain.vcpu(0);
    new FakeCpu(raw).attach(vcpu);
    timers.advance(123_456);
    assertThat(vcpu.mayRun()).isTrue();
    return tsc;
  }

  /** What a guest computes. */
  private long guestTime(Tsc tsc) {
    long time = vcpu.infoAddress() + SharedInfo.TIME;
    assertThat(raw.getInt(time) & 1).isZero();
    long delta = tsc.guestTsc() - raw.getLong(time + 8);
    int shift = (byte) raw.getByte(time + 28);
    long shifted = shift >= 0 ? delta << shift : delta >>> -shift;
    long multiplier = raw.getInt(time + 24) & 0xffff_ffffL;
    long high = Math.multiplyHigh(shifted, multiplier);
    return raw.getLong(time + 16) + (high << 32 | shifted * multiplier >>> 32);
  }

  private void tick() {
    vcpu.timers().fire();
    assertThat(vcpu.mayRun()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({"1000000000", "999999999", "2600000000", "3000000000", "5000000000", "24000000"})
  void timeIsTheMachines(long hz) {
    Tsc tsc = start(hz, hz);
    for (int i = 0; i < 20; i++) {
      assertThat(guestTime(tsc) - domain.now()).isBetween(-100L, 100L);
      timers.advance(300_000_000);
    }
    tick();
    assertThat(guestTime(tsc) - domain.now()).isBetween(-100L, 100L);
    assertThat(raw.getByte(vcpu.infoAddress() + SharedInfo.TIME + 29)).isEqualTo(1);
    assertThat(raw.getInt(vcpu.infoAddress() + SharedInfo.TIME + 24)).isNegative();
  }

  @ParameterizedTest
  @CsvSource({"3001000000, 3000000000", "2999000000, 3000000000"})
  void wrongFrequencyIsCorrectedWithoutGoingBack(double hz, long saidHz) {
    Tsc tsc = start(hz, saidHz);
    long last = 0;
    for (int i = 0; i < 2000; i++) {
      timers.advance(10_000_000);
      assertThat(guestTime(tsc)).isGreaterThanOrEqualTo(last);
      last = guestTime(tsc);
      tick();
      assertThat(guestTime(tsc)).isGreaterThanOrEqualTo(last);
      last = guestTime(tsc);
    }
    assertThat(guestTime(tsc) - domain.now()).isBetween(-2000L, 2000L);
  }

  @Test
  void clockIsPublishedAboutOnceInASecond() {
    start(3e9, 3_000_000_000L);
    long version = vcpu.infoAddress() + SharedInfo.TIME;
    assertThat(raw.getInt(version)).isEqualTo(2);
    for (int i = 0; i < 350; i++) {
      timers.advance(10_000_000);
      tick();
    }
    assertThat(raw.getInt(version)).isBetween(6, 8);
  }

  @Test
  void wallClockIsThatOfSystemTimeZero() {
    start(3e9, 3_000_000_000L);
    long info = domain.sharedInfo();
    long seconds =
        raw.getInt(info + SharedInfo.WC_SEC) & 0xffff_ffffL
            | (long) raw.getInt(info + SharedInfo.WC_SEC_HI) << 32;
    long nanos = seconds * 1_000_000_000L + raw.getInt(info + SharedInfo.WC_NSEC);
    assertThat(nanos + domain.now()).isEqualTo(host.wallClock);
    assertThat(raw.getInt(info + SharedInfo.WC_VERSION)).isEqualTo(2);
  }
}
