package io.ringside.machine;

/** One wire from a device to an interrupt controller. Called with the machine's lock held. */
@FunctionalInterface
public interface InterruptLine {
  /** Drives the wire: true is asserted. Repeating the level that it has changes nothing. */
  void set(boolean asserted);
}
