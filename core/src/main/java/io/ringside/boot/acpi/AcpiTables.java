package io.ringside.boot.acpi;

import io.ringside.boot.MemoryLayout;
import io.ringside.devices.AcpiPm;
import io.ringside.devices.EmulatedChips;
import io.ringside.devices.ResetControl;
import io.ringside.machine.GuestMemory;
import java.nio.charset.StandardCharsets;

/**
 * The ACPI tables of the machine (ACPI 6.5, chapter 5), in the reserved memory below 1 MiB: RSDP, RSDT for old systems,
 * XSDT, FADT, FACS, MADT and DSDT. They describe what {@link io.ringside.devices.PcDevices} makes.
 */
public final class AcpiTables {
  private static final int FADT_LENGTH = 276;
  private static final int FACS_LENGTH = 64;
  private static final int RSDP_LENGTH = 36;

  /** The part of the RSDP that the first checksum covers: all that ACPI 1.0 knew. */
  private static final int RSDP_V1_LENGTH = 20;

  /** FACS needs 64; the others have it too. */
  private static final int ALIGNMENT = 64;

  private static final int CMOS_CENTURY = 0x32;

  /** IAPC_BOOT_ARCH (table 5.11): ISA devices are there; an 8042 and VGA aren't to be looked for. */
  private static final int BOOT_ARCH_LEGACY_DEVICES = 1 << 0;

  private static final int BOOT_ARCH_NO_VGA = 1 << 2;

  /** FADT flags (table 5.10). */
  private static final int FLAG_WBINVD = 1 << 0;

  private static final int FLAG_PROC_C1 = 1 << 2;
  private static final int FLAG_NO_FIXED_SLEEP_BUTTON = 1 << 5;
  private static final int FLAG_NO_FIXED_RTC_WAKE = 1 << 6;
  private static final int FLAG_RESET_REGISTER = 1 << 10;

  /** Writing this to the reset control register resets the system. */
  private static final int RESET_VALUE = 0x06;

  /** Latencies that say that there is no C2 and no C3. */
  private static final int NO_C2 = 101;

  private static final int NO_C3 = 1001;

  private static final int ACCESS_BYTE = 1;
  private static final int ACCESS_WORD = 2;
  private static final int ACCESS_DWORD = 3;

  private static final int EVENT_BYTES = 4;
  private static final int CONTROL_BYTES = 2;
  private static final int TIMER_BYTES = 4;

  /** MADT interrupt flags (table 5.26): the bus's own, and level-triggered and active high. */
  private static final int AS_THE_BUS = 0;

  private static final int LEVEL_ACTIVE_HIGH = 3 << 2 | 1;

  private final GuestMemory memory;
  private long next = MemoryLayout.ACPI_TABLES;

  private AcpiTables(GuestMemory memory) {
    this.memory = memory;
  }

  /**
   * Writes the tables.
   *
   * @param processors how many, with local APIC IDs from 0 on, at most 255
   * @return gpa of the RSDP
   */
  public static long write(GuestMemory memory, int processors) {
    return new AcpiTables(memory).writeAll(processors);
  }

  private long writeAll(int processors) {
    // The RSDP comes first, since it is searched for from here on at multiples of 16 bytes.
    long rsdp = next;
    next += ALIGNMENT;
    byte[] block = Dsdt.definitionBlock();
    long dsdt =
        place(
            new Table("DSDT", 2, Table.HEADER + block.length).bytes(Table.HEADER, block).toBytes());
    long facs = place(facs());
    long fadt = place(fadt(facs, dsdt));
    long madt = place(madt(processors));
    long rsdt =
        place(new Table("RSDT", 1, Table.HEADER + 8).int32(36, fadt).int32(40, madt).toBytes());
    long xsdt =
        place(new Table("XSDT", 1, Table.HEADER + 16).int64(36, fadt).int64(44, madt).toBytes());
    memory.raw().write(rsdp, rsdp(rsdt, xsdt), 0, RSDP_LENGTH);
    return rsdp;
  }

  private long place(byte[] table) {
    long gpa = next;
    memory.raw().write(gpa, table, 0, table.length);
    next = gpa + table.length + ALIGNMENT - 1 & -ALIGNMENT;
    return gpa;
  }

