package io.ringside.boot;

import io.ringside.machine.GuestMemory;

/**
 * Where things are in guest-physical memory when the kernel gets control. The picture is in docs/memory-layout.md. What
 * the VMM puts below 640 KiB is read by the kernel in its first instructions and then becomes ordinary memory.
 */
public final class MemoryLayout {
  /** The global descriptor table for the 64-bit entry: {@link #GDT_ENTRIES} of 8 bytes. */
  public static final long GDT = 0x500;

  /** Null, null, code (0x10), data (0x18), and the TSS (0x20), which takes two. */
  public static final int GDT_ENTRIES = 6;

  /** The task state segment: 104 bytes of zeros, since a 64-bit processor must have one. */
  public static final long TSS = 0x600;

  /** The boot parameters, "zero page": one page. */
  public static final long ZERO_PAGE = 0x7000;

  /** The top of the stack for guests that expect one; it grows down to 0x8000. Linux sets up its own. */
  public static final long BOOT_STACK_TOP = 0x9000;

  /** The PML4: one page, of which one entry is used. */
  public static final long PML4 = 0x9000;

  /** The page-directory-pointer table: one page, of which {@link #IDENTITY_GIB} entries are used. */
  public static final long PDPT = PML4 + 0x1000;

  /** The page directories, one page for each GiB: 512 entries of 2 MiB. */
  public static final long PAGE_DIRECTORIES = PDPT + 0x1000;

  /** How many GiB are mapped to themselves. Four reach everything the kernel touches before it makes its own. */
  public static final int IDENTITY_GIB = 4;

  /** The first byte after the page tables. */
  public static final long PAGE_TABLES_END = PAGE_DIRECTORIES + IDENTITY_GIB * 0x1000L;

  /** The command line; it may go on to {@link #COMMAND_LINE_END}. */
  public static final long COMMAND_LINE = 0x2_0000;

  /** The first byte that a command line can't have: 64 KiB, far above the 2048 bytes of Linux on x86. */
  public static final long COMMAND_LINE_END = 0x3_0000;

  /** Where a PC's conventional memory ends: 640 KiB less the 1 KiB of the extended BIOS data area. */
  public static final long LOW_MEMORY_END = 0x9_fc00;

  /** The window of a PC's video memory, which no E820 entry covers. */
  public static final long VIDEO_START = 0xa_0000;

  /** The ACPI tables. The kernel looks for the RSDP from here to 1 MiB (ACPI 6.5, section 5.2.5.1). */
  public static final long ACPI_TABLES = 0xe_0000;

  /** The first byte after the room for ACPI tables, and where a PC's extended memory starts: 1 MiB. */
  public static final long HIGH_MEMORY_START = 0x10_0000;

  /** The I/O APIC's registers (82093AA datasheet, section 3.0). */
  public static final long IO_APIC = 0xfec0_0000L;

  /** The local APIC's registers after reset (Intel SDM volume 3A, section 11.4.1). */
  public static final long LOCAL_APIC = 0xfee0_0000L;

  /** The PCI hole: from the highest end of low RAM to the I/O APIC. */
  public static final long PCI_HOLE_START = GuestMemory.LOW_RAM_LIMIT;

  /** The selector of the kernel's code segment, __BOOT_CS (boot.rst, "64-bit Boot Protocol"). */
  public static final int BOOT_CS = 0x10;

  /** The selector of the kernel's data segments, __BOOT_DS. */
  public static final int BOOT_DS = 0x18;

  /** The selector of the task state segment. */
  public static final int BOOT_TR = 0x20;

  /** Initial RAM disks start at a multiple of this. */
  public static final long PAGE_SIZE = 0x1000;

  private MemoryLayout() {}
}
