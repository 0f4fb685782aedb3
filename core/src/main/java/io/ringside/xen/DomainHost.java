package io.ringside.xen;

/** What a domain asks of the VMM around it. Called with the machine's lock held, on a vCPU's thread. */
public interface DomainHost {
  /** {@link #shutdown}: power off. Source of the reasons: {@code public/sched.h}. */
  int SHUTDOWN_POWEROFF = 0;

  /** {@link #shutdown}: reboot. */
  int SHUTDOWN_REBOOT = 1;

  /** {@link #shutdown}: suspend. */
  int SHUTDOWN_SUSPEND = 2;

  /** {@link #shutdown}: the guest panicked. */
  int SHUTDOWN_CRASH = 3;

  /** {@link #shutdown}: a watchdog of the guest's own ran out. */
  int SHUTDOWN_WATCHDOG = 4;

  /** {@link #shutdown}: the guest wants its event channels and so on as new. */
  int SHUTDOWN_SOFT_RESET = 5;

  /** The guest shut itself down; no vCPU of it must run any more. */
  void shutdown(int reason);

  /** Xen would kill the domain: {@code why} is one line for the user. No vCPU of it must run any more. */
  void crash(String why);

  /** One byte that the guest wrote to its console. */
  void consoleOutput(int value);

  /** Whether the console takes another byte now; when it does again {@code Domain} is told. */
  boolean consoleHasRoom();

  /** The guest takes console input again after it refused some ({@link ConsoleRing#offer}). */
  default void consoleInputRoom() {}

  /** The host's wall-clock time: nanoseconds since 1970-01-01T00:00:00Z. */
  long wallClockNanos();
}