  /** Root system description pointer (5.2.5.3). */
  private static byte[] rsdp(long rsdt, long xsdt) {
    byte[] rsdp =
        Aml.join(
            "RSD PTR ".getBytes(StandardCharsets.US_ASCII),
            new byte[] {0},
            "RNGSID".getBytes(StandardCharsets.US_ASCII),
            new byte[] {2},
            Aml.littleEndian(rsdt, 4),
            Aml.littleEndian(RSDP_LENGTH, 4),
            Aml.littleEndian(xsdt, 8),
            new byte[4]);
    rsdp[8] = (byte) -Table.sum(rsdp, RSDP_V1_LENGTH);
    rsdp[32] = (byte) -Table.sum(rsdp, RSDP_LENGTH);
    return rsdp;
  }

  /** Firmware ACPI control structure (5.2.10): memory for a lock and a waking vector that nobody uses. */
  private static byte[] facs() {
    byte[] facs = new byte[FACS_LENGTH];
    System.arraycopy("FACS".getBytes(StandardCharsets.US_ASCII), 0, facs, 0, 4);
    facs[4] = FACS_LENGTH;
    facs[32] = 2; // version
    return facs;
  }

  /** Fixed ACPI description table (5.2.9), each register both as a port number and as a generic address. */
  private static byte[] fadt(long facs, long dsdt) {
    return new Table("FACP", 6, FADT_LENGTH)
        .int32(36, facs)
        .int32(40, dsdt)
        .int16(46, AcpiPm.SCI_IRQ)
        // SMI_CMD stays 0: the hardware is in ACPI mode always.
        .int32(56, AcpiPm.EVENT_BLOCK)
        .int32(64, AcpiPm.CONTROL_BLOCK)
        .int32(76, AcpiPm.TIMER_BLOCK)
        .int8(88, EVENT_BYTES)
        .int8(89, CONTROL_BYTES)
        .int8(91, TIMER_BYTES)
        .int16(96, NO_C2)
        .int16(98, NO_C3)
        .int8(108, CMOS_CENTURY)
        .int16(109, BOOT_ARCH_LEGACY_DEVICES | BOOT_ARCH_NO_VGA)
        .int32(
            112,
            FLAG_WBINVD
                | FLAG_PROC_C1
                | FLAG_NO_FIXED_SLEEP_BUTTON
                | FLAG_NO_FIXED_RTC_WAKE
                | FLAG_RESET_REGISTER)
        .port(116, 8, ACCESS_BYTE, ResetControl.PORT)
        .int8(128, RESET_VALUE)
        .int8(131, 5) // minor version: ACPI 6.5
        // X_FIRMWARE_CTRL stays 0, since only one of it and FIRMWARE_CTRL may be there.
        .int64(140, dsdt)
        .port(148, 8 * EVENT_BYTES, ACCESS_WORD, AcpiPm.EVENT_BLOCK)
        .port(172, 8 * CONTROL_BYTES, ACCESS_WORD, AcpiPm.CONTROL_BLOCK)
        .port(208, 8 * TIMER_BYTES, ACCESS_DWORD, AcpiPm.TIMER_BLOCK)
        .toBytes();
  }

  /** Multiple APIC description table (5.2.12). */
  private static byte[] madt(int processors) {
    int length = Table.HEADER + 8 + 8 * processors + 12 + 10 + 10 + 6;
    Table madt = new Table("APIC", 5, length);
    madt.int32(36, MemoryLayout.LOCAL_APIC);
    madt.int32(40, 1); // PCAT_COMPAT: there are 8259s too
    int at = Table.HEADER + 8;
    for (int id = 0; id < processors; id++, at += 8) {
      // Local APIC: processor UID, APIC ID, enabled.
      madt.int8(at, 0).int8(at + 1, 8).int8(at + 2, id).int8(at + 3, id).int32(at + 4, 1);
    }
    // I/O APIC: its inputs are global system interrupts from 0 on.
    madt.int8(at, 1)
        .int8(at + 1, 12)
        .int8(at + 2, EmulatedChips.IO_APIC_ID)
        .int32(at + 4, MemoryLayout.IO_APIC);
    at += 12;
    at = override(madt, at, 0, 2, AS_THE_BUS);
    at = override(madt, at, AcpiPm.SCI_IRQ, AcpiPm.SCI_IRQ, LEVEL_ACTIVE_HIGH);
    // Local APIC NMI: LINT1 of all processors.
    madt.int8(at, 4).int8(at + 1, 6).int8(at + 2, 0xff).int16(at + 3, AS_THE_BUS).int8(at + 5, 1);
    return madt.toBytes();
  }

  /** Interrupt source override (5.2.12.5). */
  private static int override(Table madt, int at, int irq, int globalInterrupt, int flags) {
    madt.int8(at, 2)
        .int8(at + 1, 10)
        .int8(at + 3, irq)
        .int32(at + 4, globalInterrupt)
        .int16(at + 8, flags);
    return at + 10;
  }
}
