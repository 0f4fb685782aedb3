package io.ringside.xen;

import static io.ringside.xen.TestGuest.gva;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class GuestAccessTest {
  private final TestGuest guest = new TestGuest();
  private final GuestAccess access = guest.vcpu.access();

  private static void assertFault(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            HypercallException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EFAULT));
  }

  @Test
  void readsAndWritesAcrossPages() {
    for (int offset : new int[] {0, 4089, 4093, 4095}) {
      long address = gva(3) + offset;
      access.writeLong(address, 0x1122_3344_5566_7788L);
      assertThat(access.readLong(address)).isEqualTo(0x1122_3344_5566_7788L);
      assertThat(access.readInt(address)).isEqualTo(0x5566_7788);
      assertThat(access.readShort(address)).isEqualTo(0x7788);
      assertThat(access.readByte(address + 7)).isEqualTo((byte) 0x11);
      access.writeInt(address, 0x99aa_bbcc);
      access.writeShort(address, 0xddee);
      access.writeByte(address, 0xff);
      assertThat(access.readLong(address)).isEqualTo(0x1122_3344_99aa_ddffL);
    }
    assertThat(guest.cpu.stores).contains(guest.maddr(3), guest.maddr(4));
  }

  @Test
  void copiesAcrossPages() {
    byte[] data = new byte[9000];
    for (int i = 0; i < data.length; i++) {
      data[i] = (byte) (i * 7);
    }
    access.write(gva(10) + 100, data, 0, data.length);
    byte[] back = new byte[data.length];
    access.read(gva(10) + 100, back, 0, back.length);
    assertThat(back).isEqualTo(data);
  }

  @Test
  void faultsWhereTheGuestWould() {
    guest.unmap(4);
    guest.protect(5);
    assertFault(() -> access.readLong(gva(4)));
    assertFault(() -> access.readLong(gva(4) - 4));
    assertFault(() -> access.writeLong(gva(5), 0));
    assertThat(access.readLong(gva(5))).isZero();
    assertFault(() -> access.read(gva(3), new byte[5000], 0, 5000));
    assertFault(() -> access.readLong(0x1000));
  }

  @Test
  void xensOwnRangeIsNotForArguments() {
    long m2p = Layout.M2P_START + 8 * guest.mfn(3);
    assertThat(guest.cpu.translate(m2p, false)).isNotNegative();
    assertFault(() -> access.readLong(m2p));
    assertFault(() -> access.readLong(1L << 47));
    assertThat(GuestAccess.isPlausible(Layout.HYPERVISOR_END, 1, 1)).isTrue();
    assertThat(GuestAccess.isPlausible(Layout.HYPERVISOR_END - 1, 1, 1)).isFalse();
    assertThat(GuestAccess.isPlausible((1L << 47) - 1, 1, 1)).isTrue();
    assertThat(GuestAccess.isPlausible(0, -1, 8)).isFalse();
  }
}
