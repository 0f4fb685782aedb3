package io.ringside.devices;

import io.ringside.machine.GuestMemory;
import io.ringside.machine.InterruptChips;
import io.ringside.machine.PortBus;
import io.ringside.machine.Timers;
import java.util.function.IntConsumer;

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

  private final Uart16550 com1;
  private final PciHost pci;
  private final AcpiPm acpi;
  private final DebugPorts debug;

  /**
   * What the devices need from their surroundings.
   *
   * @param ports where the devices' ports are claimed
   * @param memory guest RAM, for the sizes in CMOS
   * @param processors how many, 1 to 255
   * @param timers the machine's timers
   * @param chips the interrupt controllers that the devices' lines go to
   * @param epochMillis the time of day now, milliseconds since 1970 UTC
   * @param serialOutput gets each byte that COM1 sends; must not block
   * @param serialRoom runs when COM1 can take input that it refused; must not block
   * @param debugOutput gets each byte of the debug console at port E9h; must not block
   * @param power what the guest can ask of the machine
   */
  public record Surroundings(
      PortBus ports,
      GuestMemory memory,
      int processors,
      Timers timers,
      InterruptChips chips,
      long epochMillis,
      IntConsumer serialOutput,
      Runnable serialRoom,
      IntConsumer debugOutput,
      PowerEvents power) {}

  /** Makes the devices. */
  public PcDevices(Surroundings s) {
    PortBus ports = s.ports();
    InterruptChips chips = s.chips();

    com1 = new Uart16550(COM1, chips.isaLine(4), s.serialOutput(), s.serialRoom());
    ports.claim(COM1, Uart16550.PORTS, 1, com1);

    GuestMemory memory = s.memory();
    long high = Math.max(memory.highEnd() - GuestMemory.HIGH_RAM_START, 0);
    ports.claim(
        0x70,
        2,
        1,
        new CmosRtc(s.timers(), chips.isaLine(8), s.epochMillis(), memory.lowEnd(), high));

    pci = new PciHost(new ResetControl(s.power()));
    ports.claim(PciHost.FIRST_PORT, PciHost.PORTS, 4, pci);

    acpi = new AcpiPm(s.timers(), chips.isaLine(AcpiPm.SCI_IRQ), s.power());
    ports.claim(AcpiPm.EVENT_BLOCK, AcpiPm.PORTS, 4, acpi);

    I8042 keyboard = new I8042(chips.isaLine(1), s.power());
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
}
