package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ConsoleRingTest {
  private final ServiceGuest guest = new ServiceGuest();
  private final long page = guest.buffer;
  private final ConsoleRing ring = guest.domain.console();
  private int notified;

  private void connect() {
    ring.connect(page, () -> notified++);
  }

  /** Puts text into the output ring as a guest does, without an event. */
  private void print(String text) {
    int prod = guest.ram.getInt(page + ConsoleRing.OUT_PROD);
    for (int i = 0; i < text.length(); i++) {
      guest.ram.putByte(page + 1024 + (prod++ & 2047), text.charAt(i));
    }
    guest.ram.putInt(page + ConsoleRing.OUT_PROD, prod);
  }

  private String typed() {
    StringBuilder text = new StringBuilder();
    int cons = guest.ram.getInt(page + ConsoleRing.IN_CONS);
    while (cons != guest.ram.getInt(page + ConsoleRing.IN_PROD)) {
      text.append((char) guest.ram.getByte(page + (cons++ & 1023)));
    }
    guest.ram.putInt(page + ConsoleRing.IN_CONS, cons);
    return text.toString();
  }

  @Test
  void theOffsetsAreThoseOfXenconsInterface() {
    assertThat(ConsoleRing.IN_CONS).isEqualTo(3072);
    assertThat(ConsoleRing.IN_PROD).isEqualTo(3076);
    assertThat(ConsoleRing.OUT_CONS).isEqualTo(3080);
    assertThat(ConsoleRing.OUT_PROD).isEqualTo(3084);
  }

  @Test
  void outputGoesOutUnchangedAndTheGuestIsTold() {
    connect();
    print("a\r\n\u0001\u00ff");
    ring.guestNotified();

    assertThat(guest.console.toString()).isEqualTo("a\r\n\u0001\u00ff");
    assertThat(guest.ram.getInt(page + ConsoleRing.OUT_CONS)).isEqualTo(5);
    assertThat(notified).isEqualTo(1);
  }

  @Test
  void whatWasPrintedBeforeTheBackendCameGoesOut() {
    print("early");
    connect();

    assertThat(guest.console.toString()).isEqualTo("early");
  }

  @Test
  void indicesWrapAt2To32() {
    guest.ram.putInt(page + ConsoleRing.OUT_CONS, -3);
    guest.ram.putInt(page + ConsoleRing.OUT_PROD, -3);
    connect();
    print("abcdef");
    ring.guestNotified();

    assertThat(guest.console.toString()).isEqualTo("abcdef");
    assertThat(guest.ram.getInt(page + ConsoleRing.OUT_CONS)).isEqualTo(3);
  }

  @Test
  void outputWaitsInTheRingWhileTheHostHasNoRoom() {
    connect();
    guest.host.room = 2;
    print("abcd");
    ring.guestNotified();
    assertThat(guest.console.toString()).isEqualTo("ab");
    assertThat(guest.ram.getInt(page + ConsoleRing.OUT_CONS)).isEqualTo(2);

    ring.guestNotified();
    assertThat(notified).isEqualTo(1);

    guest.host.room = 100;
    guest.domain.consoleHasRoom();
    assertThat(guest.console.toString()).isEqualTo("abcd");
    assertThat(notified).isEqualTo(2);
  }

  @Test
  void aFullRingIsTaken() {
    connect();
    print("x".repeat(2048));
    ring.guestNotified();

    assertThat(guest.console).hasSize(2048);
  }

  @Test
  void nothingGoesOutWhileIndicesMakeNoSense() {
    connect();
    guest.ram.putInt(page + ConsoleRing.OUT_PROD, 2049);
    ring.guestNotified();
    guest.ram.putInt(page + ConsoleRing.OUT_PROD, -1);
    ring.guestNotified();
    assertThat(guest.console).isEmpty();
    assertThat(notified).isZero();
    assertThat(guest.ram.getInt(page + ConsoleRing.OUT_CONS)).isZero();

    guest.ram.putInt(page + ConsoleRing.OUT_PROD, 0);
    print("ok");
    ring.guestNotified();
    assertThat(guest.console.toString()).isEqualTo("ok");
  }

  @Test
  void inputGoesInWithAnEvent() {
    connect();
    assertThat(ring.offer('h')).isTrue();
    assertThat(ring.offer(0xe9)).isTrue();

    assertThat(notified).isEqualTo(2);
    assertThat(typed()).isEqualTo("h\u00e9");
  }

  @Test
  void aFullRingRefusesInputUntilTheGuestReads() {
    connect();
    for (int i = 0; i < 1024; i++) {
      assertThat(ring.offer('a' + i % 26)).isTrue();
    }
    assertThat(ring.offer('!')).isFalse();
    ring.guestNotified();
    assertThat(guest.host.inputRooms).isZero();

    assertThat(typed()).hasSize(1024).startsWith("abc");
    ring.guestNotified();
    assertThat(guest.host.inputRooms).isEqualTo(1);
    ring.guestNotified();
    assertThat(guest.host.inputRooms).isEqualTo(1);
    assertThat(ring.offer('!')).isTrue();
    assertThat(typed()).isEqualTo("!");
  }

  @Test
  void inputIsRefusedWhileIndicesMakeNoSense() {
    connect();
    guest.ram.putInt(page + ConsoleRing.IN_CONS, 1);
    assertThat(ring.offer('x')).isFalse();
    guest.ram.putInt(page + ConsoleRing.IN_CONS, -1025);
    assertThat(ring.offer('x')).isFalse();
    assertThat(guest.ram.getInt(page + ConsoleRing.IN_PROD)).isZero();
  }

  @Test
  void withoutAPageInputIsRefusedAndTakenOnceThereIsOne() {
    assertThat(ring.offer('x')).isFalse();
    ring.guestNotified();
    ring.outputRoom();
    assertThat(guest.host.inputRooms).isZero();

    connect();
    assertThat(guest.host.inputRooms).isEqualTo(1);
    assertThat(ring.offer('x')).isTrue();
  }
}
