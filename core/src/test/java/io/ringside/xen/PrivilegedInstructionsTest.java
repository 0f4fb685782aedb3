package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.x86.Decoder;
import io.ringside.x86.Instruction;
import io.ringside.x86.Kind;
import io.ringside.x86.UndefinedInstructionException;
import io.ringside.xen.XenStatistics.Counter;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PrivilegedInstructionsTest {
  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RBX = 3;
  private static final int RSI = 6;
  private static final int RDI = 7;

  private static final long RIP = TestGuest.gva(2) + 0x10;
  private static final long GP_HANDLER = 0xffff_ffff_8000_0013L;
  private static final long UD_HANDLER = 0xffff_ffff_8000_0006L;
  private static final long PF_HANDLER = 0xffff_ffff_8000_0014L;
  private static final long DB_HANDLER = 0xffff_ffff_8000_0001L;
  private static final long BUFFER = TestGuest.gva(30);

  private final TestGuest guest = new TestGuest();
  private final FakeCpu cpu = guest.cpu;
  private final VirtualRegisters registers = guest.vcpu.traps().registers();
  private final Controls controls = new Controls();
  private final PvMsrs msrs = new PvMsrs(guest.vcpu, PvProcessors.amd(), true, aux -> {});
  private final PrivilegedInstructions privileged =
      new PrivilegedInstructions(
          guest.vcpu, new PvCpuid(guest.domain, PvProcessors.amd()), msrs, controls);

  private static final class Controls implements PvControls {
    private long cr4;
    private long xcr0 = 1;

    @Override
    public void cr4(long value) {
      cr4 = value;
    }

    @Override
    public long xcr0() {
      return xcr0;
    }

    @Override
    public boolean xcr0(long value) {
      if ((value & ~7) != 0 || (value & 1) == 0) {
        return false;
      }
      xcr0 = value;
      return true;
    }
  }

  @BeforeEach
  void handlers() {
    TrapTable table = guest.vcpu.traps().table();
    table.set(Traps.GENERAL_PROTECTION, GP_HANDLER, 0);
    table.set(Traps.INVALID_OPCODE, UD_HANDLER, 0);
    table.set(Traps.PAGE_FAULT, PF_HANDLER, 0);
    table.set(Traps.DEBUG, DB_HANDLER, 0);
    guest.vcpu.traps().kernelStack(TestGuest.gva(301));
    guest.vcpu.userRoot(guest.mfn(TestGuest.L4));
    cpu.userRoot(guest.mfn(TestGuest.L4));
    cpu.registers[4] = TestGuest.gva(301);
    cpu.rip = RIP;
  }

  /** Has an instruction raise #GP(0). */
  private void run(String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex);
    byte[] code = Arrays.copyOf(bytes, 32);
    Instruction insn = new Instruction();
    try {
      assertThat(new Decoder().decode(code, 0, code.length, RIP, insn)).isTrue();
    } catch (UndefinedInstructionException e) {
      throw new AssertionError(hex, e);
    }
    assertThat(insn.length).isEqualTo(bytes.length);
    cpu.rip = RIP;
    privileged.generalProtection(insn);
  }

  private void runs(String hex) {
    run(hex);
    assertThat(cpu.rip).isEqualTo(RIP + hex.length() / 2);
  }

  private void faults(String hex) {
    run(hex);
    assertThat(cpu.rip).isEqualTo(GP_HANDLER);
    assertThat(stack(2)).isZero();
    assertThat(stack(3)).isEqualTo(RIP);
  }

  private long stack(int slot) {
    return guest.vcpu.access().readLong(cpu.registers[4] + 8 * slot);
  }

  private void iopl(int level) {
    registers.iopl((long) level << 12);
  }

  // Control registers.

  @Test
  void cr0IsXensButForTaskSwitched() {
    runs("0f20c0");
    assertThat(cpu.registers[RAX]).isEqualTo(0x8005_0033L);
    cpu.registers[RBX] = 0x8005_003bL;
    runs("0f22c3");
    assertThat(cpu.taskSwitched).isTrue();
    runs("0f20c1");
    assertThat(cpu.registers[RCX]).isEqualTo(0x8005_003bL);
    runs("0f06");
    assertThat(cpu.taskSwitched).isFalse();
    cpu.registers[RBX] = 0x8004_003bL;
    faults("0f22c3");
  }

  @Test
  void cr2() {
    cpu.registers[RAX] = 0x1234;
    runs("0f22d0");
    assertThat(guest.raw.getLong(guest.vcpu.infoAddress() + SharedInfo.CR2)).isEqualTo(0x1234);
    runs("0f20d2");
    assertThat(cpu.registers[RDX]).isEqualTo(0x1234);
  }

  @Test
  void cr3IsAMachineFrame() {
    runs("0f20d8");
    assertThat(cpu.registers[RAX]).isEqualTo(guest.maddr(TestGuest.L4));
    runs("0f22d8");
    cpu.registers[RAX] = guest.maddr(5);
    faults("0f22d8");
    cpu.registers[RAX] = -1;
    faults("0f22d8");
  }

  @Test
  void cr4HasTheGuestsBits() {
    runs("0f20e0");
    assertThat(cpu.registers[RAX]).isEqualTo(0x660);
    cpu.registers[RAX] = -1;
    runs("0f22e0");
    assertThat(controls.cr4).isEqualTo(0x660 | 0x4_000c);
    assertThat(privileged.cr4()).isEqualTo(0x660 | 0x4_000c);
  }

  @Test
  void cr8IsNotThere() {
    faults("440f20c0");
    faults("440f22c0");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0f20c0", "0f22c0", "0f06", "0f09", "0f21c0", "0f23c0", "0f32", "0f30"})
  void userModeGetsTheFault(String hex) {
    cpu.kernelMode = false;
    faults(hex);
    assertThat(cpu.kernelMode).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "f4", "0f08", "0f0138", "0f0118", "0f0110", "0f01f8", "0f00d0", "0f00d8", "0f01f0", "0f33"
      })
  void theRestIsNotEmulated(String hex) {
    iopl(3);
    faults(hex);
    assertThat(guest.domain.statistics().get(Counter.PRIVILEGED_EMULATIONS)).isZero();
  }

  @Test
  void cachesAreLeftAlone() {
    runs("0f09");
    assertThat(guest.domain.statistics().get(Counter.PRIVILEGED_EMULATIONS)).isEqualTo(1);
  }

  // Debug registers.

  @Test
  void debugRegisters() {
    cpu.registers[RAX] = 0x1000;
    runs("0f23c0");
    assertThat(cpu.debugRegisters[0]).isEqualTo(0x1000);
    runs("0f21c3");
    assertThat(cpu.registers[RBX]).isEqualTo(0x1000);
    cpu.registers[RAX] = Layout.HYPERVISOR_START;
    faults("0f23c8");
    cpu.registers[RAX] = 1L << 32;
    faults("0f23f0");
    cpu.registers[RAX] = 0;
    runs("0f23e0");
    registers.cr4(VirtualRegisters.CR4_DE);
    run("0f23e0");
    assertThat(cpu.rip).isEqualTo(UD_HANDLER);
    run("0f21e8");
    assertThat(cpu.rip).isEqualTo(UD_HANDLER);
  }

  // MSRs.

  @Test
  void msrs() {
    cpu.registers[RCX] = 0xc000_0100L;
    cpu.registers[RAX] = 0xffff_ffff_1234_5678L;
    cpu.registers[RDX] = 0x7f;
    runs("0f30");
    assertThat(cpu.bases[PvCpu.FS]).isEqualTo(0x7f_1234_5678L);
    cpu.registers[RAX] = 0;
    runs("0f32");
    assertThat(cpu.registers[RAX]).isEqualTo(0x1234_5678);
    assertThat(cpu.registers[RDX]).isEqualTo(0x7f);
    cpu.registers[RCX] = 0x1234;
    faults("0f32");
    cpu.registers[RCX] = 0x1234;
    faults("0f30");
  }

  @Test
  void readsWithoutHandlerGiveZero() {
    guest.vcpu.traps().table().clear();
    cpu.registers[RCX] = 0x1234;
    cpu.registers[RAX] = 5;
    runs("0f32");
    assertThat(cpu.registers[RAX]).isZero();
  }

  // Time, CPUID, XCR0.

  @Test
  void timestamp() {
    runs("0f31");
    assertThat(cpu.registers[RAX]).isEqualTo(guest.timers.guestTsc());
    assertThat(cpu.registers[RDX]).isZero();
    cpu.registers[RCX] = 9;
    runs("0f01f9");
    assertThat(cpu.registers[RCX]).isZero();
    registers.cr4(VirtualRegisters.CR4_TSD);
    runs("0f31");
    cpu.kernelMode = false;
    faults("0f31");
  }

  @Test
  void cpuidUnderFaulting() {
    cpu.registers[RAX] = 0x4000_0000;
    runs("0fa2");
    assertThat(cpu.registers[RBX]).isEqualTo(0x566e_6558);
    msrs.write(0x140, 1);
    cpu.kernelMode = false;
    faults("0fa2");
  }

  @Test
  void xcr0() {
    cpu.registers[RAX] = 7;
    cpu.registers[RCX] = 0;
    run("0f01d1");
    assertThat(cpu.rip).isEqualTo(UD_HANDLER);
    registers.cr4(VirtualRegisters.CR4_OSXSAVE);
    cpu.registers[RCX] = 0;
    runs("0f01d1");
    assertThat(controls.xcr0).isEqualTo(7);
    cpu.registers[RAX] = 8;
    faults("0f01d1");
    cpu.registers[RAX] = 7;
    cpu.registers[RCX] = 1;
    faults("0f01d1");
    cpu.registers[RCX] = 0;
    cpu.kernelMode = false;
    faults("0f01d1");
  }

  // Interrupt flag and ports.

  @Test
  void interruptFlagInstructionsDoNothingWithPrivilege() {
    faults("fa");
    faults("fb");
    iopl(1);
    guest.raw.putByte(guest.vcpu.infoAddress() + SharedInfo.UPCALL_MASK, 0);
    runs("fa");
    assertThat(guest.raw.getByte(guest.vcpu.infoAddress() + SharedInfo.UPCALL_MASK)).isZero();
    runs("fb");
    cpu.kernelMode = false;
    faults("fa");
    iopl(3);
    cpu.kernelMode = false;
    runs("fa");
  }

  @Test
  void kernelIsRing0ForAnArchitecturalIopl() {
    guest.domain.assist(VmAssist.ARCHITECTURAL_IOPL, true);
    runs("fa");
  }

  @ParameterizedTest
  @CsvSource({
    "e460, ff, 1",
    "66e560, ffff, 2",
    "e560, ffffffff, 4",
    "ec, ff, 1",
    "ed, ffffffff, 4"
  })
  void nothingIsBehindPorts(String hex, String value, int size) {
    iopl(1);
    cpu.registers[RDX] = 0x60;
    cpu.registers[RAX] = 0x1122_3344_5566_0000L;
    runs(hex);
    long expected = Long.parseLong(value, 16);
    assertThat(cpu.registers[RAX])
        .isEqualTo(size == 4 ? expected : 0x1122_3344_5566_0000L | expected);
  }

  @Test
  void indexPortsHaveLatches() {
    iopl(1);
    cpu.registers[RAX] = 0x8a;
    runs("e670");
    cpu.registers[RAX] = 0;
    runs("e470");
    assertThat(cpu.registers[RAX]).isEqualTo(0x8a);
    runs("e471");
    assertThat(cpu.registers[RAX]).isEqualTo(0xff);
    cpu.registers[RDX] = 0xcf8;
    cpu.registers[RAX] = 0x8000_1234L;
    runs("ef");
    cpu.registers[RAX] = 0;
    runs("ed");
    assertThat(cpu.registers[RAX]).isEqualTo(0x8000_1234L);
    runs("ec");
    assertThat(cpu.registers[RAX]).isEqualTo(0x8000_12ffL);
  }

  /** All bits set would be a counter that stands, which Linux waits for 100,000 reads long. */
  @Test
  void theIntervalTimersCounterReadsZero() {
    iopl(1);
    cpu.registers[RAX] = 0x1234_5678;
    runs("e442");
    assertThat(cpu.registers[RAX]).isEqualTo(0x1234_5600);
    runs("66e541");
    assertThat(cpu.registers[RAX]).isEqualTo(0x1234_00ff);
    runs("e540");
    assertThat(cpu.registers[RAX]).isEqualTo(0xff00_ffffL);
    runs("e443");
    assertThat(cpu.registers[RAX]).isEqualTo(0xff00_ffffL);
  }

  @Test
  void statisticsTellThemByKindAndTime() {
    XenStatistics statistics = guest.domain.statistics();
    iopl(3);
    runs("fa");
    runs("e460");
    runs("e460");
    statistics.userEntered();
    runs("e460");
    cpu.kernelMode = false;
    runs("e460");
    assertThat(statistics.get(Counter.PRIVILEGED_EMULATIONS)).isEqualTo(5);
    assertThat(statistics.privileged(Kind.CLI)).isEqualTo(1);
    assertThat(statistics.privilegedSinceUserMode(Kind.CLI)).isZero();
    assertThat(statistics.privileged(Kind.IN)).isEqualTo(3);
    assertThat(statistics.privilegedSinceUserMode(Kind.IN)).isEqualTo(1);
    assertThat(statistics.report())
        .containsPattern("(?m)^  in +2 +1 +\\d+\\.\\d{3} s$")
        .containsPattern("(?m)^  cli +1 +0 +\\d+\\.\\d{3} s$")
        .containsPattern("(?m)^  for programs: in +1$")
        .containsPattern("(?m)^  first user mode after \\d+\\.\\d{3} s$");
  }

  @Test
  void portsNeedPermission() {
    faults("e460");
    faults("e660");
    guest.raw.fill(guest.maddr(31), 4096, 0xff);
    guest.raw.putByte(guest.maddr(31) + 12, ~0x03);
    registers.ioBitmap(TestGuest.gva(31), 0x200);
    runs("e460");
    runs("66e560");
    faults("e560");
    faults("e462");
    cpu.kernelMode = false;
    runs("e461");
    registers.ioBitmap(TestGuest.gva(31), 0x61);
    cpu.kernelMode = false;
    faults("66e560");
    registers.ioBitmap(0x1000, 0x1_0000);
    faults("e460");
  }

  @Test
  void stringInput() {
    iopl(1);
    cpu.registers[RDX] = 0x60;
    cpu.registers[RCX] = 3;
    cpu.registers[RDI] = BUFFER;
    runs("f366" + "6d");
    assertThat(guest.raw.getLong(guest.maddr(30))).isEqualTo(0xffff_ffff_ffffL);
    assertThat(cpu.registers[RCX]).isZero();
    assertThat(cpu.registers[RDI]).isEqualTo(BUFFER + 6);
    cpu.rflags |= 0x400;
    runs("6c");
    assertThat(cpu.registers[RDI]).isEqualTo(BUFFER + 5);
    runs("f36c");
    assertThat(cpu.registers[RDI]).isEqualTo(BUFFER + 5);
  }

  @Test
  void stringInputFaultsWhereItCannotStore() {
    iopl(1);
    cpu.registers[RCX] = 10;
    cpu.registers[RDI] = TestGuest.gva(TestGuest.L1) - 8;
    run("f36d");
    assertThat(cpu.rip).isEqualTo(PF_HANDLER);
    assertThat(stack(2)).isEqualTo(2);
    assertThat(stack(3)).isEqualTo(RIP);
    assertThat(registers.cr2())
        .isBetween(TestGuest.gva(TestGuest.L1), TestGuest.gva(TestGuest.L1) + 3);
    cpu.registers[RDI] = Layout.HYPERVISOR_START;
    cpu.registers[RCX] = 10;
    faults("f36d");
  }

  @Test
  void stringOutput() {
    iopl(1);
    cpu.registers[RDX] = 0x70;
    cpu.registers[RSI] = 0x10;
    cpu.bases[PvCpu.FS] = BUFFER - 0x10;
    guest.raw.putByte(guest.maddr(30), 0x55);
    runs("646e");
    runs("e470");
    assertThat(cpu.registers[RAX] & 0xff).isEqualTo(0x55);
    assertThat(cpu.registers[RSI]).isEqualTo(0x11);
  }

  @Test
  void longStringsGoInSlices() {
    iopl(1);
    cpu.registers[RCX] = 5000;
    cpu.registers[RSI] = BUFFER;
    run("f36e");
    assertThat(cpu.rip).isEqualTo(RIP);
    assertThat(cpu.registers[RCX]).isEqualTo(904);
    runs("f36e");
  }

  @Test
  void portBreakpoints() {
    iopl(1);
    registers.cr4(VirtualRegisters.CR4_DE);
    guest.call(HypercallNumber.SET_DEBUGREG, 2, 0x80);
    guest.call(HypercallNumber.SET_DEBUGREG, 7, 0x200_0020);
    run("e680");
    assertThat(cpu.rip).isEqualTo(DB_HANDLER);
    assertThat(stack(2)).isEqualTo(RIP + 2);
    assertThat(registers.debug(6)).isEqualTo(0xffff_0ff4L);
  }

  @Test
  void singleStep() {
    cpu.rflags |= 0x100;
    run("0f09");
    assertThat(cpu.rip).isEqualTo(DB_HANDLER);
    assertThat(stack(2)).isEqualTo(RIP + 2);
    assertThat(registers.debug(6)).isEqualTo(0xffff_4ff0L);
  }

  // The forced-emulation prefix.

  private void code(String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex);
    guest.raw.write(guest.maddr(2) + 0x10, bytes, 0, bytes.length);
  }

  @Test
  void forcedCpuid() {
    code("0f0b78656e0fa2");
    cpu.registers[RAX] = 0x4000_0000;
    privileged.invalidOpcode();
    assertThat(cpu.rip).isEqualTo(RIP + 7);
    assertThat(cpu.registers[RBX]).isEqualTo(0x566e_6558);
    assertThat(guest.domain.statistics().get(Counter.FORCED_EMULATIONS)).isEqualTo(1);
  }

  @Test
  void otherInvalidOpcodesAreTheGuests() {
    code("0f0b78656e0f31");
    privileged.invalidOpcode();
    assertThat(cpu.rip).isEqualTo(UD_HANDLER);
    assertThat(stack(2)).isEqualTo(RIP);
  }

  @Test
  void forcedCpuidAtTheEndOfWhatIsMapped() {
    guest.unmap(4);
    cpu.rip = TestGuest.gva(4) - 5;
    byte[] bytes = HexFormat.of().parseHex("0f0b78656e");
    guest.raw.write(guest.maddr(3) + 4096 - 5, bytes, 0, bytes.length);
    privileged.invalidOpcode();
    assertThat(cpu.rip).isEqualTo(PF_HANDLER);
    assertThat(registers.cr2()).isEqualTo(TestGuest.gva(4));
  }
}
