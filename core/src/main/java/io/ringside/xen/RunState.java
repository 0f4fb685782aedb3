package io.ringside.xen;

import io.ringside.machine.Timers;

/**
 * Whether one vCPU runs, what it waits for, and how long it was in each state. The vCPU's thread never sleeps in a
 * hypercall: a hypercall that blocks leaves a mark here, and the thread sleeps until {@link #mayRun}. Source: {@code
 * public/vcpu.h}. Everything but {@link #mayRun} needs the machine's lock.
 */
final class RunState {
  private static final int RUNNING = 0;
  private static final int RUNNABLE = 1;
  private static final int BLOCKED = 2;
  private static final int OFFLINE = 3;

  /** XEN_RUNSTATE_UPDATE in the entry time: the guest's copy is being changed. */
  private static final long UPDATING = 1L << 63;

  /** Bytes of {@code struct vcpu_runstate_info}: state (4), padding (4), entry time (8), four times (8 each). */
  static final int SIZE = 48;

  private static final int ENTRY_TIME = 8;
  private static final int TIMES = 16;

  private static final int WAITS = 1;
  private static final int DOWN = 2;
  private static final int STARTS = 4;
  private static final int CLOCK_DUE = 8;

  /** Polls several ports. */
  private static final int ANY_PORT = -1;

  private final PvVcpu vcpu;
  private final Domain domain;
  private final Timers.Timer pollTimer;
  private final long[] times = new long[4];

  /** Why it isn't simply running: 0 almost always. Written with the lock held. */
  private volatile int attention;

  private int state;
  private long entered;
  private boolean polling;
  private int polledPort;
  private long area;
  private boolean areaDue;

  RunState(PvVcpu vcpu, Domain domain) {
    this.vcpu = vcpu;
    this.domain = domain;
    this.pollTimer = domain.config().timers().create(this::pollTimeout);
    this.state = vcpu.id() == 0 ? RUNNABLE : OFFLINE;
    this.attention = vcpu.id() == 0 ? STARTS : DOWN;
    this.entered = domain.now();
  }

  /** Whether the vCPU's thread, which asks, may go on. */
  boolean mayRun() {
    if (attention == 0) {
      return !domain.isShutDown();
    }
    domain.config().lock().lock();
    try {
      if ((attention & (WAITS | DOWN)) != 0 || domain.isShutDown()) {
        return false;
      }
      int due = attention;
      attention = 0;
      if ((due & STARTS) != 0) {
        change(RUNNING);
        publish();
        vcpu.timers().started();
      }
      vcpu.clock().refresh();
      return true;
    } finally {
      domain.config().lock().unlock();
    }
  }

  /** The clock that the guest reads may be old. */
  void clockDue() {
    attention |= CLOCK_DUE;
  }

  // Waiting.

  /** SCHEDOP_block, after upcalls were unmasked: waits unless there is something to deliver. */
  void block() {
    if (!vcpu.upcallPending()) {
      sleep();
    }
  }

  /** SCHEDOP_poll: waits for an event on a port, or on any that was asked for (-1), until {@code deadline}, if not 0. */
  void poll(int port, long deadline) {
    polling = true;
    polledPort = port;
    if (deadline != 0) {
      pollTimer.arm(domain.deadline(deadline));
    }
    sleep();
  }

  private void sleep() {
    attention |= WAITS;
    change(BLOCKED);
    publish();
    vcpu.timers().stopped();
  }

  /** Ends the waiting. */
  void unblock() {
    if ((attention & WAITS) == 0) {
      return;
    }
    if (polling) {
      polling = false;
      pollTimer.cancel();
    }
    attention = attention & ~WAITS | STARTS;
    change((attention & DOWN) == 0 ? RUNNABLE : OFFLINE);
  }

  /** An event came on a port. */
  void polled(int port) {
    if (polling && (polledPort == ANY_PORT || polledPort == port)) {
      vcpu.wake();
    }
  }

  private void pollTimeout() {
    if (polling) {
      vcpu.wake();
    }
  }

  /** Whether it waits for something. */
  boolean waits() {
    return (attention & WAITS) != 0;
  }

  /** Whether it was taken down, or never brought up. */
  boolean isDown() {
    return (attention & DOWN) != 0;
  }

  /** VCPUOP_down. */
  void down() {
    attention |= DOWN;
    change((attention & WAITS) == 0 ? OFFLINE : BLOCKED);
    vcpu.timers().stopped();
  }

  /** VCPUOP_up. */
  void up() {
    if (isDown()) {
      attention = attention & ~DOWN | STARTS;
      change((attention & WAITS) == 0 ? RUNNABLE : BLOCKED);
      vcpu.wake();
    }
  }

  // Accounting.

  private void change(int next) {
    long now = domain.now();
    if (next == state) {
      return;
    }
    if (now > entered) {
      times[state] += now - entered;
      entered = now;
    }
    state = next;
  }

  /**
   * Writes the state to the guest, without the time in the present state.
   *
   * @return whether it could be written
   */
  boolean store(GuestAccess access, long gva) {
    return store(access, gva, false, 0);
  }

  /** Writes the state to the guest, with the time in the present state. */
  boolean storeNow(GuestAccess access, long gva) {
    return store(access, gva, false, Math.max(0, domain.now() - entered));
  }

  private boolean store(GuestAccess access, long gva, boolean flagged, long extra) {
    try {
      if (flagged) {
        access.writeLong(gva + ENTRY_TIME, entered | UPDATING);
      }
      access.writeInt(gva, state);
      for (int i = 0; i < times.length; i++) {
        access.writeLong(gva + TIMES + 8L * i, times[i] + (i == state ? extra : 0));
      }
      access.writeLong(gva + ENTRY_TIME, entered);
      return true;
    } catch (HypercallException e) {
      return false;
    }
  }

  /** Sets where the guest wants a copy (0: nowhere). */
  void area(long gva) {
    area = gva;
  }

  /** Brings the guest's copy up to date, or does it when kernel mode is entered, whose page tables it needs. */
  private void publish() {
    if (area == 0) {
      return;
    }
    boolean flagged = domain.assists(VmAssist.RUNSTATE_UPDATE_FLAG);
    areaDue = !store(vcpu.access(), area, flagged, 0) && !vcpu.cpu().kernelMode();
  }

  /** The vCPU is in kernel mode now. */
  void kernelEntered() {
    if (areaDue) {
      domain.config().lock().lock();
      try {
        publish();
      } finally {
        domain.config().lock().unlock();
      }
    }
    vcpu.clock().kernelEntered();
  }
}
