package io.ringside.bench.exits;

import io.ringside.machine.InterruptController;

/** An interrupt controller without interrupts. */
final class NoInterrupts implements InterruptController {
  private int cr8;
  private long apicBase;
  private long deadline;

  @Override
  public boolean hasPending() {
    return false;
  }

  @Override
  public int acknowledge() {
    return -1;
  }

  @Override
  public boolean hasNmi() {
    return false;
  }

  @Override
  public boolean takeNmi() {
    return false;
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
    return apicBase;
  }

  @Override
  public boolean writeApicBase(long value) {
    apicBase = value;
    return true;
  }

  @Override
  public long readX2apic(int msr) {
    throw new IllegalArgumentException("there is no x2APIC");
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
