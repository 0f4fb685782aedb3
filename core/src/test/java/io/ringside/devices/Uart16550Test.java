package io.ringside.devices;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class Uart16550Test {
  private static final int BASE = 0x3f8;

  private final RecordedLine line = new RecordedLine();
  private final StringBuilder sent = new StringBuilder();
  private int roomCalls;
  private final Uart16550 uart =
      new Uart16550(BASE, line, b -> sent.append((char) b), () -> roomCalls++);

  private int in(int register) {
    return uart.readPort(BASE + register, 1);
  }

  private void out(int register, int value) {
    uart.writePort(BASE + register, 1, value);
  }

  @Test
  void looksLikeA16550AToLinux() {
    assertThat(in(1)).isZero();
    out(1, 0x0f);
    assertThat(in(1)).isEqualTo(0x0f);
    out(1, 0x4f);
    assertThat(in(1)).as("no sleep or XScale bits").isEqualTo(0x0f);
    out(1, 0);
    out(4, 0x1a);
    assertThat(in(6) & 0xf0).as("loopback of RTS and OUT2").isEqualTo(0x90);
    out(4, 0);
    out(2, 1);
    assertThat(in(2) >>> 6).isEqualTo(3);
    out(3, 0x80);
    out(2, 0x21);
    assertThat(in(2) >>> 5).as("no 64-byte FIFO").isEqualTo(6);
    out(3, 0);
    out(7, 0x5a);
    assertThat(in(7)).isEqualTo(0x5a);
  }

  @Test
  void loopbackShowsAFifoOf16() {
    out(2, 7);
    out(4, 0x10);
    for (int i = 0; i < 256; i++) {
      out(0, i);
    }
    int count = 0;
    while ((in(5) & 1) != 0) {
      assertThat(in(0)).isEqualTo(count);
      count++;
    }
    assertThat(count).isEqualTo(16);
    assertThat(sent.toString()).isEmpty();
  }

  @Test
  void overrunIsReportedOnce() {
    out(2, 7);
    out(4, 0x10);
    for (int i = 0; i < 17; i++) {
      out(0, i);
    }
    assertThat(in(5) & 0x02).isEqualTo(0x02);
    assertThat(in(5) & 0x02).isZero();
  }

  @Test
  void withoutFifoANewCharacterOverwrites() {
    out(4, 0x10);
    out(0, 'a');
    out(0, 'b');
    assertThat(in(5) & 3).isEqualTo(3);
    assertThat(in(0)).isEqualTo('b');
    assertThat(in(5) & 1).isZero();
  }

  @Test
  void divisorIsBehindDlab() {
    out(3, 0x83);
    out(0, 1);
    out(1, 2);
    assertThat(in(0)).isEqualTo(1);
    assertThat(in(1)).isEqualTo(2);
    out(3, 3);
    assertThat(in(1)).isZero();
    assertThat(in(3)).isEqualTo(3);
    assertThat(sent.toString()).isEmpty();
  }

  @Test
  void transmitsAtOnceAndInterruptsForMore() {
    out(4, 0x08);
    out(1, 2);
    assertThat(line.asserted).as("enabled while empty").isTrue();
    assertThat(in(2) & 0x0f).isEqualTo(2);
    assertThat(line.asserted).as("reading IIR took it back").isFalse();
    assertThat(in(2) & 0x0f).isEqualTo(1);
    out(0, 'h');
    assertThat(in(5) & 0x60).isEqualTo(0x60);
    assertThat(line.asserted).isTrue();
    out(1, 0);
    assertThat(line.asserted).isFalse();
    assertThat(sent.toString()).isEqualTo("h");
  }

  @Test
  void interruptNeedsOut2() {
    out(1, 2);
    assertThat(line.asserted).isFalse();
    assertThat(in(2) & 1).as("pending all the same").isZero();
  }

  @Test
  void receiveInterruptsAndPriorities() {
    out(2, 0x41);
    out(4, 0x0a);
    out(1, 0x0f);
    assertThat(uart.receive('x')).isTrue();
    assertThat(in(2) & 0x0f).as("below the trigger: time-out").isEqualTo(0x0c);
    uart.receive('y');
    uart.receive('z');
    uart.receive(0x1ff);
    assertThat(in(2) & 0x0f).as("at the trigger").isEqualTo(0x04);
    assertThat(in(0)).isEqualTo('x');
    assertThat(in(0)).isEqualTo('y');
    assertThat(in(0)).isEqualTo('z');
    assertThat(line.asserted).isTrue();
    assertThat(in(0)).isEqualTo(0xff);
    assertThat(in(2) & 0x0f).as("THRE is lower").isEqualTo(0x02);
    assertThat(in(2) & 0x0f).isEqualTo(0x01);
    assertThat(line.asserted).isFalse();
  }

  @Test
  void refusesInputWithoutRtsOrRoomAndTellsWhenItIsBack() {
    out(2, 1);
    assertThat(uart.receive('a')).as("no RTS").isFalse();
    out(4, 0x0b);
    assertThat(roomCalls).isEqualTo(1);
    for (int i = 0; i < 16; i++) {
      assertThat(uart.receive('a' + i)).isTrue();
    }
    assertThat(uart.receive('q')).as("full").isFalse();
    for (int i = 0; i < 16; i++) {
      assertThat(roomCalls).isEqualTo(1);
      assertThat(in(0)).isEqualTo('a' + i);
    }
    assertThat(roomCalls).isEqualTo(2);
    assertThat(in(0)).isZero();
    assertThat(roomCalls).isEqualTo(2);
  }

  @Test
  void fifoResetMakesRoom() {
    out(4, 2);
    assertThat(uart.receive('a')).isTrue();
    assertThat(uart.receive('b')).as("one byte without FIFO").isFalse();
    out(2, 3);
    assertThat(roomCalls).isEqualTo(1);
    assertThat(in(5) & 1).isZero();
  }

  @Test
  void modemStatusTellsChangesOnce() {
    assertThat(in(6)).isEqualTo(0xb0);
    out(4, 0x18);
    out(1, 8);
    assertThat(in(2) & 0x0f).isZero();
    assertThat(in(6)).as("CTS and DSR went, DCD stayed").isEqualTo(0x83);
    assertThat(in(6)).isEqualTo(0x80);
    assertThat(in(2) & 0x0f).isEqualTo(1);
    out(4, 0x1c);
    assertThat(in(6)).as("a rising RI is no event").isEqualTo(0xc0);
    out(4, 0x18);
    assertThat(in(6)).isEqualTo(0x84);
  }
}
