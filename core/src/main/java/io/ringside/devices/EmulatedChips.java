package io.ringside.devices;

import io.ringside.machine.InterruptChips;
import io.ringside.machine.InterruptLine;
import io.ringside.machine.MachineLock;
import io.ringside.machine.MmioBus;
import io.ringside.machine.PortBus;
import io.ringside.machine.Timers;
import java.util.function.IntSupplier;

/** Interrupt controllers and interval timer as devices on the machine's buses, wired as on a PC. */
public final class EmulatedChips implements InterruptChips {
  /** The APIC ID of the I/O APIC, as the MADT must tell it. */
  public static final int IO_APIC_ID = 0;

  private static final int ISA_IRQS = 16;
  private static final int TIMER_INPUT = 2;

  private final LocalApic[] apics;
  private final MmioBus[] processorMmio;
  private final PicPair pics;
  private final InterruptLine[] isaLines = new InterruptLine[ISA_IRQS];

  /**
   * Makes the chips and puts them on the buses.
   *
   * @param ports the machine's ports
   * @param mmio the machine's MMIO, without what each processor sees alone
   * @param processors how many, 1 to 255
   * @param lock the machine's lock
   * @param timers the machine's timers
   * @param tsc the guest's time-stamp counter, by which TSC deadlines go
   */
  public EmulatedChips(
      PortBus ports, MmioBus mmio, int processors, MachineLock lock, Timers timers, TscClock tsc) {
    ApicBus apicBus = new ApicBus();
    apics = new LocalApic[processors];
    processorMmio = new MmioBus[processors];
    ExternalInterrupt external = new ExternalInterrupt();
    for (int i = 0; i < processors; i++) {
      processorMmio[i] = new MmioBus(mmio);
      apics[i] = new LocalApic(i, lock, apicBus, processorMmio[i], timers, tsc, external);
    }
    pics = new PicPair(external);
    IoApic ioApic = new IoApic(apicBus, IO_APIC_ID);
    for (int irq = 0; irq < ISA_IRQS; irq++) {
      isaLines[irq] = new IsaLine(pics, ioApic, irq);
    }
    apics[0].enterVirtualWireMode();
    I8254 pit = new I8254(timers, isaLines[0]);
    ioApic.watchEdges(TIMER_INPUT, pit::interruptTaken);
    pics.watchTimer(pit::interruptTaken);
    mmio.claim(IoApic.DEFAULT_BASE, IoApic.LENGTH, ioApic);
    ports.claim(0x20, 2, 1, pics);
    ports.claim(0xa0, 2, 1, pics);
    ports.claim(0x4d0, 2, 1, pics);
    ports.claim(0x40, 4, 1, pit);
    ports.claim(I8254.SYSTEM_CONTROL_B, 1, 1, pit);
  }

  @Override
  public InterruptLine isaLine(int irq) {
    return isaLines[irq];
  }

  /** MMIO as processor {@code index} sees it: its local APIC before the machine's. */
  public MmioBus mmio(int index) {
    return processorMmio[index];
  }

  /** The local APIC of processor {@code index}. */
  public LocalApic apic(int index) {
    return apics[index];
  }

  /** INTR of the PIC pair: to LINT0 of the bootstrap processor, whose acknowledge cycle goes back to the pair. */
  private final class ExternalInterrupt implements InterruptLine, IntSupplier {
    @Override
    public void set(boolean asserted) {
      apics[0].setLint0(asserted);
    }

    @Override
    public int getAsInt() {
      return pics.acknowledge();
    }
  }
}
