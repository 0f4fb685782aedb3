package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertPageFault;
import static io.ringside.cpu.Faults.assertProtection;
import static io.ringside.cpu.TestProcessor.ACCESSED;
import static io.ringside.cpu.TestProcessor.DIRTY;
import static io.ringside.cpu.TestProcessor.GLOBAL;
import static io.ringside.cpu.TestProcessor.KERNEL;
import static io.ringside.cpu.TestProcessor.LARGE;
import static io.ringside.cpu.TestProcessor.NX;
import static io.ringside.cpu.TestProcessor.PML4;
import static io.ringside.cpu.TestProcessor.PRESENT;
import static io.ringside.cpu.TestProcessor.USER;
import static io.ringside.cpu.TestProcessor.WRITABLE;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MmuTest {
  private static final long GVA = 0x7f12_3456_7000L;
  private static final long PAGE = 0x30_0000;
  private static final int PF_P = 1;
  private static final int PF_W = 2;
  private static final int PF_U = 4;
  private static final int PF_RSVD = 8;
  private static final int PF_I = 16;

  private final TestProcessor cpu = new TestProcessor();
  private final Mmu mmu = cpu.processor.mmu();

  private long read(boolean user) {
    return mmu.translate(GVA + 0x123, Mmu.READ, user, false);
  }

  private long write(boolean user) {
    return mmu.translate(GVA + 0x123, Mmu.WRITE, user, false);
  }

  private long fetch(boolean user) {
    return mmu.translate(GVA + 0x123, Mmu.EXECUTE, user, false);
  }

  private void cr4(long bits) {
    cpu.state.set(CpuState.CR4, cpu.state.get(CpuState.CR4) | bits);
  }

  @Test
  void translatesSmallPages() {
    cpu.map(GVA, PAGE, PRESENT | WRITABLE | USER);
    assertThat(read(true)).isEqualTo(PAGE + 0x123);
    assertThat(mmu.pageShift()).isEqualTo(12);
    assertThat(mmu.user()).isTrue();
    assertThat(mmu.executable()).isTrue();
    assertThat(mmu.global()).isFalse();
  }

  @Test
  void translatesTwoMebibytePages() {
    cpu.mapLarge(GVA, 0x4020_0000L, PRESENT | USER | GLOBAL);
    assertThat(read(true)).isEqualTo(0x4020_0000L + (GVA + 0x123 & 0x1f_ffff));
    assertThat(mmu.pageShift()).isEqualTo(21);
    assertThat(mmu.global()).isTrue();
  }

  @Test
  void translatesOneGibibytePages() {
    cpu.mapHuge(GVA, 0x8000_0000L, PRESENT | USER);
    assertThat(read(true)).isEqualTo(0x8000_0000L + (GVA + 0x123 & 0x3fff_ffff));
    assertThat(mmu.pageShift()).isEqualTo(30);
  }

  @Test
  void ignoresThePatBitOfLargePagesInTheAddress() {
    cpu.mapLarge(GVA, 0x20_0000L | 1 << 12, PRESENT | USER);
    assertThat(read(true)).isEqualTo(0x20_0000L + (GVA + 0x123 & 0x1f_ffff));
  }

  @Test
  void globalNeedsCr4() {
    cpu.map(GVA, PAGE, PRESENT | USER | GLOBAL);
    read(true);
    assertThat(mmu.global()).isTrue();
    cpu.state.set(CpuState.CR4, cpu.state.get(CpuState.CR4) & ~RegisterBits.CR4_PGE);
    read(true);
    assertThat(mmu.global()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(longs = {0x8000_0000_0000L, 0x7fff_8000_0000_0000L, 0xffff_7fff_ffff_ffffL})
  void addressesThatAreNotCanonicalRaiseGeneralProtection(long address) {
    assertProtection(() -> mmu.translate(address, Mmu.READ, false, false));
  }

  @Test
  void cr3FlagsAreNoAddressBits() {
    cpu.map(GVA, PAGE, PRESENT | USER);
    cpu.state.set(CpuState.CR3, PML4 | 0x18);
    assertThat(read(true)).isEqualTo(PAGE + 0x123);
  }

  @Test
  void missingEntriesAtEachLevelFault() {
    assertPageFault(() -> read(false), 0, GVA + 0x123);
    assertPageFault(() -> write(false), PF_W, GVA + 0x123);
    assertPageFault(() -> read(true), PF_U, GVA + 0x123);
    assertPageFault(() -> write(true), PF_U | PF_W, GVA + 0x123);
    assertPageFault(() -> fetch(true), PF_U | PF_I, GVA + 0x123);
    long pdpt = cpu.table(PML4, GVA, 39);
    assertPageFault(() -> read(true), PF_U, GVA + 0x123);
    long directory = cpu.table(pdpt, GVA, 30);
    assertPageFault(() -> read(true), PF_U, GVA + 0x123);
    cpu.table(directory, GVA, 21);
    assertPageFault(() -> read(true), PF_U, GVA + 0x123);
  }

  @Test
  void fetchBitNeedsNxeOrSmep() {
    cpu.state.set(CpuState.EFER, 0x500);
    assertPageFault(() -> fetch(true), PF_U, GVA + 0x123);
    cr4(RegisterBits.CR4_SMEP);
    assertPageFault(() -> fetch(true), PF_U | PF_I, GVA + 0x123);
  }

  @Test
  void supervisorPagesAreClosedToUsers() {
    cpu.map(GVA, PAGE, PRESENT | WRITABLE);
    assertPageFault(() -> read(true), PF_P | PF_U, GVA + 0x123);
    assertPageFault(() -> write(true), PF_P | PF_U | PF_W, GVA + 0x123);
    assertPageFault(() -> fetch(true), PF_P | PF_U | PF_I, GVA + 0x123);
    assertThat(write(false)).isEqualTo(PAGE + 0x123);
    assertThat(mmu.user()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {39, 30, 21, 12})
  void aRightMustBeThereAtEveryLevel(int shift) {
    long leaf = cpu.map(GVA, PAGE, PRESENT | WRITABLE | USER);
    long entry = entryAt(shift, leaf);
    long value = cpu.ram.getLong(entry);
    cpu.ram.putLong(entry, value & ~WRITABLE);
    assertPageFault(() -> write(true), PF_P | PF_U | PF_W, GVA + 0x123);
    assertPageFault(() -> write(false), PF_P | PF_W, GVA + 0x123);
    read(true);
    cpu.ram.putLong(entry, value & ~USER);
    assertPageFault(() -> read(true), PF_P | PF_U, GVA + 0x123);
    cpu.ram.putLong(entry, value | NX);
    assertPageFault(() -> fetch(true), PF_P | PF_U | PF_I, GVA + 0x123);
    assertPageFault(() -> fetch(false), PF_P | PF_I, GVA + 0x123);
    read(true);
    assertThat(mmu.executable()).isFalse();
  }

  private long entryAt(int shift, long leaf) {
    long table = PML4;
    for (int at = 39; at > shift; at -= 9) {
      table = cpu.table(table, GVA, at);
    }
    return shift == 12 ? leaf : cpu.entry(table, GVA, shift);
  }

  @Test
  void writeProtectionBindsTheSupervisorOnlyWithWp() {
    long leaf = cpu.map(GVA, PAGE, PRESENT | USER);
    assertPageFault(() -> write(false), PF_P | PF_W, GVA + 0x123);
    cpu.state.set(CpuState.CR0, cpu.state.get(CpuState.CR0) & ~RegisterBits.CR0_WP);
    assertThat(write(false)).isEqualTo(PAGE + 0x123);
    assertThat(cpu.ram.getLong(leaf) & DIRTY).isEqualTo(DIRTY);
    assertThat(mmu.writable()).isTrue();
    assertPageFault(() -> write(true), PF_P | PF_U | PF_W, GVA + 0x123);
  }

  @Test
  void smepKeepsTheSupervisorFromUserCode() {
    cpu.map(GVA, PAGE, PRESENT | USER);
    assertThat(fetch(false)).isEqualTo(PAGE + 0x123);
    cr4(RegisterBits.CR4_SMEP);
    assertPageFault(() -> fetch(false), PF_P | PF_I, GVA + 0x123);
    assertThat(fetch(true)).isEqualTo(PAGE + 0x123);
    read(false);
    assertThat(mmu.executable()).isFalse();
  }

  @Test
  void smapKeepsTheSupervisorFromUserDataUnlessOverridden() {
    cpu.map(GVA, PAGE, PRESENT | WRITABLE | USER);
    cr4(RegisterBits.CR4_SMAP);
    assertPageFault(() -> read(false), PF_P, GVA + 0x123);
    assertPageFault(() -> write(false), PF_P | PF_W, GVA + 0x123);
    assertThat(mmu.translate(GVA, Mmu.READ, false, true)).isEqualTo(PAGE);
    assertThat(mmu.translate(GVA, Mmu.WRITE, false, true)).isEqualTo(PAGE);
    assertThat(read(true)).isEqualTo(PAGE + 0x123);
    assertThat(fetch(false)).isEqualTo(PAGE + 0x123);
  }

  @Test
  void accessedAndDirtyAreSetExactly() {
    long leaf = cpu.map(GVA, PAGE, PRESENT | WRITABLE | USER);
    long upper = cpu.entry(PML4, GVA, 39);
    read(true);
    assertThat(cpu.ram.getLong(leaf)).isEqualTo(PAGE | PRESENT | WRITABLE | USER | ACCESSED);
    assertThat(cpu.ram.getLong(upper) & (ACCESSED | DIRTY)).isEqualTo(ACCESSED);
    assertThat(mmu.writable()).as("not dirty yet").isFalse();
    write(true);
    assertThat(cpu.ram.getLong(leaf))
        .isEqualTo(PAGE | PRESENT | WRITABLE | USER | ACCESSED | DIRTY);
    assertThat(cpu.ram.getLong(upper) & (ACCESSED | DIRTY)).isEqualTo(ACCESSED);
    assertThat(mmu.writable()).isTrue();
    read(true);
    assertThat(mmu.writable()).isTrue();
  }

  @Test
  void largePagesGetDirtyInTheirOwnEntry() {
    long leaf = cpu.mapLarge(GVA, 0x20_0000, PRESENT | WRITABLE | USER);
    write(true);
    assertThat(cpu.ram.getLong(leaf))
        .isEqualTo(0x20_0000 | PRESENT | WRITABLE | USER | LARGE | ACCESSED | DIRTY);
  }

  @Test
  void aFaultChangesNothing() {
    long leaf = cpu.map(GVA, PAGE, PRESENT | USER);
    long upper = cpu.ram.getLong(cpu.entry(PML4, GVA, 39));
    assertPageFault(() -> write(true), PF_P | PF_U | PF_W, GVA + 0x123);
    assertThat(cpu.ram.getLong(leaf)).isEqualTo(PAGE | PRESENT | USER);
    assertThat(cpu.ram.getLong(cpu.entry(PML4, GVA, 39))).isEqualTo(upper);
  }

  @ParameterizedTest
  @CsvSource({"39, 40", "39, 51", "39, 7", "30, 45", "21, 40", "12, 41"})
  void reservedBitsFault(int shift, int bit) {
    long leaf = cpu.map(GVA, PAGE, PRESENT | WRITABLE | USER);
    long entry = entryAt(shift, leaf);
    cpu.ram.putLong(entry, cpu.ram.getLong(entry) | 1L << bit);
    assertPageFault(() -> read(true), PF_P | PF_U | PF_RSVD, GVA + 0x123);
  }

  @Test
  void lowAddressBitsOfLargePagesAreReserved() {
    cpu.mapLarge(GVA, 0x20_0000L | 1 << 13, PRESENT | USER);
    assertPageFault(() -> read(false), PF_P | PF_RSVD, GVA + 0x123);
    cpu.mapHuge(KERNEL + (1L << 30), 1 << 29, PRESENT);
    assertPageFault(
        () -> mmu.translate(KERNEL + (1L << 30), Mmu.READ, false, false),
        PF_P | PF_RSVD,
        KERNEL + (1L << 30));
  }

  @Test
  void theNxBitIsReservedWithoutNxe() {
    cpu.map(GVA, PAGE, PRESENT | USER | NX);
    cpu.state.set(CpuState.EFER, 0x500);
    assertPageFault(() -> read(true), PF_P | PF_U | PF_RSVD, GVA + 0x123);
  }

  @Test
  void tablesOutsideRamFault() {
    cpu.ram.putLong(cpu.entry(PML4, GVA, 39), 0x4000_0000L | PRESENT | USER);
    assertPageFault(() -> read(true), PF_P | PF_U | PF_RSVD, GVA + 0x123);
  }

  @Test
  void tellsOfFlagsWrittenIntoCode() {
    long leaf = cpu.map(GVA, PAGE, PRESENT | USER);
    cpu.codePage = leaf >>> 12;
    read(true);
    assertThat(cpu.events).containsExactly("codeWritten " + Long.toHexString(leaf) + " 8");
  }
}
