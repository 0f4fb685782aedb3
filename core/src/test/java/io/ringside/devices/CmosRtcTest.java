package io.ringside.devices;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.LocalDateTime;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CmosRtcTest {
  private static final long SECOND = 1_000_000_000L;

  private final ManualTimers time = new ManualTimers();
  private final RecordedLine irq8 = new RecordedLine();
  private CmosRtc rtc = at("2024-02-29T23:59:58");

  private CmosRtc at(String text) {
    long second = LocalDateTime.parse(text).toEpochSecond(ZoneOffset.UTC);
    return new CmosRtc(time, irq8, second * 1000, 0x2000_0000L, 0);
  }

  private int read(int register) {
    rtc.writePort(0x70, 1, register | 0x80);
    return rtc.readPort(0x71, 1);
  }

  private void write(int register, int value) {
    rtc.writePort(0x70, 1, register);
    rtc.writePort(0x71, 1, value);
  }

  private String registers() {
    StringBuilder text = new StringBuilder();
    for (int register : new int[] {0x32, 9, 8, 7, 4, 2, 0}) {
      text.append(Integer.toHexString(0x100 | read(register)).substring(1));
    }
    return text.toString();
  }

  @Test
  void tellsTheTimeInBcd() {
    assertThat(registers()).isEqualTo("20240229235958");
    assertThat(read(6)).as("a Thursday").isEqualTo(5);
    time.advance(2 * SECOND);
    assertThat(registers()).isEqualTo("20240301000000");
    assertThat(read(0x0d)).isEqualTo(0x80);
    assertThat(rtc.readPort(0x70, 1)).isEqualTo(0xff);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1970-01-01T00:00:00",
        "1999-12-31T23:59:59",
        "2000-02-29T12:00:00",
        "2026-10-05T00:30:07",
        "2100-03-01T13:14:15"
      })
  void agreesWithTheCalendarOfTheJdk(String text) {
    rtc = at(text);
    assertThat(registers()).isEqualTo(text.replaceAll("[^0-9]", ""));
    write(0x0b, 0x00);
    int hour = LocalDateTime.parse(text).getHour();
    int expected = (hour + 11) % 12 + 1;
    assertThat(read(4) & 0x7f).isEqualTo(expected / 10 << 4 | expected % 10);
    assertThat(read(4) >>> 7).isEqualTo(hour / 12);
    write(0x0b, 0x06);
    assertThat(read(4)).isEqualTo(hour);
  }

  @Test
  void takesANewTime() {
    write(0x0b, 0x82);
    write(0x32, 0x19);
    write(9, 0x99);
    write(8, 0x12);
    write(7, 0x31);
    write(4, 0x23);
    write(2, 0x59);
    write(0, 0x58);
    time.advance(5 * SECOND);
    assertThat(registers()).as("SET stops it").isEqualTo("19991231235958");
    write(0x0b, 0x02);
    time.advance(2 * SECOND);
    assertThat(registers()).isEqualTo("20000101000000");
  }

  @Test
  void updateInProgressComesBeforeTheSecond() {
    assertThat(read(0x0a)).isEqualTo(0x26);
    time.advance(SECOND - 200_000);
    assertThat(read(0x0a)).isEqualTo(0xa6);
    time.advance(200_000);
    assertThat(read(0x0a)).isEqualTo(0x26);
  }

  @Test
  void updateInterrupt() {
    time.advance(SECOND / 2);
    write(0x0b, 0x12);
    time.advance(SECOND / 2 - 1);
    assertThat(irq8.asserted).isFalse();
    time.advance(1);
    assertThat(irq8.asserted).isTrue();
    assertThat(read(0x0c) & 0x90).isEqualTo(0x90);
    assertThat(irq8.asserted).isFalse();
    time.advance(SECOND);
    assertThat(irq8.edges).isEqualTo(2);
  }

  @Test
  void alarmInterrupt() {
    write(5, 0x00);
    write(3, 0xff);
    write(1, 0x05);
    write(0x0b, 0x22);
    time.advance(6 * SECOND);
    assertThat(irq8.asserted).isFalse();
    time.advance(SECOND);
    assertThat(read(0x0c) & 0xa0).isEqualTo(0xa0);
    time.advance(59 * SECOND);
    assertThat(irq8.edges).isEqualTo(1);
    time.advance(SECOND);
    assertThat(irq8.edges).as("the minute is any").isEqualTo(2);
  }

  @Test
  void anAlarmThatNeverMatchesIsQuiet() {
    write(5, 0x77);
    write(0x0b, 0x22);
    assertThat(time.armedCount()).isZero();
  }

  @Test
  void periodicInterrupt() {
    write(0x0a, 0x2f);
    write(0x0b, 0x42);
    int interrupts = 0;
    for (int i = 0; i < 100; i++) {
      time.advance(SECOND / 10);
      if ((read(0x0c) & 0xc0) == 0xc0) {
        interrupts++;
      }
    }
    assertThat(interrupts).as("2 Hz for 10 s").isBetween(19, 21);
    write(0x0b, 0x02);
    assertThat(time.armedCount()).isZero();
  }

  @Test
  void rate1024() {
    write(0x0b, 0x42);
    int interrupts = 0;
    for (int i = 0; i < 10_000; i++) {
      time.advance(SECOND / 10_000);
      if (irq8.asserted) {
        read(0x0c);
        interrupts++;
      }
    }
    assertThat(interrupts).isBetween(1023, 1025);
  }

  @Test
  void flagsAreSetWithoutTheirInterrupts() {
    read(0x0c);
    time.advance(SECOND);
    assertThat(read(0x0c)).isEqualTo(0x50);
    assertThat(irq8.edges).isZero();
  }

  @Test
  void memorySizes() {
    assertThat(read(0x15) | read(0x16) << 8).isEqualTo(640);
    assertThat(read(0x30) | read(0x31) << 8).isEqualTo(0xfc00);
    assertThat(read(0x34) | read(0x35) << 8).isEqualTo((512 - 16) * 16);
    rtc = new CmosRtc(time, irq8, 0, 0xc000_0000L, 0x2_4000_0000L);
    assertThat(read(0x34) | read(0x35) << 8).isEqualTo((3072 - 16) * 16);
    assertThat(read(0x5b) | read(0x5c) << 8 | read(0x5d) << 16).isEqualTo(9 * 1024 * 16);
    rtc = new CmosRtc(time, irq8, 0, 0x80_0000L, 0);
    assertThat(read(0x17) | read(0x18) << 8).isEqualTo(7 * 1024);
    assertThat(read(0x34) | read(0x35) << 8).isZero();
  }

  @Test
  void ramKeepsWhatIsWritten() {
    write(0x40, 0xa5);
    assertThat(read(0x40)).isEqualTo(0xa5);
  }
}
