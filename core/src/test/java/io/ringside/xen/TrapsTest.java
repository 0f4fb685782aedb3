package io.ringside.xen;

import static io.ringside.xen.TestGuest.gva;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.xen.XenStatistics.Counter;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrapsTest {
  /** RFLAGS.RF, which a fault leaves in its frame. */
  private static final long RF = 1 << 16;

  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RSP = 4;
  private static final int R11 = 11;
  private static final int CS = 1;
  private static final int SS = 2;

  private static final long HANDLER = 0xffff_ffff_8000_1234L;
  private static final long USER_RIP = 0x40_1000;
  private static final long USER_RSP = 0x7fff_ffff_e008L;
  private static final int USER_CS = 0x33;
  private static final int USER_SS = 0x2b;

  private final TestGuest guest = new TestGuest();
  private final FakeCpu cpu = guest.cpu;
  private final Traps traps = guest.vcpu.traps();

  /** The top of the kernel's stack. */
  private final long stack = gva(301);

  private final long info = guest.vcpu.infoAddress();

  @BeforeEach
  void kernel() {
    cpu.rip = gva(1);
    cpu.registers[RSP] = stack;
    cpu.registers[RCX] = 0xcccc;
    cpu.registers[R11] = 0x1111;
    mask(0);
    guest.vcpu.userRoot(guest.mfn(TestGuest.L4));
    cpu.userRoot(guest.mfn(TestGuest.L4));
    traps.kernelStack(stack + 8);
  }

  private void user() {
    cpu.kernelMode = false;
    cpu.rip = USER_RIP;
    cpu.registers[RSP] = USER_RSP;
    cpu.selectors[CS] = USER_CS;
    cpu.selectors[SS] = USER_SS;
  }

  private void mask(int value) {
    guest.raw.putByte(info + SharedInfo.UPCALL_MASK, value);
  }

  private int mask() {
    return guest.raw.getByte(info + SharedInfo.UPCALL_MASK);
  }

  private long[] frame(int slots) {
    long[] frame = new long[slots];
    for (int i = 0; i < slots; i++) {
      frame[i] = guest.vcpu.access().readLong(cpu.registers[RSP] + 8 * i);
    }
    return frame;
  }

  private void pushIret(long flags, long rip, long cs, long rflags, long rsp, long ss) {
    long[] words = {0xaaaa, 0x1b1b, 0xcbcb, flags, rip, cs, rflags, rsp, ss};
    long at = stack - 8 * words.length;
    for (int i = 0; i < words.length; i++) {
      guest.vcpu.access().writeLong(at + 8 * i, words[i]);
    }
    cpu.registers[RSP] = at;
  }

  private long iret() {
    return guest.call(HypercallNumber.IRET);
  }

  @Test
  void exceptionInKernelModeKeepsTheStackAndShowsRpl0() {
    traps.table().set(0, HANDLER, 0);
    cpu.registers[RSP] = stack - 5;
    cpu.rflags = 0x0405_4fd7;
    traps.exception(0, 99);
    long sp = (stack - 16) - 7 * 8;
    assertThat(cpu.registers[RSP]).isEqualTo(sp);
    assertThat(frame(7))
        .containsExactly(
            0xcccc, 0x1111, gva(1), 0xe030, 0x0405_4fd7 & ~0x3000, stack - 5, Layout.FLAT_SS);
    assertThat(cpu.rip).isEqualTo(HANDLER);
    assertThat(cpu.rflags).isEqualTo(0x0400_0ed7 | 0x202);
    assertThat(cpu.registers[RCX]).isEqualTo(HANDLER);
    assertThat(cpu.registers[R11]).isEqualTo(0x0400_0ed7 | 0x202);
    assertThat(cpu.kernelMode).isTrue();
    assertThat(guest.domain.statistics().get(Counter.EXCEPTIONS)).isEqualTo(1);
  }

  @Test
  void exceptionInUserModeSwitchesStackAndMode() {
    user();
    traps.table().set(13, HANDLER, 4);
    traps.exception(13, 0x8765_4321);
    assertThat(cpu.kernelMode).isTrue();
    assertThat(cpu.registers[RSP]).isEqualTo(stack - 8 * 8);
    assertThat(frame(8))
        .containsExactly(
            0xcccc, 0x1111, 0x8765_4321L, USER_RIP, USER_CS, 0x202 | RF, USER_RSP, USER_SS);
    assertThat(cpu.selectors[CS]).isEqualTo(Layout.FLAT_CS64);
    assertThat(cpu.selectors[SS]).isEqualTo(Layout.FLAT_SS);
    assertThat(mask()).isEqualTo(1);
  }

  @Test
  void maskedEventsShowAsClearInterruptFlag() {
    traps.table().set(6, HANDLER, 0);
    mask(0xff);
    traps.exception(6, 0);
    assertThat(frame(7)[3]).isEqualTo(0xff_0000_e030L);
    assertThat(frame(7)[4]).isEqualTo(0x002 | RF);
    assertThat(mask()).isEqualTo(0xff);
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 10, 11, 12, 13, 14, 17, 21})
  void someExceptionsPushAnErrorCode(int vector) {
    traps.table().set(vector, HANDLER, 0);
    traps.exception(vector, 0x18);
    assertThat(frame(8)[2]).isEqualTo(0x18);
    assertThat(frame(8)[3]).isEqualTo(gva(1));
  }

  @Test
  void pageFaultShowsTheAddressAndTheGuestsMode() {
    traps.table().set(14, HANDLER, 4);
    traps.pageFault(0x1234_5678, 7);
    assertThat(frame(8)[2]).isEqualTo(3);
    assertThat(guest.raw.getLong(info + SharedInfo.CR2)).isEqualTo(0x1234_5678);
    assertThat(cpu.cr2).isEqualTo(0x1234_5678);
    assertThat(traps.registers().cr2()).isEqualTo(0x1234_5678);
    user();
    traps.pageFault(0x99, 0);
    assertThat(frame(8)[2]).isEqualTo(4);
  }

  @Test
  void deviceNotAvailableClearsTheTaskSwitchedFlag() {
    traps.table().set(7, HANDLER, 0);
    guest.call(HypercallNumber.FPU_TASKSWITCH, 1);
    assertThat(cpu.taskSwitched).isTrue();
    traps.exception(7, 0);
    assertThat(cpu.taskSwitched).isFalse();
    assertThat(traps.registers().taskSwitched()).isFalse();
  }

  @Test
  void debugExceptionsAddTheirCauses() {
    traps.table().set(1, HANDLER, 0);
    traps.debugException(0xffff_4ff0L);
    traps.debugException(0xffff_0ff1L);
    assertThat(traps.registers().debug(6)).isEqualTo(0xffff_4ff1L);
    assertThat(cpu.debugRegisters[6]).isEqualTo(0xffff_4ff1L);
  }

  @Test
  void exceptionWithoutHandlerCrashes() {
    traps.exception(6, 0);
    assertThat(guest.host.crashes).singleElement().asString().contains("no handler for #UD");
    assertThat(guest.domain.isShutDown()).isTrue();
    assertThat(guest.vcpu.mayRun()).isFalse();
  }

  @Test
  void frameThatCannotBeWrittenCrashes() {
    traps.table().set(6, HANDLER, 0);
    cpu.registers[RSP] = gva(TestGuest.L4) + 4096;
    traps.exception(6, 0);
    assertThat(guest.host.crashes).singleElement().asString().contains("stack");
  }

  @ParameterizedTest
  @ValueSource(
      longs = {
        Layout.HYPERVISOR_START + 16,
        Layout.HYPERVISOR_END,
        Layout.HYPERVISOR_END + 48,
        1L << 50
      })
  void stackInXensRangeCrashes(long rsp) {
    traps.table().set(6, HANDLER, 0);
    cpu.registers[RSP] = rsp;
    traps.exception(6, 0);
    assertThat(guest.host.crashes).hasSize(1);
  }

  @Test
  void frameMayCrossPages() {
    traps.table().set(6, HANDLER, 0);
    cpu.registers[RSP] = gva(300) + 16;
    traps.exception(6, 0);
    assertThat(cpu.registers[RSP]).isEqualTo(gva(300) + 16 - 56);
    assertThat(frame(7)[5]).isEqualTo(gva(300) + 16);
    assertThat(frame(7)[0]).isEqualTo(0xcccc);
    assertThat(guest.host.crashes).isEmpty();
  }

  // INT n.

  @Test
  void softwareInterruptsNeedThePrivilege() {
    traps.table().set(0x30, HANDLER, 1);
    traps.table().set(0x31, HANDLER, 3);
    traps.table().set(13, HANDLER + 1, 0);
    traps.softwareInterrupt(0x30, gva(1) + 2);
    assertThat(cpu.rip).isEqualTo(HANDLER);
    assertThat(frame(7)[2]).isEqualTo(gva(1) + 2);
    user();
    traps.softwareInterrupt(0x30, USER_RIP + 2);
    assertThat(cpu.rip).isEqualTo(HANDLER + 1);
    assertThat(frame(8)[2]).isEqualTo(0x30 * 8 + 2);
    assertThat(frame(8)[3]).isEqualTo(USER_RIP);
    user();
    traps.softwareInterrupt(0x31, USER_RIP + 2);
    assertThat(cpu.rip).isEqualTo(HANDLER);
  }

  @Test
  void breakpointAndLinuxSystemCallNeedNone() {
    traps.table().set(3, HANDLER, 0);
    traps.table().set(0x80, HANDLER + 8, 0);
    traps.table().set(13, HANDLER + 1, 0);
    user();
    traps.softwareInterrupt(3, USER_RIP + 1);
    assertThat(cpu.rip).isEqualTo(HANDLER);
    assertThat(frame(7)[2]).isEqualTo(USER_RIP + 1);
    user();
    traps.softwareInterrupt(0x80, USER_RIP + 2);
    assertThat(cpu.rip).isEqualTo(HANDLER + 8);
    traps.table().clear();
    traps.table().set(13, HANDLER + 1, 0);
    user();
    traps.softwareInterrupt(0x80, USER_RIP + 2);
    assertThat(cpu.rip).isEqualTo(HANDLER + 1);
    assertThat(frame(8)[2]).isEqualTo(0x402);
  }

  // System calls.

  @Test
  void systemCallEntersTheCallback() {
    guest.call(HypercallNumber.CALLBACK_OP, 0, guest.arguments(2 | 1 << 16, HANDLER), 0);
    user();
    cpu.rflags = 0x646;
    traps.systemCall(false);
    assertThat(frame(7))
        .containsExactly(
            USER_RIP, 0x646, USER_RIP, Layout.FLAT_CS64, 0x646, USER_RSP, Layout.FLAT_SS);
    assertThat(cpu.rip).isEqualTo(HANDLER);
    assertThat(cpu.rflags).isEqualTo(0x246);
    assertThat(mask()).isEqualTo(1);
    assertThat(guest.domain.statistics().get(Counter.SYSTEM_CALLS)).isEqualTo(1);
  }

  @Test
  void systemCallWithoutCallbackIsInvalid() {
    traps.table().set(6, HANDLER, 0);
    user();
    traps.systemCall(false);
    assertThat(cpu.rip).isEqualTo(HANDLER);
    assertThat(frame(7)[2]).isEqualTo(USER_RIP - 2);
    assertThat(mask()).isZero();
  }

  @Test
  void systemCallOf32BitCodeHasItsOwnCallback() {
    guest.call(HypercallNumber.CALLBACK_OP, 0, guest.arguments(7, HANDLER), 0);
    user();
    traps.systemCall(true);
    assertThat(cpu.rip).isEqualTo(HANDLER);
    assertThat(frame(7)[3]).isEqualTo(Layout.FLAT_CS32);
    assertThat(mask()).isZero();
  }

  @Test
  void sysenterHasNoReturnAddress() {
    traps.table().set(13, HANDLER + 1, 0);
    user();
    traps.sysenter();
    assertThat(cpu.rip).isEqualTo(HANDLER + 1);
    assertThat(frame(8)).startsWith(0xccccL, 0x1111L, 0L, 0L, 3L);
    guest.call(HypercallNumber.CALLBACK_OP, 0, guest.arguments(5 | 1 << 16, HANDLER), 0);
    user();
    traps.sysenter();
    assertThat(cpu.rip).isEqualTo(HANDLER);
    assertThat(frame(7)[5]).isZero();
    assertThat(mask()).isEqualTo(1);
  }

  // Events and NMIs.

  @Test
  void eventUpcallMasksEvents() {
    guest.call(HypercallNumber.SET_CALLBACKS, HANDLER, 0, 0);
    guest.raw.putByte(info + SharedInfo.UPCALL_PENDING, 1);
    user();
    traps.deliverPending();
    assertThat(cpu.rip).isEqualTo(HANDLER);
    assertThat(frame(7)[2]).isEqualTo(USER_RIP);
    assertThat(mask()).isEqualTo(1);
    assertThat(guest.domain.statistics().get(Counter.UPCALLS)).isEqualTo(1);
    traps.deliverPending();
    assertThat(guest.domain.statistics().get(Counter.UPCALLS)).isEqualTo(1);
  }

  @Test
  void eventUpcallWithoutCallbackCrashes() {
    guest.raw.putByte(info + SharedInfo.UPCALL_PENDING, 1);
    traps.deliverPending();
    assertThat(guest.host.crashes).hasSize(1);
  }

  @Test
  void nmiComesOnceUntilIret() {
    assertThat(guest.call(HypercallNumber.NMI_OP, 0, guest.arguments(HANDLER, 0))).isZero();
    assertThat(guest.call(HypercallNumber.VCPU_OP, 11, 0, 0)).isZero();
    traps.deliverPending();
    assertThat(cpu.rip).isEqualTo(HANDLER);
    assertThat(mask()).isEqualTo(1);
    cpu.rip = gva(2);
    guest.call(HypercallNumber.VCPU_OP, 11, 0, 0);
    traps.deliverPending();
    assertThat(cpu.rip).isEqualTo(gva(2));
    pushIret(0, gva(1), 0xe030, 0x202, stack, Layout.FLAT_SS);
    iret();
    traps.deliverPending();
    assertThat(cpu.rip).isEqualTo(HANDLER);
  }

  @Test
  void nmiWithoutHandlerIsLost() {
    guest.call(HypercallNumber.VCPU_OP, 11, 0, 0);
    traps.deliverPending();
    assertThat(traps.hasPending()).isFalse();
    assertThat(cpu.rip).isEqualTo(gva(1));
    assertThat(guest.host.crashes).isEmpty();
  }

  // IRET.

  @Test
  void iretToKernelMode() {
    mask(1);
    pushIret(0, gva(2), 0xe030, 0x3246, stack - 256, Layout.FLAT_SS);
    assertThat(iret()).isEqualTo(0xaaaa);
    assertThat(cpu.kernelMode).isTrue();
    assertThat(cpu.rip).isEqualTo(gva(2));
    assertThat(cpu.registers[RCX]).isEqualTo(0xcbcb);
    assertThat(cpu.registers[R11]).isEqualTo(0x1b1b);
    assertThat(cpu.registers[RSP]).isEqualTo(stack - 256);
    assertThat(cpu.rflags).isEqualTo(0x246);
    assertThat(cpu.selectors[CS]).isEqualTo(Layout.FLAT_CS64);
    assertThat(mask()).isZero();
  }

  @Test
  void iretToUserMode() {
    pushIret(0, USER_RIP, Layout.FLAT_CS64, 0x46, USER_RSP, Layout.FLAT_SS);
    iret();
    assertThat(cpu.kernelMode).isFalse();
    assertThat(cpu.rip).isEqualTo(USER_RIP);
    assertThat(cpu.registers[RSP]).isEqualTo(USER_RSP);
    assertThat(mask()).isEqualTo(1);
    assertThat(cpu.rflags).isEqualTo(0x246);
  }

  @Test
  void iretFromSystemCallClobbersLikeSysret() {
    pushIret(0x100, USER_RIP, 0x1233, 0x1_0246, USER_RSP, 0x4563);
    assertThat(iret()).isEqualTo(0xaaaa);
    assertThat(cpu.registers[RCX]).isEqualTo(USER_RIP);
    assertThat(cpu.registers[R11]).isEqualTo(0x1_0246);
    assertThat(cpu.rflags).isEqualTo(0x246);
    assertThat(cpu.selectors[CS]).isEqualTo(Layout.FLAT_CS64);
    assertThat(cpu.selectors[SS]).isEqualTo(Layout.FLAT_SS);
    assertThat(cpu.kernelMode).isFalse();
  }

  @Test
  void iretToUserModeNeedsItsPageTables() {
    guest.vcpu.userRoot(0);
    pushIret(0, USER_RIP, Layout.FLAT_CS64, 0x202, USER_RSP, Layout.FLAT_SS);
    iret();
    assertThat(guest.host.crashes).singleElement().asString().contains("page tables");
  }

  @Test
  void iretFrameMustBeReadable() {
    cpu.registers[RSP] = 0x1000;
    iret();
    assertThat(guest.host.crashes).singleElement().asString().contains("IRET");
  }

  @Test
  void iretFrameMayCrossPages() {
    long top = gva(300) + 24;
    long[] words = {1, 2, 3, 0, gva(2), 0xe030, 0x202, stack, Layout.FLAT_SS};
    for (int i = 0; i < words.length; i++) {
      guest.vcpu.access().writeLong(top - 72 + 8 * i, words[i]);
    }
    cpu.registers[RSP] = top - 72;
    assertThat(iret()).isEqualTo(1);
    assertThat(cpu.rip).isEqualTo(gva(2));
  }

  @Test
  void iretWithBadSelectorsFaultsWhereItLed() {
    traps.table().set(13, HANDLER, 0);
    pushIret(0, USER_RIP, 0x1233, 0x202, USER_RSP, Layout.FLAT_SS);
    iret();
    assertThat(cpu.rip).isEqualTo(HANDLER);
    assertThat(cpu.kernelMode).isTrue();
    assertThat(frame(8))
        .containsExactly(0xcbcb, 0x1b1b, 0x1230, USER_RIP, 0x1233, 0x202, USER_RSP, Layout.FLAT_SS);
  }

  @Test
  void iretToAddressThatIsNotCanonicalFaults() {
    traps.table().set(13, HANDLER, 0);
    pushIret(0x100, 1L << 47, Layout.FLAT_CS64, 0x202, USER_RSP, Layout.FLAT_SS);
    iret();
    assertThat(cpu.rip).isEqualTo(HANDLER);
    assertThat(frame(8)[2]).isZero();
    assertThat(frame(8)[3]).isEqualTo(1L << 47);
  }

  @Test
  void architecturalIoplIsTheGuests() {
    traps.table().set(3, HANDLER, 0);
    guest.call(HypercallNumber.VM_ASSIST, 0, 4);
    pushIret(0, gva(2), 0xe030, 0x1202, stack, Layout.FLAT_SS);
    iret();
    traps.exception(3, 0);
    assertThat(frame(7)[4]).isEqualTo(0x1202);
    assertThat(cpu.rflags & 0x3000).isZero();
  }

  @Test
  void whatCameInGoesOut() {
    traps.table().set(14, HANDLER, 4);
    user();
    cpu.registers[RAX] = 5;
    traps.pageFault(1, 0);
    long[] f = frame(8);
    pushIret(0, f[3], f[4], f[5], f[6], f[7]);
    cpu.selectors[CS] = USER_CS;
    cpu.selectors[SS] = USER_SS;
    iret();
    assertThat(cpu.rip).isEqualTo(USER_RIP);
    assertThat(cpu.registers[RSP]).isEqualTo(USER_RSP);
    assertThat(mask()).isZero();
  }
}
