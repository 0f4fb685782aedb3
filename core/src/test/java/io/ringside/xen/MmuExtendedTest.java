package io.ringside.xen;

import static io.ringside.xen.TestGuest.arguments;
import static io.ringside.xen.TestGuest.gva;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MmuExtendedTest {
  private static final int NEW_BASEPTR = 5;
  private static final int SET_LDT = 13;
  private static final int NEW_USER_BASEPTR = 15;
  private static final int CLEAR_PAGE = 16;
  private static final int COPY_PAGE = 17;

  private final TestGuest guest = new TestGuest();
  private final PageTypes types = guest.domain.types();

  private void copyOfRoot(int pfn) {
    guest.raw.copy(guest.maddr(TestGuest.L4), guest.maddr(pfn), 4096);
    guest.protect(pfn);
    guest.cpu.calls.clear();
  }

  @Test
  void newRoots() {
    copyOfRoot(1);
    long old = guest.mfn(TestGuest.L4);
    assertThat(guest.mmuExtended(NEW_BASEPTR, guest.mfn(1), 0)).isZero();
    assertThat(guest.vcpu.kernelRoot()).isEqualTo(guest.mfn(1));
    assertThat(guest.cpu.calls).contains("kernel " + guest.mfn(1));
    assertThat(types.isUsed(old)).isFalse();
    assertThat(types.isUsedAs(guest.mfn(1), PageTypes.L4)).isTrue();
    assertThat(guest.get(1, 256)).as("the M2P table").isNotZero();
    assertThat(guest.mmuExtended(NEW_BASEPTR, guest.mfn(1), 0)).as("the same").isZero();
    assertThat(types.count(guest.mfn(1))).isEqualTo(1);
    assertThat(guest.mmuExtended(NEW_BASEPTR, guest.mfn(5), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuExtended(NEW_BASEPTR, 0, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.vcpu.kernelRoot()).isEqualTo(guest.mfn(1));
  }

  @Test
  void newUserRoots() {
    copyOfRoot(1);
    assertThat(guest.mmuExtended(NEW_USER_BASEPTR, guest.mfn(1), 0)).isZero();
    assertThat(guest.cpu.userRoot).isEqualTo(guest.mfn(1));
    assertThat(guest.get(1, 256)).as("no M2P table for user mode").isZero();
    assertThat(guest.mmuExtended(NEW_USER_BASEPTR, guest.mfn(5), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuExtended(NEW_USER_BASEPTR, 0, 0)).isZero();
    assertThat(types.isUsed(guest.mfn(1))).isFalse();
    assertThat(guest.cpu.userRoot).isZero();
  }

  @Test
  void strictM2p() {
    guest.domain.assist(Domain.ASSIST_M2P_STRICT, true);
    copyOfRoot(1);
    assertThat(guest.mmuExtended(3, guest.mfn(1), 0)).isZero();
    assertThat(guest.get(1, 256)).isNotZero();
    assertThat(guest.mmuExtended(NEW_USER_BASEPTR, guest.mfn(1), 0)).isZero();
    assertThat(guest.get(1, 256)).isZero();
  }

  @Test
  void translations() {
    long mask = arguments() + 1024;
    guest.vcpu.access().writeLong(mask, 1);
    for (int command : new int[] {6, 10}) {
      assertThat(guest.mmuExtended(command, 0, 0)).isZero();
    }
    assertThat(guest.mmuExtended(8, 0, mask)).isZero();
    assertThat(guest.cpu.calls).containsExactly("flush", "flush", "flush");
    guest.cpu.calls.clear();
    for (int command : new int[] {7, 9, 11}) {
      assertThat(guest.mmuExtended(command, 0x5000, mask)).isZero();
      assertThat(guest.mmuExtended(command, Layout.M2P_START, mask)).as("Xen's").isZero();
    }
    assertThat(guest.cpu.calls)
        .containsExactly("invalidate 5000", "invalidate 5000", "invalidate 5000");
    assertThat(guest.mmuExtended(8, 0, 0x1000)).as("a mask nowhere").isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuExtended(9, 0, 0x1000)).isEqualTo(-Errno.EINVAL);
  }

  @ParameterizedTest
  @CsvSource({"12, -13", "18, -22", "19, -95", "20, -95", "14, -38", "21, -38", "-1, -38"})
  void whatThereIsNot(int command, int result) {
    assertThat(guest.mmuExtended(command & 0xffff_ffff, 0, 0)).isEqualTo(result);
  }

  @Test
  void clearsAndCopies() {
    guest.put(1, 17, 99);
    assertThat(guest.mmuExtended(COPY_PAGE, guest.mfn(2), guest.mfn(1))).isZero();
    assertThat(guest.get(2, 17)).isEqualTo(99);
    assertThat(guest.cpu.stores).contains(guest.maddr(2));
    assertThat(guest.mmuExtended(CLEAR_PAGE, guest.mfn(1), 0)).isZero();
    assertThat(guest.get(1, 17)).isZero();
    long table = guest.mfn(TestGuest.L1);
    assertThat(guest.mmuExtended(CLEAR_PAGE, table, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuExtended(COPY_PAGE, table, guest.mfn(1))).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuExtended(COPY_PAGE, guest.mfn(1), 1)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuExtended(COPY_PAGE, guest.mfn(1), table)).as("to read it is fine").isZero();
    assertThat(guest.domain.frames().references(guest.mfn(1))).isEqualTo(2);
    assertThat(guest.domain.frames().references(guest.mfn(2))).isEqualTo(2);
  }

  @Test
  void localDescriptorTables() {
    guest.put(1, 3, 0x00af_9b00_0000_ffffL);
    guest.put(1, 4, 0);
    assertThat(guest.mmuExtended(SET_LDT, gva(1), 512)).isZero();
    assertThat(guest.vcpu.descriptor(3 << 3 | 7)).as("writable, so not usable").isZero();
    guest.protect(1);
    assertThat(guest.vcpu.descriptor(3 << 3 | 7)).as("DPL 3").isEqualTo(0x00af_fb00_0000_ffffL);
    assertThat(guest.vcpu.descriptor(512 << 3 | 7)).as("beyond the end").isZero();
    assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, gva(1), guest.entry(1, true), 0))
        .as("in use")
        .isEqualTo(-Errno.EBUSY);
    assertThat(guest.mmuExtended(SET_LDT, 0, 0)).isZero();
    assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, gva(1), guest.entry(1, true), 0))
        .isZero();
    assertThat(guest.mmuExtended(SET_LDT, gva(1) + 8, 1)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuExtended(SET_LDT, gva(1), 8193)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuExtended(SET_LDT, Layout.M2P_START, 1)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void listsEndAtTheFirstError() {
    long list = guest.arguments(6, 0, 0, 99, 0, 0, 6, 0, 0);
    long done = arguments() + 2048;
    assertThat(guest.call(HypercallNumber.MMUEXT_OP, list, 3, done, Layout.DOMID_SELF))
        .isEqualTo(-Errno.ENOSYS);
    assertThat(guest.vcpu.access().readInt(done)).isEqualTo(1);
    assertThat(guest.call(HypercallNumber.MMUEXT_OP, 0x1000, 1, done, Layout.DOMID_SELF))
        .isEqualTo(-Errno.EFAULT);
    assertThat(guest.call(HypercallNumber.MMUEXT_OP, Layout.M2P_START, 1, 0, Layout.DOMID_SELF))
        .isEqualTo(-Errno.EFAULT);
  }

  @ParameterizedTest
  @CsvSource({"7, -3", "0, -1", "5, -3", "0x7ff0, 0", "0x7ff1, -1", "0x7ff2, -1"})
  void foreignDomains(String foreign, int result) {
    long list = guest.arguments(6, 0, 0);
    assertThat(guest.call(HypercallNumber.MMUEXT_OP, list, 1, 0, Integer.decode(foreign)))
        .isEqualTo(result);
  }
}
