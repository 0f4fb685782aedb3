package io.ringside.bench.exits;

import io.ringside.machine.Exit;
import io.ringside.machine.Vcpu;

/** The loop in Java that does what {@link CLoop} does: the vCPU's own work, and no device's. */
final class JavaLoop implements ExitLoop {
  private final Vcpu vcpu;

  JavaLoop(Vcpu vcpu) {
    this.vcpu = vcpu;
  }

  @Override
  public long run(long exits) {
    long sum = 0;
    for (long i = 0; i < exits; i++) {
      switch (vcpu.run()) {
        case Exit.PortWrite(int port, int size, int value) -> sum += value;
        case Exit.PortRead(int port, int size) -> {
          sum += port;
          vcpu.completeRead(ExitKind.ANSWER);
        }
        case Exit.MmioWrite(long gpa, int size, long value) -> sum += value;
        case Exit.MmioRead(long gpa, int size) -> {
          sum += gpa;
          vcpu.completeRead(ExitKind.ANSWER);
        }
        case Exit.Halt(boolean interruptsEnabled) -> sum++;
        case Exit.Interrupted(), Exit.SingleStep() -> i--;
        case Exit.Shutdown(String detail) -> throw new IllegalStateException(detail);
        case Exit.Failure(String detail) -> throw new IllegalStateException(detail);
      }
    }
    return sum;
  }
}
