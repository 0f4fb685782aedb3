package io.ringside.pv;

import io.ringside.machine.InterruptController;
import io.ringside.xen.Traps;

/** What interrupts a PV guest: events, which Xen's ABI has in place of interrupt controllers. */
final class PvInterrupts implements InterruptController {
  private final Traps traps;

  PvInterrupts(Traps traps) {
    this.traps = traps;
  }

  @Override
  public boolean hasPending() {
    return traps.hasPending();
  }

  @Override
  public int acknowledge() {
    // The vector doesn't matter: the guest is told by its event callback.
    return traps.hasPending() ? 0 : -1;
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
    return 0;
  }

  @Override
  public void writeCr8(int value) {}

  @Override
  public long readApicBase() {
    return 0;
  }

  @Override
  public boolean writeApicBase(long value) {
    return false;
  }

  @Override
  public long readX2apic(int msr) {
    throw new IllegalArgumentException("a PV guest has no local APIC");
  }

  @Override
  public boolean writeX2apic(int msr, long value) {
    return false;
  }

  @Override
  public long readTscDeadline() {
    return 0;
  }

  @Override
  public void writeTscDeadline(long value) {}
}
