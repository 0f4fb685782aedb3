package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ConsoleTest {
  private final ByteArrayOutputStream words = new ByteArrayOutputStream();
  private final Messages messages =
      new Messages(new PrintStream(words, true, StandardCharsets.UTF_8));
  private final RecordedListener listener = new RecordedListener();

  @Test
  void pipedInputArrivesCompleteThoughTheGuestReadsSlowly() throws InterruptedException {
    byte[] sent = new byte[200_000];
    new Random(1).nextBytes(sent);
    SlowGuest guest = new SlowGuest();
    try (Console console =
        new Console(
            new ByteArrayInputStream(sent),
            OutputStream.nullOutputStream(),
            false,
            messages,
            listener)) {
      console.start(guest);
      guest.readAll(sent.length, console);
    }
    assertThat(guest.received.toByteArray()).startsWith(sent);
  }

  @Test
  void inputArrivesThoughTheGuestNeverTellsOfRoom() throws InterruptedException {
    byte[] sent =
        "echo hello, this is more than a FIFO holds\n".getBytes(StandardCharsets.US_ASCII);
    SlowGuest guest = new SlowGuest();
    try (Console console =
        new Console(
            new ByteArrayInputStream(sent),
            OutputStream.nullOutputStream(),
            false,
            messages,
            listener)) {
      console.start(guest);
      while (guest.received.size() < sent.length) {
        guest.readFifo();
        Thread.sleep(1);
      }
    }
    assertThat(guest.received.toByteArray()).startsWith(sent);
  }

  @Test
  void theEndOfAPipeEndsItsLastLineAndIsControlD() throws InterruptedException {
    SlowGuest guest = new SlowGuest();
    try (Console console =
        new Console(
            new ByteArrayInputStream("ls".getBytes(StandardCharsets.US_ASCII)),
            OutputStream.nullOutputStream(),
            false,
            messages,
            listener)) {
      console.start(guest);
      guest.readAll(4, console);
    }
    assertThat(guest.received.toByteArray()).startsWith('l', 's', '\n', 4);
  }

  @Test
  void aPipeIsReadNoFasterThanTheGuestReads() throws InterruptedException {
    CountingInput endless = new CountingInput();
    try (Console console =
        new Console(endless, OutputStream.nullOutputStream(), false, messages, listener)) {
      console.start(value -> false);
      Thread.sleep(300);
      assertThat(endless.count.get()).isLessThan(256 << 10);
    }
  }

  @Test
  void aPersonCanLeaveAGuestThatReadsNothing() throws Exception {
    PipedOutputStream keys = new PipedOutputStream();
    PipedInputStream keyboard = new PipedInputStream(keys, 1 << 10);
    try (keys;
        Console console =
            new Console(keyboard, OutputStream.nullOutputStream(), true, messages, listener)) {
      console.start(value -> false);
      keys.write(new byte[100_000]);
      keys.write(new byte[] {1, 'x'});
      keys.flush();
      assertThat(listener.left.await(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void controlAIsAnOrdinaryByteInAPipe() throws InterruptedException {
    byte[] sent = {1, 'x', 1, 1};
    SlowGuest guest = new SlowGuest();
    try (Console console =
        new Console(
            new ByteArrayInputStream(sent),
            OutputStream.nullOutputStream(),
            false,
            messages,
            listener)) {
      console.start(guest);
      guest.readAll(sent.length, console);
    }
    assertThat(guest.received.toByteArray()).startsWith(sent);
    assertThat(listener.left.getCount()).isEqualTo(1);
  }

  @Test
  void theSequencesOfATerminalReachTheGuestAsDocumented() throws InterruptedException {
    byte[] typed = {'a', 1, 'a', 1, 1, 1, 'h', 1, 'e', 'z'};
    SlowGuest guest = new SlowGuest();
    try (Console console =
        new Console(
            new ByteArrayInputStream(typed),
            OutputStream.nullOutputStream(),
            true,
            messages,
            listener)) {
      console.start(guest);
      guest.readAll(6, console);
    }
    assertThat(guest.received.toByteArray()).containsExactly('a', 1, 1, 1, 'e', 'z');
    assertThat(words.toString(StandardCharsets.UTF_8)).contains("Ctrl-A x", "leave");
  }

  @Test
  void closingWritesOutAllThatTheGuestSent() {
    byte[] sent = new byte[500_000];
    new Random(2).nextBytes(sent);
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    try (Console console =
        new Console(InputStream.nullInputStream(), output, false, messages, listener)) {
      for (byte value : sent) {
        console.write(value & 0xff);
      }
    }
    assertThat(output.toByteArray()).isEqualTo(sent);
  }

  @Test
  void outputDoesNotWaitForMore() throws InterruptedException {
    CountDownLatch seen = new CountDownLatch(1);
    OutputStream output =
        new OutputStream() {
          @Override
          public void write(int value) {
            seen.countDown();
          }
        };
    try (Console console =
        new Console(InputStream.nullInputStream(), output, false, messages, listener)) {
      console.write('#');
      assertThat(seen.await(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void lostOutputIsToldOnceAndBlocksNothing() throws InterruptedException {
    OutputStream broken =
        new OutputStream() {
          @Override
          public void write(int value) throws IOException {
            throw new IOException("Broken pipe");
          }
        };
    try (Console console =
        new Console(InputStream.nullInputStream(), broken, false, messages, listener)) {
      for (int i = 0; i < 1_000_000; i++) {
        console.write('x');
      }
      console.flush();
    }
    assertThat(listener.lost.get()).isEqualTo(1);
  }

  /** A guest with a UART's FIFO that it empties only when the test says so. */
  private static final class SlowGuest implements Console.Receiver {
    private static final int FIFO = 16;

    private final ByteArrayOutputStream received = new ByteArrayOutputStream();
    private int waiting;
    private final byte[] fifo = new byte[FIFO];

    @Override
    public synchronized boolean receive(int value) {
      if (waiting == FIFO) {
        return false;
      }
      fifo[waiting++] = (byte) value;
      return true;
    }

    synchronized void readFifo() {
      received.write(fifo, 0, waiting);
      waiting = 0;
    }

    void readAll(int count, Console console) throws InterruptedException {
      while (received.size() < count) {
        readFifo();
        console.roomForInput();
        Thread.onSpinWait();
      }
    }
  }

  private static final class CountingInput extends InputStream {
    private final AtomicLong count = new AtomicLong();

    @Override
    public int read() {
      count.incrementAndGet();
      return 'x';
    }
  }

  private static final class RecordedListener implements Console.Listener {
    private final CountDownLatch left = new CountDownLatch(1);
    private final AtomicInteger lost = new AtomicInteger();

    @Override
    public void userLeft() {
      left.countDown();
    }

    @Override
    public void outputLost(IOException why) {
      lost.incrementAndGet();
    }
  }
}
