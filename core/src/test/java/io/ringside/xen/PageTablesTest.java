package io.ringside.xen;

import static io.ringside.xen.TestGuest.gva;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PageTablesTest {
  private static final int PIN_L1 = 0;
  private static final int PIN_L2 = 1;
  private static final int PIN_L3 = 2;
  private static final int PIN_L4 = 3;
  private static final int UNPIN = 4;

  private final TestGuest guest = new TestGuest();
  private final PageTypes types = guest.domain.types();
  private final FrameTable frames = guest.domain.frames();

  /** Makes pages 1 to {@code count} fit to be page tables. */
  private void protect(int count) {
    for (int pfn = 1; pfn <= count; pfn++) {
      guest.protect(pfn);
    }
  }

  @Test
  void startsWithTheTablesInUse() {
    assertThat(types.isUsedAs(guest.mfn(TestGuest.L4), PageTypes.L4)).isTrue();
    assertThat(types.isUsedAs(guest.mfn(TestGuest.L1), PageTypes.L1)).isTrue();
    assertThat(types.count(guest.mfn(0))).isEqualTo(1);
    assertThat(frames.references(guest.mfn(0))).isEqualTo(2);
  }

  @Test
  void pinsAndUnpinsATree() {
    protect(4);
    guest.put(4, 0, guest.entry(3, true));
    guest.put(3, 0, guest.entry(2, true));
    guest.put(2, 0, guest.entry(1, true));
    guest.put(1, 5, guest.entry(100, true));
    assertThat(guest.mmuExtended(PIN_L4, guest.mfn(4), 0)).isZero();
    for (int level = 1; level <= 4; level++) {
      assertThat(types.isUsedAs(guest.mfn(level), level)).isTrue();
    }
    assertThat(types.count(guest.mfn(100))).isEqualTo(2);
    assertThat(guest.mmuExtended(PIN_L4, guest.mfn(4), 0)).as("twice").isEqualTo(-Errno.EINVAL);
    assertThat(types.count(guest.mfn(4))).isEqualTo(1);
    assertThat(guest.mmuExtended(UNPIN, guest.mfn(4), 0)).isZero();
    assertThat(guest.mmuExtended(UNPIN, guest.mfn(4), 0)).isEqualTo(-Errno.EINVAL);
    for (int level = 1; level <= 4; level++) {
      assertThat(types.isUsed(guest.mfn(level))).isFalse();
      assertThat(frames.references(guest.mfn(level))).as("allocated, and mapped").isEqualTo(2);
    }
    assertThat(types.count(guest.mfn(100))).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {PIN_L1, PIN_L2, PIN_L3, PIN_L4})
  void aWritablePageIsNoTable(int command) {
    assertThat(guest.mmuExtended(command, guest.mfn(1), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(frames.references(guest.mfn(1))).isEqualTo(2);
  }

  @Test
  void aTableCannotBeMappedWritable() {
    protect(1);
    assertThat(guest.mmuExtended(PIN_L1, guest.mfn(1), 0)).isZero();
    long writable = guest.entry(1, true);
    assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, gva(1), writable, 0))
        .isEqualTo(-Errno.EBUSY);
    guest.mmuExtended(UNPIN, guest.mfn(1), 0);
    assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, gva(1), writable, 0)).isZero();
  }

  @Test
  void entriesGetTheBitsThatAPvGuestHas() {
    protect(1);
    guest.put(1, 0, guest.maddr(50) | Pte.PRESENT);
    guest.put(1, 1, guest.maddr(50) | Pte.PRESENT | Pte.USER);
    guest.put(1, 2, 0x1234_5670L);
    assertThat(guest.mmuExtended(PIN_L1, guest.mfn(1), 0)).isZero();
    assertThat(guest.get(1, 0)).isEqualTo(guest.maddr(50) | Pte.PRESENT | Pte.USER | 1L << 52);
    assertThat(guest.get(1, 1)).isEqualTo(guest.maddr(50) | Pte.PRESENT | Pte.USER | Pte.GLOBAL);
    assertThat(guest.get(1, 2)).isEqualTo(0x1234_5670L);
  }

  @Test
  void anL4TableGetsXensSlotsAndTheAccessedBit() {
    protect(2);
    guest.put(2, 7, guest.entry(1, true));
    guest.put(2, 256, -1);
    guest.put(2, 271, guest.entry(100, true));
    guest.put(2, 272, 0);
    assertThat(guest.mmuExtended(PIN_L4, guest.mfn(2), 0)).isZero();
    assertThat(guest.get(2, 7) & Pte.ACCESSED).isNotZero();
    assertThat(guest.get(2, 256)).isZero();
    assertThat(guest.get(2, 271)).isZero();
    assertThat(guest.mmuUpdate(guest.maddr(2) + 8 * 256, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuUpdate(guest.maddr(2) + 8 * 271, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuUpdate(guest.maddr(2) + 8 * 272, 0)).isZero();
  }

  @Test
  void theM2pIsVisibleThroughTheKernelsRoot() {
    long maddr = guest.cpu.translate(Layout.M2P_START + 8 * guest.mfn(33), false);
    assertThat(guest.raw.getLong(maddr)).isEqualTo(33);
    assertThat(guest.cpu.translate(Layout.M2P_START + 8 * guest.mfn(33), true)).isEqualTo(-1);
    assertThat(
            guest.cpu.translate(
                Layout.M2P_START + 8 * guest.domain.frames().frames() + 4096, false))
        .isEqualTo(-1);
  }

  @ParameterizedTest
  @ValueSource(longs = {1 << 3, 1 << 4, 1 << 7})
  void cacheAttributesAndLargePagesAreRefused(long bit) {
    protect(2);
    guest.put(1, 9, guest.entry(100, true) | bit);
    assertThat(guest.mmuExtended(PIN_L1, guest.mfn(1), 0)).isEqualTo(-Errno.EINVAL);
    guest.put(2, 9, guest.entry(3, false) | bit);
    assertThat(guest.mmuExtended(PIN_L2, guest.mfn(2), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuUpdate(slot(100), guest.entry(100, true) | bit)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void globalIsForLevelOneOnly() {
    protect(2);
    guest.put(1, 9, guest.entry(100, true) | Pte.GLOBAL);
    assertThat(guest.mmuExtended(PIN_L1, guest.mfn(1), 0)).isZero();
    guest.put(2, 9, guest.entry(1, true) | Pte.GLOBAL);
    assertThat(guest.mmuExtended(PIN_L2, guest.mfn(2), 0)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void aFailedValidationLeavesNoTrace() {
    protect(3);
    guest.put(1, 0, guest.entry(100, true));
    guest.put(1, 1, guest.entry(TestGuest.L4, true));
    guest.put(2, 0, guest.entry(1, true));
    guest.put(3, 0, guest.entry(2, true));
    assertThat(guest.mmuExtended(PIN_L3, guest.mfn(3), 0)).isEqualTo(-Errno.EBUSY);
    for (int pfn = 1; pfn <= 3; pfn++) {
      assertThat(types.count(guest.mfn(pfn))).isZero();
      assertThat(frames.references(guest.mfn(pfn))).isEqualTo(2);
    }
    assertThat(types.count(guest.mfn(100))).isEqualTo(1);
    guest.put(1, 1, 0);
    assertThat(guest.mmuExtended(PIN_L3, guest.mfn(3), 0)).isZero();
  }

  /** The machine address of the level-1 entry of a page. */
  private long slot(int pfn) {
    return guest.maddr(TestGuest.L1) + 8L * pfn;
  }

  @Test
  void framesThatAreNotTheGuestsCannotBeMapped() {
    long flags = Pte.PRESENT | Pte.USER;
    long beyond = guest.domain.frames().frames() << 12;
    assertThat(guest.mmuUpdate(slot(1), beyond | flags)).isEqualTo(-Errno.EPERM);
    assertThat(guest.mmuUpdate(slot(1), Pte.ADDRESS | flags)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuUpdate(slot(1), 0 | flags)).as("Xen's").isEqualTo(-Errno.EBUSY);
    assertThat(guest.mmuUpdate(slot(1), guest.domain.heap().m2p() << 12 | flags))
        .isEqualTo(-Errno.EBUSY);
    assertThat(guest.get(TestGuest.L1, 1) & Pte.ADDRESS).as("unchanged").isEqualTo(guest.maddr(1));
  }

  @Test
  void sharedInfoCanBeMapped() {
    long entry = guest.domain.sharedInfo() | Pte.PRESENT | Pte.USER | Pte.WRITABLE;
    assertThat(guest.mmuUpdate(slot(1), entry)).isZero();
    assertThat(guest.cpu.translate(gva(1), true)).isEqualTo(guest.domain.sharedInfo());
    assertThat(guest.mmuExtended(PIN_L1, guest.domain.sharedInfo() >> 12, 0))
        .isEqualTo(-Errno.EINVAL);
  }

  @Test
  void changesOfHarmlessBitsNeedNoReferences() {
    long entry = guest.entry(1, true);
    assertThat(guest.mmuUpdate(slot(1), entry | Pte.DIRTY | Pte.NO_EXECUTE | 0x200)).isZero();
    assertThat(types.count(guest.mfn(1))).isEqualTo(1);
    assertThat(guest.get(TestGuest.L1, 1) & (Pte.DIRTY | Pte.NO_EXECUTE | 0x200)).isNotZero();
  }

  @Test
  void accessedAndDirtyArePreservedWhereAskedFor() {
    guest.mmuUpdate(slot(1), guest.entry(1, true) | Pte.DIRTY | Pte.ACCESSED);
    guest.mmuUpdate(slot(1) | 2, guest.entry(1, false));
    assertThat(guest.get(TestGuest.L1, 1) & (Pte.DIRTY | Pte.ACCESSED | Pte.WRITABLE))
        .isEqualTo(Pte.DIRTY | Pte.ACCESSED);
    guest.mmuUpdate(slot(1), guest.entry(1, false));
    assertThat(guest.get(TestGuest.L1, 1) & (Pte.DIRTY | Pte.ACCESSED)).isZero();
  }

  @Test
  void changingTypeFlushesOnlyWhatMayBeCached() {
    guest.protect(1);
    guest.cpu.calls.clear();
    assertThat(guest.mmuExtended(PIN_L1, guest.mfn(1), 0)).isZero();
    assertThat(guest.cpu.calls).as("it was writable a moment ago").containsExactly("flush");
    guest.protect(2);
    guest.mmuExtended(6, 0, 0);
    guest.cpu.calls.clear();
    assertThat(guest.mmuExtended(PIN_L1, guest.mfn(2), 0)).isZero();
    assertThat(guest.cpu.calls).as("flushed since").isEmpty();
  }

  @Test
  void aRootMayMapItselfAndOthersReadOnly() {
    protect(3);
    guest.put(1, 300, guest.entry(1, true));
    assertThat(guest.mmuExtended(PIN_L4, guest.mfn(1), 0)).as("writable").isEqualTo(-Errno.EINVAL);
    guest.put(1, 300, guest.entry(1, false));
    assertThat(guest.mmuExtended(PIN_L4, guest.mfn(1), 0)).isZero();
    guest.put(2, 301, guest.entry(1, false));
    assertThat(guest.mmuExtended(PIN_L4, guest.mfn(2), 0)).isZero();
    assertThat(types.count(guest.mfn(1))).isEqualTo(2);
    guest.put(3, 302, guest.entry(2, false));
    assertThat(guest.mmuExtended(PIN_L4, guest.mfn(3), 0))
        .as("one that maps others is not to be mapped")
        .isEqualTo(-Errno.EINVAL);
    assertThat(guest.mmuExtended(UNPIN, guest.mfn(2), 0)).isZero();
    assertThat(guest.mmuExtended(UNPIN, guest.mfn(1), 0)).isZero();
    for (int pfn = 1; pfn <= 3; pfn++) {
      assertThat(types.count(guest.mfn(pfn))).isZero();
      assertThat(frames.linear(guest.mfn(pfn))).isZero();
      assertThat(frames.references(guest.mfn(pfn))).isEqualTo(2);
    }
  }
}
