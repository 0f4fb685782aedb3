package io.ringside.conformance;

import io.ringside.machine.InterruptController;
import java.util.ArrayDeque;

/** An interrupt controller in which tests put vectors; they are delivered in that order. */
public final class FakeInterrupts implements InterruptController {
  private final ArrayDeque<Integer> vectors = new ArrayDeque<>();
  private volatile int waiting;
  private volatile boolean nmi;
  private int cr8;
  private long deadline;
  private Runnable listener = () -> {};

  void onChange(Runnable toldOfChanges) {
    listener = toldOfChanges;
  }

  /** Makes an interrupt wait; from any thread. */
  public void raise(int vector) {
    synchronized (vectors) {
      vectors.add(vector);
      waiting = vectors.size();
    }
    listener.run();
  }

  /** Takes back what waits, as a device does that lowers its line. */
  public void withdraw() {
    synchronized (vectors) {
      vectors.clear();
      waiting = 0;
    }
    listener.run();
  }

  /** Makes an NMI wait; from any thread. */
  public void raiseNmi() {
    nmi = true;
    listener.run();
  }

  @Override
  public boolean hasPending() {
    return waiting > 0;
  }

  @Override
  public int acknowledge() {
    synchronized (vectors) {
      Integer vector = vectors.poll();
      waiting = vectors.size();
      return vector == null ? -1 : vector;
    }
  }

  @Override
  public boolean hasNmi() {
    return nmi;
  }

  @Override
  public boolean takeNmi() {
    boolean was = nmi;
    nmi = false;
    return was;
  }

  @Override
  public int readCr8() {
    return cr8;
  }

  @Override
  public void writeCr8(int value) {
    cr8 = value;
  }

  @Override
  public long readApicBase() {
    return 0xfee0_0900L;
  }

  @Override
  public boolean writeApicBase(long value) {
    return value == 0xfee0_0900L;
  }

  @Override
  public long readX2apic(int msr) {
    throw new IllegalArgumentException("not in x2APIC mode");
  }

  @Override
  public boolean writeX2apic(int msr, long value) {
    return false;
  }

  @Override
  public long readTscDeadline() {
    return deadline;
  }

  @Override
  public void writeTscDeadline(long value) {
    deadline = value;
  }
}
