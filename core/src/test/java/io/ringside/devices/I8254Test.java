package io.ringside.devices;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class I8254Test {
  private static final long SECOND = 1_000_000_000L;

  private final ManualTimers time = new ManualTimers();
  private final RecordedLine irq0 = new RecordedLine();
  private final I8254 pit = new I8254(time, irq0);

  private void out(int port, int value) {
    pit.writePort(port, 1, value);
  }

  private int in(int port) {
    return pit.readPort(port, 1);
  }

  private void program(int channel, int mode, int count) {
    out(0x43, channel << 6 | 0x30 | mode << 1);
    out(0x40 + channel, count & 0xff);
    out(0x40 + channel, count >>> 8);
  }

  private int latched(int channel) {
    out(0x43, channel << 6);
    int low = in(0x40 + channel);
    return in(0x40 + channel) << 8 | low;
  }

  private void ticks(long count) {
    time.advance((count * SECOND + I8254.FREQUENCY_HZ - 1) / I8254.FREQUENCY_HZ);
  }

  @Test
  void rateGeneratorNeverDrifts() {
    program(0, 2, 11932);
    for (int i = 0; i < 3600; i++) {
      time.advance(SECOND);
    }
    assertThat(irq0.edges - 1).isEqualTo((int) (3600 * I8254.FREQUENCY_HZ / 11932));
  }

  @Test
  void noMoreThanTenInterruptsAreMadeUpFor() {
    program(0, 2, 11932);
    time.advance(SECOND);
    irq0.edges = 0;
    for (int i = 0; i < 30; i++) {
      pit.interruptTaken();
    }
    assertThat(irq0.edges).isEqualTo(10);
  }

  @Test
  void aNewCountOwesNothing() {
    program(0, 2, 11932);
    time.advance(SECOND);
    program(0, 2, 1193);
    irq0.edges = 0;
    pit.interruptTaken();
    assertThat(irq0.edges).isZero();
  }

  @Test
  void squareWaveInterruptsOncePerPeriod() {
    program(0, 3, 0);
    time.advance(10 * SECOND);
    assertThat(irq0.edges - 1).isEqualTo((int) (10 * I8254.FREQUENCY_HZ / 65536));
  }

  @Test
  void terminalCountFiresOnce() {
    program(0, 0, 1000);
    assertThat(irq0.asserted).isFalse();
    ticks(999);
    assertThat(irq0.edges).isZero();
    ticks(1);
    assertThat(irq0.edges).isEqualTo(1);
    time.advance(SECOND);
    assertThat(irq0.edges).isEqualTo(1);
    assertThat(time.armedCount()).isZero();
  }

  @Test
  void softwareStrobeFiresOnce() {
    program(0, 4, 1000);
    int before = irq0.edges;
    time.advance(SECOND);
    assertThat(irq0.edges).isEqualTo(before + 1);
  }

  @Test
  void countsDownAndWraps() {
    program(0, 0, 1000);
    ticks(10);
    assertThat(latched(0)).isEqualTo(990);
    ticks(1000);
    assertThat(latched(0)).isEqualTo((990 - 1000) & 0xffff);
  }

  @Test
  void latchHoldsUntilRead() {
    program(0, 2, 1000);
    ticks(100);
    out(0x43, 0x00);
    ticks(50);
    out(0x43, 0x00);
    assertThat(in(0x40) | in(0x40) << 8).isEqualTo(900);
    assertThat(in(0x40) | in(0x40) << 8).isEqualTo(850);
  }

  @Test
  void readBackGivesStatusThenCount() {
    program(2, 3, 2000);
    out(0x43, 0xc8);
    assertThat(in(0x42)).as("OUT high, count loaded, two bytes, mode 3").isEqualTo(0xb6);
    assertThat(in(0x42) | in(0x42) << 8).isEqualTo(2000);
    out(0x43, 0x30);
    out(0x43, 0xe2);
    assertThat(in(0x40)).as("OUT low, null count").isEqualTo(0x70);
  }

  @Test
  void squareWaveCountsByTwo() {
    out(0x61, 1);
    program(2, 3, 1000);
    ticks(100);
    assertThat(latched(2)).isEqualTo(800);
    assertThat(in(0x61) & 0x20).isEqualTo(0x20);
    ticks(410);
    assertThat(latched(2)).isEqualTo(980);
    assertThat(in(0x61) & 0x20).isZero();
  }

  @Test
  void linuxCalibratesByChannel2() {
    out(0x61, in(0x61) & ~2 | 1);
    out(0x43, 0xb0);
    out(0x42, 0xff);
    out(0x42, 0xff);
    for (int i = 0; i < 64; i++) {
      assertThat(in(0x42)).as("not warm yet").isEqualTo(0xff);
    }
    int high = 0xff;
    for (int i = 0; i < 200; i++) {
      in(0x42);
      int now = in(0x42);
      assertThat(now).isIn(high, high - 1);
      high = now;
      ticks(128);
    }
    assertThat(high).isEqualTo(0xff - 99);
    assertThat(in(0x61) & 0x20).isZero();
    ticks(65536 - 200 * 128);
    assertThat(in(0x61) & 0x20).as("OUT2").isEqualTo(0x20);
  }

  @Test
  void aPolledOneShotStartsAtTheFirstLookAtItsOutput() {
    out(0x61, 1);
    program(2, 0, 1000);
    ticks(900);
    assertThat(in(0x61) & 0x20).isZero();
    ticks(999);
    assertThat(in(0x61) & 0x20).isZero();
    ticks(2);
    assertThat(in(0x61) & 0x20).isEqualTo(0x20);
  }

  @Test
  void aPolledOneShotWaitsForSlowLooksAtItsCount() {
    out(0x61, 1);
    program(2, 0, 0xffff);
    for (int look = 0; look < 64; look++) {
      ticks(20);
      assertThat(in(0x42)).isEqualTo(0xff);
    }
    ticks(0x1000);
    in(0x42);
    assertThat(in(0x42)).isEqualTo(0xef);
  }

  @Test
  void aOneShotThatNobodyLooksAtForLongRuns() {
    out(0x61, 1);
    program(2, 0, 10_000);
    ticks(9_990);
    assertThat(in(0x61) & 0x20).isZero();
    ticks(11);
    assertThat(in(0x61) & 0x20).isEqualTo(0x20);
  }

  @Test
  void gateStopsAndRestarts() {
    out(0x61, 1);
    program(2, 0, 1000);
    ticks(300);
    out(0x61, 0);
    ticks(300);
    assertThat(latched(2)).isEqualTo(700);
    out(0x61, 1);
    ticks(100);
    assertThat(latched(2)).isIn(600, 599);
    program(2, 2, 500);
    ticks(100);
    out(0x61, 0);
    out(0x61, 1);
    assertThat(latched(2)).as("a rising gate reloads mode 2").isEqualTo(500);
  }

  @Test
  void oneShotWaitsForItsTrigger() {
    program(2, 1, 100);
    ticks(1000);
    assertThat(in(0x61) & 0x20).isEqualTo(0x20);
    out(0x61, 1);
    ticks(50);
    assertThat(in(0x61) & 0x20).isZero();
    ticks(51);
    assertThat(in(0x61) & 0x20).isEqualTo(0x20);
  }

  @Test
  void aNewCountOfModeTwoWaitsForThePeriod() {
    program(0, 2, 1000);
    ticks(400);
    out(0x40, 0xd0);
    out(0x40, 0x07);
    assertThat(latched(0)).isEqualTo(600);
    ticks(700);
    assertThat(latched(0)).isIn(1900, 1899);
  }

  @Test
  void countsInBcd() {
    out(0x43, 0x31);
    out(0x40, 0x00);
    out(0x40, 0x10);
    ticks(1);
    assertThat(latched(0)).isEqualTo(0x0999);
    ticks(999);
    assertThat(irq0.edges).isEqualTo(1);
    ticks(1);
    assertThat(latched(0)).isEqualTo(0x9999);
  }

  @Test
  void singleByteAccess() {
    out(0x43, 0x14);
    out(0x40, 200);
    ticks(50);
    assertThat(in(0x40)).isEqualTo(150);
    out(0x43, 0x24);
    out(0x40, 2);
    ticks(2);
    assertThat(in(0x40)).isEqualTo(1);
  }

  @Test
  void refreshToggles() {
    int before = in(0x61) & 0x10;
    ticks(18);
    assertThat(in(0x61) & 0x10).isNotEqualTo(before);
  }

  @Test
  void tooFastIsSlowedDownNotFatal() {
    program(0, 2, 2);
    time.advance(SECOND / 100);
    assertThat(irq0.edges).isBetween(100, 501);
  }
}
