package io.ringside.devices;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.machine.MachineLock;
import io.ringside.machine.MmioBus;
import org.junit.jupiter.api.Test;

class IoApicTest {
  private final ManualTimers time = new ManualTimers();
  private final MachineLock lock = new MachineLock();
  private final ApicBus bus = new ApicBus();
  private final LocalApic apic =
      new LocalApic(0, lock, bus, new MmioBus(lock), time, time, () -> 0x33);
  private final IoApic ioApic = new IoApic(bus, 2);

  IoApicTest() {
    apic.writeMmio(0xf0, 4, 0x1ff);
  }

  private void write(int register, int value) {
    ioApic.writeMmio(0, 4, register);
    ioApic.writeMmio(0x10, 4, value);
  }

  private int read(int register) {
    ioApic.writeMmio(0, 4, register);
    return (int) ioApic.readMmio(0x10, 4);
  }

  private void writeEntry(int pin, int low, int high) {
    write(0x11 + 2 * pin, high);
    write(0x10 + 2 * pin, low);
  }

  @Test
  void identifiesItself() {
    assertThat(read(0)).isEqualTo(0x0200_0000);
    assertThat(read(1)).isEqualTo(0x17_0020);
    assertThat(read(0x10)).isEqualTo(0x1_0000);
    write(0, 0x0500_0000);
    assertThat(read(0)).isEqualTo(0x0500_0000);
    assertThat(ioApic.readMmio(0, 4)).isZero();
    writeEntry(23, -1, -1);
    assertThat(read(0x10 + 46)).isEqualTo(0x1_afff);
    assertThat(read(0x11 + 46)).isEqualTo(0xff00_0000);
    assertThat(read(0x40)).isZero();
  }

  @Test
  void edgesAreDeliveredOnceAndLostWhileMasked() {
    ioApic.setLine(4, true);
    writeEntry(4, 0x44, 0);
    assertThat(apic.hasPending()).isFalse();
    ioApic.setLine(4, false);
    ioApic.setLine(4, true);
    ioApic.setLine(4, true);
    assertThat(apic.acknowledge()).isEqualTo(0x44);
    apic.writeMmio(0xb0, 4, 0);
    assertThat(apic.hasPending()).isFalse();
  }

  @Test
  void levelsWaitForTheMaskAndTheEnd() {
    ioApic.setLine(9, true);
    writeEntry(9, 0x1_8051, 0);
    assertThat(apic.hasPending()).isFalse();
    writeEntry(9, 0x8051, 0);
    assertThat(read(0x10 + 18)).as("remote IRR").isEqualTo(0xc051);
    assertThat(apic.acknowledge()).isEqualTo(0x51);
    ioApic.setLine(9, false);
    ioApic.setLine(9, true);
    apic.writeMmio(0xb0, 4, 0);
    assertThat(apic.acknowledge()).isEqualTo(0x51);
    ioApic.setLine(9, false);
    ioApic.writeMmio(0x40, 4, 0x51);
    assertThat(read(0x10 + 18)).as("the EOI register").isEqualTo(0x8051);
  }

  @Test
  void switchingToEdgeClearsRemoteIrr() {
    writeEntry(9, 0x8051, 0);
    ioApic.setLine(9, true);
    assertThat(read(0x10 + 18) & 0x4000).isNotZero();
    writeEntry(9, 0x1_0051, 0);
    assertThat(read(0x10 + 18)).isEqualTo(0x1_0051);
  }

  @Test
  void respectsDestinationAndDeliveryMode() {
    writeEntry(5, 0x55, 0x0700_0000);
    ioApic.setLine(5, true);
    assertThat(apic.hasPending()).as("APIC 7 does not exist").isFalse();
    writeEntry(6, 0x400, 0);
    ioApic.setLine(6, true);
    assertThat(apic.takeNmi()).isTrue();
    writeEntry(7, 0x700, 0);
    ioApic.setLine(7, true);
    assertThat(apic.acknowledge()).as("ExtINT").isEqualTo(0x33);
    assertThat(apic.hasPending()).isFalse();
  }
}
