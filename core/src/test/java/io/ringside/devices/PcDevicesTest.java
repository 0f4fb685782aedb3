package io.ringside.devices;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.MachineLock;
import io.ringside.machine.MmioBus;
import io.ringside.machine.PortBus;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/** The wiring: each device is where systems expect it and interrupts by the line that it should. */
class PcDevicesTest {
  private final ManualTimers time = new ManualTimers();
  private final RecordedPower power = new RecordedPower();
  private final StringBuilder serial = new StringBuilder();
  private final StringBuilder debug = new StringBuilder();
  private final MachineLock lock = new MachineLock();
  private final PortBus ports = new PortBus(lock);
  private final MmioBus machineMmio = new MmioBus(lock);
  private final EmulatedChips chips = new EmulatedChips(ports, machineMmio, 1, lock, time, time);
  private final PcDevices pc =
      new PcDevices(
          new PcDevices.Surroundings(
              ports,
              new GuestMemory(new NativeMemory(Arena.ofAuto().allocate(8)), 512L << 20),
              1,
              time,
              chips,
              0,
              b -> serial.append((char) b),
              () -> {},
              b -> debug.append((char) b),
              power));
  private final MmioBus mmio = chips.mmio(0);
  private final LocalApic apic = chips.apic(0);

  private void initialisePics() {
    int[][] words = {
      {0x20, 0x11}, {0x21, 0x30}, {0x21, 4}, {0x21, 1},
      {0xa0, 0x11}, {0xa1, 0x38}, {0xa1, 2}, {0xa1, 1}
    };
    for (int[] word : words) {
      ports.write(word[0], 1, word[1]);
    }
  }

  private void writeIoApic(int pin, int low) {
    mmio.write(0xfec0_0000L, 4, 0x10 + 2L * pin);
    mmio.write(0xfec0_0010L, 4, low);
  }

  @Test
  void timerInterruptsThroughThePics() {
    initialisePics();
    ports.write(0x43, 1, 0x34);
    ports.write(0x40, 1, 0xa9);
    ports.write(0x40, 1, 0x04);
    time.advance(1_000_000);
    assertThat(apic.hasPending()).isTrue();
    assertThat(apic.acknowledge()).isEqualTo(0x30);
    assertThat(apic.hasPending()).isFalse();
    ports.write(0x20, 1, 0x20);
    time.advance(1_000_000);
    assertThat(apic.acknowledge()).isEqualTo(0x30);
  }

  @Test
  void timerInterruptsThroughInputTwoOfTheIoApic() {
    mmio.write(0xfee0_0350L, 4, 0x1_0700);
    writeIoApic(2, 0x51);
    ports.write(0x43, 1, 0x34);
    ports.write(0x40, 1, 0xa9);
    ports.write(0x40, 1, 0x04);
    time.advance(1_000_000);
    assertThat(apic.acknowledge()).isEqualTo(0x51);
  }

  @Test
  void timerInterruptsThatNobodyTookAreMadeUpFor() {
    mmio.write(0xfee0_0350L, 4, 0x1_0700);
    mmio.write(0xfee0_00f0L, 4, 0x1ff);
    writeIoApic(2, 0x51);
    ports.write(0x43, 1, 0x34);
    ports.write(0x40, 1, 0xa9);
    ports.write(0x40, 1, 0x04);
    time.advance(5_100_000);
    for (int i = 0; i < 5; i++) {
      assertThat(apic.acknowledge()).isEqualTo(0x51);
      assertThat(apic.hasPending()).as("while it is in service").isFalse();
      mmio.write(0xfee0_00b0L, 4, 0);
    }
    assertThat(apic.hasPending()).isFalse();
    time.advance(1_000_000);
    assertThat(apic.acknowledge()).isEqualTo(0x51);
  }

  @Test
  void timerInterruptsThroughThePicsAreMadeUpForToo() {
    initialisePics();
    ports.write(0x43, 1, 0x34);
    ports.write(0x40, 1, 0xa9);
    ports.write(0x40, 1, 0x04);
    time.advance(3_100_000);
    for (int i = 0; i < 3; i++) {
      assertThat(apic.acknowledge()).isEqualTo(0x30);
      ports.write(0x20, 1, 0x20);
    }
    assertThat(apic.hasPending()).isFalse();
  }

  @Test
  void serialPort() {
    writeIoApic(4, 0x41);
    ports.write(0x3fc, 1, 0x0b);
    ports.write(0x3f9, 1, 1);
    ports.write(0x3f8, 1, '!');
    assertThat(serial.toString()).isEqualTo("!");
    lock.lock();
    assertThat(pc.com1().receive('k')).isTrue();
    lock.unlock();
    assertThat(apic.acknowledge()).isEqualTo(0x41);
    assertThat(ports.read(0x3f8, 1)).isEqualTo('k');
  }

  @Test
  void sciIsALevelOnIrqNine() {
    writeIoApic(9, 0x8061);
    ports.write(0x602, 2, 0x100);
    lock.lock();
    pc.acpi().pressPowerButton();
    lock.unlock();
    assertThat(apic.acknowledge()).isEqualTo(0x61);
    ports.write(0x600, 2, 0x100);
    mmio.write(0xfee0_00b0L, 4, 0);
    assertThat(apic.hasPending()).isFalse();
  }

  @Test
  void clockInterruptsOnIrqEight() {
    writeIoApic(8, 0x71);
    ports.write(0x70, 2, 0x120b);
    time.advance(1_000_000_000L);
    assertThat(apic.acknowledge()).isEqualTo(0x71);
  }

  @Test
  void powerEvents() {
    ports.write(0x604, 2, 0x3400);
    ports.write(0x64, 1, 0xfe);
    ports.write(0xcf9, 1, 0x06);
    ports.write(0x92, 1, 0x03);
    ports.write(0xf4, 4, 3);
    assertThat(power.events).containsExactly("off", "reset", "reset", "reset", "exit 7");
    assertThat(ports.read(0x92, 1)).isEqualTo(2);
  }

  @Test
  void debugPorts() {
    ports.write(0xe9, 1, 'x');
    assertThat(debug.toString()).isEqualTo("x");
    assertThat(ports.read(0xe9, 1)).isEqualTo(0xe9);
    ports.write(0x80, 1, 0x42);
    assertThat(pc.debug().lastPostCode()).isEqualTo(0x42);
  }

  @Test
  void firmwareConfiguration() {
    StringBuilder signature = new StringBuilder();
    ports.write(0x510, 2, 0);
    for (int i = 0; i < 4; i++) {
      signature.append((char) ports.read(0x511, 1));
    }
    assertThat(signature.toString()).isEqualTo("QEMU");
    ports.write(0x510, 2, 5);
    assertThat(ports.read(0x511, 1) | ports.read(0x511, 1) << 8).isEqualTo(1);
    ports.write(0x510, 2, 3);
    long ram = 0;
    for (int i = 0; i < 8; i++) {
      ram |= (long) ports.read(0x511, 1) << (8 * i);
    }
    assertThat(ram).isEqualTo(512L << 20);
    assertThat(ports.read(0x511, 1)).as("past the end").isZero();
  }

  @Test
  void whatIsNotThereReadsAllOnes() {
    for (int port : new int[] {0x00, 0x0f, 0x80, 0x87, 0xc0, 0xdf, 0x2f8, 0x3f6, 0x1f7, 0x3e8}) {
      assertThat(ports.read(port, 1)).as("port %x", port).isEqualTo(0xff);
      ports.write(port, 1, 0);
    }
    assertThat(mmio.read(0xfed0_0000L, 4)).as("no HPET").isEqualTo(0xffff_ffffL);
  }
}
