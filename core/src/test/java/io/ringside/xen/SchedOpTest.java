package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SchedOpTest {
  private static final int YIELD = 0;
  private static final int BLOCK = 1;
  private static final int SHUTDOWN = 2;
  private static final int POLL = 3;
  private static final int REMOTE_SHUTDOWN = 4;
  private static final int SHUTDOWN_CODE = 5;
  private static final int WATCHDOG = 6;
  private static final int PIN_OVERRIDE = 7;

  private static final long UNMAPPED = 0x1000;

  private final TestGuest guest = new TestGuest();
  private final PvVcpu vcpu = guest.vcpu;
  private final long info = vcpu.infoAddress();

  private long call(int command, long... words) {
    return guest.call(HypercallNumber.SCHED_OP, command, guest.arguments(words));
  }

  private int ipi() {
    guest.call(HypercallNumber.EVENT_CHANNEL_OP, 7, guest.arguments(0));
    return guest.raw.getInt(guest.maddr(TestGuest.ARGUMENTS) + 4);
  }

  private void send(int port) {
    guest.call(HypercallNumber.EVENT_CHANNEL_OP, 4, guest.arguments(port));
  }

  private void maskPort(int port) {
    guest.raw.putLong(guest.domain.sharedInfo() + SharedInfo.EVTCHN_MASK, 1L << port);
  }

  /** Polls ports that lie behind the argument itself. */
  private long poll(long timeout, int... ports) {
    long[] words = new long[3 + ports.length];
    words[0] = TestGuest.arguments() + 24;
    words[1] = ports.length;
    words[2] = timeout;
    for (int i = 0; i < ports.length; i++) {
      words[3 + i / 2] |= (long) ports[i] << 32 * (i & 1);
    }
    return call(POLL, words);
  }

  @Test
  void yieldGoesOn() {
    assertThat(call(YIELD)).isZero();
    assertThat(vcpu.mayRun()).isTrue();
  }

  @Test
  void blockUnmasksAndWaitsForAnEvent() {
    int port = ipi();
    assertThat(vcpu.mayRun()).isTrue();
    assertThat(call(BLOCK)).isZero();
    assertThat(guest.raw.getByte(info + SharedInfo.UPCALL_MASK)).isZero();
    assertThat(vcpu.mayRun()).isFalse();
    guest.cpu.kicks.set(0);
    send(port);
    assertThat(guest.cpu.kicks).hasValue(1);
    assertThat(vcpu.mayRun()).isTrue();
    assertThat(vcpu.upcallPending()).isTrue();
  }

  @Test
  void blockReturnsWhereAnEventIsPending() {
    send(ipi());
    assertThat(call(BLOCK)).isZero();
    assertThat(vcpu.mayRun()).isTrue();
  }

  @Test
  void maskedPortDoesNotWake() {
    int port = ipi();
    maskPort(port);
    call(BLOCK);
    send(port);
    assertThat(vcpu.mayRun()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 77})
  void shutdown(int reason) {
    assertThat(call(SHUTDOWN, reason)).isZero();
    assertThat(guest.host.shutdowns).containsExactly(reason);
    assertThat(vcpu.mayRun()).isFalse();
    assertThat(call(SHUTDOWN, 1)).isZero();
    assertThat(guest.host.shutdowns).hasSize(1);
  }

  @Test
  void announcedReasonCounts() {
    assertThat(call(SHUTDOWN_CODE, 3)).isZero();
    assertThat(call(SHUTDOWN_CODE, 1)).isZero();
    assertThat(call(SHUTDOWN, 0)).isZero();
    assertThat(guest.host.shutdowns).containsExactly(3);
  }

  @Test
  void pollComesBackWhereAnEventIsPending() {
    int port = ipi();
    maskPort(port);
    send(port);
    assertThat(poll(0, ipi(), port)).isZero();
    assertThat(vcpu.mayRun()).isTrue();
  }

  @Test
  void pollWaitsForItsPort() {
    int other = ipi();
    int port = ipi();
    guest.raw.putLong(guest.domain.sharedInfo() + SharedInfo.EVTCHN_MASK, -1);
    assertThat(poll(0, port)).isZero();
    assertThat(vcpu.mayRun()).isFalse();
    send(other);
    assertThat(vcpu.mayRun()).isFalse();
    guest.cpu.kicks.set(0);
    send(port);
    assertThat(guest.cpu.kicks).hasValue(1);
    assertThat(vcpu.mayRun()).isTrue();
    assertThat(vcpu.upcallPending()).isFalse();
  }

  @Test
  void pollForNoneWaitsUntilItsDeadline() {
    assertThat(vcpu.mayRun()).isTrue();
    assertThat(poll(guest.domain.now() + 5000)).isZero();
    guest.timers.advance(4999);
    assertThat(vcpu.mayRun()).isFalse();
    guest.timers.advance(1);
    assertThat(vcpu.mayRun()).isTrue();
  }

  @Test
  void pollForSeveralWakesForAny() {
    int first = ipi();
    int second = ipi();
    int other = ipi();
    guest.raw.putLong(guest.domain.sharedInfo() + SharedInfo.EVTCHN_MASK, -1);
    assertThat(poll(0, first, second)).isZero();
    send(other);
    assertThat(vcpu.mayRun()).as("as in Xen").isTrue();
  }

  @Test
  void pollErrors() {
    assertThat(call(POLL, TestGuest.arguments(), 129, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(POLL, Layout.HYPERVISOR_START, 1, 0)).isEqualTo(-Errno.EFAULT);
    assertThat(call(POLL, UNMAPPED, 1, 0)).isEqualTo(-Errno.EFAULT);
    assertThat(poll(0, 9)).isEqualTo(-Errno.EINVAL);
    assertThat(poll(0, 4096)).isEqualTo(-Errno.EINVAL);
    assertThat(vcpu.mayRun()).isTrue();
  }

  @Test
  void remoteShutdownIsRefused() {
    assertThat(call(REMOTE_SHUTDOWN, 0)).isEqualTo(-Errno.EPERM);
    assertThat(call(REMOTE_SHUTDOWN, TestGuest.DOMID)).isEqualTo(-Errno.EPERM);
    assertThat(call(REMOTE_SHUTDOWN, 9)).isEqualTo(-Errno.ESRCH);
    assertThat(call(REMOTE_SHUTDOWN, Layout.DOMID_SELF)).isEqualTo(-Errno.ESRCH);
    assertThat(guest.host.shutdowns).isEmpty();
  }

  @Test
  void watchdogs() {
    assertThat(call(WATCHDOG, 10L << 32)).isEqualTo(1);
    assertThat(call(WATCHDOG, 20L << 32)).isEqualTo(2);
    assertThat(call(WATCHDOG, 20L << 32)).isEqualTo(-Errno.ENOSPC);
    assertThat(call(WATCHDOG, 3 | 20L << 32)).isEqualTo(-Errno.EINVAL);
    assertThat(call(WATCHDOG, 0xffff_ffffL | 20L << 32)).isEqualTo(-Errno.EINVAL);
    assertThat(call(WATCHDOG, 2)).isZero();
    assertThat(call(WATCHDOG, 2)).isEqualTo(-Errno.EINVAL);
    guest.timers.advance(9_999_999_999L);
    assertThat(call(WATCHDOG, 1 | 10L << 32)).isZero();
    guest.timers.advance(9_999_999_999L);
    assertThat(guest.host.shutdowns).isEmpty();
    guest.timers.advance(1);
    assertThat(guest.host.shutdowns).containsExactly(DomainHost.SHUTDOWN_WATCHDOG);
  }

  @Test
  void otherCommands() {
    assertThat(call(PIN_OVERRIDE, 0)).isEqualTo(-Errno.EPERM);
    assertThat(call(8, 0)).isEqualTo(-Errno.ENOSYS);
    assertThat(call(-1, 0)).isEqualTo(-Errno.ENOSYS);
  }

  @ParameterizedTest
  @ValueSource(ints = {SHUTDOWN, POLL, REMOTE_SHUTDOWN, SHUTDOWN_CODE, WATCHDOG})
  void argumentsMustBeReadable(int command) {
    assertThat(guest.call(HypercallNumber.SCHED_OP, command, UNMAPPED)).isEqualTo(-Errno.EFAULT);
  }

  @Test
  void oldHypercall() {
    assertThat(guest.call(HypercallNumber.SCHED_OP_COMPAT, YIELD)).isZero();
    assertThat(guest.call(HypercallNumber.SCHED_OP_COMPAT, POLL)).isEqualTo(-Errno.ENOSYS);
    assertThat(guest.call(HypercallNumber.SCHED_OP_COMPAT, BLOCK)).isZero();
    assertThat(vcpu.mayRun()).isFalse();
    assertThat(guest.call(HypercallNumber.SCHED_OP_COMPAT, SHUTDOWN, 1)).isZero();
    assertThat(guest.host.shutdowns).containsExactly(1);
  }
}
