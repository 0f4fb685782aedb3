package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PhysdevOpTest {
  private final ServiceGuest guest = new ServiceGuest();

  private long call(int command, int... words) {
    for (int i = 0; i < words.length; i++) {
      guest.ram.putInt(guest.buffer + 4L * i, words[i]);
    }
    return guest.call(HypercallNumber.PHYSDEV_OP, command, ServiceGuest.BUFFER);
  }

  private int word(int index) {
    return guest.ram.getInt(guest.buffer + 4L * index);
  }

  @Test
  void ioplIsKept() {
    assertThat(call(6, 1)).isZero();
    assertThat(guest.vcpu.traps().registers().iopl()).isEqualTo(0x1000);
    assertThat(call(6, 4)).isEqualTo(-Errno.EINVAL);
    assertThat(call(6, -1)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.vcpu.traps().registers().iopl()).isEqualTo(0x1000);
    assertThat(call(6, 3)).isZero();
    assertThat(guest.vcpu.traps().registers().iopl()).isEqualTo(0x3000);
  }

  @Test
  void theIoBitmapIsKept() {
    int low = (int) ServiceGuest.BUFFER;
    int high = (int) (ServiceGuest.BUFFER >>> 32);
    assertThat(call(7, low, high, 1024, 0)).isZero();
    assertThat(guest.vcpu.traps().registers().ioBitmap()).isEqualTo(ServiceGuest.BUFFER);
    assertThat(guest.vcpu.traps().registers().ioPorts()).isEqualTo(1024);
    assertThat(call(7, low, high, 65536, 0)).isZero();
    assertThat(call(7, low, high, 65537, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(7, low, high, -1, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(7, 0, 0xffff_8000, 8, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.vcpu.traps().registers().ioPorts()).isEqualTo(65536);
  }

  @Test
  void noInterruptIsTheDomains() {
    assertThat(call(4)).isZero();
    assertThat(call(12, 5)).isEqualTo(-Errno.EINVAL);
    assertThat(call(12, 5000)).isEqualTo(-Errno.EINVAL);
    assertThat(call(5, 9, 77)).isZero();
    assertThat(word(0)).isEqualTo(9);
    assertThat(word(1)).isEqualTo(1);
    assertThat(call(5, 56, 77)).isEqualTo(-Errno.EINVAL);
    assertThat(call(5, -1, 77)).isEqualTo(-Errno.EINVAL);
    assertThat(word(1)).isEqualTo(77);
  }

  @Test
  void thePageOfEndsOfInterrupts() {
    int mfn = (int) (guest.buffer >>> 12) + 1;
    assertThat(call(28, 1, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(28, (int) guest.guest.mfn(TestGuest.L1), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(28, mfn, 0)).isZero();
    assertThat(guest.domain.frames().references(mfn)).isEqualTo(3);
    assertThat(call(28, mfn, 0)).isEqualTo(-Errno.EBUSY);
    assertThat(call(17, mfn, 0)).isEqualTo(-Errno.EBUSY);
    assertThat(guest.domain.frames().references(mfn)).isEqualTo(3);
  }

  @Test
  void freeInterruptsAreHandedOutOnce() {
    assertThat(call(23, 1, 0)).isZero();
    assertThat(word(1)).isEqualTo(16);
    Set<Integer> found = new HashSet<>();
    while (call(23, 0, 0) == 0) {
      assertThat(word(1)).isBetween(24, 55);
      assertThat(found.add(word(1))).isTrue();
    }
    assertThat(found).hasSize(32);
    assertThat(call(23, 0, 0)).isEqualTo(-Errno.ENOSPC);
    for (int i = 0; i < 7; i++) {
      assertThat(call(23, 1, 0)).isZero();
    }
    assertThat(call(23, 1, 0)).isEqualTo(-Errno.ENOSPC);
  }

  @ParameterizedTest
  @CsvSource({
    "0x7ff0, 0, -1",
    "7, 1, -1",
    "0, 1, -1",
    "5, 1, -3",
    "0x7ff0, 99, -1",
    "0x7ff0, 4, -1",
    "0x7ff0, 3, -1",
  })
  void interruptsAreNotGiven(int domid, int type, long result) {
    assertThat(call(13, domid, type, 1, 2, 3, 4, 5, 6, 0, 0)).isEqualTo(result);
    assertThat(word(1)).isEqualTo(type == 3 ? 0 : type);
    assertThat(word(3)).isEqualTo(2);
    assertThat(call(14, domid, 1)).isEqualTo(result);
  }

  @Test
  void aTableOfManyInterruptsIsNotForIt() {
    assertThat(call(13, 0x7ff0, 4, 0, 0, 0, 0, 0, 0, 1, 0)).isEqualTo(-Errno.EINVAL);
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 9, 10, 15, 16, 20, 24, 25, 26, 29, 30, 31})
  void whatOnlyThePrivilegedMay(int command) {
    assertThat(call(command, 0, 1, 1, 0)).isEqualTo(-Errno.EPERM);
  }

  @Test
  void otherErrors() {
    assertThat(call(20, 0, 2, 0, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(20, 0, 0, 2, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(21, 3, 0)).isEqualTo(-Errno.EPERM);
    assertThat(call(21, 24, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(21, -1, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(19, 0)).isEqualTo(-Errno.ENODEV);
    assertThat(call(27, 0)).isEqualTo(-Errno.ENODEV);
    for (int command : new int[] {0, 1, 3, 11, 18, 22, 32, -1}) {
      assertThat(call(command, 0)).isEqualTo(-Errno.ENOSYS);
    }
  }

  @ParameterizedTest
  @ValueSource(
      ints = {5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 19, 20, 21, 23, 25, 26, 27, 28, 30, 31})
  void argumentsInNowhere(int command) {
    assertThat(guest.call(HypercallNumber.PHYSDEV_OP, command, ServiceGuest.NOWHERE))
        .isEqualTo(-Errno.EFAULT);
    assertThat(guest.call(HypercallNumber.PHYSDEV_OP, command, Layout.HYPERVISOR_START))
        .isEqualTo(-Errno.EFAULT);
  }

  @Test
  void theOldHypercallHasTheCommandInItsArgument() {
    int number = HypercallNumber.PHYSDEV_OP_COMPAT;
    guest.ram.putInt(guest.buffer, 6);
    guest.ram.putInt(guest.buffer + 8, 2);
    assertThat(guest.call(number, ServiceGuest.BUFFER)).isZero();
    assertThat(guest.vcpu.traps().registers().iopl()).isEqualTo(0x2000);
    guest.ram.putInt(guest.buffer, 99);
    assertThat(guest.call(number, ServiceGuest.BUFFER)).isEqualTo(-Errno.ENOSYS);
    assertThat(guest.call(number, ServiceGuest.NOWHERE - 23)).isEqualTo(-Errno.EFAULT);
  }
}
