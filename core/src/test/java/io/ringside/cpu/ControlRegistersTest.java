package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertProtection;
import static io.ringside.cpu.Faults.assertUndefined;
import static io.ringside.cpu.Faults.fault;
import static io.ringside.cpu.TestProcessor.CODE;
import static io.ringside.cpu.TestProcessor.PML4;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ControlRegistersTest {
  private static final String MOV_CR0_RAX = "0f 22 c0";
  private static final String MOV_CR2_RAX = "0f 22 d0";
  private static final String MOV_CR3_RAX = "0f 22 d8";
  private static final String MOV_CR4_RAX = "0f 22 e0";
  private static final String MOV_CR8_RAX = "44 0f 22 c0";
  private static final String MOV_RAX_CR0 = "0f 20 c0";
  private static final String MOV_DR7_RAX = "0f 23 f8";
  private static final String MOV_RAX_DR6 = "0f 21 f0";
  private static final String MOV_DR4_RAX = "0f 23 e0";
  private static final String XSETBV = "0f 01 d1";
  private static final String XGETBV = "0f 01 d0";

  private final TestProcessor cpu = new TestProcessor();
  private final CpuState state = cpu.state;

  private void execute(String code, long rax) {
    state.gpr(CpuState.RAX, rax);
    state.rip(CODE);
    cpu.execute(code);
  }

  private void cr4(long set) {
    state.set(CpuState.CR4, state.get(CpuState.CR4) | set);
  }

  @Test
  void readsAndWrites() {
    execute(MOV_RAX_CR0, 0);
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(0x8005_0033L);
    execute(MOV_CR2_RAX, 0x1234_5678_9abcL);
    assertThat(state.get(CpuState.CR2)).isEqualTo(0x1234_5678_9abcL);
    execute(MOV_CR8_RAX, 9);
    assertThat(cpu.cr8).isEqualTo(9);
    execute("44 0f 20 c0", 0);
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(9);
    assertProtection(() -> execute(MOV_CR8_RAX, 16));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        MOV_CR0_RAX,
        MOV_CR3_RAX,
        MOV_CR4_RAX,
        MOV_RAX_CR0,
        MOV_CR8_RAX,
        MOV_DR7_RAX,
        XSETBV
      })
  void areForTheSupervisor(String code) {
    cr4(RegisterBits.CR4_OSXSAVE);
    cpu.enterUser();
    assertProtection(() -> execute(code, 7));
  }

  @ParameterizedTest
  @CsvSource({"180050033", "80050032", "50033", "a0050033"})
  void cr0Checks(String value) {
    assertProtection(() -> execute(MOV_CR0_RAX, Long.parseLong(value, 16)));
    assertThat(state.get(CpuState.CR0)).isEqualTo(0x8005_0033L);
  }

  @Test
  void cr0ReservedBitsStayZeroAndEtOne() {
    execute(MOV_CR0_RAX, 0x9fff_ffefL);
    assertThat(state.get(CpuState.CR0)).isEqualTo(0x8005_003fL);
    assertThat(cpu.events).containsExactly("modeChanged");
  }

  @Test
  void writeProtectFlushes() {
    execute(MOV_CR0_RAX, 0x8004_0033L);
    assertThat(cpu.events).containsExactly("flushAll", "modeChanged");
  }

  @Test
  void cr3FlushesTheNonGlobal() {
    execute(MOV_CR3_RAX, PML4 | 0x18);
    assertThat(state.get(CpuState.CR3)).isEqualTo(PML4 | 0x18);
    assertThat(cpu.events).containsExactly("flushNonGlobal", "addressSpaceChanged");
    assertProtection(() -> execute(MOV_CR3_RAX, PML4 | 1L << 40));
    assertProtection(() -> execute(MOV_CR3_RAX, PML4 | 1L << 63));
  }

  @Test
  void pcidsDecideWhatCr3Flushes() {
    cr4(RegisterBits.CR4_PCIDE);
    execute(MOV_CR3_RAX, PML4 | 5);
    execute(MOV_CR3_RAX, PML4 | 6 | 1L << 63);
    assertThat(state.get(CpuState.CR3)).isEqualTo(PML4 | 6);
    assertThat(cpu.events)
        .containsExactly("flushPcid 5", "addressSpaceChanged", "addressSpaceChanged");
  }

  @Test
  void cr4Checks() {
    long cr4 = state.get(CpuState.CR4);
    assertProtection(() -> execute(MOV_CR4_RAX, cr4 & ~RegisterBits.CR4_PAE));
    assertProtection(() -> execute(MOV_CR4_RAX, cr4 | 1L << 13));
    assertProtection(() -> execute(MOV_CR4_RAX, cr4 | 1L << 22));
    state.set(CpuState.CR3, PML4 | 0x18);
    assertProtection(() -> execute(MOV_CR4_RAX, cr4 | RegisterBits.CR4_PCIDE));
    state.set(CpuState.CR3, PML4);
    execute(MOV_CR4_RAX, cr4 | RegisterBits.CR4_PCIDE | RegisterBits.CR4_SMEP);
    assertThat(cpu.events).containsExactly("flushAll", "modeChanged");
    cpu.events.clear();
    execute(
        MOV_CR4_RAX,
        state.get(CpuState.CR4) | RegisterBits.CR4_OSXSAVE | RegisterBits.CR4_FSGSBASE);
    assertThat(cpu.events).containsExactly("modeChanged");
  }

  @Test
  void debugRegisters() {
    execute(MOV_DR7_RAX, 0xffff_07ffL);
    assertThat(state.get(CpuState.DEBUG_REGISTERS + 56)).isEqualTo(0xffff_07ffL);
    execute(MOV_RAX_DR6, 0);
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(0xffff_0ff0L);
    assertProtection(() -> execute(MOV_DR7_RAX, 1L << 32));
    execute(MOV_DR4_RAX, -1L >>> 32);
    assertThat(state.get(CpuState.DEBUG_REGISTERS + 48)).isEqualTo(0xffff_efffL);
    cr4(RegisterBits.CR4_DE);
    assertUndefined(() -> execute(MOV_DR4_RAX, 0));
  }

  @Test
  void generalDetect() {
    execute(MOV_DR7_RAX, 0x2000);
    assertThat(fault(() -> execute(MOV_RAX_DR6, 0))).isSameAs(GuestFault.DB);
    assertThat(state.get(CpuState.DEBUG_REGISTERS + 48)).isEqualTo(0xffff_2ff0L);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "0, 2", "0, 5", "0, f", "1, 1", "0, 4"})
  void xcr0Checks(int number, String value) {
    cr4(RegisterBits.CR4_OSXSAVE);
    state.gpr(CpuState.RCX, number);
    assertProtection(() -> execute(XSETBV, Long.parseLong(value, 16)));
  }

  @Test
  void xcr0() {
    assertUndefined(() -> execute(XGETBV, 0));
    assertUndefined(() -> execute(XSETBV, 7));
    cr4(RegisterBits.CR4_OSXSAVE);
    execute(XSETBV, 7);
    state.gpr(CpuState.RDX, -1);
    execute(XGETBV, -1);
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(7);
    assertThat(state.gpr(CpuState.RDX)).isZero();
    state.gpr(CpuState.RCX, 1);
    state.set(CpuState.XSAVE + 512, 2);
    execute(XGETBV, -1);
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(2);
    state.gpr(CpuState.RCX, 2);
    assertProtection(() -> execute(XGETBV, 0));
  }

  @Test
  void invalidations() {
    cpu.state.gpr(CpuState.RBX, TestProcessor.STACK);
    execute("0f 01 3b", 0);
    assertThat(cpu.events)
        .containsExactly("invalidatePage " + Long.toHexString(TestProcessor.STACK));
    cpu.events.clear();
    cpu.put(TestProcessor.STACK, 3);
    cpu.put(TestProcessor.STACK + 8, 0x1000);
    assertProtection(() -> execute("66 0f 38 82 03", 0));
    execute("66 0f 38 82 03", 2);
    execute("66 0f 38 82 03", 3);
    cr4(RegisterBits.CR4_PCIDE);
    execute("66 0f 38 82 03", 0);
    execute("66 0f 38 82 03", 1);
    state.set(CpuState.CR3, PML4 | 3);
    execute("66 0f 38 82 03", 0);
    assertThat(cpu.events)
        .containsExactly(
            "flushAll", "flushNonGlobal", "flushPcid 3", "flushPcid 3", "invalidatePage 1000");
    assertProtection(() -> execute("66 0f 38 82 03", 4));
    cpu.put(TestProcessor.STACK, 0x1000);
    assertProtection(() -> execute("66 0f 38 82 03", 1));
  }
}
