package io.ringside.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.boot.GuestFiles;
import io.ringside.vmm.VcpuLoop;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whole boots of Debian's kernel, and the ways in which they end. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
abstract class BootTests {
  static final double END_SECONDS = 60;

  private final GuestMethod method;

  BootTests(GuestMethod method) {
    this.method = method;
  }

  @Test
  void bootsWithNoTroubleInItsLogThatQemuHasNotAndPowersOff() throws Exception {
    GuestFiles files = DefaultGuest.files();
    try (RunningGuest guest = RunningGuest.booted(method, "")) {
      String log = guest.interact("dmesg -r");
      guest.type("poweroff\n");
      assertThat(guest.end(END_SECONDS).reason()).isEqualTo(VcpuLoop.Reason.POWER_OFF);
      assertThat(log).contains("Linux version ", "Run /init as init process");
      assertThat(log).contains(method.log());
      Map<String, String> trouble = new LinkedHashMap<>(KernelLog.trouble(log));
      trouble.keySet().removeAll(KernelLog.trouble(Qemu.kernelLog(files)).keySet());
      trouble.values().removeAll(method.harmless());
      assertThat(trouble.values()).isEmpty();
    }
  }

  @Test
  void rebootEndsTheRun() throws Exception {
    try (RunningGuest guest = RunningGuest.booted(method, "quiet")) {
      guest.type("reboot\n");
      assertThat(guest.end(END_SECONDS).reason()).isEqualTo(VcpuLoop.Reason.RESET);
    }
  }

  @Test
  void aGuestInAnEndlessLoopCanBeStopped() throws Exception {
    try (RunningGuest guest = RunningGuest.booted(method, "quiet")) {
      guest.type("while :; do :; done\n");
      guest.await("\n", 10);
    }
    assertThat(Thread.getAllStackTraces().keySet())
        .extracting(Thread::getName)
        .doesNotContain("guest");
  }

  @Test
  void theEndOfInputPowersOff() throws Exception {
    try (RunningGuest guest = RunningGuest.booted(method, "quiet")) {
      guest.type("\004");
      assertThat(guest.end(END_SECONDS).reason()).isEqualTo(VcpuLoop.Reason.POWER_OFF);
    }
  }

  @Tag("nightly")
  @RepeatedTest(20)
  void bootsEachTime() throws Exception {
    try (RunningGuest guest = RunningGuest.booted(method, "")) {
      assertThat(guest.interact("uname -s")).isEqualTo("Linux\n");
      assertThat(guest.console()).doesNotContain("BUG", "WARNING", "Oops", "Call Trace");
      guest.type("poweroff\n");
      assertThat(guest.end(END_SECONDS).reason()).isEqualTo(VcpuLoop.Reason.POWER_OFF);
    }
  }
}
