package io.ringside.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.locks.LockSupport;

/**
 * The guest's serial line on this process's standard streams. Input is offered to the guest byte by byte and waits while
 * the guest has no room, so a pipe is read no faster than the guest reads and nothing is lost; the end of a pipe or file
 * becomes Ctrl-D. Output goes out at once
 * when the line was idle, and in batches every {@value #BATCH_MILLIS} ms while it is busy.
 */
final class Console implements AutoCloseable {
  private static final int BATCH_MILLIS = 2;
  private static final int CHUNK = 4096;
  private static final int PIPE_LIMIT = 64 << 10;
  private static final int OUTPUT_LIMIT = 256 << 10;

  /** The guest may get room without telling, for instance by a reset: ask again after this time. */
  private static final long OFFER_AGAIN_NANOS = 20_000_000;

  private static final int CTRL_D = 4;
  private static final int END_AGAIN_MILLIS = 1000;

  private static final String HELP =
      """
      the console's keys:
        Ctrl-A x        leave: end the guest as if its power was cut
        Ctrl-A a        send one Ctrl-A to the guest (so does Ctrl-A Ctrl-A)
        Ctrl-A h        this help""";

  private final InputStream input;
  private final OutputStream output;
  private final boolean interactive;
  private final Messages messages;
  private final Listener listener;
  private final ByteQueue toGuest;
  private final ByteQueue fromGuest = new ByteQueue(CHUNK, OUTPUT_LIMIT);
  private final Thread reader = thread("console-reader", this::readInput);
  private final Thread feeder = thread("console-feeder", this::feedGuest);
  private final Thread writer = thread("console-writer", this::writeOutput);
  private volatile Receiver receiver;
  private volatile boolean closing;
  private boolean started;

  /** The guest's end of the line. */
  interface Receiver {
    /** Offers a byte (0 to 255); false if there is no room and the byte was not taken. */
    boolean receive(int value);
  }

  /** Hears what happens at the user's end. Called on one of the console's threads. */
  interface Listener {
    /** The user typed the sequence that leaves. */
    void userLeft();

    /** Standard output takes nothing more; what the guest prints from now on is dropped. */
    void outputLost(IOException why);
  }

  /**
   * Makes a console; nothing is read before {@link #start}, while {@link #write} works at once.
   *
   * @param interactive whether a person types: escape sequences count, and typing ahead has no limit
   */
  Console(
      InputStream input,
      OutputStream output,
      boolean interactive,
      Messages messages,
      Listener listener) {
    this.input = input;
    this.output = output;
    this.interactive = interactive;
    this.messages = messages;
    this.listener = listener;
    // A person must be able to leave a guest that reads nothing, so the reader never waits for it.
    this.toGuest = new ByteQueue(CHUNK, interactive ? Integer.MAX_VALUE - 8 : PIPE_LIMIT);
    writer.start();
  }

  /** Starts to read, and to offer what is read to the guest. */
  void start(Receiver receiver) {
    this.receiver = receiver;
    started = true;
    reader.start();
    feeder.start();
  }

  /** The guest can take a byte that it refused. From any thread; does not block. */
  void roomForInput() {
    LockSupport.unpark(feeder);
  }

  /**
   * The guest sent a byte. From one thread at a time. Blocks only while {@value #OUTPUT_LIMIT} bytes wait for whoever
   * reads standard output.
   */
  void write(int value) {
    try {
      fromGuest.put(value);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits until what the guest has sent is on its way to standard output. */
  void flush() {
    try {
      fromGuest.awaitEmpty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Writes out what the guest has sent and stops reading. Waits at most {@code millis} for standard output. */
  void close(long millis) {
    closing = true;
    toGuest.close();
    fromGuest.close();
    LockSupport.unpark(writer);
    if (started) {
      LockSupport.unpark(feeder);
    }
    try {
      writer.join(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    close(0);
  }

  private void readInput() {
    byte[] chunk = new byte[CHUNK];
    EscapeFilter escapes = new EscapeFilter();
    int last = '\n';
    try {
      int count = input.read(chunk);
      boolean staying = true;
      while (count > 0 && staying && !closing) {
        for (int i = 0; i < count && staying; i++) {
          int value = chunk[i] & 0xff;
          staying = deliver(interactive ? escapes.accept(value) : value);
        }
        // What is typed after leaving is for the shell, so it must not be read here.
        last = chunk[count - 1];
        count = staying ? input.read(chunk) : 0;
      }
      if (staying && !interactive) {
        endInput(last);
      }
    } catch (IOException e) {
      messages.say("standard input can't be read any more: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    toGuest.close();
  }

  /**
   * Tells the guest that a pipe or file has ended. A serial line knows no end, so it is what a person would type: the
   * end of the last line if it has none, and Ctrl-D, again and again, since each is the end for one reader only, and
   * one that comes while a shell changes the terminal's mode is lost.
   */
  private void endInput(int last) throws InterruptedException {
    if (last != '\n') {
      toGuest.put('\n');
    }
    while (!closing) {
      toGuest.put(CTRL_D);
      Thread.sleep(END_AGAIN_MILLIS);
    }
  }

  /** Does what a byte from {@link EscapeFilter} says; false if the user leaves. */
  private boolean deliver(int value) throws InterruptedException {
    switch (value) {
      case EscapeFilter.NOTHING -> {}
      case EscapeFilter.LEAVE -> {
        listener.userLeft();
        return false;
      }
      case EscapeFilter.HELP -> messages.say(HELP);
      default -> {
        if ((value & EscapeFilter.AFTER_CTRL_A) != 0) {
          toGuest.put(EscapeFilter.CTRL_A);
        }
        toGuest.put(value & 0xff);
      }
    }
    return true;
  }

  private void feedGuest() {
    byte[] chunk = new byte[CHUNK];
    try {
      int count = toGuest.take(chunk);
      while (count > 0) {
        for (int i = 0; i < count; i++) {
          while (!receiver.receive(chunk[i] & 0xff)) {
            if (closing) {
              return;
            }
            LockSupport.parkNanos(this, OFFER_AGAIN_NANOS);
          }
        }
        count = toGuest.take(chunk);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void writeOutput() {
    byte[] chunk = new byte[CHUNK];
    boolean lost = false;
    try {
      int count = fromGuest.take(chunk);
      while (count > 0) {
        if (!lost) {
          try {
            output.write(chunk, 0, count);
            output.flush();
          } catch (IOException e) {
            lost = true;
            listener.outputLost(e);
          }
        }
        if (count < CHUNK && !closing) {
          LockSupport.parkNanos(this, BATCH_MILLIS * 1_000_000L);
        }
        count = fromGuest.take(chunk);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Thread thread(String name, Runnable body) {
    Thread thread = new Thread(body, name);
    thread.setDaemon(true);
    return thread;
  }
}
