package io.ringside.devices;

import java.util.ArrayList;
import java.util.List;

/** Writes down what the guest asked for. */
final class RecordedPower implements PowerEvents {
  final List<String> events = new ArrayList<>();

  @Override
  public void powerOff() {
    events.add("off");
  }

  @Override
  public void reset() {
    events.add("reset");
  }

  @Override
  public void debugExit(int code) {
    events.add("exit " + code);
  }
}
