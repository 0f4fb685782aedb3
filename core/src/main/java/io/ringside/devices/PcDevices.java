package io.ringside.devices;

import io.ringside.machine.GuestMemory;
import io.ringside.machine.InterruptLine;
import io.ringside.machine.MachineLock;
import io.ringside.machine.MmioBus;
import io.ringside.machine.PortBus;
import io.ringside.machine.Timers;
import java.util.function.IntConsumer;
import java.util.function.IntSupplier;

/**
 * A PC of the i440FX kind: makes its devices, wires their interrupts and puts them on the buses, as firmware would hand
 * them over. {@code docs} and the ACPI tables must agree with what is here.
 *
 * <table>
 *   <caption>Interrupts</caption>
 *   <tr><th>IRQ</th><th>I/O APIC input</th><th>device</th></tr>
 *   <tr><td>0</td><td>2</td><td>PIT channel 0</td></tr>
 *   <tr><td>1</td><td>1</td><td>keyboard controller</td></tr>
 *   <tr><td>4</td><td>4</td><td>COM1</td></tr>
 *   <tr><td>8</td><td>8</td><td>real-time clock</td></tr>
 *   <tr><td>9</td><td>9</td><td>ACPI SCI, level-triggered</td></tr>
 * </table>
 */
public final class PcDevices {
  /** The first port of COM1. */
  public static final int COM1 = 0x3f8;

  /** The APIC ID of the I/O APIC, as the MADT must tell it. */
  public static final int IO_APIC_ID = 0;

  private static final int ISA_IRQS = 16;
  private static final int TIMER_INPUT = 2;

  private final PortBus ports;
  private final MmioBus mmio;
  private final MmioBus[] processorMmio;
  private final LocalApic[] apics;
  private final ApicBus apicBus = new ApicBus();
  private final PicPair pics;
  private final IoApic ioApic;
  private final InterruptLine[] isaLines = new InterruptLine[ISA_IRQS];
  private final Uart16550 com1;
  private final PciHost pci;
  private final AcpiPm acpi;
  private final DebugPorts debug;

  /**
   * What the devices need from their surroundings.
   *
   * @param memory guest RAM, for the sizes in CMOS
   * @param processors how many, 1 to 255
   * @param lock the machine's lock
   * @param timers the machine's timers
   * @param tsc the guest's time-stamp counter
   * @param epochMillis the time of day now, milliseconds since 1970 UTC
   * @param serialOutput gets each byte that COM1 sends; must not block
   * @param serialRoom runs when COM1 can take input that it refused; must not block
   * @param debugOutput gets each byte of the debug console at port E9h; must not block
   * @param power what the guest can ask of the machine
   */
  public record Surroundings(
      GuestMemory memory,
      int processors,
      MachineLock lock,
      Timers timers,
      TscClock tsc,
      long epochMillis,
      IntConsumer serialOutput,
      Runnable serialRoom,
      IntConsumer debugOutput,
      PowerEvents power) {}

  /** Makes the devices on buses of their own. */
  public PcDevices(Surroundings s) {
    ports = new PortBus(s.lock());
    mmio = new MmioBus(s.lock());
    apics = new LocalApic[s.processors()];
    processorMmio = new MmioBus[s.processors()];
    ExternalInterrupt external = new ExternalInterrupt();
    for (int i = 0; i < apics.length; i++) {
      processorMmio[i] = new MmioBus(mmio);
      apics[i] =
          new LocalApic(i, s.lock(), apicBus, processorMmio[i], s.timers(), s.tsc(), external);
    }
    pics = new PicPair(external);
    ioApic = new IoApic(apicBus, IO_APIC_ID);
    mmio.claim(IoApic.DEFAULT_BASE, IoApic.LENGTH, ioApic);
    for (int irq = 0; irq < ISA_IRQS; irq++) {
      isaLines[irq] = new IsaLine(pics, ioApic, irq);
    }
    apics[0].enterVirtualWireMode();

    claimPics();
    I8254 pit = new I8254(s.timers(), isaLines[0]);
    ioApic.watchEdges(TIMER_INPUT, pit::interruptTaken);
    pics.watchTimer(pit::interruptTaken);
    ports.claim(0x40, 4, 1, pit);
    ports.claim(I8254.SYSTEM_CONTROL_B, 1, 1, pit);

    com1 = new Uart16550(COM1, isaLines[4], s.serialOutput(), s.serialRoom());
    ports.claim(COM1, Uart16550.PORTS, 1, com1);

    GuestMemory memory = s.memory();
    long high = Math.max(memory.highEnd() - GuestMemory.HIGH_RAM_START, 0);
    ports.claim(
        0x70, 2, 1, new CmosRtc(s.timers(), isaLines[8], s.epochMillis(), memory.lowEnd(), high));

    pci = new PciHost(new ResetControl(s.power()));
    ports.claim(PciHost.FIRST_PORT, PciHost.PORTS, 4, pci);

    acpi = new AcpiPm(s.timers(), isaLines[AcpiPm.SCI_IRQ], s.power());
    ports.claim(AcpiPm.EVENT_BLOCK, AcpiPm.PORTS, 4, acpi);

    I8042 keyboard = new I8042(isaLines[1], s.power());
    ports.claim(I8042.DATA, 1, 1, keyboard);
    ports.claim(I8042.COMMAND, 1, 1, keyboard);
    ports.claim(SystemControlA.PORT, 1, 1, new SystemControlA(s.power()));

    FwCfg config = new FwCfg(memory.size(), s.processors());
    ports.claim(FwCfg.SELECTOR, FwCfg.PORTS, 2, config);

    debug = new DebugPorts(s.power(), s.debugOutput());
    ports.claim(DebugPorts.EXIT, 4, 4, debug);
    ports.claim(DebugPorts.CONSOLE, 1, 1, debug);
    ports.claim(DebugPorts.POST, 1, 1, debug);
  }

  private void claimPics() {
    ports.claim(0x20, 2, 1, pics);
    ports.claim(0xa0, 2, 1, pics);
    ports.claim(0x4d0, 2, 1, pics);
  }

  /** The port space. */
  public PortBus ports() {
    return ports;
  }

  /** The machine's MMIO, without what each processor sees alone; devices are added here. */
  public MmioBus mmio() {
    return mmio;
  }

  /** MMIO as processor {@code index} sees it: its local APIC in front of the machine's. */
  public MmioBus mmio(int index) {
    return processorMmio[index];
  }

  /** The local APIC of processor {@code index}. */
  public LocalApic apic(int index) {
    return apics[index];
  }

  /** Where message-signalled interrupts go. */
  public ApicBus apicBus() {
    return apicBus;
  }

  /** The I/O APIC, for devices that interrupt on its inputs 16 to 23. */
  public IoApic ioApic() {
    return ioApic;
  }

  /** ISA interrupt line {@code irq} (0 to 15). */
  public InterruptLine isaLine(int irq) {
    return isaLines[irq];
  }

  /** The first serial port. */
  public Uart16550 com1() {
    return com1;
  }

  /** The PCI bus. */
  public PciHost pci() {
    return pci;
  }

  /** ACPI fixed hardware, for the power button. */
  public AcpiPm acpi() {
    return acpi;
  }

  /** The debug ports, for the last power-on self-test code. */
  public DebugPorts debug() {
    return debug;
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
