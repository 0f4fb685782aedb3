package io.ringside.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.vmm.VcpuLoop;
import org.junit.jupiter.api.Test;

/** Boots by binary translation. */
class BootBtTest extends BootTests {
  BootBtTest() {
    super(GuestMethod.BT);
  }

  @Test
  void aPanicEndsTheRunAtOnceIfTheKernelIsToldSo() throws Exception {
    try (RunningGuest guest = RunningGuest.booted(GuestMethod.BT, "quiet panic=-1")) {
      guest.type("echo c >/proc/sysrq-trigger\n");
      assertThat(guest.end(END_SECONDS).reason()).isEqualTo(VcpuLoop.Reason.RESET);
      assertThat(guest.console()).contains("Kernel panic - not syncing: sysrq triggered crash");
    }
  }
}
