package io.ringside.xen;

import static io.ringside.xen.TestGuest.DOMID;
import static io.ringside.xen.TestGuest.arguments;
import static io.ringside.xen.TestGuest.gva;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.xen.XenStatistics.Counter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MmuUpdateTest {
  private static final int INVLPG_LOCAL = 2;
  private static final int FLUSH_ALL = 5;

  private final TestGuest guest = new TestGuest();

  private long slot(int pfn) {
    return guest.maddr(TestGuest.L1) + 8L * pfn;
  }

  private long update(long requests, int count, long done, int foreign) {
    return guest.call(HypercallNumber.MMU_UPDATE, requests, count, done, foreign);
  }

  @Test
  void changesEntriesUntilOneIsWrong() {
    long requests =
        guest.arguments(
            slot(1), guest.entry(100, false),
            slot(2), guest.entry(100, true),
            slot(3), guest.entry(TestGuest.L4, true),
            slot(4), 0);
    long done = arguments() + 2048;
    assertThat(update(requests, 4, done, Layout.DOMID_SELF)).isEqualTo(-Errno.EBUSY);
    assertThat(guest.vcpu.access().readInt(done)).isEqualTo(2);
    assertThat(guest.cpu.translate(gva(1), false)).isEqualTo(guest.maddr(100));
    assertThat(guest.cpu.translate(gva(2), true)).isEqualTo(guest.maddr(100));
    assertThat(guest.cpu.translate(gva(3), true)).isEqualTo(guest.maddr(3));
    assertThat(guest.cpu.translate(gva(4), true)).isEqualTo(guest.maddr(4));
    assertThat(guest.domain.statistics().get(Counter.PAGE_TABLE_UPDATES)).isEqualTo(2);
    assertThat(guest.domain.statistics().hypercalls(HypercallNumber.MMU_UPDATE)).isEqualTo(1);
  }

  @Test
  void readsRequestsAcrossPages() {
    long requests = gva(TestGuest.ARGUMENTS + 1) - 24;
    GuestAccess access = guest.vcpu.access();
    for (int i = 0; i < 3; i++) {
      access.writeLong(requests + 16 * i, slot(i + 1));
      access.writeLong(requests + 16 * i + 8, guest.entry(100 + i, false));
    }
    assertThat(update(requests, 3, 0, Layout.DOMID_SELF)).isZero();
    assertThat(guest.cpu.translate(gva(3), false)).isEqualTo(guest.maddr(102));
  }

  @Test
  void requestsThatCannotBeRead() {
    assertThat(update(Layout.M2P_START, 1, 0, Layout.DOMID_SELF)).isEqualTo(-Errno.EFAULT);
    assertThat(update(1L << 47, 1, 0, Layout.DOMID_SELF)).isEqualTo(-Errno.EFAULT);
    assertThat(update(0x1000, 1, 0, Layout.DOMID_SELF)).isEqualTo(-Errno.EFAULT);
    assertThat(update(0x1000, 0, 0, Layout.DOMID_SELF)).isZero();
    guest.unmap(TestGuest.ARGUMENTS + 1);
    long requests = gva(TestGuest.ARGUMENTS + 1) - 24;
    guest.vcpu.access().writeLong(requests, slot(1));
    guest.vcpu.access().writeLong(requests + 8, guest.entry(100, false));
    assertThat(update(requests, 2, arguments(), Layout.DOMID_SELF)).isEqualTo(-Errno.EFAULT);
    assertThat(guest.vcpu.access().readInt(arguments())).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({
    "7, -3", // the caller by its number
    "0, -1", // dom0 is there, but not for us
    "5, -3",
    "0x7ff0, 0",
    "0x7ff1, -16", // a frame of RAM is not DOMID_IO's
    "0x7ff2, -1",
    "0x7ff4, -3",
    "0x00087ff0, 0", // the tables' domain is the caller
    "0x00067ff0, -3",
    "0x00017ff0, -1"
  })
  void foreignDomains(String foreign, int result) {
    long requests = guest.arguments(slot(1), guest.entry(100, false));
    assertThat(update(requests, 1, 0, Integer.decode(foreign))).isEqualTo(result);
  }

  @Test
  void goesOnFromWhereAGuestSaysItWasInterrupted() {
    long requests = guest.arguments(slot(1), guest.entry(100, false));
    long done = arguments() + 2048;
    guest.vcpu.access().writeInt(done, 41);
    assertThat(update(requests, 1 << 31 | 1, done, Layout.DOMID_SELF)).isZero();
    assertThat(guest.vcpu.access().readInt(done)).isEqualTo(42);
    assertThat(update(0, 1 << 31, 0, -77)).isEqualTo(-77);
  }

  @Test
  void ordinaryMemoryIsSimplyWritten() {
    assertThat(guest.mmuUpdate(guest.maddr(9) + 8, -1)).isZero();
    assertThat(guest.get(9, 1)).isEqualTo(-1);
    guest.unmap(10);
    assertThat(guest.domain.types().isUsed(guest.mfn(10))).isFalse();
    assertThat(guest.mmuUpdate(guest.maddr(10), 5)).isZero();
    assertThat(guest.get(10, 0)).isEqualTo(5);
  }

  @Test
  void badFramesAndCommands() {
    assertThat(guest.mmuUpdate(0, 0)).as("Xen's").isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuUpdate(1L << 45, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuUpdate(-8, 0)).isEqualTo(-Errno.EINVAL);
    for (int command = 4; command < 8; command++) {
      assertThat(guest.mmuUpdate(slot(1) | command, 0)).isEqualTo(-Errno.ENOSYS);
    }
    assertThat(guest.mmuUpdate(slot(1) | 3, 0)).isZero();
  }

  @Test
  void machToPhys() {
    assertThat(guest.mmuUpdate(guest.maddr(20) | 1, 0x1234)).isZero();
    assertThat(guest.domain.m2p().get(guest.mfn(20))).isEqualTo(0x1234);
    assertThat(guest.mmuUpdate(1, 5)).as("Xen's").isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuUpdate(guest.domain.frames().frames() << 12 | 1, 5))
        .isEqualTo(-Errno.EINVAL);
  }

  @Test
  void upperLevels() {
    for (int pfn = 1; pfn <= 3; pfn++) {
      guest.protect(pfn);
    }
    long l2 = guest.maddr(TestGuest.L2) + 40;
    assertThat(guest.mmuUpdate(l2, guest.entry(1, true))).isZero();
    assertThat(guest.domain.types().isUsedAs(guest.mfn(1), PageTypes.L1)).isTrue();
    assertThat(guest.mmuUpdate(l2 + 8, guest.entry(TestGuest.L3, true))).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuUpdate(l2 + 8, guest.entry(100, true))).isEqualTo(-Errno.EINVAL);
    guest.cpu.calls.clear();
    assertThat(guest.mmuUpdate(l2, 0)).isZero();
    assertThat(guest.cpu.calls).as("an entry went away").containsExactly("flush");
    assertThat(guest.domain.types().isUsed(guest.mfn(1))).isFalse();
    assertThat(guest.mmuUpdate(guest.maddr(TestGuest.L3), guest.entry(2, true))).isZero();
    assertThat(guest.mmuUpdate(guest.maddr(TestGuest.L4), guest.entry(3, true))).isZero();
    assertThat(guest.domain.types().isUsedAs(guest.mfn(2), PageTypes.L2)).isTrue();
    assertThat(guest.domain.types().isUsedAs(guest.mfn(3), PageTypes.L3)).isTrue();
  }

  @Test
  void updateVaMapping() {
    long entry = guest.entry(100, true);
    assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, gva(1), entry, INVLPG_LOCAL)).isZero();
    assertThat(guest.cpu.translate(gva(1), true)).isEqualTo(guest.maddr(100));
    assertThat(guest.cpu.calls).containsExactly("invalidate " + Long.toHexString(gva(1)));
    guest.cpu.calls.clear();
    assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, gva(1), 0, FLUSH_ALL)).isZero();
    assertThat(guest.cpu.calls).containsExactly("flush");
    guest.cpu.calls.clear();
    assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, gva(1), entry, 0)).isZero();
    assertThat(guest.cpu.calls).isEmpty();
  }

  @Test
  void updateVaMappingOfOtherAddresses() {
    long entry = guest.entry(100, true);
    for (long gva : new long[] {0x1000, gva(512), Layout.M2P_START, 1L << 47, -1L << 48}) {
      assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, gva, entry, 0))
          .as(Long.toHexString(gva))
          .isEqualTo(-Errno.EINVAL);
    }
    assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, gva(1), guest.entry(511, true), 1))
        .isEqualTo(-Errno.EBUSY);
    assertThat(guest.cpu.calls).isEmpty();
  }

  @Test
  void masksOfVcpus() {
    long mask = guest.arguments(1);
    long entry = guest.entry(100, true);
    assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, gva(1), entry, mask | 1)).isZero();
    assertThat(guest.cpu.calls).containsExactly("flush");
    assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, gva(1), entry, 0x1000 | 1))
        .isEqualTo(-Errno.EFAULT);
  }

  @Test
  void updateVaMappingOtherDomain() {
    int number = HypercallNumber.UPDATE_VA_MAPPING_OTHERDOMAIN;
    long entry = guest.entry(100, true);
    assertThat(guest.call(number, gva(1), entry, 0, Layout.DOMID_SELF)).isZero();
    assertThat(guest.call(number, gva(1), entry, 0, DOMID)).isEqualTo(-Errno.ESRCH);
    assertThat(guest.call(number, gva(1), entry, 0, 0)).isEqualTo(-Errno.EPERM);
    assertThat(guest.call(number, gva(1), entry, 0, 99)).isEqualTo(-Errno.ESRCH);
    assertThat(guest.call(number, gva(1), entry, 0, Layout.DOMID_XEN)).isEqualTo(-Errno.EPERM);
    long device = 0xfee0_0000L | Pte.PRESENT | Pte.WRITABLE;
    assertThat(guest.call(number, gva(1), device, 0, Layout.DOMID_IO)).isEqualTo(-Errno.EPERM);
  }
}
