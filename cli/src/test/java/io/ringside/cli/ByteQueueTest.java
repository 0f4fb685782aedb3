package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class ByteQueueTest {
  @Test
  void keepsTheOrderWhileItWrapsAndGrows() throws InterruptedException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    ByteQueue queue = new ByteQueue(3, 100);
    byte[] chunk = new byte[64];
    int put = 0;
    int taken = 0;
    while (taken < 20_000) {
      for (int n = random.nextInt(100 - (put - taken) + 1); n > 0; n--) {
        queue.put(put++ & 0xff);
      }
      if (put > taken) {
        int count = queue.take(chunk);
        for (int i = 0; i < count; i++) {
          assertThat(chunk[i]).as("byte %d, seed %d", taken, seed).isEqualTo((byte) taken++);
        }
      }
    }
  }

  @Test
  void putWaitsAtTheLimitAndGoesOnWhenThereIsRoom() throws InterruptedException {
    ByteQueue queue = new ByteQueue(2, 2);
    queue.put(1);
    queue.put(2);
    Thread putter =
        Thread.ofPlatform()
            .start(() -> assertThatCode(() -> queue.put(3)).doesNotThrowAnyException());
    putter.join(100);
    assertThat(putter.isAlive()).isTrue();
    byte[] chunk = new byte[1];
    assertThat(queue.take(chunk)).isEqualTo(1);
    putter.join();
    assertThat(queue.take(chunk)).isEqualTo(1);
    assertThat(queue.take(chunk)).isEqualTo(1);
    assertThat(chunk[0]).isEqualTo((byte) 3);
  }

  @Test
  void aClosedQueueGivesWhatItHasAndTakesNothing() throws InterruptedException {
    ByteQueue queue = new ByteQueue(4, 4);
    queue.put(7);
    queue.close();
    assertThat(queue.put(8)).isFalse();
    byte[] chunk = new byte[4];
    assertThat(queue.take(chunk)).isEqualTo(1);
    assertThat(queue.take(chunk)).isZero();
  }

  @Test
  void closingWakesWhoeverWaits() throws InterruptedException {
    ByteQueue queue = new ByteQueue(1, 1);
    Thread taker =
        Thread.ofPlatform()
            .start(() -> assertThatCode(() -> queue.take(new byte[1])).doesNotThrowAnyException());
    taker.join(50);
    queue.close();
    taker.join();
    assertThat(taker.isAlive()).isFalse();
  }
}
