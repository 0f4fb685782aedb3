package io.ringside.xen;

import java.util.ArrayList;
import java.util.List;

/** Remembers what a domain asks of the VMM. */
final class FakeHost implements DomainHost {
  final StringBuilder console = new StringBuilder();
  final List<Integer> shutdowns = new ArrayList<>();
  final List<String> crashes = new ArrayList<>();
  boolean hasRoom = true;

  /** How many more bytes the console takes. */
  int room = Integer.MAX_VALUE;

  /** How often the guest's console was said to take input again. */
  int inputRooms;

  long wallClock = 1_700_000_000_123_456_789L;

  @Override
  public void shutdown(int reason) {
    shutdowns.add(reason);
  }

  @Override
  public void crash(String why) {
    crashes.add(why);
  }

  @Override
  public void consoleOutput(int value) {
    room--;
    console.append((char) value);
  }

  @Override
  public boolean consoleHasRoom() {
    return hasRoom && room > 0;
  }

  @Override
  public void consoleInputRoom() {
    inputRooms++;
  }

  @Override
  public long wallClockNanos() {
    return wallClock;
  }
}
