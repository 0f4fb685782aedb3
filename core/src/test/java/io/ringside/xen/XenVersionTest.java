package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class XenVersionTest {
  private final ServiceGuest guest = new ServiceGuest();

  private long ask(int command, long argument) {
    return guest.call(HypercallNumber.XEN_VERSION, command, argument);
  }

  /** Asks for something that fills {@code size} bytes and no more. */
  private void fills(int command, int size) {
    guest.ram.fill(guest.buffer, 4096, 0xee);
    assertThat(ask(command, ServiceGuest.BUFFER)).isZero();
    assertThat(guest.ram.getByte(guest.buffer + size)).isEqualTo(0xee);
    assertThat(guest.ram.getByte(guest.buffer + size - 1)).isNotEqualTo(0xee);
  }

  @Test
  void theVersionIs417() {
    assertThat(ask(0, 0)).isEqualTo(0x4_0011);
  }

  @Test
  void textsFillTheirArrays() {
    fills(1, 16);
    assertThat(guest.string(0)).isEqualTo("-ringside");
    fills(2, 144);
    assertThat(guest.string(0)).isEqualTo("javac");
    assertThat(guest.string(64)).isEqualTo("ringside");
    fills(3, 1024);
    assertThat(guest.string(0)).isEqualTo("xen-3.0-x86_64 ");
    fills(4, 64);
    assertThat(guest.string(0)).isEqualTo("unavailable");
    fills(9, 9);
    assertThat(guest.string(0)).isEqualTo("<denied>");
  }

  @Test
  void theHandleIsAUuid() {
    fills(8, 16);
    assertThat(guest.ram.getByte(guest.buffer + 6) >>> 4).isEqualTo(4);
    assertThat(guest.ram.getByte(guest.buffer + 8) >>> 6).isEqualTo(2);
    assertThat(guest.ram.getByte(guest.buffer + 15)).isEqualTo(TestGuest.DOMID);
  }

  @Test
  void xensAddressRangeStartsInTheMiddle() {
    fills(5, 8);
    assertThat(guest.ram.getLong(guest.buffer)).isEqualTo(0xffff_8000_0000_0000L);
  }

  @Test
  void features() {
    assertThat(ask(6, ServiceGuest.BUFFER)).isZero();
    assertThat(guest.ram.getInt(guest.buffer)).isZero();
    assertThat(guest.ram.getInt(guest.buffer + 4))
        .isEqualTo(1 << 5 | 1 << 6 | 1 << 7 | 1 << 13 | 1 << 17);

    guest.domain.assist(3, true);
    ask(6, ServiceGuest.BUFFER);
    assertThat(guest.ram.getInt(guest.buffer + 4) & 1 << 4).isNotZero();

    guest.ram.putInt(guest.buffer, 1);
    assertThat(ask(6, ServiceGuest.BUFFER)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void thePageSizeIsAskedForWithoutABuffer() {
    assertThat(ask(7, 0)).isEqualTo(4096);
    assertThat(ask(7, ServiceGuest.BUFFER)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void errors() {
    // What is there names another submap.
    assertThat(ask(6, ServiceGuest.READ_ONLY)).isEqualTo(-Errno.EINVAL);
    for (int command : new int[] {1, 2, 3, 4, 5, 6, 8, 9}) {
      assertThat(ask(command, ServiceGuest.NOWHERE)).isEqualTo(-Errno.EFAULT);
      if (command != 6) {
        assertThat(ask(command, ServiceGuest.READ_ONLY)).isEqualTo(-Errno.EFAULT);
      }
      assertThat(ask(command, 0)).isEqualTo(-Errno.EFAULT);
      assertThat(ask(command, Layout.M2P_START)).isEqualTo(-Errno.EFAULT);
    }
    assertThat(ask(10, ServiceGuest.BUFFER)).isEqualTo(-Errno.EPERM);
    assertThat(ask(11, ServiceGuest.BUFFER)).isEqualTo(-Errno.ENOSYS);
    assertThat(ask(-1, ServiceGuest.BUFFER)).isEqualTo(-Errno.ENOSYS);
  }
}
