package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CpuHypercallsTest {
  private static final long HANDLER = 0xffff_ffff_8123_4567L;
  private static final long NOT_CANONICAL = 1L << 47;
  private static final long UNMAPPED = 0x1000;
  private static final int GS = 5;

  private final TestGuest guest = new TestGuest();
  private final FakeCpu cpu = guest.cpu;
  private final Traps traps = guest.vcpu.traps();

  private long call(int number, long... arguments) {
    return guest.call(number, arguments);
  }

  private static long trap(int vector, int flags) {
    return vector | flags << 8 | 0x10L << 16;
  }

  // set_trap_table.

  @Test
  void trapTableEndsWithAnAddressOfZero() {
    long table =
        guest.arguments(
            trap(14, 4), HANDLER, trap(0x80, 3), HANDLER + 1, trap(3, 0), 0, trap(6, 0), HANDLER);
    assertThat(call(HypercallNumber.SET_TRAP_TABLE, table)).isZero();
    assertThat(traps.table().address(14)).isEqualTo(HANDLER);
    assertThat(traps.table().masksEvents(14)).isTrue();
    assertThat(traps.table().privilege(14)).isZero();
    assertThat(traps.table().address(0x80)).isEqualTo(HANDLER + 1);
    assertThat(traps.table().masksEvents(0x80)).isFalse();
    assertThat(traps.table().privilege(0x80)).isEqualTo(3);
    assertThat(traps.table().address(6)).isZero();
  }

  @Test
  void noTrapTableClears() {
    traps.table().set(14, HANDLER, 7);
    assertThat(call(HypercallNumber.SET_TRAP_TABLE, 0)).isZero();
    assertThat(traps.table().address(14)).isZero();
    assertThat(traps.table().masksEvents(14)).isFalse();
  }

  @Test
  void badTrapTableKeepsWhatCameBefore() {
    long table = guest.arguments(trap(1, 0), HANDLER, trap(2, 0), NOT_CANONICAL);
    assertThat(call(HypercallNumber.SET_TRAP_TABLE, table)).isEqualTo(-Errno.EINVAL);
    assertThat(traps.table().address(1)).isEqualTo(HANDLER);
    assertThat(call(HypercallNumber.SET_TRAP_TABLE, UNMAPPED)).isEqualTo(-Errno.EFAULT);
    assertThat(call(HypercallNumber.SET_TRAP_TABLE, Layout.HYPERVISOR_START))
        .isEqualTo(-Errno.EFAULT);
  }

  @Test
  void trapTableEndsSomewhere() {
    for (int i = 0; i < 4096; i += 16) {
      guest.raw.putLong(guest.maddr(450) + i, trap(5, 0));
      guest.raw.putLong(guest.maddr(450) + i + 8, HANDLER);
    }
    for (int pfn = 451; pfn < 500; pfn++) {
      guest.map(pfn, guest.entry(450, false));
    }
    guest.unmap(500);
    assertThat(call(HypercallNumber.SET_TRAP_TABLE, TestGuest.gva(450))).isEqualTo(-Errno.EFAULT);
  }

  // Callbacks.

  @Test
  void callbacksOfTheOldHypercall() {
    assertThat(call(HypercallNumber.SET_CALLBACKS, HANDLER, HANDLER + 1, HANDLER + 2)).isZero();
    Callbacks callbacks = traps.callbacks();
    assertThat(callbacks.event()).isEqualTo(HANDLER);
    assertThat(callbacks.failsafe()).isEqualTo(HANDLER + 1);
    assertThat(callbacks.syscall()).isEqualTo(HANDLER + 2);
    assertThat(call(HypercallNumber.SET_CALLBACKS, NOT_CANONICAL, 1, 2)).isZero();
    assertThat(callbacks.event()).isEqualTo(HANDLER);
    assertThat(callbacks.failsafe()).isEqualTo(1);
  }

  @Test
  void callbacksOfEachType() {
    for (int type : new int[] {0, 1, 2, 4, 5, 7}) {
      long argument = guest.arguments(type | 1 << 16, HANDLER + type);
      assertThat(call(HypercallNumber.CALLBACK_OP, 0, argument)).isZero();
    }
    Callbacks callbacks = traps.callbacks();
    assertThat(callbacks.event()).isEqualTo(HANDLER);
    assertThat(callbacks.failsafe()).isEqualTo(HANDLER + 1);
    assertThat(callbacks.failsafeMasks()).isTrue();
    assertThat(callbacks.syscall()).isEqualTo(HANDLER + 2);
    assertThat(callbacks.syscallMasks()).isTrue();
    assertThat(traps.table().address(Traps.NMI)).isEqualTo(HANDLER + 4);
    assertThat(traps.table().masksEvents(Traps.NMI)).isTrue();
    assertThat(callbacks.sysenter()).isEqualTo(HANDLER + 5);
    assertThat(callbacks.sysenterMasks()).isTrue();
    assertThat(callbacks.syscall32()).isEqualTo(HANDLER + 7);
    assertThat(callbacks.syscall32Masks()).isTrue();
    assertThat(call(HypercallNumber.CALLBACK_OP, 0, guest.arguments(2, HANDLER))).isZero();
    assertThat(callbacks.syscallMasks()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 6, 8, 0xffff})
  void callbackTypesThatAreNone(int type) {
    assertThat(call(HypercallNumber.CALLBACK_OP, 0, guest.arguments(type, HANDLER)))
        .isEqualTo(-Errno.ENOSYS);
    assertThat(call(HypercallNumber.CALLBACK_OP, 1, guest.arguments(type)))
        .isEqualTo(-Errno.ENOSYS);
  }

  @Test
  void callbackErrors() {
    assertThat(call(HypercallNumber.CALLBACK_OP, 0, guest.arguments(0, NOT_CANONICAL)))
        .isEqualTo(-Errno.EINVAL);
    assertThat(call(HypercallNumber.CALLBACK_OP, 0, UNMAPPED)).isEqualTo(-Errno.EFAULT);
    assertThat(call(HypercallNumber.CALLBACK_OP, 1, UNMAPPED)).isEqualTo(-Errno.EFAULT);
    assertThat(call(HypercallNumber.CALLBACK_OP, 2, 0)).isEqualTo(-Errno.ENOSYS);
  }

  @Test
  void onlyTheNmiCallbackCanBeTakenBack() {
    for (int type : new int[] {0, 1, 2, 5, 7}) {
      assertThat(call(HypercallNumber.CALLBACK_OP, 1, guest.arguments(type)))
          .isEqualTo(-Errno.EINVAL);
    }
    traps.table().setMasking(Traps.NMI, HANDLER);
    assertThat(call(HypercallNumber.CALLBACK_OP, 1, guest.arguments(4))).isZero();
    assertThat(traps.table().address(Traps.NMI)).isZero();
  }

  @Test
  void nmiOp() {
    assertThat(call(HypercallNumber.NMI_OP, 0, guest.arguments(HANDLER, 0))).isZero();
    assertThat(traps.table().address(Traps.NMI)).isEqualTo(HANDLER);
    assertThat(call(HypercallNumber.NMI_OP, 1, 0)).isZero();
    assertThat(traps.table().address(Traps.NMI)).isZero();
    assertThat(call(HypercallNumber.NMI_OP, 0, guest.arguments(NOT_CANONICAL, 0)))
        .isEqualTo(-Errno.EINVAL);
    assertThat(call(HypercallNumber.NMI_OP, 0, UNMAPPED)).isEqualTo(-Errno.EFAULT);
    assertThat(call(HypercallNumber.NMI_OP, 2, 0)).isEqualTo(-Errno.ENOSYS);
  }

  @Test
  void nmiThatHadNoHandlerComesAgain() {
    guest.raw.putLong(guest.domain.sharedInfo() + SharedInfo.NMI_REASON, 1);
    assertThat(call(HypercallNumber.NMI_OP, 0, guest.arguments(HANDLER, 0))).isZero();
    assertThat(traps.hasPending()).isTrue();
  }

  // Registers.

  @Test
  void stackSwitch() {
    assertThat(call(HypercallNumber.STACK_SWITCH, 0x18, 0x1234_5678)).isZero();
    assertThat(traps.kernelStack()).isEqualTo(0x1234_5678);
  }

  @Test
  void segmentBases() {
    assertThat(call(HypercallNumber.SET_SEGMENT_BASE, 0, 0x1000)).isZero();
    assertThat(call(HypercallNumber.SET_SEGMENT_BASE, 1, 0x2000)).isZero();
    assertThat(call(HypercallNumber.SET_SEGMENT_BASE, 2, HANDLER)).isZero();
    assertThat(cpu.bases).containsExactly(0x1000, 0x2000, HANDLER);
    for (int which = 0; which < 3; which++) {
      assertThat(call(HypercallNumber.SET_SEGMENT_BASE, which, NOT_CANONICAL))
          .isEqualTo(-Errno.EINVAL);
    }
    assertThat(call(HypercallNumber.SET_SEGMENT_BASE, 4, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(cpu.bases).containsExactly(0x1000, 0x2000, HANDLER);
  }

  @Test
  void userGsSelectorBringsItsBase() {
    guest.unmap(20);
    guest.put(20, 1, 0x12cf_f334_5678_ffffL);
    call(HypercallNumber.SET_GDT, guest.arguments(guest.mfn(20)), 2);
    cpu.bases[PvCpu.GS_KERNEL] = HANDLER;
    cpu.bases[PvCpu.GS_USER] = 1;
    assertThat(call(HypercallNumber.SET_SEGMENT_BASE, 3, 8)).isZero();
    assertThat(cpu.selectors[GS]).isEqualTo(8 | 3);
    assertThat(cpu.bases[PvCpu.GS_USER]).isEqualTo(0x1234_5678);
    assertThat(cpu.bases[PvCpu.GS_KERNEL]).isEqualTo(HANDLER);
    assertThat(call(HypercallNumber.SET_SEGMENT_BASE, 3, 0x1230)).isZero();
    assertThat(cpu.selectors[GS]).isZero();
    assertThat(cpu.bases[PvCpu.GS_USER]).isZero();
    cpu.bases[PvCpu.GS_USER] = 1;
    assertThat(call(HypercallNumber.SET_SEGMENT_BASE, 3, 2)).isZero();
    assertThat(cpu.selectors[GS]).isEqualTo(2);
    assertThat(cpu.bases[PvCpu.GS_USER]).isZero();
  }

  @Test
  void debugAddresses() {
    for (int i = 0; i < 4; i++) {
      assertThat(call(HypercallNumber.SET_DEBUGREG, i, 0x1000 + i)).isZero();
      assertThat(call(HypercallNumber.GET_DEBUGREG, i)).isEqualTo(0x1000 + i);
      assertThat(cpu.debugRegisters[i]).isEqualTo(0x1000 + i);
      assertThat(call(HypercallNumber.SET_DEBUGREG, i, Layout.HYPERVISOR_START + 8))
          .isEqualTo(-Errno.EPERM);
    }
    assertThat(call(HypercallNumber.SET_DEBUGREG, 0, HANDLER)).isZero();
  }

  @Test
  void debugStatus() {
    assertThat(call(HypercallNumber.GET_DEBUGREG, 6)).isEqualTo(0xffff_0ff0L);
    assertThat(call(HypercallNumber.SET_DEBUGREG, 6, 0x100f)).isZero();
    assertThat(call(HypercallNumber.GET_DEBUGREG, 6)).isEqualTo(0xffff_0fffL);
    assertThat(call(HypercallNumber.GET_DEBUGREG, 4)).isEqualTo(0xffff_0fffL);
    assertThat(call(HypercallNumber.SET_DEBUGREG, 4, 0)).isZero();
    assertThat(call(HypercallNumber.GET_DEBUGREG, 6)).isEqualTo(0xffff_0ff0L);
    assertThat(call(HypercallNumber.SET_DEBUGREG, 6, 1L << 32)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void debugControl() {
    assertThat(call(HypercallNumber.GET_DEBUGREG, 7)).isEqualTo(0x400);
    assertThat(call(HypercallNumber.SET_DEBUGREG, 7, 0xd801)).isZero();
    assertThat(call(HypercallNumber.GET_DEBUGREG, 7)).isEqualTo(0x401);
    assertThat(call(HypercallNumber.GET_DEBUGREG, 5)).isEqualTo(0x401);
    assertThat(cpu.debugRegisters[7]).isEqualTo(0x401);
    assertThat(call(HypercallNumber.SET_DEBUGREG, 7, 1L << 32)).isEqualTo(-Errno.EINVAL);
    assertThat(call(HypercallNumber.SET_DEBUGREG, 7, 1 << 13)).isEqualTo(-Errno.EPERM);
    assertThat(call(HypercallNumber.SET_DEBUGREG, 7, 0x2_0001)).isEqualTo(-Errno.EPERM);
    assertThat(call(HypercallNumber.SET_DEBUGREG, 7, 0x2_0000)).isZero();
  }

  @Test
  void breakpointsOnPortsAreXens() {
    traps.registers().cr4(VirtualRegisters.CR4_DE);
    call(HypercallNumber.SET_DEBUGREG, 0, 0x80);
    assertThat(call(HypercallNumber.SET_DEBUGREG, 7, 0x6_0003)).isZero();
    assertThat(cpu.debugRegisters[7]).isEqualTo(0x6_0400);
    assertThat(call(HypercallNumber.GET_DEBUGREG, 7)).isEqualTo(0x6_0403);
    assertThat(traps.registers().ioBreakpoints(0x80, 1)).isEqualTo(1);
    assertThat(traps.registers().ioBreakpoints(0x7f, 2)).isEqualTo(1);
    assertThat(traps.registers().ioBreakpoints(0x82, 1)).isZero();
    assertThat(call(HypercallNumber.SET_DEBUGREG, 7, 0)).isZero();
    assertThat(traps.registers().ioBreakpoints(0x80, 1)).isZero();
  }

  @Test
  void debugRegistersThatAreNone() {
    for (long number : new long[] {8, -1}) {
      assertThat(call(HypercallNumber.SET_DEBUGREG, number, 0)).isEqualTo(-Errno.ENODEV);
      assertThat(call(HypercallNumber.GET_DEBUGREG, number)).isEqualTo(-Errno.ENODEV);
    }
    traps.registers().cr4(VirtualRegisters.CR4_DE);
    for (long number : new long[] {4, 5}) {
      assertThat(call(HypercallNumber.SET_DEBUGREG, number, 0)).isEqualTo(-Errno.ENODEV);
      assertThat(call(HypercallNumber.GET_DEBUGREG, number)).isEqualTo(-Errno.ENODEV);
    }
  }

  @Test
  void taskSwitched() {
    assertThat(call(HypercallNumber.FPU_TASKSWITCH, 1)).isZero();
    assertThat(cpu.taskSwitched).isTrue();
    assertThat(call(HypercallNumber.FPU_TASKSWITCH, 0)).isZero();
    assertThat(cpu.taskSwitched).isFalse();
  }

  // vm_assist.

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 32})
  void assists(int type) {
    assertThat(call(HypercallNumber.VM_ASSIST, 0, type)).isZero();
    assertThat(guest.domain.assists(type)).isTrue();
    assertThat(call(HypercallNumber.VM_ASSIST, 1, type)).isZero();
    assertThat(guest.domain.assists(type)).isFalse();
    assertThat(call(HypercallNumber.VM_ASSIST, 2, type)).isEqualTo(-Errno.ENOSYS);
  }

  @ParameterizedTest
  @ValueSource(ints = {6, 31, 33, 63, 64, 96, -1})
  void assistsThatAreNone(int type) {
    assertThat(call(HypercallNumber.VM_ASSIST, 0, type)).isEqualTo(-Errno.EINVAL);
    assertThat(call(HypercallNumber.VM_ASSIST, 2, type)).isEqualTo(-Errno.EINVAL);
  }
}
