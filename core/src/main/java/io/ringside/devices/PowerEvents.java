package io.ringside.devices;

/** What a guest can ask of the machine as a whole. Called with the machine's lock held, on a vCPU's thread. */
public interface PowerEvents {
  /** ACPI soft-off (S5). */
  void powerOff();

  /** A reset by any of the PC's ways: port 92h, CF9h or the keyboard controller. */
  void reset();

  /** A test ended. {@code code} is the exit status that the debug-exit port made: odd, so never 0. */
  void debugExit(int code);
}
