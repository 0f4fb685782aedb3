package io.ringside.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class TimerThreadTest {
  private static final long MILLI = 1_000_000L;

  private final MachineLock lock = new MachineLock();
  private final TimerThread timers = new TimerThread(lock);

  @AfterEach
  void close() {
    timers.close();
  }

  @Test
  void firesInOrderUnderTheLockAndNotEarly() throws InterruptedException {
    int count = 200;
    Random random = new Random(42);
    List<Long> fired = new ArrayList<>();
    List<Long> expected = new ArrayList<>();
    CountDownLatch done = new CountDownLatch(count);
    long base = timers.clock().nanos() + 20 * MILLI;
    lock.lock();
    try {
      for (int i = 0; i < count; i++) {
        long deadline = base + random.nextInt(50) * MILLI / 2;
        expected.add(deadline);
        timers
            .create(
                () -> {
                  assertThat(lock.heldByCurrentThread()).isTrue();
                  assertThat(timers.clock().nanos()).isGreaterThanOrEqualTo(deadline);
                  fired.add(deadline);
                  done.countDown();
                })
            .arm(deadline);
      }
    } finally {
      lock.unlock();
    }
    assertThat(done.await(20, TimeUnit.SECONDS)).isTrue();
    expected.sort(null);
    assertThat(fired).isEqualTo(expected);
  }

  @Test
  void anEarlierDeadlineWakesTheThread() throws InterruptedException {
    CountDownLatch late = new CountDownLatch(1);
    CountDownLatch early = new CountDownLatch(1);
    timers.create(late::countDown).arm(timers.clock().nanos() + 3_600_000 * MILLI);
    Thread.sleep(20);
    timers.create(early::countDown).arm(timers.clock().nanos() + MILLI);
    assertThat(early.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(late.getCount()).isEqualTo(1);
  }

  @Test
  void armingAgainReplacesTheDeadlineAndCancelTakesItBack() throws InterruptedException {
    AtomicInteger fired = new AtomicInteger();
    AtomicInteger cancelled = new AtomicInteger();
    Timers.Timer again = timers.create(fired::incrementAndGet);
    Timers.Timer gone = timers.create(cancelled::incrementAndGet);
    long now = timers.clock().nanos();
    gone.arm(now + 5 * MILLI);
    again.arm(now + 3_600_000 * MILLI);
    again.arm(now + 5 * MILLI);
    again.arm(now + 10 * MILLI);
    gone.cancel();
    gone.cancel();
    CountDownLatch done = new CountDownLatch(1);
    timers.create(done::countDown).arm(now + 60 * MILLI);
    assertThat(done.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(fired).hasValue(1);
    assertThat(cancelled).hasValue(0);
  }

  @Test
  void aCallbackMayArmItsOwnTimer() throws InterruptedException {
    CountDownLatch done = new CountDownLatch(5);
    Timers.Timer[] self = new Timers.Timer[1];
    self[0] =
        timers.create(
            () -> {
              done.countDown();
              self[0].arm(timers.clock().nanos() + MILLI);
            });
    self[0].arm(Long.MIN_VALUE / 2);
    assertThat(done.await(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aCallbackThatThrowsIsTold() throws InterruptedException {
    CountDownLatch told = new CountDownLatch(1);
    timers.onFailure((thread, failure) -> told.countDown());
    timers
        .create(
            () -> {
              throw new IllegalStateException("on purpose");
            })
        .arm(timers.clock().nanos());
    assertThat(told.await(10, TimeUnit.SECONDS)).isTrue();
    lock.lock();
    lock.unlock();
  }

  @Test
  void nothingFiresAfterClose() throws InterruptedException {
    AtomicInteger fired = new AtomicInteger();
    timers.create(fired::incrementAndGet).arm(timers.clock().nanos() + 10 * MILLI);
    timers.close();
    timers.close();
    Thread.sleep(30);
    assertThat(fired).hasValue(0);
  }
}
