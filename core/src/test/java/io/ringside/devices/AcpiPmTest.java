package io.ringside.devices;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.machine.MachineLock;
import io.ringside.machine.PortBus;
import org.junit.jupiter.api.Test;

class AcpiPmTest {
  private final ManualTimers time = new ManualTimers();
  private final RecordedLine sci = new RecordedLine();
  private final RecordedPower power = new RecordedPower();
  private final AcpiPm acpi = new AcpiPm(time, sci, power);
  private final PortBus ports = new PortBus(new MachineLock());

  AcpiPmTest() {
    ports.claim(AcpiPm.EVENT_BLOCK, AcpiPm.PORTS, 4, acpi);
  }

  @Test
  void isInAcpiModeFromTheStart() {
    assertThat(ports.read(0x604, 2)).isEqualTo(1);
    ports.write(0x604, 2, 0);
    assertThat(ports.read(0x604, 2)).isEqualTo(1);
  }

  @Test
  void softOffNeedsTypeFiveAndEnable() {
    ports.write(0x604, 2, 5 << 10);
    assertThat(ports.read(0x604, 2)).isEqualTo(5 << 10 | 1);
    ports.write(0x604, 2, 1 << 10 | 1 << 13);
    assertThat(power.events).isEmpty();
    ports.write(0x604, 2, 5 << 10 | 1 << 13);
    assertThat(power.events).containsExactly("off");
  }

  @Test
  void timerCounts24Bits() {
    int start = ports.read(0x608, 4);
    time.advance(1_000_000_000L);
    assertThat(ports.read(0x608, 4) - start).isEqualTo(3_579_545);
    time.advance(9_000_000_000L);
    assertThat(ports.read(0x608, 4)).isEqualTo(35_795_450 & 0xff_ffff);
  }

  @Test
  void timerStatusInterruptsWhenBit23Changes() {
    ports.write(0x602, 2, 1);
    time.advance(2_343_000_000L);
    assertThat(sci.asserted).isFalse();
    time.advance(1_000_000L);
    assertThat(sci.asserted).isTrue();
    assertThat(ports.read(0x600, 2)).isEqualTo(1);
    ports.write(0x600, 2, 1);
    assertThat(sci.asserted).isFalse();
    time.advance(2_344_000_000L);
    assertThat(sci.edges).isEqualTo(2);
    ports.write(0x602, 2, 0);
    assertThat(time.armedCount()).isZero();
  }

  @Test
  void powerButton() {
    acpi.pressPowerButton();
    assertThat(sci.asserted).as("nobody listens").isFalse();
    assertThat(ports.read(0x600, 4)).isEqualTo(0x100);
    ports.write(0x602, 2, 0x100);
    assertThat(sci.asserted).isTrue();
    ports.write(0x601, 1, 1);
    assertThat(sci.asserted).isFalse();
    assertThat(ports.read(0x602, 2)).isEqualTo(0x100);
  }
}
