package io.ringside.xen;

import static io.ringside.xen.TestGuest.gva;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.xen.XenStatistics.Counter;
import org.junit.jupiter.api.Test;

class WritablePageTablesTest {
  private final TestGuest guest = new TestGuest();
  private final WritablePageTables writes = guest.domain.writablePageTables();
  private final long slot = gva(TestGuest.L1) + 8;

  @Test
  void onlyWhereTheGuestAsksForIt() {
    assertThat(writes.find(guest.vcpu, slot, 8)).isEqualTo(-1);
    guest.domain.assist(Domain.ASSIST_WRITABLE_PAGE_TABLES, true);
    assertThat(writes.find(guest.vcpu, slot, 8)).isEqualTo(guest.maddr(TestGuest.L1) + 8);
    assertThat(writes.find(guest.vcpu, slot + 4, 8)).as("not aligned").isEqualTo(-1);
    assertThat(writes.find(guest.vcpu, gva(TestGuest.L2), 8)).as("level 2").isEqualTo(-1);
    assertThat(writes.find(guest.vcpu, gva(3), 8)).as("writable").isEqualTo(-1);
    guest.protect(3);
    assertThat(writes.find(guest.vcpu, gva(3), 8)).as("no table").isEqualTo(-1);
    assertThat(writes.find(guest.vcpu, 0x1000, 8)).isEqualTo(-1);
  }

  @Test
  void storesAreChecked() {
    guest.domain.assist(Domain.ASSIST_WRITABLE_PAGE_TABLES, true);
    long maddr = writes.find(guest.vcpu, slot, 8);
    assertThat(writes.store(maddr, 8, guest.entry(100, true))).isTrue();
    assertThat(guest.cpu.translate(gva(1), true)).isEqualTo(guest.maddr(100));
    assertThat(guest.domain.types().count(guest.mfn(1))).isZero();
    assertThat(writes.store(maddr, 8, guest.entry(TestGuest.L4, true))).isFalse();
    assertThat(guest.cpu.translate(gva(1), true)).isEqualTo(guest.maddr(100));
    assertThat(guest.domain.statistics().get(Counter.PAGE_TABLE_EMULATIONS)).isEqualTo(1);
  }

  @Test
  void partsOfEntries() {
    long maddr = guest.maddr(TestGuest.L1) + 8;
    long before = guest.get(TestGuest.L1, 1);
    assertThat(writes.store(maddr, 1, before & ~Pte.WRITABLE)).isTrue();
    assertThat(guest.get(TestGuest.L1, 1)).isEqualTo(before & ~Pte.WRITABLE);
    assertThat(writes.store(maddr + 7, 1, 0x80)).isTrue();
    assertThat(guest.get(TestGuest.L1, 1)).isEqualTo(before & ~Pte.WRITABLE | Pte.NO_EXECUTE);
    assertThat(writes.store(maddr + 4, 4, 0)).isTrue();
    assertThat(writes.store(maddr, 4, 0)).isTrue();
    assertThat(guest.get(TestGuest.L1, 1)).isZero();
    assertThat(guest.domain.frames().references(guest.mfn(1))).isEqualTo(1);
  }
}
