package io.ringside.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.vmm.VcpuLoop;
import org.junit.jupiter.api.Test;

/** Boots by paravirtualization. */
class BootPvTest extends BootTests {
  BootPvTest() {
    super(GuestMethod.PV);
  }

  /** A PV kernel tells the VMM at once that it panics, whatever it is to do then. */
  @Test
  void aPanicIsAFailure() throws Exception {
    try (RunningGuest guest = RunningGuest.booted(GuestMethod.PV, "quiet")) {
      guest.type("echo c >/proc/sysrq-trigger\n");
      VcpuLoop.End end = guest.end(END_SECONDS);
      assertThat(end.reason()).isEqualTo(VcpuLoop.Reason.FAILURE);
      assertThat(end.detail()).contains("crashed").doesNotContain("\n");
      assertThat(guest.console()).contains("Kernel panic - not syncing: sysrq triggered crash");
    }
  }
}
