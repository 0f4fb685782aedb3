package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EventChannelsTest {
  private static final int BIND_INTERDOMAIN = 0;
  private static final int BIND_VIRQ = 1;
  private static final int BIND_PIRQ = 2;
  private static final int CLOSE = 3;
  private static final int SEND = 4;
  private static final int STATUS = 5;
  private static final int ALLOC_UNBOUND = 6;
  private static final int BIND_IPI = 7;
  private static final int BIND_VCPU = 8;
  private static final int UNMASK = 9;
  private static final int RESET = 10;
  private static final int INIT_CONTROL = 11;
  private static final int EXPAND_ARRAY = 12;
  private static final int SET_PRIORITY = 13;

  private static final long SELF = Layout.DOMID_SELF;

  private final TestGuest guest = new TestGuest();
  private final EventChannels channels = guest.domain.eventChannels();
  private final long shared = guest.domain.sharedInfo();
  private final long info = guest.vcpu.infoAddress();
  private int notified;

  @BeforeEach
  void quiet() {
    guest.cpu.kicks.set(0);
  }

  private long call(int command, long... words) {
    return guest.call(HypercallNumber.EVENT_CHANNEL_OP, command, guest.arguments(words));
  }

  private int word(int index) {
    return guest.raw.getInt(guest.maddr(TestGuest.ARGUMENTS) + 4L * index);
  }

  private static long pair(long low, long high) {
    return low | high << 32;
  }

  private int allocate(long remote) {
    assertThat(call(ALLOC_UNBOUND, SELF | remote << 16)).isZero();
    return word(1);
  }

  private int bindIpi() {
    assertThat(call(BIND_IPI, 0)).isZero();
    return word(1);
  }

  private int bindVirq(int virq) {
    assertThat(call(BIND_VIRQ, virq, 0)).isZero();
    return word(2);
  }

  private int bind(int remote) {
    assertThat(call(BIND_INTERDOMAIN, pair(SELF, remote), 0)).isZero();
    return word(2);
  }

  private boolean pending(int port) {
    return (guest.raw.getLong(shared + SharedInfo.EVTCHN_PENDING + port / 64 * 8) >>> port & 1)
        != 0;
  }

  private void mask(int port) {
    long word = shared + SharedInfo.EVTCHN_MASK + port / 64 * 8;
    guest.raw.putLong(word, guest.raw.getLong(word) | 1L << port);
  }

  private long selector() {
    return guest.raw.getLong(info + SharedInfo.PENDING_SELECTOR);
  }

  private boolean upcall() {
    return guest.raw.getByte(info + SharedInfo.UPCALL_PENDING) != 0;
  }

  /** What a guest does at an upcall. */
  private void acknowledge() {
    guest.raw.putByte(info + SharedInfo.UPCALL_PENDING, 0);
    guest.raw.putLong(info + SharedInfo.PENDING_SELECTOR, 0);
    guest.raw.fill(shared + SharedInfo.EVTCHN_PENDING, 512, 0);
  }

  private int[] status(int port) {
    assertThat(call(STATUS, pair(SELF, port), 0, 0)).isZero();
    return new int[] {word(2), word(3), word(4), word(5)};
  }

  @Test
  void eventsAreMaskedAtFirst() {
    assertThat(guest.raw.getByte(info + SharedInfo.UPCALL_MASK)).isEqualTo(1);
  }

  @Test
  void allocUnbound() {
    int port = allocate(3);
    assertThat(port).isEqualTo(1);
    assertThat(status(port)).startsWith(1, 0, 3);
    int own = allocate(SELF);
    assertThat(own).isEqualTo(2);
    assertThat(status(own)).startsWith(1, 0, TestGuest.DOMID);
  }

  @Test
  void allocUnboundForOthersIsRefused() {
    assertThat(call(ALLOC_UNBOUND, 0)).isEqualTo(-Errno.EPERM);
    assertThat(call(ALLOC_UNBOUND, 5)).isEqualTo(-Errno.ESRCH);
    assertThat(call(ALLOC_UNBOUND, Layout.DOMID_XEN)).isEqualTo(-Errno.ESRCH);
    assertThat(call(ALLOC_UNBOUND, TestGuest.DOMID)).isZero();
  }

  @Test
  void portsRunOut() {
    for (int i = 1; i < EventChannels.PORTS; i++) {
      assertThat(bindIpi()).isEqualTo(i);
    }
    assertThat(call(BIND_IPI, 0)).isEqualTo(-Errno.ENOSPC);
    assertThat(call(ALLOC_UNBOUND, SELF)).isEqualTo(-Errno.ENOSPC);
    assertThat(call(BIND_VIRQ, 0, 0)).isEqualTo(-Errno.ENOSPC);
    assertThat(call(BIND_INTERDOMAIN, pair(SELF, 1), 0)).isEqualTo(-Errno.ENOSPC);
    assertThat(call(CLOSE, 77)).isZero();
    assertThat(bindIpi()).isEqualTo(77);
  }

  @Test
  void loopback() {
    int first = allocate(SELF);
    int second = bind(first);
    assertThat(second).isNotEqualTo(first);
    assertThat(pending(second)).isTrue();
    assertThat(upcall()).isTrue();
    assertThat(status(first)).containsExactly(2, 0, TestGuest.DOMID, second);
    assertThat(status(second)).containsExactly(2, 0, TestGuest.DOMID, first);
    acknowledge();
    assertThat(call(SEND, second)).isZero();
    assertThat(pending(first)).isTrue();
    assertThat(pending(second)).isFalse();
    assertThat(call(CLOSE, first)).isZero();
    assertThat(pending(first)).isFalse();
    assertThat(status(second)).startsWith(1, 0, TestGuest.DOMID);
    assertThat(status(first)).startsWith(0);
  }

  @Test
  void bindInterdomainNeedsAnUnboundPort() {
    int foreign = allocate(3);
    int ipi = bindIpi();
    assertThat(call(BIND_INTERDOMAIN, pair(SELF, foreign), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(BIND_INTERDOMAIN, pair(SELF, ipi), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(BIND_INTERDOMAIN, pair(SELF, 9999), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(BIND_INTERDOMAIN, pair(SELF, -1 & 0xffff_ffffL), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(BIND_INTERDOMAIN, pair(5, 1), 0)).isEqualTo(-Errno.ESRCH);
    assertThat(call(BIND_INTERDOMAIN, pair(0, 1), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(bindIpi()).isEqualTo(ipi + 1);
  }

  @Test
  void services() {
    EventChannels.Service service = channels.connect(() -> notified++);
    int port = service.port();
    assertThat(status(port)).startsWith(2, 0, 0);
    assertThat(call(SEND, port)).isZero();
    assertThat(notified).isEqualTo(1);
    service.raise();
    assertThat(pending(port)).isTrue();
    assertThat(guest.cpu.kicks).hasValue(1);
    int remote = status(port)[3];
    assertThat(call(BIND_INTERDOMAIN, pair(0, remote), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(CLOSE, port)).isZero();
    acknowledge();
    service.raise();
    assertThat(upcall()).isFalse();
    assertThat(call(BIND_INTERDOMAIN, pair(0, remote), 0)).isZero();
    assertThat(service.port()).isEqualTo(word(2));
    assertThat(pending(word(2))).isTrue();
  }

  @Test
  void virtualInterrupts() {
    int port = bindVirq(0);
    assertThat(status(port)).startsWith(4, 0, 0);
    assertThat(call(BIND_VIRQ, 0, 0)).isEqualTo(-Errno.EEXIST);
    channels.raiseVirq(guest.vcpu, 0);
    assertThat(pending(port)).isTrue();
    assertThat(call(CLOSE, port)).isZero();
    channels.raiseVirq(guest.vcpu, 0);
    assertThat(pending(port)).isFalse();
    assertThat(bindVirq(0)).isEqualTo(port);
    assertThat(status(bindVirq(8))).startsWith(4, 0, 8);
  }

  @Test
  void virtualInterruptsThatAreNone() {
    assertThat(call(BIND_VIRQ, 24, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(BIND_VIRQ, 0xffff_ffffL, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(BIND_VIRQ, pair(0, 1), 0)).isEqualTo(-Errno.ENOENT);
    assertThat(call(BIND_VIRQ, pair(8, 1), 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(BIND_VIRQ, pair(0, 0xffff_ffffL), 0)).isEqualTo(-Errno.ENOENT);
  }

  @Test
  void interprocessorInterrupts() {
    int port = bindIpi();
    assertThat(status(port)).startsWith(5, 0);
    assertThat(call(SEND, port)).isZero();
    assertThat(pending(port)).isTrue();
    assertThat(call(BIND_IPI, 1)).isEqualTo(-Errno.ENOENT);
  }

  @Test
  void physicalInterruptsAreNotForThisDomain() {
    assertThat(call(BIND_PIRQ, 0, 0)).isEqualTo(-Errno.EPERM);
    assertThat(call(BIND_PIRQ, 100_000, 0)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void closeAndSendNeedAPort() {
    int virq = bindVirq(0);
    int unbound = allocate(3);
    for (long port : new long[] {0, 63, 64, 4096, 0x8000_0000L, 0xffff_ffffL}) {
      assertThat(call(CLOSE, port)).isEqualTo(-Errno.EINVAL);
      assertThat(call(SEND, port)).isEqualTo(-Errno.EINVAL);
    }
    assertThat(call(SEND, virq)).isEqualTo(-Errno.EINVAL);
    assertThat(call(SEND, unbound)).isZero();
    assertThat(pending(unbound)).isFalse();
  }

  @Test
  void statusOfOthersIsRefused() {
    assertThat(call(STATUS, pair(0, 1), 0, 0)).isEqualTo(-Errno.EPERM);
    assertThat(call(STATUS, pair(0, 9999), 0, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(STATUS, pair(9, 1), 0, 0)).isEqualTo(-Errno.ESRCH);
    assertThat(call(STATUS, pair(SELF, 64), 0, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(status(0)).startsWith(0);
  }

  @Test
  void bindVcpu() {
    int unbound = allocate(3);
    assertThat(call(BIND_VCPU, pair(unbound, 0))).isZero();
    assertThat(call(BIND_VCPU, pair(unbound, 1))).isEqualTo(-Errno.ENOENT);
    assertThat(call(BIND_VCPU, pair(64, 0))).isEqualTo(-Errno.EINVAL);
    assertThat(call(BIND_VCPU, pair(9, 0))).isEqualTo(-Errno.EINVAL);
    assertThat(call(BIND_VCPU, bindIpi())).isEqualTo(-Errno.EINVAL);
    assertThat(call(BIND_VCPU, bindVirq(0))).isEqualTo(-Errno.EINVAL);
    assertThat(call(BIND_VCPU, bindVirq(8))).isZero();
  }

  @Test
  void maskedEventsMakeNoUpcallUntilUnmasked() {
    int port = bindIpi();
    mask(port);
    assertThat(call(SEND, port)).isZero();
    assertThat(pending(port)).isTrue();
    assertThat(selector()).isZero();
    assertThat(upcall()).isFalse();
    assertThat(guest.cpu.kicks).hasValue(0);
    assertThat(call(UNMASK, port)).isZero();
    assertThat(selector()).isEqualTo(1);
    assertThat(upcall()).isTrue();
    assertThat(guest.cpu.kicks).hasValue(1);
    acknowledge();
    assertThat(call(UNMASK, port)).isZero();
    assertThat(upcall()).isFalse();
    assertThat(call(UNMASK, 9)).isZero();
    assertThat(call(UNMASK, 64)).isEqualTo(-Errno.EINVAL);
  }

  @Test
  void onlyTheFirstEventKicks() {
    int first = bindIpi();
    int second = bindIpi();
    assertThat(call(SEND, first)).isZero();
    assertThat(call(SEND, first)).isZero();
    assertThat(call(SEND, second)).isZero();
    assertThat(guest.cpu.kicks).hasValue(1);
    assertThat(guest.vcpu.upcallPending()).isFalse();
    guest.raw.putByte(info + SharedInfo.UPCALL_MASK, 0);
    assertThat(guest.vcpu.upcallPending()).isTrue();
  }

  @Test
  void selectorHasABitForEachWord() {
    int port = 0;
    while (port < 200) {
      port = bindIpi();
    }
    assertThat(call(SEND, port)).isZero();
    assertThat(selector()).isEqualTo(1 << 3);
  }

  @Test
  void reset() {
    int first = allocate(SELF);
    int second = bind(first);
    int virq = bindVirq(0);
    EventChannels.Service service = channels.connect(() -> notified++);
    assertThat(call(RESET, 0)).isEqualTo(-Errno.EPERM);
    assertThat(call(RESET, 9)).isEqualTo(-Errno.ESRCH);
    assertThat(call(RESET, SELF)).isZero();
    for (int port : new int[] {first, second, virq}) {
      assertThat(status(port)).startsWith(0);
      assertThat(pending(port)).isFalse();
    }
    assertThat(service.port()).isZero();
    assertThat(bindVirq(0)).isEqualTo(1);
  }

  @Test
  void fifoIsNotThere() {
    long mfn = guest.mfn(5);
    assertThat(call(INIT_CONTROL, mfn, 4096 - 72, 0)).isEqualTo(-Errno.ENOSYS);
    assertThat(call(INIT_CONTROL, mfn, pair(0, 1), 0)).isEqualTo(-Errno.ENOENT);
    assertThat(call(INIT_CONTROL, mfn, 4096 - 64, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(INIT_CONTROL, mfn, 0xffff_fff8L, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(INIT_CONTROL, mfn, 4, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(INIT_CONTROL, guest.mfn(TestGuest.L1), 0, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(INIT_CONTROL, -2, 0, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(EXPAND_ARRAY, mfn)).isEqualTo(-Errno.EOPNOTSUPP);
    assertThat(call(SET_PRIORITY, pair(1, 0))).isEqualTo(-Errno.ENOSYS);
    assertThat(call(SET_PRIORITY, pair(64, 0))).isEqualTo(-Errno.EINVAL);
    assertThat(call(99, 0)).isEqualTo(-Errno.ENOSYS);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13})
  void argumentsMustBeReadable(int command) {
    assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, command, 0x1000))
        .isEqualTo(-Errno.EFAULT);
  }

  @Test
  void resultMustBeWritable() {
    long page = TestGuest.gva(TestGuest.ARGUMENTS);
    guest.arguments(SELF | SELF << 16);
    guest.protect(TestGuest.ARGUMENTS);
    assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, ALLOC_UNBOUND, page))
        .isEqualTo(-Errno.EFAULT);
  }

  @Test
  void oldHypercall() {
    long argument = guest.arguments(pair(BIND_IPI, 0), 0, 0, 0);
    assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP_COMPAT, argument)).isZero();
    assertThat(word(2)).isEqualTo(1);
    argument = guest.arguments(pair(RESET, SELF), 0, 0, 0);
    assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP_COMPAT, argument))
        .isEqualTo(-Errno.ENOSYS);
    assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP_COMPAT, 0x1000))
        .isEqualTo(-Errno.EFAULT);
  }

  @Test
  @Timeout(60)
  void eventsOfAnotherThreadAreNotLost() throws InterruptedException {
    EventChannels.Service[] services = new EventChannels.Service[3];
    for (int i = 0; i < services.length; i++) {
      services[i] = channels.connect(() -> {});
    }
    int rounds = 5_000;
    long[] seen = new long[services.length];
    AtomicLong acknowledged = new AtomicLong();
    Thread raiser =
        new Thread(
            () -> {
              for (int i = 0; i < rounds; i++) {
                for (EventChannels.Service service : services) {
                  service.raise();
                }
                // The next round waits until the guest has seen the last event of this one.
                while (acknowledged.get() <= i && !Thread.currentThread().isInterrupted()) {
                  Thread.onSpinWait();
                }
              }
            });
    raiser.start();
    try {
      int last = services.length - 1;
      while (seen[last] < rounds) {
        if (!upcall()) {
          Thread.onSpinWait();
          continue;
        }
        guest.raw.putByte(info + SharedInfo.UPCALL_PENDING, 0);
        long words = guest.raw.getAndAnd(info + SharedInfo.PENDING_SELECTOR, 0);
        if (words == 0) {
          continue;
        }
        long ports = guest.raw.getAndAnd(shared + SharedInfo.EVTCHN_PENDING, 0);
        for (int i = 0; i < services.length; i++) {
          seen[i] += ports >>> services[i].port() & 1;
        }
        acknowledged.set(seen[last]);
      }
    } finally {
      raiser.interrupt();
      raiser.join();
    }
    assertThat(seen).containsOnly(rounds);
  }
}
