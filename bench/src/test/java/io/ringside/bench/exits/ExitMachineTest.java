package io.ringside.bench.exits;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import io.ringside.cpu.CpuState;
import io.ringside.host.HostException;
import io.ringside.machine.Exit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The guests on the host's KVM, whatever is behind it. */
class ExitMachineTest {
  private static ExitMachine machine(ExitKind kind) {
    try {
      return new ExitMachine(kind);
    } catch (HostException e) {
      return abort("KVM can't be used here: " + e.getMessage());
    }
  }

  private static Exit expected(ExitKind kind) {
    return switch (kind) {
      case OUT -> new Exit.PortWrite(ExitKind.PORT, 1, ExitKind.WRITTEN);
      case IN -> new Exit.PortRead(ExitKind.PORT, 1);
      case MMIO_WRITE -> new Exit.MmioWrite(ExitKind.MMIO_GPA, 4, ExitKind.WRITTEN);
      case MMIO_READ -> new Exit.MmioRead(ExitKind.MMIO_GPA, 4);
      case HLT -> new Exit.Halt(false);
    };
  }

  @ParameterizedTest
  @EnumSource
  void theGuestMakesTheSameExitAgainAndAgain(ExitKind kind) {
    try (ExitMachine machine = machine(kind)) {
      for (int i = 0; i < 3; i++) {
        Exit exit = machine.vcpu().run();
        assertThat(exit).isEqualTo(expected(kind));
        if (exit instanceof Exit.PortRead || exit instanceof Exit.MmioRead) {
          machine.vcpu().completeRead(ExitKind.ANSWER + i);
        }
      }
      machine.vcpu().readState();
      long rax = machine.vcpu().state().gpr(CpuState.RAX);
      switch (kind) {
        // The last answer gets into the register with the next entry.
        case IN, MMIO_READ -> assertThat(rax).isEqualTo(ExitKind.ANSWER + 1);
        case OUT, MMIO_WRITE, HLT -> assertThat(rax).isEqualTo(ExitKind.WRITTEN);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void allLoopsCanGoOnWithTheSameGuest(ExitKind kind) {
    try (ExitMachine machine = machine(kind);
        CLoop c = new CLoop(machine.vcpu())) {
      JavaLoop java = new JavaLoop(machine.vcpu());
      assertThat(java.run(5)).isEqualTo(5 * kind.mark());
      assertThat(c.run(7)).isEqualTo(7 * kind.mark());
      if (kind != ExitKind.HLT) {
        assertThat(new MachineLoop(machine.vcpu()).run(3)).isEqualTo(3 * kind.mark());
      }
      assertThat(java.run(2)).isEqualTo(2 * kind.mark());
      assertThat(c.run(2)).isEqualTo(2 * kind.mark());
      machine.vcpu().readState();
      if (kind == ExitKind.IN) {
        assertThat(machine.vcpu().state().gpr(CpuState.RAX)).isEqualTo(ExitKind.ANSWER);
      }
    }
  }
}
