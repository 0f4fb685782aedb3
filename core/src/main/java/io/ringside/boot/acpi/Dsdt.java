package io.ringside.boot.acpi;

import io.ringside.boot.MemoryLayout;
import io.ringside.devices.AcpiPm;
import io.ringside.devices.PcDevices;
import io.ringside.devices.PciHost;
import io.ringside.devices.Uart16550;

/**
 * The contents of the DSDT: which devices there are that can't be found by probing, and how to power off. In ASL:
 *
 * <pre>{@code
 * Name (\_S5, Package () { 5, 5, 0, 0 })
 * Scope (\_SB) {
 *   Device (PCI0) {  // the host bridge, with what it passes on to the bus
 *     Name (_HID, EisaId ("PNP0A03"))
 *     Name (_UID, 0)
 *     Name (_CRS, ResourceTemplate () { bus 0, ports 0 to CF7h and D00h to FFFFh, memory of the PCI hole })
 *     Device (COM1) { PNP0501, ports 3F8h to 3FFh, IRQ 4 }
 *     Device (RTC) { PNP0B00, ports 70h and 71h, IRQ 8 }
 *   }
 * }
 * }</pre>
 */
final class Dsdt {
  private static final int LAST_PORT = 0xffff;
  private static final int RTC_PORT = 0x70;
  private static final int RTC_IRQ = 8;
  private static final int COM1_IRQ = 4;

  private Dsdt() {}

  /** The definition block, without the table's header. */
  static byte[] definitionBlock() {
    byte[] sleepType = Aml.integer(AcpiPm.SLEEP_TYPE_S5);
    byte[] zero = Aml.integer(0);
    return Aml.join(
        Aml.name("\\_S5", Aml.packageOf(sleepType, sleepType, zero, zero)),
        Aml.scope("\\_SB", hostBridge()));
  }

  private static byte[] hostBridge() {
    int afterConfiguration = PciHost.FIRST_PORT + PciHost.PORTS;
    byte[] windows =
        Aml.resources(
            Aml.buses(0, 0),
            Aml.ports(PciHost.FIRST_PORT, PciHost.PORTS),
            Aml.portWindow(0, PciHost.FIRST_PORT - 1),
            Aml.portWindow(afterConfiguration, LAST_PORT),
            Aml.memoryWindow(MemoryLayout.PCI_HOLE_START, MemoryLayout.IO_APIC - 1));
    return Aml.device(
        "PCI0",
        Aml.name("_HID", Aml.eisaId("PNP0A03")),
        Aml.name("_UID", Aml.integer(0)),
        Aml.name("_CRS", windows),
        legacyDevice("COM1", "PNP0501", PcDevices.COM1, Uart16550.PORTS, COM1_IRQ),
        legacyDevice("RTC", "PNP0B00", RTC_PORT, 2, RTC_IRQ));
  }

  private static byte[] legacyDevice(String name, String id, int firstPort, int ports, int irq) {
    return Aml.device(
        name,
        Aml.name("_HID", Aml.eisaId(id)),
        Aml.name("_UID", Aml.integer(0)),
        Aml.name("_CRS", Aml.resources(Aml.ports(firstPort, ports), Aml.irq(irq))));
  }
}
