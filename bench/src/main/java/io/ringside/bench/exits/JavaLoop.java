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
      Exit exit = vcpu.run();
      // In the same way as VcpuLoop.
      if (exit instanceof Exit.PortWrite(int port, int size, int value)) {
        sum += value;
      } else if (exit instanceof Exit.PortRead(int port, int size)) {
        sum += port;
        vcpu.completeRead(ExitKind.ANSWER);
      } else if (exit instanceof Exit.MmioWrite(long gpa, int size, long value)) {
        sum += value;
      } else if (exit instanceof Exit.MmioRead(long gpa, int size)) {
        sum += gpa;
        vcpu.completeRead(ExitKind.ANSWER);
      } else if (exit instanceof Exit.Halt) {
        sum++;
      } else if (exit instanceof Exit.Interrupted) {
        i--; // the end of a MachineLoop
      } else {
        throw new IllegalStateException(exit.toString());
      }
    }
    return sum;
  }
}
