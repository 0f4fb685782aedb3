package io.ringside.devices;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.ringside.machine.MachineLock;
import io.ringside.machine.PortBus;
import org.junit.jupiter.api.Test;

class PciHostTest {
  private final RecordedPower power = new RecordedPower();
  private final PciHost host = new PciHost(new ResetControl(power));
  private final PortBus ports = new PortBus(new MachineLock());

  PciHostTest() {
    ports.claim(PciHost.FIRST_PORT, PciHost.PORTS, 4, host);
  }

  private void select(int device, int function, int register) {
    ports.write(0xcf8, 4, 0x8000_0000 | device << 11 | function << 8 | register);
  }

  @Test
  void mechanismOneIsThere() {
    ports.write(0xcfb, 1, 1);
    ports.write(0xcf8, 4, 0x8000_0000);
    assertThat(ports.read(0xcf8, 4)).isEqualTo(0x8000_0000);
    assertThat(ports.read(0xcfc, 4)).isEqualTo(0x1237_8086);
    assertThat(ports.read(0xcfe, 2)).isEqualTo(0x1237);
    assertThat(ports.read(0xcff, 1)).isEqualTo(0x12);
    select(0, 0, 8);
    assertThat(ports.read(0xcfc, 4)).isEqualTo(0x0600_0002);
    select(0, 0, 0x2c);
    assertThat(ports.read(0xcfc, 4)).isEqualTo(0x1100_1af4);
    select(0, 0, 0x0c);
    assertThat(ports.read(0xcfe, 1)).as("header type").isZero();
    ports.write(0xcf8, 4, 0);
    assertThat(ports.read(0xcfc, 4)).as("not enabled").isEqualTo(-1);
  }

  @Test
  void emptySlotsAndOtherBusesReadAllOnes() {
    select(1, 0, 0);
    assertThat(ports.read(0xcfc, 4)).isEqualTo(-1);
    ports.write(0xcfc, 4, 0);
    ports.write(0xcf8, 4, 0x8001_0000);
    assertThat(ports.read(0xcfc, 2)).isEqualTo(0xffff);
  }

  @Test
  void constantsStayAndWritableBitsChange() {
    PciConfigSpace config = new PciConfigSpace(0x1042_1af4, 0xff00_0001, 0);
    config.allowWrites(0x04, 2, 0x0407);
    host.plug(3, 0, config);
    select(3, 0, 4);
    ports.write(0xcfc, 2, 0xffff);
    assertThat(ports.read(0xcfc, 4)).isEqualTo(0x0407);
    ports.write(0xcfd, 1, 0);
    assertThat(ports.read(0xcfc, 2)).isEqualTo(0x0007);
    select(3, 0, 0);
    ports.write(0xcfc, 4, 0);
    assertThat(ports.read(0xcfc, 4)).isEqualTo(0x1042_1af4);
    assertThatIllegalArgumentException().isThrownBy(() -> host.plug(3, 0, config));
  }

  @Test
  void theByteAtCf9Resets() {
    assertThat(ports.read(0xcf9, 1)).isZero();
    ports.write(0xcf9, 1, 2);
    assertThat(power.events).isEmpty();
    ports.write(0xcf9, 1, 6);
    assertThat(power.events).containsExactly("reset");
    assertThat(ports.read(0xcf9, 1)).isEqualTo(2);
  }
}
