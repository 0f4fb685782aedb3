package io.ringside.bt;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.conformance.BtMachine;
import io.ringside.conformance.GuestTables;
import io.ringside.cpu.CpuState;
import io.ringside.machine.Exit;
import org.junit.jupiter.api.Test;

/** 32-bit code is refused with one line. */
class CompatibilityModeTest {
  private static final long CODE = 0x8_0000;
  private static final long STACK = 0x9_0000;
  private static final long USER = 0x10_0000;

  @Test
  void isRefusedWithOneLine() {
    try (BtMachine machine = new BtMachine()) {
      machine.ram().putLong(GuestTables.GDT + 0x18, 0x00cf_fb00_0000_ffffL);
      long[] frame = {USER, 0x1b, 2, USER + 0x1000, GuestTables.USER_DATA};
      for (int n = 0; n < frame.length; n++) {
        machine.ram().putLong(STACK - 40 + 8 * n, frame[n]);
      }
      // IRETQ
      machine.ram().putShort(CODE, 0xcf48);
      machine.state().rip(CODE);
      machine.state().gpr(CpuState.RSP, STACK - 40);
      machine.stateChanged();
      assertThat(machine.run())
          .isInstanceOfSatisfying(
              Exit.Failure.class,
              failure -> assertThat(failure.detail()).contains("32-bit").doesNotContain("\n"));
    }
  }
}
