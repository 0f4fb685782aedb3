package io.ringside.devices;

import io.ringside.machine.InterruptLine;

/** A wire that counts its rising edges. */
final class RecordedLine implements InterruptLine {
  boolean asserted;
  int edges;

  @Override
  public void set(boolean level) {
    if (level && !asserted) {
      edges++;
    }
    asserted = level;
  }
}
