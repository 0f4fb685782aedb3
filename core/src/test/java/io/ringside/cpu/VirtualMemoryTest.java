package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertFault;
import static io.ringside.cpu.Faults.assertPageFault;
import static io.ringside.cpu.Faults.assertProtection;
import static io.ringside.cpu.TestProcessor.KERNEL;
import static io.ringside.cpu.TestProcessor.PRESENT;
import static io.ringside.cpu.TestProcessor.USER;
import static io.ringside.cpu.TestProcessor.WRITABLE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VirtualMemoryTest {
  private static final long GVA = 0x40_0000;
  private static final long PAGE = 0x30_0000;
  private static final long OTHER_PAGE = 0x35_0000;
  private static final long DEVICE = 0xfee0_0000L;

  private final TestProcessor cpu = new TestProcessor();
  private final VirtualMemory memory = cpu.processor.memory();

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8})
  void readsWhatItWroteInEverySize(int size) {
    long mask = size == 8 ? -1 : (1L << 8 * size) - 1;
    for (int i = 0; i < 2; i++) {
      memory.write(KERNEL + PAGE, 8, 0);
      memory.write(KERNEL + PAGE, size, 0x8182_8384_8586_8788L);
      assertThat(memory.read(KERNEL + PAGE, size)).isEqualTo(0x8182_8384_8586_8788L & mask);
      assertThat(cpu.ram.getLong(PAGE)).isEqualTo(0x8182_8384_8586_8788L & mask);
    }
  }

  @Test
  void crossesPagesThatAreApart() {
    cpu.map(GVA, PAGE, PRESENT | WRITABLE);
    cpu.map(GVA + 4096, OTHER_PAGE, PRESENT | WRITABLE);
    memory.write(GVA + 4093, 8, 0x1122_3344_5566_7788L);
    assertThat(cpu.ram.getLong(PAGE + 4093) & 0xff_ffff).isEqualTo(0x66_7788);
    assertThat(cpu.ram.getLong(OTHER_PAGE) & 0xff_ffff_ffffL).isEqualTo(0x11_2233_4455L);
    assertThat(memory.read(GVA + 4093, 8)).isEqualTo(0x1122_3344_5566_7788L);
    assertThat(memory.read(GVA + 4095, 2)).isEqualTo(0x5566);
  }

  @Test
  void checksBothPagesBeforeItWrites() {
    cpu.map(GVA, PAGE, PRESENT | WRITABLE);
    cpu.map(GVA + 4096, OTHER_PAGE, PRESENT);
    assertPageFault(() -> memory.write(GVA + 4092, 8, -1), 3, GVA + 4096);
    assertThat(cpu.ram.getLong(PAGE + 4088)).isZero();
  }

  @Test
  void theFaultingAddressOfACrossingReadIsInItsSecondPage() {
    cpu.map(GVA, PAGE, PRESENT);
    assertPageFault(() -> memory.read(GVA + 4090, 8), 0, GVA + 4096);
  }

  @Test
  void cachedRightsDependOnTheMode() {
    cpu.map(GVA, PAGE, PRESENT | WRITABLE);
    memory.write(GVA, 8, 5);
    assertThat(memory.read(GVA, 8)).isEqualTo(5);
    cpu.enterUser();
    assertPageFault(() -> memory.read(GVA, 8), 5, GVA);
    assertPageFault(() -> memory.write(GVA, 8, 1), 7, GVA);
    assertThat(memory.readSystem(GVA, 8)).isEqualTo(5);
  }

  @Test
  void implicitAccessesIgnoreTheAlignmentCheckFlag() {
    cpu.map(GVA, PAGE, PRESENT | WRITABLE | USER);
    cpu.state.set(CpuState.CR4, cpu.state.get(CpuState.CR4) | RegisterBits.CR4_SMAP);
    cpu.setFlags(RegisterBits.FLAG_AC);
    memory.write(GVA, 4, 7);
    assertThat(memory.read(GVA, 4)).isEqualTo(7);
    assertPageFault(() -> memory.readSystem(GVA, 4), 1, GVA);
  }

  @Test
  void keepsTranslationsUntilTheyAreFlushed() {
    long leaf = cpu.map(GVA, PAGE, PRESENT | WRITABLE);
    cpu.ram.putLong(PAGE, 1);
    cpu.ram.putLong(OTHER_PAGE, 2);
    assertThat(memory.read(GVA, 8)).isEqualTo(1);
    cpu.ram.putLong(leaf, OTHER_PAGE | PRESENT);
    memory.flush();
    assertThat(memory.read(GVA, 8)).isEqualTo(2);
    assertPageFault(() -> memory.write(GVA, 8, 1), 3, GVA);
  }

  @Test
  void addressesThatAreNotCanonicalDependOnTheSegment() {
    assertProtection(() -> memory.read(0x8000_0000_0000L, 8));
    assertFault(() -> memory.readStack(0x8000_0000_0000L, 8), GuestFault.STACK_SEGMENT, 0);
    assertFault(() -> memory.writeStack(0x7fff_ffff_fffcL, 8, 0), GuestFault.STACK_SEGMENT, 0);
  }

  @Test
  void tellsOfStoresIntoCode() {
    cpu.codePage = PAGE >>> 12;
    memory.write(KERNEL + PAGE + 16, 4, 0);
    memory.write(KERNEL + PAGE + 16, 2, 0);
    assertThat(cpu.events).containsExactly("codeWritten 300010 4", "codeWritten 300010 2");
  }

  @Test
  void readsOfDevicesAreSuppliedInOrder() {
    cpu.map(GVA, DEVICE, PRESENT | WRITABLE);
    memory.beginInstruction();
    MmioAccess access = catchThrowableOfType(MmioAccess.class, () -> memory.read(GVA + 0x20, 4));
    assertThat(access.gpa()).isEqualTo(DEVICE + 0x20);
    assertThat(access.size()).isEqualTo(4);
    memory.completeRead(0xffff_ffff_0000_0011L);
    memory.beginInstruction();
    assertThat(memory.read(GVA + 0x20, 4)).isEqualTo(0x11);
    access = catchThrowableOfType(MmioAccess.class, () -> memory.read(GVA + 0x30, 4));
    assertThat(access.gpa()).isEqualTo(DEVICE + 0x30);
    memory.completeRead(0x22);
    memory.beginInstruction();
    assertThat(memory.read(GVA + 0x20, 4)).isEqualTo(0x11);
    assertThat(memory.read(GVA + 0x30, 4)).isEqualTo(0x22);
    memory.endInstruction();
    memory.beginInstruction();
    assertThat(catchThrowableOfType(MmioAccess.class, () -> memory.read(GVA + 0x20, 4)))
        .isNotNull();
  }

  @Test
  void aValueForAnotherAddressIsNotUsed() {
    cpu.map(GVA, DEVICE, PRESENT);
    assertThat(catchThrowableOfType(MmioAccess.class, () -> memory.read(GVA, 4))).isNotNull();
    memory.completeRead(1);
    memory.beginInstruction();
    MmioAccess access = catchThrowableOfType(MmioAccess.class, () -> memory.read(GVA + 8, 4));
    assertThat(access.gpa()).isEqualTo(DEVICE + 8);
  }

  @Test
  void oddPiecesOfDevicesAreReadInPowersOfTwo() {
    cpu.map(GVA, DEVICE, PRESENT);
    cpu.map(GVA + 4096, PAGE, PRESENT);
    cpu.ram.putByte(PAGE, 0x44);
    MmioAccess access = catchThrowableOfType(MmioAccess.class, () -> memory.read(GVA + 4093, 4));
    assertThat(access.gpa()).isEqualTo(DEVICE + 4093);
    assertThat(access.size()).isEqualTo(1);
    memory.completeRead(0x11);
    memory.beginInstruction();
    access = catchThrowableOfType(MmioAccess.class, () -> memory.read(GVA + 4093, 4));
    assertThat(access.gpa()).isEqualTo(DEVICE + 4094);
    assertThat(access.size()).isEqualTo(2);
    memory.completeRead(0x3322);
    memory.beginInstruction();
    assertThat(memory.read(GVA + 4093, 4)).isEqualTo(0x4433_2211L);
  }

  @Test
  void storesToDevicesWaitForTheVmm() {
    cpu.map(GVA, DEVICE, PRESENT | WRITABLE);
    memory.beginInstruction();
    memory.write(GVA + 0xb0, 4, 0x1234_5678_9abcL);
    assertThat(memory.pendingWrites()).isEqualTo(1);
    assertThat(memory.pendingGpa(0)).isEqualTo(DEVICE + 0xb0);
    assertThat(memory.pendingSize(0)).isEqualTo(4);
    assertThat(memory.pendingValue(0)).isEqualTo(0x5678_9abcL);
  }

  @Test
  void copiesBlocksAcrossPages() {
    cpu.map(GVA, PAGE, PRESENT | WRITABLE);
    cpu.map(GVA + 4096, OTHER_PAGE, PRESENT | WRITABLE);
    for (int i = 0; i < 256; i++) {
      cpu.state.memory().putByte(CpuState.XSAVE + i, i);
    }
    memory.copyToGuest(GVA + 4000, cpu.state.memory(), CpuState.XSAVE, 256, VirtualMemory.IMPLICIT);
    assertThat(cpu.ram.getByte(PAGE + 4095)).isEqualTo(95);
    assertThat(cpu.ram.getByte(OTHER_PAGE)).isEqualTo(96);
    memory.copyFromGuest(
        GVA + 4000, cpu.state.memory(), CpuState.XSAVE + 256, 256, VirtualMemory.IMPLICIT);
    assertThat(cpu.state.memory().getByte(CpuState.XSAVE + 511)).isEqualTo(255);
    assertThat(cpu.state.memory().getByte(CpuState.XSAVE + 256 + 96)).isEqualTo(96);
  }
}
