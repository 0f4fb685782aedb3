package io.ringside.boot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The Linux setup header: what a kernel says about itself to a boot loader, and what the loader answers. Offsets are
 * those of the bzImage file, which are also those of the zero page (Documentation/arch/x86/boot.rst, "The Real-Mode
 * Kernel Header"; struct setup_header in the kernel's asm/bootparam.h).
 */
public final class SetupHeader {
  /** Where the header starts in the file and in the zero page. */
  public static final int START = 0x1f1;

  /** The first byte after the largest header: the zero page has other fields from there on. */
  public static final int MAX_END = 0x290;

  static final int SETUP_SECTS = 0x1f1;
  static final int BOOT_FLAG = 0x1fe;
  static final int JUMP_DISTANCE = 0x201;
  static final int MAGIC = 0x202;
  static final int VERSION = 0x206;
  static final int TYPE_OF_LOADER = 0x210;
  static final int LOADFLAGS = 0x211;
  static final int RAMDISK_IMAGE = 0x218;
  static final int RAMDISK_SIZE = 0x21c;
  static final int HEAP_END_PTR = 0x224;
  static final int CMD_LINE_PTR = 0x228;
  static final int INITRD_ADDR_MAX = 0x22c;
  static final int KERNEL_ALIGNMENT = 0x230;
  static final int XLOADFLAGS = 0x236;
  static final int CMDLINE_SIZE = 0x238;
  static final int PAYLOAD_OFFSET = 0x248;
  static final int PAYLOAD_LENGTH = 0x24c;

  /** {@code LOADFLAGS}: the protected-mode code belongs at 1 MiB, which is what makes an image a bzImage. */
  static final int LOADED_HIGH = 1;

  /** {@code LOADFLAGS}: the loader filled in {@code HEAP_END_PTR}. */
  static final int CAN_USE_HEAP = 0x80;

  /** {@code XLOADFLAGS}: the kernel has a 64-bit entry. */
  static final int XLF_KERNEL_64 = 1;

  /** "HdrS". */
  static final int MAGIC_VALUE = 0x5372_6448;

  /** Protocol 2.12 (Linux 3.8) brought {@code XLOADFLAGS}, hence the word on the 64-bit entry. */
  static final int ENTRY_64_VERSION = 0x020c;

  /** Protocol 2.08 (Linux 2.6.26) brought {@code PAYLOAD_OFFSET}, without which the kernel can't be unpacked here. */
  static final int MIN_VERSION = 0x0208;

  private static final int BOOT_FLAG_VALUE = 0xaa55;
  private static final int SECTOR = 512;

  private final ByteBuffer bytes;

  /** Takes the header's bytes, from {@link #START} on; the array now belongs to the header. */
  SetupHeader(byte[] bytes) {
    this.bytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Whether a file starts as a Linux boot image does: boot flag and "HdrS" in their places. */
  static boolean isPresent(MemorySegment file) {
    return file.byteSize() >= VERSION + 2
        && (file.get(ValueLayout.JAVA_SHORT_UNALIGNED, BOOT_FLAG) & 0xffff) == BOOT_FLAG_VALUE
        && file.get(ValueLayout.JAVA_INT_UNALIGNED, MAGIC) == MAGIC_VALUE;
  }

  /**
   * Reads and checks the header of a bzImage.
   *
   * @param file the whole file, for which {@link #isPresent} holds
   * @param name how messages call the file
   * @throws BootException where this loader can't unpack such a kernel
   */
  static SetupHeader read(MemorySegment file, String name) {
    int version = file.get(ValueLayout.JAVA_SHORT_UNALIGNED, VERSION) & 0xffff;
    if (version < MIN_VERSION) {
      throw tooOld(name, version, "unpacking it needs 2.08; use a 64-bit kernel from Linux 3.8 on");
    }
    // The byte at 0x201 is the distance of the jump over the header, so it tells where the header
    // ends.
    int end = Math.min(MAGIC + (file.get(ValueLayout.JAVA_BYTE, JUMP_DISTANCE) & 0xff), MAX_END);
    if (end < PAYLOAD_LENGTH + 4) {
      throw new BootException(
          name + ": its setup header ends too early; the file is damaged, get it again");
    }
    if (file.byteSize() < end) {
      throw new BootException(
          name + ": truncated in its setup header; the file is damaged, get it again");
    }
    byte[] copy = new byte[end - START];
    MemorySegment.copy(file, ValueLayout.JAVA_BYTE, START, copy, 0, copy.length);
    SetupHeader header = new SetupHeader(copy);
    if ((header.byteAt(LOADFLAGS) & LOADED_HIGH) == 0) {
      throw new BootException(name + ": a zImage, which loads low; use the kernel's bzImage");
    }
    return header;
  }

  /**
   * Checks that the kernel can be entered in 64-bit mode.
   *
   * @param name how messages call the file
   * @throws BootException where it can't
   */
  void requireEntry64(String name) {
    if (version() < ENTRY_64_VERSION) {
      throw tooOld(
          name, version(), "the 64-bit entry needs 2.12; use a 64-bit kernel from Linux 3.8 on");
    }
    if ((shortAt(XLOADFLAGS) & XLF_KERNEL_64) == 0) {
      throw new BootException(
          name + ": has no 64-bit entry (a 32-bit kernel); use an x86-64 kernel");
    }
  }

  private static BootException tooOld(String name, int version, String why) {
    return new BootException(
        name
            + ": its boot protocol is "
            + (version >> 8)
            + "."
            + (version & 0xff)
            + ", and "
            + why);
  }

  /** A header for a kernel that comes without one, a plain ELF vmlinux. */
  static SetupHeader forElf() {
    SetupHeader header = new SetupHeader(new byte[0x268 - START]);
    ByteBuffer bytes = header.bytes;
    bytes.putShort(BOOT_FLAG - START, (short) BOOT_FLAG_VALUE);
    bytes.putInt(MAGIC - START, MAGIC_VALUE);
    bytes.putShort(VERSION - START, (short) 0x020f);
    bytes.put(LOADFLAGS - START, (byte) LOADED_HIGH);
    bytes.putInt(INITRD_ADDR_MAX - START, 0x7fff_ffff);
    bytes.putInt(KERNEL_ALIGNMENT - START, 0x20_0000);
    bytes.putShort(XLOADFLAGS - START, (short) XLF_KERNEL_64);
    bytes.putInt(CMDLINE_SIZE - START, 2047);
    return header;
  }

  /** The header's bytes from {@link #START} on, a copy. */
  byte[] toBytes() {
    return bytes.array().clone();
  }

  /** The boot protocol's version, major number in the high byte. */
  public int version() {
    return shortAt(VERSION);
  }

  /** The highest address that an initrd's last byte may have. */
  public long initrdAddrMax() {
    return intAt(INITRD_ADDR_MAX);
  }

  /** The longest command line in bytes, its terminating zero not counted. */
  public int cmdlineSize() {
    return (int) Math.min(intAt(CMDLINE_SIZE), Integer.MAX_VALUE);
  }

  /** Where the compressed payload starts in the file. */
  long payloadStart() {
    int sectors = byteAt(SETUP_SECTS);
    // Zero means four, for the sake of loaders from before 1993.
    return (sectors == 0 ? 4 + 1 : sectors + 1) * (long) SECTOR + intAt(PAYLOAD_OFFSET);
  }

  /** The compressed payload's length in bytes, the appended size included. */
  long payloadLength() {
    return intAt(PAYLOAD_LENGTH);
  }

  private int byteAt(int offset) {
    return bytes.get(offset - START) & 0xff;
  }

  private int shortAt(int offset) {
    return bytes.getShort(offset - START) & 0xffff;
  }

  private long intAt(int offset) {
    return bytes.getInt(offset - START) & 0xffff_ffffL;
  }
}
