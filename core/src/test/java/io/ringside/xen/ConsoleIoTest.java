package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ConsoleIoTest {
  private final ServiceGuest guest = new ServiceGuest();

  private long write(String text) {
    return guest.call(
        HypercallNumber.CONSOLE_IO, ConsoleIo.WRITE, text.length(), guest.text(0, text));
  }

  @Test
  void linesComeOutBehindTheDomain() {
    assertThat(write("Hello\nworld\n")).isZero();

    assertThat(guest.console.toString()).isEqualTo("(d7) Hello\r\n(d7) world\r\n");
  }

  @Test
  void aLineWaitsForItsEnd() {
    write("one ");
    assertThat(guest.console).isEmpty();
    write("line\nand");
    assertThat(guest.console.toString()).isEqualTo("(d7) one line\r\n");
  }

  @Test
  void whatCantBePrintedIsLeftOut() {
    write("a\tb\r\u0007\u001b[1m\u007f\u0085\u00e9\n");

    assertThat(guest.console.toString()).isEqualTo("(d7) a\tb[1m\u00e9\r\n");
  }

  @Test
  void longLinesAreBrokenOnceTheBufferIsFull() {
    write("x".repeat(1000) + "\n");

    String all = guest.console.toString();
    assertThat(all.chars().filter(c -> c == 'x').count()).isEqualTo(1000);
    assertThat(all.lines()).allSatisfy(line -> assertThat(line).startsWith("(d7) x"));
    // The buffer holds 199, and what fills it is at most one chunk of 127 more.
    assertThat(all.lines().findFirst().orElseThrow()).hasSize(5 + 254);
  }

  @Test
  void emptyWritesAndEmptyLines() {
    assertThat(guest.call(HypercallNumber.CONSOLE_IO, ConsoleIo.WRITE, 0, 0)).isZero();
    assertThat(guest.console).isEmpty();
    write("\n");
    assertThat(guest.console.toString()).isEqualTo("(d7) \r\n");
  }

  @Test
  void aBufferInNowhereIsAFaultAfterWhatCouldBeRead() {
    assertThat(guest.call(HypercallNumber.CONSOLE_IO, ConsoleIo.WRITE, 1, ServiceGuest.NOWHERE))
        .isEqualTo(-Errno.EFAULT);
    assertThat(guest.call(HypercallNumber.CONSOLE_IO, ConsoleIo.WRITE, 1, Layout.HYPERVISOR_START))
        .isEqualTo(-Errno.EFAULT);

    String line = "y".repeat(126) + "\n";
    int end = ServiceGuest.SIZE - line.length();
    assertThat(
            guest.call(HypercallNumber.CONSOLE_IO, ConsoleIo.WRITE, 1 << 20, guest.text(end, line)))
        .isEqualTo(-Errno.EFAULT);
    assertThat(guest.console.toString()).isEqualTo("(d7) " + "y".repeat(126) + "\r\n");
  }

  @Test
  void allElseIsRefused() {
    for (int command : new int[] {ConsoleIo.READ, 2, -1}) {
      assertThat(guest.call(HypercallNumber.CONSOLE_IO, command, 1, ServiceGuest.BUFFER))
          .isEqualTo(-Errno.EPERM);
    }
  }

  @Test
  void aLineStartsAfterWhatTheRingPrinted() {
    guest.domain.console().connect(guest.buffer + 8192, () -> {});
    guest.ram.putByte(guest.buffer + 8192 + ConsoleRing.OUT, '#');
    guest.ram.putInt(guest.buffer + 8192 + ConsoleRing.OUT_PROD, 1);
    guest.domain.console().guestNotified();
    write("oops\n");

    assertThat(guest.console.toString()).isEqualTo("#\r\n(d7) oops\r\n");
  }

  @Test
  void linesWaitForTheHostAndTheRingAfterThem() {
    guest.domain.console().connect(guest.buffer + 8192, () -> {});
    guest.host.room = 3;
    write("waits\n");
    assertThat(guest.console.toString()).isEqualTo("(d7");
    guest.ram.putByte(guest.buffer + 8192 + ConsoleRing.OUT, '#');
    guest.ram.putInt(guest.buffer + 8192 + ConsoleRing.OUT_PROD, 1);
    guest.host.room = 1;
    guest.domain.console().guestNotified();
    assertThat(guest.console.toString()).isEqualTo("(d7");

    guest.host.room = 1000;
    guest.domain.consoleHasRoom();
    assertThat(guest.console.toString()).isEqualTo("(d7) waits\r\n#");
  }

  @Test
  void linesAreDroppedAndCountedWhenTooManyWait() {
    guest.host.room = 0;
    for (int i = 0; i < 2000; i++) {
      write("0123456789 0123456789 0123456789 0123456789\n");
    }
    guest.host.room = Integer.MAX_VALUE;
    guest.domain.consoleHasRoom();
    int lines = (int) guest.console.toString().lines().count();
    assertThat(guest.console.length()).isLessThanOrEqualTo(ConsoleOutput.LIMIT);
    assertThat(lines).isBetween(1000, 1999);

    write("again\n");
    assertThat(guest.console.toString())
        .endsWith(
            "(XEN) printk: "
                + (2000 - lines)
                + " lines of the guest's were dropped\r\n(d7) again\r\n");
  }
}
