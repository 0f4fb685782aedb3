package io.ringside.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PortBusTest {
  private final MachineLock lock = new MachineLock();
  private final PortBus bus = new PortBus(lock);

  @Test
  void unclaimedPortsReadAllOnesAndSwallowWrites() {
    bus.write(0x123, 4, 0);
    assertThat(bus.read(0x123, 1)).isEqualTo(0xff);
    assertThat(bus.read(0x123, 2)).isEqualTo(0xffff);
    assertThat(bus.read(0x123, 4)).isEqualTo(-1);
  }

  @Test
  void splitsWideAccessesForByteWideDevices() {
    Recorder device = new Recorder();
    bus.claim(0x10, 2, 1, device);
    bus.write(0x10, 4, 0x4433_2211);
    assertThat(device.seen).containsExactly("w 10 1 11", "w 11 1 22");
    assertThat(bus.read(0x10, 4)).isEqualTo(0xffff_1110);
    assertThat(bus.read(0x0f, 2)).isEqualTo(0x10ff);
  }

  @Test
  void handsWideAccessesWholeToDevicesThatTakeThem() {
    Recorder device = new Recorder();
    bus.claim(0xcf8, 4, 4, device);
    bus.write(0xcf8, 4, 0x8000_0000);
    bus.write(0xcf8, 2, 0x1_2345);
    bus.write(0xcfa, 4, 0xaabb_ccdd);
    assertThat(device.seen)
        .containsExactly("w cf8 4 80000000", "w cf8 2 2345", "w cfa 1 dd", "w cfb 1 cc");
  }

  @Test
  void wrapsAroundAtTheEndOfTheSpace() {
    Recorder device = new Recorder();
    bus.claim(0, 1, 1, device);
    bus.write(0xffff, 2, 0x1234);
    assertThat(device.seen).containsExactly("w 0 1 12");
  }

  @Test
  void refusesOverlapsAndGivesReleasedPortsAgain() {
    Recorder device = new Recorder();
    bus.claim(0x60, 4, 1, device);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> bus.claim(0x63, 1, 1, device))
        .withMessageContaining("0x63");
    assertThatIllegalArgumentException().isThrownBy(() -> bus.claim(0xffff, 2, 1, device));
    assertThatIllegalArgumentException().isThrownBy(() -> bus.claim(0x70, 2, 3, device));
    bus.release(0x60, 4);
    assertThat(bus.read(0x60, 1)).isEqualTo(0xff);
    bus.claim(0x63, 1, 1, device);
  }

  private final class Recorder implements PortDevice {
    final List<String> seen = new ArrayList<>();

    @Override
    public int readPort(int port, int size) {
      assertThat(lock.heldByCurrentThread()).isTrue();
      return port | 0xff00;
    }

    @Override
    public void writePort(int port, int size, int value) {
      assertThat(lock.heldByCurrentThread()).isTrue();
      seen.add("w " + Integer.toHexString(port) + " " + size + " " + Integer.toHexString(value));
    }
  }
}
