package io.ringside.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class MmioBusTest {
  private final MachineLock lock = new MachineLock();
  private final MmioBus bus = new MmioBus(lock);

  @Test
  void findsTheDeviceOfAnAddress() {
    bus.claim(0x3000, 0x1000, new Named(3));
    bus.claim(0x1000, 0x1000, new Named(1));
    bus.claim(0x2000, 0x800, new Named(2));
    assertThat(bus.read(0x1008, 4)).isEqualTo(0x1_0008);
    assertThat(bus.read(0x27f8, 8)).isEqualTo(0x2_07f8);
    assertThat(bus.read(0x3ffc, 4)).isEqualTo(0x3_0ffc);
    assertThat(bus.read(0x2800, 4)).isEqualTo(0xffff_ffffL);
    assertThat(bus.read(0x4000, 8)).isEqualTo(-1);
    assertThat(bus.read(0x3ffe, 4)).as("crosses the end").isEqualTo(0xffff_ffffL);
  }

  @Test
  void writesCarryNoMoreThanTheirSize() {
    Named device = new Named(1);
    bus.claim(0x1000, 0x1000, device);
    bus.write(0x1010, 2, 0x1234_5678);
    assertThat(device.lastWrite).isEqualTo(0x5678);
    bus.write(0x1010, 8, -2);
    assertThat(device.lastWrite).isEqualTo(-2);
    bus.write(0x5000, 8, 7);
    assertThat(device.lastWrite).isEqualTo(-2);
  }

  @Test
  void refusesOverlaps() {
    bus.claim(0x1000, 0x1000, new Named(1));
    assertThatIllegalArgumentException().isThrownBy(() -> bus.claim(0x1fff, 1, new Named(2)));
    assertThatIllegalArgumentException().isThrownBy(() -> bus.claim(0x800, 0x801, new Named(2)));
    bus.claim(0x800, 0x800, new Named(2));
    bus.release(0x1000);
    bus.release(0x1000);
    bus.claim(0x1000, 0x10, new Named(3));
    assertThat(bus.read(0x1000, 4)).isEqualTo(0x3_0000);
  }

  @Test
  void aBusInFrontHidesTheOneBehind() {
    MmioBus front = new MmioBus(bus);
    bus.claim(0x1000, 0x1000, new Named(1));
    front.claim(0x1000, 0x100, new Named(9));
    assertThat(front.read(0x1000, 4)).isEqualTo(0x9_0000);
    assertThat(front.read(0x1100, 4)).isEqualTo(0x1_0100);
    assertThat(bus.read(0x1000, 4)).isEqualTo(0x1_0000);
  }

  private final class Named implements MmioDevice {
    final int name;
    long lastWrite;

    Named(int name) {
      this.name = name;
    }

    @Override
    public long readMmio(long offset, int size) {
      assertThat(lock.heldByCurrentThread()).isTrue();
      return (long) name << 16 | offset;
    }

    @Override
    public void writeMmio(long offset, int size, long value) {
      lastWrite = value;
    }
  }
}
