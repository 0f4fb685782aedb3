package io.ringside.devices;

import io.ringside.machine.InterruptLine;

/**
 * One ISA interrupt line, wired to the PIC pair and to the I/O APIC, as on a PC: same numbers on both, but for IRQ 0, which
 * is on input 2 of the I/O APIC (the MADT tells that by an override).
 */
final class IsaLine implements InterruptLine {
  private final PicPair pics;
  private final IoApic ioApic;
  private final int irq;

  IsaLine(PicPair pics, IoApic ioApic, int irq) {
    this.pics = pics;
    this.ioApic = ioApic;
    this.irq = irq;
  }

  @Override
  public void set(boolean asserted) {
    pics.setLine(irq, asserted);
    ioApic.setLine(irq == 0 ? 2 : irq, asserted);
  }
}
