package io.ringside.bench.exits;

/** A loop that runs a vCPU and answers its exits. */
@FunctionalInterface
interface ExitLoop {
  /** Takes that many exits; the sum of their {@linkplain ExitKind#mark marks}, or something else if one was wrong. */
  long run(long exits);
}
