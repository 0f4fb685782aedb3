package io.ringside.boot;

import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The zero page, which tells a Linux kernel all that it knows at its start (Documentation/arch/x86/zero-page.rst; struct
 * boot_params in the kernel's asm/bootparam.h), and the command line that it points to.
 */
final class BootParams {
  static final int ACPI_RSDP_ADDR = 0x070;
  static final int EXT_RAMDISK_IMAGE = 0x0c0;
  static final int EXT_RAMDISK_SIZE = 0x0c4;
  static final int E820_ENTRIES = 0x1e8;
  static final int E820_TABLE = 0x2d0;

  private static final int SIZE = 4096;
  private static final int E820_ENTRY_SIZE = 20;

  /** "Undefined" loader, the number for those without an assigned one. */
  private static final int LOADER_UNDEFINED = 0xff;

  private BootParams() {}

  /**
   * Writes the zero page at {@link MemoryLayout#ZERO_PAGE}.
   *
   * @param header the kernel's own header, which becomes part of the page
   * @param initrd where the initial RAM disk was put; its length is 0 when there is none
   * @param rsdp gpa of the ACPI root pointer, or 0 to let the kernel search for it
   */
  static void write(GuestMemory memory, SetupHeader header, Initrd initrd, long rsdp) {
    NativeMemory raw = memory.raw();
    long page = MemoryLayout.ZERO_PAGE;
    raw.fill(page, SIZE, 0);
    byte[] own = header.toBytes();
    raw.write(page + SetupHeader.START, own, 0, own.length);

    raw.putByte(page + SetupHeader.TYPE_OF_LOADER, LOADER_UNDEFINED);
    // The heap is the real-mode code's, which doesn't run.
    int flags = raw.getByte(page + SetupHeader.LOADFLAGS) & ~SetupHeader.CAN_USE_HEAP;
    raw.putByte(page + SetupHeader.LOADFLAGS, flags | SetupHeader.LOADED_HIGH);
    raw.putShort(page + SetupHeader.HEAP_END_PTR, 0);
    raw.putInt(page + SetupHeader.CMD_LINE_PTR, (int) MemoryLayout.COMMAND_LINE);
    if (initrd.length() > 0) {
      raw.putInt(page + SetupHeader.RAMDISK_IMAGE, (int) initrd.gpa());
      raw.putInt(page + SetupHeader.RAMDISK_SIZE, (int) initrd.length());
      raw.putInt(page + EXT_RAMDISK_IMAGE, (int) (initrd.gpa() >>> 32));
      raw.putInt(page + EXT_RAMDISK_SIZE, (int) (initrd.length() >>> 32));
    }
    raw.putLong(page + ACPI_RSDP_ADDR, rsdp);

    List<E820Entry> map = E820Entry.mapOf(memory);
    raw.putByte(page + E820_ENTRIES, map.size());
    for (int i = 0; i < map.size(); i++) {
      E820Entry entry = map.get(i);
      long at = page + E820_TABLE + (long) i * E820_ENTRY_SIZE;
      raw.putLong(at, entry.start());
      raw.putLong(at + 8, entry.length());
      raw.putInt(at + 16, entry.type());
    }
  }

  /**
   * Writes the command line at {@link MemoryLayout#COMMAND_LINE}, with a zero behind it.
   *
   * @throws BootException where it is longer than the kernel takes, or has a zero byte in it
   */
  static void writeCommandLine(GuestMemory memory, SetupHeader header, String commandLine) {
    byte[] bytes = commandLine.getBytes(StandardCharsets.UTF_8);
    long room = MemoryLayout.COMMAND_LINE_END - MemoryLayout.COMMAND_LINE - 1;
    long limit = Math.min(header.cmdlineSize(), room);
    if (bytes.length > limit) {
      throw new BootException(
          "the kernel's command line is "
              + bytes.length
              + " bytes long, and this kernel takes "
              + limit
              + " at the most; shorten it (--append)");
    }
    if (commandLine.indexOf('\0') >= 0) {
      throw new BootException(
          "the kernel's command line has a zero character in it; leave it out (--append)");
    }
    memory.raw().write(MemoryLayout.COMMAND_LINE, bytes, 0, bytes.length);
    memory.raw().putByte(MemoryLayout.COMMAND_LINE + bytes.length, 0);
  }
}
