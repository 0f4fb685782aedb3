package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MulticallTest {
  private static final int RSI = 6;
  private static final int RDI = 7;
  private static final int LIST = 100;

  private final TestGuest guest = new TestGuest();

  private void entry(int index, long number, long... arguments) {
    long maddr = entryAddress(index);
    guest.raw.fill(maddr, 64, 0);
    guest.raw.putLong(maddr, number);
    guest.raw.putLong(maddr + 8, 0x55);
    for (int i = 0; i < arguments.length; i++) {
      guest.raw.putLong(maddr + 16 + 8L * i, arguments[i]);
    }
  }

  private long entryAddress(int index) {
    return guest.maddr(LIST + index / 64) + index % 64 * 64L;
  }

  private long result(int index) {
    return guest.raw.getLong(entryAddress(index) + 8);
  }

  private long call(long list, long count) {
    return guest.call(HypercallNumber.MULTICALL, list, count);
  }

  @Test
  void callsInOrderWithResults() {
    entry(0, HypercallNumber.STACK_SWITCH, 0, 0x1000);
    entry(1, HypercallNumber.VM_ASSIST, 0, 99);
    entry(2, HypercallNumber.STACK_SWITCH, 0, 0x2000);
    entry(3, 1000);
    assertThat(call(TestGuest.gva(LIST), 4)).isZero();
    assertThat(result(0)).isZero();
    assertThat(result(1)).isEqualTo(-Errno.EINVAL);
    assertThat(result(2)).isZero();
    assertThat(result(3)).isEqualTo(-Errno.ENOSYS);
    assertThat(guest.vcpu.traps().kernelStack()).isEqualTo(0x2000);
    XenStatistics statistics = guest.domain.statistics();
    assertThat(statistics.hypercalls(HypercallNumber.STACK_SWITCH)).isEqualTo(2);
    assertThat(statistics.hypercalls(HypercallNumber.MULTICALL)).isEqualTo(1);
    assertThat(statistics.hypercalls(HypercallNumber.COUNT)).isEqualTo(1);
  }

  @Test
  void noneInOne() {
    entry(0, HypercallNumber.MULTICALL, TestGuest.gva(LIST), 1);
    assertThat(call(TestGuest.gva(LIST), 1)).isZero();
    assertThat(result(0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(TestGuest.gva(LIST), 1)).isZero();
  }

  @Test
  void listMustBeThereAndWritable() {
    assertThat(call(0x1000, 1)).isEqualTo(-Errno.EFAULT);
    assertThat(call(Layout.HYPERVISOR_START, 0)).isEqualTo(-Errno.EFAULT);
    assertThat(call(0x1000, 0)).isZero();
    entry(63, HypercallNumber.STACK_SWITCH, 0, 0x3000);
    guest.unmap(LIST + 1);
    assertThat(call(TestGuest.gva(LIST) + 63 * 64, 2)).isEqualTo(-Errno.EFAULT);
    assertThat(guest.vcpu.traps().kernelStack()).isEqualTo(0x3000);
    guest.protect(LIST);
    assertThat(call(TestGuest.gva(LIST) + 63 * 64, 1)).isEqualTo(-Errno.EFAULT);
  }

  @Test
  void iretEndsIt() {
    guest.cpu.registers[4] = TestGuest.gva(50);
    long[] frame = {0x77, 0, 0, 0, TestGuest.gva(2), 0xe030, 0x202, 0x5000, Layout.FLAT_SS};
    for (int i = 0; i < frame.length; i++) {
      guest.put(50, i, frame[i]);
    }
    entry(0, HypercallNumber.IRET);
    entry(1, HypercallNumber.STACK_SWITCH, 0, 0x1000);
    assertThat(call(TestGuest.gva(LIST), 2)).isEqualTo(0x77);
    assertThat(guest.cpu.rip).isEqualTo(TestGuest.gva(2));
    assertThat(result(1)).isEqualTo(0x55);
    assertThat(guest.vcpu.traps().kernelStack()).isZero();
  }

  @Test
  void eventsComeInBetween() {
    guest.cpu.rip = 0x9002;
    guest.raw.putByte(guest.vcpu.infoAddress() + SharedInfo.UPCALL_MASK, 0);
    guest.call(HypercallNumber.EVENT_CHANNEL_OP, 7, guest.arguments(0));
    entry(0, HypercallNumber.EVENT_CHANNEL_OP, 4, guest.arguments(1));
    entry(1, HypercallNumber.STACK_SWITCH, 0, 0x1000);
    entry(2, HypercallNumber.STACK_SWITCH, 0, 0x2000);
    assertThat(call(TestGuest.gva(LIST), 3)).isEqualTo(HypercallNumber.MULTICALL);
    assertThat(guest.cpu.rip).isEqualTo(0x9000);
    assertThat(guest.cpu.registers[RDI]).isEqualTo(TestGuest.gva(LIST) + 64);
    assertThat(guest.cpu.registers[RSI]).isEqualTo(2);
    assertThat(result(0)).isZero();
    guest.raw.putByte(guest.vcpu.infoAddress() + SharedInfo.UPCALL_PENDING, 0);
    assertThat(call(guest.cpu.registers[RDI], guest.cpu.registers[RSI])).isZero();
    assertThat(guest.vcpu.traps().kernelStack()).isEqualTo(0x2000);
  }

  @Test
  void blockedVcpuGoesOnLater() {
    entry(0, HypercallNumber.SCHED_OP, 1);
    entry(1, HypercallNumber.STACK_SWITCH, 0, 0x1000);
    assertThat(call(TestGuest.gva(LIST), 2)).isEqualTo(HypercallNumber.MULTICALL);
    assertThat(guest.vcpu.mayRun()).isFalse();
    assertThat(guest.vcpu.traps().kernelStack()).isZero();
  }

  @Test
  void longListsComeInSlices() {
    for (int i = 0; i < 1100; i++) {
      entry(i, HypercallNumber.STACK_SWITCH, 0, i);
    }
    assertThat(call(TestGuest.gva(LIST), 1100)).isEqualTo(HypercallNumber.MULTICALL);
    assertThat(guest.vcpu.traps().kernelStack()).isEqualTo(1023);
    assertThat(call(guest.cpu.registers[RDI], guest.cpu.registers[RSI])).isZero();
    assertThat(guest.vcpu.traps().kernelStack()).isEqualTo(1099);
  }
}
