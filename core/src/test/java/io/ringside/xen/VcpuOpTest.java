package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VcpuOpTest {
  private static final int INITIALISE = 0;
  private static final int UP = 1;
  private static final int DOWN = 2;
  private static final int IS_UP = 3;
  private static final int GET_RUNSTATE_INFO = 4;
  private static final int REGISTER_RUNSTATE_MEMORY_AREA = 5;
  private static final int SET_PERIODIC_TIMER = 6;
  private static final int STOP_PERIODIC_TIMER = 7;
  private static final int SET_SINGLESHOT_TIMER = 8;
  private static final int STOP_SINGLESHOT_TIMER = 9;
  private static final int REGISTER_VCPU_INFO = 10;
  private static final int SEND_NMI = 11;
  private static final int GET_PHYSID = 12;
  private static final int REGISTER_VCPU_TIME_MEMORY_AREA = 13;

  private static final long UNMAPPED = 0x1000;
  private static final int AREA = 40;

  private final TestGuest guest = new TestGuest();
  private final PvVcpu vcpu = guest.vcpu;
  private int timerPort;

  @BeforeEach
  void bindTimer() {
    assertThat(vcpu.mayRun()).isTrue();
    guest.call(HypercallNumber.EVENT_CHANNEL_OP, 1, guest.arguments(0, 0));
    timerPort = guest.raw.getInt(guest.maddr(TestGuest.ARGUMENTS) + 8);
    assertThat(call(STOP_PERIODIC_TIMER)).isZero();
  }

  private long call(int command, long... words) {
    return guest.call(HypercallNumber.VCPU_OP, command, 0, guest.arguments(words));
  }

  /** Whether the timer's event came, which is taken. */
  private boolean fired() {
    long address = guest.domain.sharedInfo() + SharedInfo.EVTCHN_PENDING;
    boolean pending = (guest.raw.getLong(address) >>> timerPort & 1) != 0;
    guest.raw.putLong(address, 0);
    guest.raw.putLong(vcpu.infoAddress() + SharedInfo.PENDING_SELECTOR, 0);
    guest.raw.putByte(vcpu.infoAddress() + SharedInfo.UPCALL_PENDING, 0);
    return pending;
  }

  private long area(int offset) {
    return guest.raw.getLong(guest.maddr(AREA) + offset);
  }

  private void block() {
    guest.call(HypercallNumber.SCHED_OP, 1, 0);
    assertThat(vcpu.mayRun()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 32, -1})
  void vcpusThatAreNone(int id) {
    for (int command = 0; command < 14; command++) {
      assertThat(guest.call(HypercallNumber.VCPU_OP, command, id, 0)).isEqualTo(-Errno.ENOENT);
    }
  }

  @Test
  void unknownCommand() {
    assertThat(call(14)).isEqualTo(-Errno.ENOSYS);
    assertThat(call(-1)).isEqualTo(-Errno.ENOSYS);
  }

  @Test
  void theFirstVcpuIsUp() {
    assertThat(call(IS_UP)).isEqualTo(1);
    assertThat(call(UP)).isZero();
    assertThat(guest.call(HypercallNumber.VCPU_OP, INITIALISE, 0, TestGuest.gva(60)))
        .isEqualTo(-Errno.EEXIST);
    assertThat(guest.call(HypercallNumber.VCPU_OP, INITIALISE, 0, UNMAPPED))
        .isEqualTo(-Errno.EFAULT);
  }

  @Test
  void theLastVcpuGoingDownPowersOff() {
    assertThat(call(DOWN)).isZero();
    assertThat(guest.host.shutdowns).containsExactly(DomainHost.SHUTDOWN_POWEROFF);
  }

  // Timers.

  @Test
  void singleShot() {
    assertThat(call(SET_SINGLESHOT_TIMER, guest.domain.now() + 1000, 0)).isZero();
    guest.timers.advance(999);
    assertThat(fired()).isFalse();
    guest.timers.advance(1);
    assertThat(fired()).isTrue();
    guest.timers.advance(1_000_000);
    assertThat(fired()).isFalse();
  }

  @Test
  void singleShotStopped() {
    call(SET_SINGLESHOT_TIMER, guest.domain.now() + 1000, 0);
    assertThat(call(STOP_SINGLESHOT_TIMER)).isZero();
    guest.timers.advance(5000);
    assertThat(fired()).isFalse();
  }

  @Test
  void singleShotInThePast() {
    guest.timers.advance(10_000);
    assertThat(call(SET_SINGLESHOT_TIMER, 5, 1)).isEqualTo(-Errno.ETIME);
    guest.timers.advance(1);
    assertThat(fired()).isFalse();
    assertThat(call(SET_SINGLESHOT_TIMER, 5, 0)).isZero();
    guest.timers.advance(1);
    assertThat(fired()).isTrue();
    assertThat(call(SET_SINGLESHOT_TIMER, Long.MAX_VALUE, 1)).isZero();
    guest.timers.advance(1_000_000_000);
    assertThat(fired()).isFalse();
  }

  @Test
  void periodic() {
    assertThat(call(SET_PERIODIC_TIMER, 1_000_000)).isZero();
    for (int i = 0; i < 3; i++) {
      guest.timers.advance(999_999);
      assertThat(fired()).isFalse();
      guest.timers.advance(1);
      assertThat(fired()).isTrue();
    }
    block();
    guest.timers.advance(5_000_000);
    assertThat(fired()).as("while blocked").isFalse();
    vcpu.wake();
    assertThat(vcpu.mayRun()).isTrue();
    assertThat(fired()).as("made up for").isTrue();
    assertThat(call(STOP_PERIODIC_TIMER)).isZero();
    guest.timers.advance(5_000_000);
    assertThat(fired()).isFalse();
  }

  @Test
  void periodicErrors() {
    assertThat(call(SET_PERIODIC_TIMER, 999_999)).isEqualTo(-Errno.EINVAL);
    assertThat(call(SET_PERIODIC_TIMER, (-1L >>> 2) + 1)).isEqualTo(-Errno.EINVAL);
    assertThat(call(SET_PERIODIC_TIMER, -1)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void vcpuStartsWithATick() {
    TestGuest fresh = new TestGuest();
    assertThat(fresh.vcpu.mayRun()).isTrue();
    fresh.call(HypercallNumber.EVENT_CHANNEL_OP, 1, fresh.arguments(0, 0));
    fresh.timers.advance(10_000_000);
    assertThat(fresh.raw.getLong(fresh.domain.sharedInfo() + SharedInfo.EVTCHN_PENDING))
        .isEqualTo(2);
  }

  @Test
  void setTimer() {
    assertThat(guest.call(HypercallNumber.SET_TIMER_OP, guest.domain.now() + 100)).isZero();
    guest.timers.advance(100);
    assertThat(fired()).isTrue();
    guest.call(HypercallNumber.SET_TIMER_OP, guest.domain.now() + 100);
    assertThat(guest.call(HypercallNumber.SET_TIMER_OP, 0)).isZero();
    guest.timers.advance(1000);
    assertThat(fired()).isFalse();
    assertThat(guest.call(HypercallNumber.SET_TIMER_OP, 1)).isZero();
    guest.timers.advance(1);
    assertThat(fired()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(longs = {-5, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 51})
  void setTimerFarAway(long deadline) {
    assertThat(guest.call(HypercallNumber.SET_TIMER_OP, deadline)).isZero();
    guest.timers.advance(99_999_999);
    assertThat(fired()).isFalse();
    guest.timers.advance(1);
    assertThat(fired()).isTrue();
  }

  // Run state.

  @Test
  void runStateIsAccounted() {
    guest.timers.advance(700);
    block();
    guest.timers.advance(300);
    vcpu.wake();
    guest.timers.advance(50);
    assertThat(vcpu.mayRun()).isTrue();
    long entered = guest.domain.now();
    guest.timers.advance(9);
    assertThat(guest.call(HypercallNumber.VCPU_OP, GET_RUNSTATE_INFO, 0, TestGuest.gva(AREA)))
        .isZero();
    assertThat(area(0)).isZero();
    assertThat(area(8)).isEqualTo(entered);
    assertThat(new long[] {area(16), area(24), area(32), area(40)})
        .containsExactly(709, 50, 300, 0);
    assertThat(guest.call(HypercallNumber.VCPU_OP, GET_RUNSTATE_INFO, 0, UNMAPPED))
        .isEqualTo(-Errno.EFAULT);
  }

  @Test
  void runStateAreaFollows() {
    assertThat(call(REGISTER_RUNSTATE_MEMORY_AREA, TestGuest.gva(AREA))).isZero();
    assertThat(area(0)).isZero();
    guest.timers.advance(700);
    block();
    assertThat(area(0)).isEqualTo(2);
    assertThat(area(8)).isEqualTo(guest.domain.now());
    assertThat(area(16)).isEqualTo(700);
    guest.timers.advance(30);
    vcpu.wake();
    assertThat(vcpu.mayRun()).isTrue();
    assertThat(area(0)).isZero();
    assertThat(area(32)).isEqualTo(30);
    assertThat(call(REGISTER_RUNSTATE_MEMORY_AREA, 0)).isZero();
    block();
    assertThat(area(0)).isZero();
  }

  @Test
  void runStateAreaIsFlaggedWhileItChanges() {
    guest.call(HypercallNumber.VM_ASSIST, 0, 5);
    call(REGISTER_RUNSTATE_MEMORY_AREA, TestGuest.gva(AREA));
    guest.cpu.stores.clear();
    block();
    assertThat(guest.cpu.stores.getFirst()).isEqualTo(guest.maddr(AREA) + 8);
    assertThat(guest.cpu.stores.getLast()).isEqualTo(guest.maddr(AREA) + 8);
    assertThat(area(8)).isEqualTo(guest.domain.now());
  }

  @Test
  void runStateAreaMayBeOutOfReach() {
    assertThat(call(REGISTER_RUNSTATE_MEMORY_AREA, Layout.HYPERVISOR_START))
        .isEqualTo(-Errno.EFAULT);
    assertThat(call(REGISTER_RUNSTATE_MEMORY_AREA, UNMAPPED)).isZero();
    block();
    assertThat(guest.host.crashes).isEmpty();
  }

  // vcpu_info.

  @Test
  void vcpuInfoMoves() {
    guest.raw.putByte(vcpu.infoAddress() + SharedInfo.UPCALL_MASK, 1);
    assertThat(call(REGISTER_VCPU_INFO, guest.mfn(AREA), 128)).isZero();
    long info = guest.maddr(AREA) + 128;
    assertThat(vcpu.infoAddress()).isEqualTo(info);
    assertThat(guest.raw.getByte(info + SharedInfo.UPCALL_MASK)).isEqualTo(1);
    assertThat(guest.raw.getByte(info + SharedInfo.UPCALL_PENDING)).isEqualTo(1);
    assertThat(guest.raw.getLong(info + SharedInfo.PENDING_SELECTOR)).isEqualTo(-1);
    assertThat(guest.raw.getInt(info + SharedInfo.TIME)).isPositive();
    assertThat(call(REGISTER_VCPU_INFO, guest.mfn(AREA), 128)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.domain.types().isUsedAs(guest.mfn(AREA), PageTypes.WRITABLE)).isTrue();
  }

  @Test
  void vcpuInfoErrors() {
    assertThat(call(REGISTER_VCPU_INFO, guest.mfn(AREA), 4096 - 63)).isEqualTo(-Errno.ENXIO);
    assertThat(call(REGISTER_VCPU_INFO, guest.mfn(AREA), 0xffff_fff8L)).isEqualTo(-Errno.ENXIO);
    assertThat(call(REGISTER_VCPU_INFO, guest.mfn(AREA), 4)).isEqualTo(-Errno.ENXIO);
    assertThat(call(REGISTER_VCPU_INFO, guest.mfn(TestGuest.L1), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(REGISTER_VCPU_INFO, -1, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(REGISTER_VCPU_INFO, 0, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(vcpu.infoAddress()).isEqualTo(guest.domain.sharedInfo());
    assertThat(call(REGISTER_VCPU_INFO, guest.mfn(AREA), 4096 - 64)).isZero();
  }

  // The rest.

  @Test
  void nmi() {
    guest.cpu.kicks.set(0);
    assertThat(call(SEND_NMI)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.call(HypercallNumber.VCPU_OP, SEND_NMI, 0, 0)).isZero();
    assertThat(guest.cpu.kicks).hasValue(1);
    assertThat(vcpu.traps().hasPending()).isTrue();
    assertThat(guest.call(HypercallNumber.VCPU_OP, SEND_NMI, 0, 0)).isZero();
    assertThat(guest.cpu.kicks).hasValue(1);
  }

  @Test
  void physicalIdIsTheHardwareDomains() {
    assertThat(call(GET_PHYSID)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void timeArea() {
    assertThat(call(REGISTER_VCPU_TIME_MEMORY_AREA, TestGuest.gva(AREA))).isZero();
    long time = vcpu.infoAddress() + SharedInfo.TIME;
    for (int offset = 0; offset < 32; offset += 8) {
      assertThat(area(offset)).isEqualTo(guest.raw.getLong(time + offset));
    }
    assertThat(call(REGISTER_VCPU_TIME_MEMORY_AREA, Layout.HYPERVISOR_START))
        .isEqualTo(-Errno.EFAULT);
    assertThat(call(REGISTER_VCPU_TIME_MEMORY_AREA, 0)).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        REGISTER_RUNSTATE_MEMORY_AREA,
        SET_PERIODIC_TIMER,
        SET_SINGLESHOT_TIMER,
        REGISTER_VCPU_INFO,
        REGISTER_VCPU_TIME_MEMORY_AREA
      })
  void argumentsMustBeReadable(int command) {
    assertThat(guest.call(HypercallNumber.VCPU_OP, command, 0, UNMAPPED)).isEqualTo(-Errno.EFAULT);
  }
}
