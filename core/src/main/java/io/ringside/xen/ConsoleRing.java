package io.ringside.xen;

import io.ringside.host.NativeMemory;
import java.lang.invoke.VarHandle;

/**
 * The backend of a PV console: {@code struct xencons_interface} in a page of the guest's, and an event channel. What the
 * guest puts into the ring goes to the host's console as far as that has room; what the host offers goes into the other
 * ring while the guest leaves room. Source: {@code public/io/console.h}; what is done about indices that make no sense is
 * what xenconsoled does: nothing goes out or in until they make sense again.
 *
 * <p>Each method needs the machine's lock. The guest reads and writes the page at the same time.
 */
public final class ConsoleRing {
  /** Bytes that the input ring holds. */
  static final int IN_SIZE = 1024;

  /** Bytes that the output ring holds. */
  static final int OUT_SIZE = 2048;

  static final int IN = 0;
  static final int OUT = IN + IN_SIZE;
  static final int IN_CONS = OUT + OUT_SIZE;
  static final int IN_PROD = IN_CONS + 4;
  static final int OUT_CONS = IN_CONS + 8;
  static final int OUT_PROD = IN_CONS + 12;

  private final NativeMemory raw;
  private final ConsoleOutput output;
  private final DomainHost host;
  private long page = -1;
  private Runnable notifyGuest = () -> {};
  private boolean refused;

  ConsoleRing(NativeMemory raw, ConsoleOutput output, DomainHost host) {
    this.raw = raw;
    this.output = output;
    this.host = host;
  }

  /**
   * Gives it its page; until then it takes no input.
   *
   * @param maddr the page's machine address. The caller holds a writable reference on the frame, so that the guest can't
   *     make it a page table.
   * @param notifyGuest sends the event to the guest's port
   */
  void connect(long maddr, Runnable notifyGuest) {
    this.page = maddr;
    this.notifyGuest = notifyGuest;
    guestNotified();
  }

  /** The guest sent its event: there is output, or room for input, or both. */
  void guestNotified() {
    drain();
    if (refused && inputRoom() > 0) {
      refused = false;
      host.consoleInputRoom();
    }
  }

  /** The host's console has room again. */
  void outputRoom() {
    output.flush();
    drain();
  }

  /**
   * Offers a byte of input.
   *
   * @return false where the ring is full: it was not taken, and {@link DomainHost#consoleInputRoom} tells when to offer
   *     it again
   */
  public boolean offer(int value) {
    if (inputRoom() <= 0) {
      refused = true;
      return false;
    }
    int prod = raw.getInt(page + IN_PROD);
    raw.putByte(page + IN + (prod & IN_SIZE - 1), value);
    VarHandle.storeStoreFence();
    raw.putInt(page + IN_PROD, prod + 1);
    notifyGuest.run();
    return true;
  }

  private int inputRoom() {
    if (page < 0) {
      return 0;
    }
    int used = raw.getInt(page + IN_PROD) - raw.getInt(page + IN_CONS);
    VarHandle.fullFence();
    return Integer.compareUnsigned(used, IN_SIZE) > 0 ? 0 : IN_SIZE - used;
  }

  private void drain() {
    if (page < 0) {
      return;
    }
    int cons = raw.getInt(page + OUT_CONS);
    int prod = raw.getInt(page + OUT_PROD);
    VarHandle.fullFence();
    if (cons == prod || Integer.compareUnsigned(prod - cons, OUT_SIZE) > 0) {
      return;
    }
    int start = cons;
    while (cons != prod && output.hasRoom()) {
      output.put(raw.getByte(page + OUT + (cons++ & OUT_SIZE - 1)));
    }
    if (cons != start) {
      VarHandle.fullFence();
      raw.putInt(page + OUT_CONS, cons);
      notifyGuest.run();
    }
  }
}
