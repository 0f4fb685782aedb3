package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertPageFault;
import static io.ringside.cpu.Faults.assertProtection;
import static io.ringside.cpu.Faults.assertUndefined;
import static io.ringside.cpu.Faults.fault;
import static io.ringside.cpu.TestProcessor.KERNEL;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.host.NativeMemory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FpuInstructionsTest {
  private static final long AREA = 0x30_0000;
  private static final String FXSAVE = "0f ae 03";
  private static final String FXSAVE64 = "48 0f ae 03";
  private static final String FXRSTOR = "0f ae 0b";
  private static final String FXRSTOR64 = "48 0f ae 0b";
  private static final String XSAVE64 = "48 0f ae 23";
  private static final String XRSTOR64 = "48 0f ae 2b";
  private static final String XSAVEOPT64 = "48 0f ae 33";
  private static final String XSAVEC64 = "48 0f c7 23";
  private static final int PATTERN = 0x5a;

  private final TestProcessor cpu = new TestProcessor();
  private final CpuState state = cpu.state;
  private final NativeMemory block = state.memory();

  @BeforeEach
  void setUp() {
    state.set(CpuState.CR4, state.get(CpuState.CR4) | RegisterBits.CR4_OSXSAVE);
    state.set(CpuState.XCR0, 7);
    state.gpr(CpuState.RBX, KERNEL + AREA);
    state.gpr(CpuState.RAX, 7);
    cpu.ram.fill(AREA, 4096, PATTERN);
    fillRegisters(1);
  }

  /** Gives every byte of the registers a value of its own; all components are in use. */
  private void fillRegisters(int seed) {
    for (int i = 0; i < 832; i++) {
      block.putByte(CpuState.XSAVE + i, i * 3 + seed);
    }
    block.fill(CpuState.XSAVE + 512, 64, 0);
    block.putLong(CpuState.XSAVE + 512, 7);
    block.putInt(CpuState.XSAVE + 24, 0x1fa0);
    block.putInt(CpuState.XSAVE + 28, 0x2_ffff);
  }

  private byte[] registers(int from, int to) {
    byte[] bytes = new byte[to - from];
    block.read(CpuState.XSAVE + from, bytes, 0, to - from);
    return bytes;
  }

  private byte[] area(int from, int to) {
    byte[] bytes = new byte[to - from];
    cpu.ram.read(AREA + from, bytes, 0, to - from);
    return bytes;
  }

  private void assertUntouched(int from, int to) {
    assertThat(area(from, to)).as("bytes %d to %d", from, to).containsOnly(PATTERN);
  }

  private void execute(String code) {
    assertThat(cpu.execute(code)).isEqualTo(Outcome.NEXT);
    state.rip(TestProcessor.CODE);
  }

  @Test
  void fxsaveWritesTheLegacyRegion() {
    execute(FXSAVE64);
    assertThat(area(0, 416)).isEqualTo(registers(0, 416));
    assertUntouched(416, 1024);
  }

  @Test
  void theShortFormSavesShortPointers() {
    execute(FXSAVE);
    assertThat(area(8, 12)).isEqualTo(registers(8, 12));
    assertThat(cpu.ram.getInt(AREA + 12)).isZero();
    assertThat(area(16, 20)).isEqualTo(registers(16, 20));
    assertThat(cpu.ram.getInt(AREA + 20)).isZero();
    assertThat(area(32, 416)).isEqualTo(registers(32, 416));
  }

  @Test
  void fxrstorBringsBackWhatFxsaveSaved() {
    byte[] before = registers(0, 416);
    byte[] high = registers(576, 832);
    execute(FXSAVE64);
    fillRegisters(77);
    block.putLong(CpuState.XSAVE + 512, 0);
    execute(FXRSTOR64);
    assertThat(registers(0, 416)).isEqualTo(before);
    assertThat(registers(576, 832)).as("not its business").isNotEqualTo(high);
    assertThat(block.getLong(CpuState.XSAVE + 512)).isEqualTo(3);
  }

  @Test
  void theShortFormLoadsShortPointers() {
    execute(FXSAVE64);
    execute(FXRSTOR);
    assertThat(block.getInt(CpuState.XSAVE + 12)).isZero();
    assertThat(block.getInt(CpuState.XSAVE + 20)).isZero();
    assertThat(block.getInt(CpuState.XSAVE + 8)).isEqualTo(cpu.ram.getInt(AREA + 8));
  }

  @Test
  void reservedMxcsrBitsFault() {
    execute(FXSAVE64);
    cpu.ram.putInt(AREA + 24, 0x4_0000);
    assertProtection(() -> cpu.execute(FXRSTOR64));
    cpu.ram.putInt(AREA + 24, 0x2_1f80);
    execute(FXRSTOR64);
    assertThat(block.getInt(CpuState.XSAVE + 24)).isEqualTo(0x2_1f80);
    block.putInt(CpuState.XSAVE + 28, 0xffff);
    assertProtection(() -> cpu.execute(FXRSTOR64));
  }

  @ParameterizedTest
  @ValueSource(strings = {FXSAVE, FXRSTOR, XSAVE64, XRSTOR64, XSAVEOPT64, XSAVEC64})
  void operandsMustBeAligned(String code) {
    state.gpr(CpuState.RBX, KERNEL + AREA + 8);
    assertProtection(() -> cpu.execute(code));
  }

  @ParameterizedTest
  @ValueSource(strings = {XSAVE64, XRSTOR64, XSAVEOPT64, XSAVEC64})
  void xsaveWants64Bytes(String code) {
    state.gpr(CpuState.RBX, KERNEL + AREA + 32);
    assertProtection(() -> cpu.execute(code));
  }

  @ParameterizedTest
  @ValueSource(strings = {FXSAVE, FXRSTOR, XSAVE64, XRSTOR64, XSAVEOPT64, XSAVEC64})
  void taskSwitchedRaisesDeviceNotAvailable(String code) {
    state.set(CpuState.CR0, state.get(CpuState.CR0) | RegisterBits.CR0_TS);
    assertThat(fault(() -> cpu.execute(code))).isSameAs(GuestFault.NM);
  }

  @ParameterizedTest
  @ValueSource(strings = {XSAVE64, XRSTOR64, XSAVEOPT64, XSAVEC64})
  void xsaveMustBeEnabled(String code) {
    state.set(CpuState.CR4, state.get(CpuState.CR4) & ~RegisterBits.CR4_OSXSAVE);
    assertUndefined(() -> cpu.execute(code));
  }

  @Test
  void xsaveWritesAllComponentsAndTheirBits() {
    execute(XSAVE64);
    assertThat(area(0, 416)).isEqualTo(registers(0, 416));
    assertUntouched(416, 512);
    assertThat(area(576, 832)).isEqualTo(registers(576, 832));
    assertThat(cpu.ram.getLong(AREA + 512)).isEqualTo(0x5a5a_5a5a_5a5a_5a5aL & ~7L | 7);
    assertUntouched(520, 576);
  }

  @Test
  void xsaveWritesOnlyWhatIsAskedFor() {
    state.gpr(CpuState.RAX, 4);
    execute(XSAVE64);
    assertUntouched(0, 24);
    assertThat(area(24, 32)).as("MXCSR goes with AVX").isEqualTo(registers(24, 32));
    assertUntouched(32, 512);
    assertThat(area(576, 832)).isEqualTo(registers(576, 832));
    assertThat(cpu.ram.getLong(AREA + 512)).isEqualTo(0x5a5a_5a5a_5a5a_5a5eL);
  }

  @Test
  void xsaveWritesOnlyWhatXcr0Enables() {
    state.set(CpuState.XCR0, 1);
    execute(XSAVE64);
    assertThat(area(0, 24)).isEqualTo(registers(0, 24));
    assertUntouched(24, 32);
    assertUntouched(160, 512);
    assertUntouched(576, 832);
  }

  @Test
  void xsaveWritesInitialStateWhereAComponentIsNotInUse() {
    block.putLong(CpuState.XSAVE + 512, 0);
    execute(XSAVE64);
    assertThat(cpu.ram.getLong(AREA + 512) & 7).isZero();
    assertThat(cpu.ram.getShort(AREA)).isEqualTo(0x37f);
    assertThat(area(2, 24)).containsOnly(0);
    assertThat(area(32, 416)).containsOnly(0);
    assertThat(area(576, 832)).containsOnly(0);
  }

  @Test
  void xsaveoptLeavesOutWhatIsNotInUse() {
    block.putLong(CpuState.XSAVE + 512, 2);
    execute(XSAVEOPT64);
    assertUntouched(0, 24);
    assertUntouched(32, 160);
    assertThat(area(160, 416)).isEqualTo(registers(160, 416));
    assertUntouched(576, 832);
    assertThat(cpu.ram.getLong(AREA + 512) & 7).isEqualTo(2);
  }

  @Test
  void xsavecWritesTheCompactedHeader() {
    block.putLong(CpuState.XSAVE + 512, 5);
    block.putInt(CpuState.XSAVE + 24, 0x1f80);
    execute(XSAVEC64);
    assertThat(cpu.ram.getLong(AREA + 512)).isEqualTo(5);
    assertThat(cpu.ram.getLong(AREA + 520)).isEqualTo(1L << 63 | 7);
    assertThat(area(0, 24)).isEqualTo(registers(0, 24));
    assertUntouched(24, 32);
    assertUntouched(160, 512);
    assertThat(area(576, 832)).isEqualTo(registers(576, 832));
  }

  @Test
  void xsavecSavesSseForTheSakeOfMxcsr() {
    block.putLong(CpuState.XSAVE + 512, 0);
    execute(XSAVEC64);
    assertThat(cpu.ram.getLong(AREA + 512)).isEqualTo(2);
    assertThat(cpu.ram.getInt(AREA + 24)).isEqualTo(0x1fa0);
  }

  @ParameterizedTest
  @ValueSource(strings = {XSAVE64, XSAVEOPT64, XSAVEC64})
  void xrstorBringsBackWhatWasSaved(String save) {
    cpu.ram.fill(AREA, 4096, 0);
    byte[] legacy = registers(0, 416);
    byte[] high = registers(576, 832);
    execute(save);
    fillRegisters(9);
    execute(XRSTOR64);
    assertThat(registers(0, 416)).isEqualTo(legacy);
    assertThat(registers(576, 832)).isEqualTo(high);
    assertThat(block.getLong(CpuState.XSAVE + 512)).isEqualTo(7);
  }

  @Test
  void xrstorInitializesWhatIsNotThere() {
    cpu.ram.fill(AREA, 4096, 0);
    cpu.ram.putInt(AREA + 24, 0x1f00);
    cpu.ram.putLong(AREA + 512, 1);
    cpu.ram.putShort(AREA, 0x27f);
    byte[] high = registers(576, 832);
    state.gpr(CpuState.RAX, 3);
    execute(XRSTOR64);
    assertThat(block.getShort(CpuState.XSAVE)).isEqualTo(0x27f);
    assertThat(registers(160, 416)).containsOnly(0);
    assertThat(block.getInt(CpuState.XSAVE + 24))
        .as("standard format: always loaded")
        .isEqualTo(0x1f00);
    assertThat(registers(576, 832)).as("not asked for").isEqualTo(high);
    assertThat(block.getLong(CpuState.XSAVE + 512)).isEqualTo(5);
  }

  @Test
  void xrstorOfTheCompactedFormatInitializesMxcsrWithSse() {
    cpu.ram.fill(AREA, 4096, 0);
    cpu.ram.putLong(AREA + 520, 1L << 63 | 7);
    execute(XRSTOR64);
    assertThat(block.getInt(CpuState.XSAVE + 24)).isEqualTo(0x1f80);
    assertThat(block.getLong(CpuState.XSAVE + 512)).isZero();
    assertThat(block.getShort(CpuState.XSAVE)).isEqualTo(0x37f);
  }

  @Test
  void badHeadersFault() {
    cpu.ram.fill(AREA, 4096, 0);
    byte[] before = registers(0, 832);
    assertHeaderFaults(8, 0, 0, 0);
    assertHeaderFaults(0, 1, 0, 0);
    assertHeaderFaults(0, 0, 1, 0);
    assertHeaderFaults(0, 1L << 63 | 8, 0, 0);
    assertHeaderFaults(4, 1L << 63 | 3, 0, 0);
    assertHeaderFaults(0, 1L << 63 | 7, 0, 1);
    state.set(CpuState.XCR0, 3);
    assertHeaderFaults(4, 0, 0, 0);
    assertThat(registers(0, 832)).isEqualTo(before);
  }

  private void assertHeaderFaults(long present, long layout, long third, long last) {
    cpu.ram.putLong(AREA + 512, present);
    cpu.ram.putLong(AREA + 520, layout);
    cpu.ram.putLong(AREA + 528, third);
    cpu.ram.putLong(AREA + 568, last);
    assertProtection(() -> cpu.execute(XRSTOR64));
  }

  @Test
  void reservedMxcsrBitsFaultInXrstor() {
    cpu.ram.fill(AREA, 4096, 0);
    cpu.ram.putInt(AREA + 24, 1 << 20);
    assertProtection(() -> cpu.execute(XRSTOR64));
    state.gpr(CpuState.RAX, 1);
    execute(XRSTOR64);
  }

  @Test
  void areasAcrossPagesAreCheckedFirst() {
    cpu.map(0x50_0000, 0x32_0000, 3);
    cpu.ram.fill(0x32_0000, 4096, PATTERN);
    state.gpr(CpuState.RBX, 0x50_0e00);
    assertPageFault(() -> cpu.execute(XSAVE64), 2, 0x50_1000);
    assertThat(cpu.ram.getByte(0x32_0e00)).isEqualTo(PATTERN);
    cpu.map(0x50_1000, 0x36_0000, 3);
    execute(XSAVE64);
    assertThat(cpu.ram.getLong(0x36_0000 + 64)).isEqualTo(block.getLong(CpuState.XSAVE + 576));
    fillRegisters(50);
    execute(XRSTOR64);
    assertThat(block.getByte(CpuState.XSAVE + 831)).isEqualTo(831 * 3 + 1 & 0xff);
  }
}
