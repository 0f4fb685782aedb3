package io.ringside.devices;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PicPairTest {
  private final RecordedLine intr = new RecordedLine();
  private final PicPair pics = new PicPair(intr);

  private void out(int port, int value) {
    pics.writePort(port, 1, value);
  }

  private int in(int port) {
    return pics.readPort(port, 1);
  }

  /** Vectors 30h and 38h, nothing masked. */
  @BeforeEach
  void initialise() {
    initialise(0x01);
  }

  private void initialise(int icw4) {
    out(0x20, 0x11);
    out(0x21, 0x30);
    out(0x21, 0x04);
    out(0x21, icw4);
    out(0xa0, 0x11);
    out(0xa1, 0x38);
    out(0xa1, 0x02);
    out(0xa1, icw4);
  }

  private void pulse(int irq) {
    pics.setLine(irq, true);
    pics.setLine(irq, false);
  }

  @Test
  void startsMaskedAsFirmwareLeavesIt() {
    PicPair fresh = new PicPair(intr);
    assertThat(fresh.readPort(0x21, 1)).isEqualTo(0xff);
    fresh.setLine(4, true);
    assertThat(intr.asserted).isFalse();
    fresh.writePort(0x21, 1, 0xfb);
    assertThat(fresh.readPort(0x21, 1)).as("the probe of Linux").isEqualTo(0xfb);
  }

  @Test
  void servesByPriorityAndNests() {
    pulse(4);
    pulse(1);
    assertThat(pics.acknowledge()).isEqualTo(0x31);
    assertThat(intr.asserted).as("4 is held back by 1").isFalse();
    pulse(0);
    assertThat(pics.acknowledge()).isEqualTo(0x30);
    out(0x20, 0x20);
    assertThat(intr.asserted).isFalse();
    out(0x20, 0x20);
    assertThat(pics.acknowledge()).isEqualTo(0x34);
    assertThat(in(0x20)).as("IRR").isZero();
    out(0x20, 0x0b);
    assertThat(in(0x20)).as("ISR").isEqualTo(0x10);
    out(0x20, 0x64);
    assertThat(in(0x20)).as("after a specific EOI").isZero();
  }

  @Test
  void slaveGoesThroughTheCascade() {
    pulse(8);
    pulse(14);
    assertThat(pics.acknowledge()).isEqualTo(0x38);
    out(0xa0, 0x20);
    assertThat(intr.asserted).as("the master has its input 2 in service").isFalse();
    out(0x20, 0x20);
    assertThat(pics.acknowledge()).isEqualTo(0x3e);
  }

  @Test
  void maskHoldsBackAndReleases() {
    out(0x21, 0x10);
    pulse(4);
    assertThat(intr.asserted).isFalse();
    assertThat(in(0x20)).isEqualTo(0x10);
    out(0x21, 0x00);
    assertThat(intr.asserted).isTrue();
  }

  @Test
  void edgesCountOnceAndLevelsAsLongAsTheyLast() {
    pics.setLine(5, true);
    assertThat(pics.acknowledge()).isEqualTo(0x35);
    out(0x20, 0x20);
    assertThat(intr.asserted).as("an edge").isFalse();
    out(0x4d0, 0xff);
    assertThat(in(0x4d0)).as("IRQ 0 to 2 can't be levels").isEqualTo(0xf8);
    assertThat(pics.acknowledge()).isEqualTo(0x35);
    out(0x20, 0x20);
    assertThat(intr.asserted).as("a level").isTrue();
    pics.setLine(5, false);
    assertThat(intr.asserted).isFalse();
    out(0x4d1, 0xff);
    assertThat(in(0x4d1)).as("nor IRQ 8 and 13").isEqualTo(0xde);
  }

  @Test
  void spuriousWithoutARequest() {
    assertThat(pics.acknowledge()).isEqualTo(0x37);
    out(0x20, 0x0b);
    assertThat(in(0x20)).isZero();
  }

  @Test
  void autoEoiLeavesNothingInService() {
    initialise(0x03);
    pulse(3);
    assertThat(pics.acknowledge()).isEqualTo(0x33);
    pulse(6);
    assertThat(pics.acknowledge()).isEqualTo(0x36);
    pulse(12);
    assertThat(pics.acknowledge()).isEqualTo(0x3c);
    pulse(12);
    assertThat(pics.acknowledge()).isEqualTo(0x3c);
  }

  @Test
  void rotationMovesThePriorities() {
    pulse(3);
    assertThat(pics.acknowledge()).isEqualTo(0x33);
    out(0x20, 0xa0);
    pulse(3);
    pulse(4);
    assertThat(pics.acknowledge()).as("3 is the lowest now").isEqualTo(0x34);
    out(0x20, 0x64);
    out(0x20, 0xc7);
    pulse(4);
    assertThat(pics.acknowledge()).as("usual order after set priority 7").isEqualTo(0x33);
  }

  @Test
  void specialMaskModeLetsLowerOnesThrough() {
    pulse(1);
    assertThat(pics.acknowledge()).isEqualTo(0x31);
    pulse(4);
    assertThat(intr.asserted).isFalse();
    out(0x21, 0x02);
    out(0x20, 0x68);
    assertThat(intr.asserted).isTrue();
    assertThat(pics.acknowledge()).isEqualTo(0x34);
    out(0x20, 0x20);
    out(0x20, 0x0b);
    assertThat(in(0x20)).as("the masked one stays in service").isEqualTo(0x02);
  }

  @Test
  void pollAcknowledges() {
    out(0x20, 0x0c);
    assertThat(in(0x20)).isZero();
    pulse(6);
    out(0x20, 0x0c);
    assertThat(in(0x20)).isEqualTo(0x86);
    assertThat(intr.asserted).isFalse();
    out(0x20, 0x0b);
    assertThat(in(0x20)).isEqualTo(0x40);
  }
}
