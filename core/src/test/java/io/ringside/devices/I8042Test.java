package io.ringside.devices;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class I8042Test {
  private final RecordedLine irq1 = new RecordedLine();
  private final RecordedPower power = new RecordedPower();
  private final I8042 controller = new I8042(irq1, power);

  private int status() {
    return controller.readPort(0x64, 1);
  }

  private int reply() {
    assertThat(status() & 1).as("output buffer full").isEqualTo(1);
    return controller.readPort(0x60, 1);
  }

  private void command(int value) {
    controller.writePort(0x64, 1, value);
  }

  @Test
  void isIdleAndAnswersItsOwnCommands() {
    assertThat(status() & 3).as("both buffers empty").isZero();
    command(0xaa);
    assertThat(reply()).isEqualTo(0x55);
    assertThat(status() & 1).isZero();
    command(0xab);
    assertThat(reply()).isZero();
    command(0x60);
    controller.writePort(0x60, 1, 0x65);
    command(0x20);
    assertThat(reply()).isEqualTo(0x65);
  }

  @Test
  void noKeyboardRepliesAndThatIsToldAtOnce() {
    command(0x60);
    controller.writePort(0x60, 1, 0x01);
    controller.writePort(0x60, 1, 0xff);
    assertThat(status() & 0x41).isEqualTo(0x41);
    assertThat(irq1.asserted).isTrue();
    assertThat(reply()).isEqualTo(0xfe);
    assertThat(irq1.asserted).isFalse();
    assertThat(status() & 0x41).isZero();
  }

  @Test
  void resetPulse() {
    command(0xff);
    command(0xd1);
    controller.writePort(0x60, 1, 0x03);
    assertThat(power.events).isEmpty();
    command(0xfe);
    command(0xd1);
    controller.writePort(0x60, 1, 0x02);
    assertThat(power.events).containsExactly("reset", "reset");
  }
}
