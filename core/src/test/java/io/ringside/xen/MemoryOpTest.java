package io.ringside.xen;

import static io.ringside.xen.TestGuest.DOMID;
import static io.ringside.xen.TestGuest.PAGES;
import static io.ringside.xen.TestGuest.arguments;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MemoryOpTest {
  private static final int INCREASE = 0;
  private static final int DECREASE = 1;
  private static final int POPULATE = 6;
  private static final int EXCHANGE = 11;

  /** Where lists of extents are, behind the arguments. */
  private static final long LIST = arguments() + 1024;

  private static final long OTHER_LIST = arguments() + 2048;

  private final TestGuest guest = new TestGuest();
  private final FrameTable frames = guest.domain.frames();
  private final GuestAccess access = guest.vcpu.access();

  private long call(long command, long argument) {
    return guest.call(HypercallNumber.MEMORY_OP, command, argument);
  }

  private long reserve(int command, long count, int order, int flags, long... extents) {
    for (int i = 0; i < extents.length; i++) {
      access.writeLong(LIST + 8 * i, extents[i]);
    }
    long second = order & 0xffff_ffffL | (long) flags << 32;
    return call(command, guest.arguments(LIST, count, second, Layout.DOMID_SELF));
  }

  @Test
  void givesBackAndTakesMemory() {
    guest.unmap(1);
    guest.unmap(2);
    guest.put(2, 0, 77);
    assertThat(reserve(DECREASE, 2, 0, 0, guest.mfn(1), guest.mfn(2))).isEqualTo(2);
    assertThat(frames.allocated()).isEqualTo(PAGES - 2);
    assertThat(frames.isDomains(guest.mfn(1))).isFalse();
    assertThat(guest.domain.m2p().get(guest.mfn(1))).isEqualTo(Layout.INVALID_M2P_ENTRY);
    assertThat(reserve(POPULATE, 3, 0, 0, 1, 2, 3)).as("up to the maximum").isEqualTo(2);
    long mfn = access.readLong(LIST + 8);
    assertThat(frames.isDomains(mfn)).isTrue();
    assertThat(guest.domain.m2p().get(mfn)).isEqualTo(2);
    assertThat(guest.raw.getLong(mfn << 12)).isZero();
    assertThat(frames.allocated()).isEqualTo(PAGES);
  }

  @Test
  void memoryInUseStaysUntilItIsNot() {
    assertThat(reserve(DECREASE, 1, 0, 0, guest.mfn(1))).isEqualTo(1);
    assertThat(frames.allocated()).isEqualTo(PAGES);
    assertThat(reserve(DECREASE, 1, 0, 0, guest.mfn(1))).as("again").isEqualTo(1);
    guest.unmap(1);
    assertThat(frames.allocated()).isEqualTo(PAGES - 1);
    assertThat(reserve(DECREASE, 1, 0, 0, guest.mfn(1))).as("gone").isZero();
  }

  @Test
  void increasesWithoutPfn() {
    guest.unmap(1);
    reserve(DECREASE, 1, 0, 0, guest.mfn(1));
    assertThat(reserve(INCREASE, 1, 0, 0, 0)).isEqualTo(1);
    assertThat(guest.domain.m2p().get(access.readLong(LIST))).isEqualTo(Layout.INVALID_M2P_ENTRY);
    assertThat(reserve(INCREASE, 1, 0, 0, 0)).isZero();
  }

  @Test
  void largeExtentsAreAligned() {
    TestGuest large = new TestGuest(PAGES + 1024);
    large.vcpu.access().writeLong(LIST, 0x10000);
    long argument = large.arguments(LIST, 1, 9, Layout.DOMID_SELF);
    assertThat(large.call(HypercallNumber.MEMORY_OP, POPULATE, argument)).isEqualTo(1);
    long mfn = large.vcpu.access().readLong(LIST);
    assertThat(mfn & 511).isZero();
    assertThat(large.domain.m2p().get(mfn + 511)).isEqualTo(0x10000 + 511);
    assertThat(large.domain.frames().allocated()).isEqualTo(PAGES + 512);
  }

  @Test
  void addressBits() {
    guest.unmap(1);
    reserve(DECREASE, 1, 0, 0, guest.mfn(1));
    assertThat(reserve(POPULATE, 1, 0, 12, 1)).as("no frame has so few").isZero();
    assertThat(reserve(POPULATE, 1, 0, 13, 1)).isZero();
    assertThat(reserve(POPULATE, 1, 0, 32, 1)).isEqualTo(1);
  }

  @Test
  void whatStopsReservationsAtOnce() {
    guest.unmap(1);
    assertThat(reserve(DECREASE, 1, 10, 0, guest.mfn(1))).as("order").isZero();
    assertThat(reserve(DECREASE, 1, -1, 0, guest.mfn(1))).isZero();
    assertThat(reserve(DECREASE, 1, 0, 0, 1)).as("Xen's").isZero();
    assertThat(reserve(DECREASE, 1, 0, 0, -1)).isZero();
    assertThat(reserve(DECREASE, -1, 0, 0, guest.mfn(1))).as("count").isZero();
    assertThat(reserve(DECREASE, 1L << 27, 0, 0, guest.mfn(1))).isZero();
    assertThat(reserve(POPULATE, 1, 0, 1 << 16, 1)).as("on demand").isZero();
    assertThat(reserve(POPULATE, 1, 0, 1 << 17 | 1 << 8, 1)).as("a node").isZero();
    assertThat(call(DECREASE, 0x1000)).isZero();
    assertThat(call(DECREASE | 5 << 6, 0x1000)).as("where it was").isEqualTo(5);
    assertThat(call(DECREASE, guest.arguments(LIST, 1, 0, 0))).as("dom0").isZero();
    assertThat(call(DECREASE, guest.arguments(0x1000, 1, 0, Layout.DOMID_SELF))).isZero();
    assertThat(frames.allocated()).isEqualTo(PAGES);
  }

  private long exchange(int inOrder, long inCount, int outOrder, long outCount, int flags) {
    return call(
        EXCHANGE,
        guest.arguments(
            LIST,
            inCount,
            inOrder,
            Layout.DOMID_SELF,
            OTHER_LIST,
            outCount,
            outOrder & 0xffff_ffffL | (long) flags << 32,
            Layout.DOMID_SELF,
            0));
  }

  private long exchanged() {
    return access.readLong(arguments() + 64);
  }

  @Test
  void exchangesForAdjoiningFrames() {
    for (int pfn = 0; pfn < 8; pfn++) {
      guest.unmap(2 * pfn);
      access.writeLong(LIST + 8 * pfn, guest.mfn(2 * pfn));
    }
    access.writeLong(OTHER_LIST, 0x100);
    access.writeLong(OTHER_LIST + 8, 0x200);
    assertThat(exchange(0, 8, 2, 2, 32)).isZero();
    assertThat(exchanged()).isEqualTo(8);
    long second = access.readLong(OTHER_LIST + 8);
    assertThat(second & 3).isZero();
    assertThat(guest.domain.m2p().get(second + 3)).isEqualTo(0x203);
    assertThat(frames.isDomains(second + 3)).isTrue();
    assertThat(frames.isDomains(guest.mfn(0))).isFalse();
    assertThat(frames.allocated()).isEqualTo(PAGES);
    // And back to single ones.
    access.writeLong(LIST, second);
    for (int i = 0; i < 4; i++) {
      access.writeLong(OTHER_LIST + 8 * i, 0x300 + i);
    }
    assertThat(exchange(2, 1, 0, 4, 0)).isZero();
    assertThat(guest.domain.m2p().get(access.readLong(OTHER_LIST + 24))).isEqualTo(0x303);
    assertThat(frames.isDomains(second)).isFalse();
  }

  @Test
  void aFailedExchangeLeavesAllAsItWas() {
    guest.unmap(0);
    access.writeLong(LIST, guest.mfn(0));
    access.writeLong(LIST + 8, guest.mfn(1));
    assertThat(exchange(0, 2, 1, 1, 0)).as("the second is mapped").isEqualTo(-Errno.EINVAL);
    assertThat(exchanged()).isZero();
    assertThat(frames.references(guest.mfn(0))).isEqualTo(1);
    assertThat(guest.domain.m2p().get(guest.mfn(0))).isZero();
    guest.unmap(1);
    assertThat(exchange(0, 2, 1, 1, 14)).as("no frames so low").isEqualTo(-Errno.ENOMEM);
    assertThat(frames.isDomains(guest.mfn(1))).isTrue();
    assertThat(frames.allocated()).isEqualTo(PAGES);
  }

  @ParameterizedTest
  @CsvSource({
    "10, 1, 10, 1, -1",
    "0, 1024, 10, 1, -1",
    "0, 1, 0, 2, -22",
    "0, 3, 1, 1, -22",
    "1, 0x7fffffffffffffff, 0, -2, -22"
  })
  void impossibleExchanges(int inOrder, String in, int outOrder, String out, int result) {
    assertThat(exchange(inOrder, Long.decode(in), outOrder, Long.decode(out), 0)).isEqualTo(result);
  }

  @Test
  void exchangeListsThatCannotBeRead() {
    assertThat(call(EXCHANGE, 0x1000)).isEqualTo(-Errno.EFAULT);
    long argument =
        guest.arguments(0x1000, 1, 0, Layout.DOMID_SELF, 0x1000, 1, 0, Layout.DOMID_SELF, 0);
    assertThat(call(EXCHANGE, argument)).isEqualTo(-Errno.EFAULT);
    assertThat(call(EXCHANGE | 64, argument)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void figures() {
    long self = guest.arguments(Layout.DOMID_SELF);
    assertThat(call(2, 0)).isEqualTo(frames.frames());
    assertThat(call(3, self)).isEqualTo(PAGES);
    assertThat(call(4, self)).isEqualTo(PAGES);
    assertThat(call(14, self)).isZero();
    guest.raw.putLong(guest.domain.sharedInfo() + SharedInfo.MAX_PFN, 1024);
    assertThat(call(14, self)).isEqualTo(1023);
    assertThat(call(3, guest.arguments(DOMID))).isEqualTo(PAGES);
    assertThat(call(3, guest.arguments(0))).isEqualTo(-Errno.EPERM);
    assertThat(call(3, guest.arguments(99))).isEqualTo(-Errno.ESRCH);
    assertThat(call(3, 0x1000)).isEqualTo(-Errno.EFAULT);
    assertThat(call(3 | 64, self)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void machToPhys() {
    assertThat(call(12, arguments())).isZero();
    assertThat(access.readLong(arguments())).isEqualTo(Layout.M2P_START);
    assertThat(access.readLong(arguments() + 8)).isEqualTo(Layout.M2P_END);
    assertThat(call(12, 0x1000)).isEqualTo(-Errno.EFAULT);
    assertThat(call(5, guest.arguments(10, LIST, 0))).isZero();
    assertThat(access.readInt(arguments() + 16)).isEqualTo(1);
    assertThat(access.readLong(LIST)).isEqualTo(guest.domain.heap().m2p());
    assertThat(call(5, guest.arguments(10, 0x1000, 0))).isEqualTo(-Errno.EFAULT);
    assertThat(call(25, 0)).isEqualTo(-Errno.EOPNOTSUPP);
  }

  @Test
  void memoryMap() {
    assertThat(call(9, guest.arguments(10, LIST))).as("none yet").isEqualTo(-Errno.ENOSYS);
    guest.domain.memoryMap().setRam(0x40_0000);
    assertThat(call(9, guest.arguments(10, LIST))).isZero();
    assertThat(access.readInt(arguments())).isEqualTo(1);
    assertThat(access.readLong(LIST)).isZero();
    assertThat(access.readLong(LIST + 8)).isEqualTo(0x40_0000);
    assertThat(access.readInt(LIST + 16)).isEqualTo(1);
    assertThat(call(9, guest.arguments(0, 0x1000))).as("no room asked for").isZero();
    assertThat(call(9, guest.arguments(1, 0x1000))).isEqualTo(-Errno.EFAULT);
    assertThat(call(10, 0)).as("the machine's").isEqualTo(-Errno.EPERM);
  }

  @Test
  void setMemoryMap() {
    access.writeLong(LIST, 0x1000);
    access.writeInt(LIST + 16, 2);
    assertThat(call(13, guest.arguments(Layout.DOMID_SELF, 1, LIST))).isZero();
    assertThat(guest.domain.memoryMap().entries()).hasSize(20).startsWith(0, 0x10);
    assertThat(call(13, guest.arguments(Layout.DOMID_SELF, 129, LIST))).isEqualTo(-Errno.EINVAL);
    assertThat(call(13, guest.arguments(0, 1, LIST))).isEqualTo(-Errno.EPERM);
    assertThat(call(13, guest.arguments(Layout.DOMID_SELF, 1, 0x1000))).isEqualTo(-Errno.EFAULT);
  }

  @Test
  void whatIsForOthers() {
    assertThat(call(7, guest.arguments(Layout.DOMID_SELF, 0, 1))).isEqualTo(-Errno.EACCES);
    assertThat(call(7, guest.arguments(Layout.DOMID_SELF | 4L << 32, 0, 1)))
        .isEqualTo(-Errno.ENOSYS);
    assertThat(call(7 | 1L << 22 + 6, arguments())).isEqualTo(-Errno.EDOM);
    assertThat(call(23, guest.arguments(Layout.DOMID_SELF))).isEqualTo(-Errno.EACCES);
    assertThat(call(23, guest.arguments(Layout.DOMID_SELF | 3 << 16))).isEqualTo(-Errno.EOPNOTSUPP);
    assertThat(call(15, guest.arguments(Layout.DOMID_SELF))).isEqualTo(-Errno.EACCES);
    assertThat(call(16, guest.arguments(0, 0, 0, 0, Layout.DOMID_SELF))).isEqualTo(-Errno.EINVAL);
    assertThat(call(24, guest.arguments(0, 1, 0, 0))).isEqualTo(-Errno.EPERM);
    assertThat(call(24, guest.arguments(0, 1, 0, Layout.DOMID_SELF))).isEqualTo(-Errno.EINVAL);
    assertThat(call(26, guest.arguments(Layout.DOMID_SELF, 0))).isEqualTo(-Errno.EOPNOTSUPP);
    assertThat(call(27, guest.arguments(1L | 4L << 32, LIST))).isZero();
    assertThat(access.readInt(arguments() + 4)).isZero();
    assertThat(call(27, guest.arguments(2, LIST))).isEqualTo(-Errno.EINVAL);
    assertThat(call(28, guest.arguments(DOMID, 0, 0, 0))).isEqualTo(-Errno.EPERM);
    assertThat(call(28, guest.arguments(Layout.DOMID_SELF, 0, 0, 0))).isEqualTo(-Errno.ESRCH);
    assertThat(call(28, guest.arguments(0, 1L << 32, 0, 0))).isEqualTo(-Errno.EINVAL);
    for (int command : new int[] {8, 18, 20, 22, 29, 63}) {
      assertThat(call(command, arguments())).as("%d", command).isEqualTo(-Errno.ENOSYS);
    }
  }
}
