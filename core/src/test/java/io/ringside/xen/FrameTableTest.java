package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ringside.host.HostMapping;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.MachineLock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FrameTableTest {
  private static Domain domain(GuestMemory memory, long frames) {
    FakeTimers timers = new FakeTimers();
    return new Domain(
        new DomainConfig(memory, frames, 1, 1, new MachineLock(), timers, timers, new FakeHost()));
  }

  /** From small ones to those with a hole below 4 GiB, and with tables outside of the Java heap. */
  @ParameterizedTest
  @ValueSource(longs = {16L << 20, 512L << 20, 3L << 30, 5L << 30, 20L << 30})
  void aMachineOfTheRightSizeHasRoomForItsDomain(long bytes) {
    long total = Domain.machineBytes(bytes);
    assertThat(total).isGreaterThan(bytes).isLessThan(bytes + (24L << 20) + bytes / 64);
    long low = Math.min(total, GuestMemory.LOW_RAM_LIMIT);
    try (HostMapping mapping = HostMapping.guestRam(low, GuestMemory.HIGH_RAM_START, total - low)) {
      Domain domain = domain(new GuestMemory(mapping.memory(), total), bytes / 4096);
      FrameTable frames = domain.frames();
      assertThat(frames.take(9, 0)).as("some to exchange").isPositive();
      long first = frames.allocate(0, 0);
      long second = frames.allocate(3, 0);
      assertThat(second & 7).isZero();
      long highest = frames.frames() - 1;
      assertThat(frames.isValid(highest)).isTrue();
      assertThat(frames.isValid(highest + 1)).isFalse();
      frames.own(highest);
      assertThat(domain.types().acquirePage(highest, PageTypes.L1)).isZero();
      assertThat(domain.types().acquirePage(first, PageTypes.WRITABLE)).isZero();
      assertThat(frames.references(highest)).isEqualTo(2);
      assertThat(domain.types().isUsedAs(highest, PageTypes.L1)).isTrue();
      domain.m2p().set(highest, 42);
      assertThat(domain.m2p().get(highest)).isEqualTo(42);
      assertThat(frames.isValid(GuestMemory.LOW_RAM_LIMIT >> 12))
          .as("the hole below 4 GiB")
          .isFalse();
    }
  }

  @Test
  void aMachineThatIsTooSmall() {
    long bytes = 16 << 20;
    try (HostMapping mapping = HostMapping.guestRam(bytes, 0, 0)) {
      GuestMemory memory = new GuestMemory(mapping.memory(), bytes);
      assertThatThrownBy(() -> domain(memory, bytes / 4096))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("too small");
    }
  }

  @Test
  void sharedPagesAreNeverFreed() {
    TestGuest guest = new TestGuest();
    FrameTable frames = guest.domain.frames();
    long mfn = guest.domain.sharedInfo() >>> 12;
    assertThat(frames.steal(mfn)).isFalse();
    frames.putAllocation(mfn);
    assertThat(frames.isDomains(mfn)).isFalse();
    assertThat(frames.get(mfn)).isFalse();
    assertThat(frames.allocated()).isEqualTo(TestGuest.PAGES);
  }

  @Test
  void aPageSharedReadOnlyCannotBeMappedWritable() {
    TestGuest guest = new TestGuest();
    long mfn = guest.domain.heap().allocate(1);
    guest.domain.frames().share(mfn, false);
    long slot = guest.maddr(TestGuest.L1);
    long entry = mfn << 12 | Pte.PRESENT | Pte.USER;
    assertThat(guest.mmuUpdate(slot, entry | Pte.WRITABLE)).isEqualTo(-Errno.EBUSY);
    assertThat(guest.mmuUpdate(slot, entry)).isZero();
    assertThat(guest.mmuUpdate(mfn << 12, 1)).isEqualTo(-Errno.EINVAL);
  }
}
