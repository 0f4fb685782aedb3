package io.ringside.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Writes a static 64-bit executable: ELF header, two PT_LOAD segments and nothing else (System V ABI, "Object Files"
 * and "Program Loading", with the AMD64 supplement's values). The first segment is read and executed: headers and code.
 * The second is read and written: data, then zeroes.
 */
final class ElfWriter {
  /** Where the first segment is mapped: the usual place of a program that isn't relocatable. */
  static final long TEXT_BASE = 0x40_0000;

  /** Size of the headers, after which the code begins in the file and in memory. */
  static final int HEADERS = 64 + 3 * 56;

  private static final int PAGE = 4096;
  private static final int PT_LOAD = 1;
  private static final int PT_GNU_STACK = 0x6474_e551;
  private static final int EXECUTE = 1;
  private static final int WRITE = 2;
  private static final int READ = 4;

  private ElfWriter() {}

  /** The address of the first byte of code. */
  static long textStart() {
    return TEXT_BASE + HEADERS;
  }

  /** The address of the first byte of data, behind {@code textLength} bytes of code. */
  static long dataStart(int textLength) {
    return TEXT_BASE + alignToPage(HEADERS + textLength);
  }

  /**
   * Makes the file.
   *
   * @param text the code, assembled for {@link #textStart}
   * @param data the initialised data, which starts at {@link #dataStart}
   * @param zeroes bytes of zeroes behind the data, not in the file
   * @param entry the address of the first instruction
   */
  static byte[] write(byte[] text, byte[] data, long zeroes, long entry) {
    int dataOffset = alignToPage(HEADERS + text.length);
    ByteBuffer out = ByteBuffer.allocate(dataOffset + data.length).order(ByteOrder.LITTLE_ENDIAN);
    out.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1, 0}).position(16);
    out.putShort((short) 2); // ET_EXEC
    out.putShort((short) 62); // EM_X86_64
    out.putInt(1); // EV_CURRENT
    out.putLong(entry);
    out.putLong(64); // program headers' offset
    out.putLong(0); // no section headers
    out.putInt(0); // flags
    out.putShort((short) 64); // size of this header
    out.putShort((short) 56); // size of a program header
    out.putShort((short) 3);
    out.putShort((short) 64); // size of a section header, of which there is none
    out.putShort((short) 0);
    out.putShort((short) 0);
    segment(out, PT_LOAD, READ | EXECUTE, 0, TEXT_BASE, HEADERS + text.length, 0);
    segment(out, PT_LOAD, READ | WRITE, dataOffset, TEXT_BASE + dataOffset, data.length, zeroes);
    segment(out, PT_GNU_STACK, READ | WRITE, 0, 0, 0, 0);
    out.put(text);
    out.position(dataOffset);
    out.put(data);
    return out.array();
  }

  private static void segment(
      ByteBuffer out, int type, int flags, long offset, long address, long length, long zeroes) {
    out.putInt(type).putInt(flags).putLong(offset).putLong(address).putLong(address);
    out.putLong(length).putLong(length + zeroes).putLong(type == PT_LOAD ? PAGE : 16);
  }

  private static int alignToPage(int value) {
    return value + PAGE - 1 & -PAGE;
  }
}
