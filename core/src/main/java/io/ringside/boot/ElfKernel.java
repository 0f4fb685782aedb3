package io.ringside.boot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * The loadable part of an ELF64 kernel (System V ABI, gABI chapters 4 and 5; AMD64 supplement).
 *
 * @param entry the guest-physical address of the first instruction
 * @param start the lowest gpa that the kernel occupies
 * @param end the first gpa after it, memory without file contents included
 * @param runs the file contents to load, in the order of the program headers
 */
record ElfKernel(long entry, long start, long end, List<LoadRun> runs) {
  private static final int HEADER_SIZE = 64;
  private static final int PROGRAM_HEADER_SIZE = 56;
  private static final int MACHINE_X86_64 = 62;
  private static final int TYPE_EXEC = 2;
  private static final int TYPE_DYN = 3;
  private static final int PT_LOAD = 1;

  /** No kernel lives above this; it keeps the sums below from overflowing. */
  private static final long ADDRESS_LIMIT = 1L << 46;

  /** Whether the file starts with the ELF magic. */
  static boolean isPresent(MemorySegment file) {
    return file.byteSize() >= 4 && file.get(ValueLayout.JAVA_INT_UNALIGNED, 0) == 0x464c_457f;
  }

  /**
   * Reads the headers.
   *
   * @param file the whole file, for which {@link #isPresent} holds
   * @param name how messages call the file
   * @throws BootException where it isn't a complete 64-bit x86 kernel
   */
  static ElfKernel read(MemorySegment file, String name) {
    long size = file.byteSize();
    if (size < HEADER_SIZE) {
      throw truncated(name, HEADER_SIZE, size);
    }
    if (file.get(ValueLayout.JAVA_BYTE, 4) != 2
        || file.get(ValueLayout.JAVA_BYTE, 5) != 1
        || shortAt(file, 18) != MACHINE_X86_64) {
      throw new BootException(name + ": an ELF file, but not for 64-bit x86; use an x86-64 kernel");
    }
    int type = shortAt(file, 16);
    if (type != TYPE_EXEC && type != TYPE_DYN) {
      throw new BootException(
          name + ": an ELF file that can't be run (a module or object file?); use a kernel");
    }
    long entry = longAt(file, 24);
    long table = longAt(file, 32);
    int count = shortAt(file, 56);
    if (shortAt(file, 54) != PROGRAM_HEADER_SIZE || count == 0) {
      throw new BootException(name + ": an ELF file without program headers; use a kernel");
    }
    if (table < 0 || table > size - (long) count * PROGRAM_HEADER_SIZE) {
      throw truncated(name, table + (long) count * PROGRAM_HEADER_SIZE, size);
    }
    List<LoadRun> runs = new ArrayList<>();
    long start = Long.MAX_VALUE;
    long end = 0;
    long physicalEntry = -1;
    for (int i = 0; i < count; i++) {
      long header = table + (long) i * PROGRAM_HEADER_SIZE;
      long memorySize = longAt(file, header + 40);
      if (file.get(ValueLayout.JAVA_INT_UNALIGNED, header) != PT_LOAD || memorySize == 0) {
        continue;
      }
      long offset = longAt(file, header + 8);
      long virtual = longAt(file, header + 16);
      long physical = longAt(file, header + 24);
      long fileSize = longAt(file, header + 32);
      if (physical < 0
          || physical > ADDRESS_LIMIT
          || memorySize < 0
          || memorySize > ADDRESS_LIMIT
          || Long.compareUnsigned(fileSize, memorySize) > 0) {
        throw new BootException(
            name + ": a segment with impossible sizes; the file is damaged, get it again");
      }
      if (offset < 0 || offset > size || fileSize > size - offset) {
        throw truncated(name, offset + fileSize, size);
      }
      if (fileSize > 0) {
        runs.add(new LoadRun(physical, offset, fileSize));
      }
      start = Math.min(start, physical);
      end = Math.max(end, physical + memorySize);
      // Linux gives its entry as a physical address; other kernels give a virtual one.
      if (entry - physical >= 0 && entry - physical < memorySize) {
        physicalEntry = entry;
      } else if (physicalEntry < 0 && entry - virtual >= 0 && entry - virtual < memorySize) {
        physicalEntry = entry - virtual + physical;
      }
    }
    if (end == 0) {
      throw new BootException(name + ": an ELF file with nothing to load; use a kernel");
    }
    if (physicalEntry < 0) {
      throw new BootException(
          name
              + ": its entry 0x"
              + Long.toHexString(entry)
              + " is outside of what it loads; use a kernel for the 64-bit boot protocol");
    }
    return new ElfKernel(physicalEntry, start, end, List.copyOf(runs));
  }

  private static int shortAt(MemorySegment file, long offset) {
    return file.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset) & 0xffff;
  }

  private static long longAt(MemorySegment file, long offset) {
    return file.get(ValueLayout.JAVA_LONG_UNALIGNED, offset);
  }

  private static BootException truncated(String name, long needed, long size) {
    return new BootException(
        name
            + ": truncated: "
            + size
            + " bytes are there and "
            + (needed < 0 ? "more" : Long.toString(needed))
            + " are needed; the file is damaged, get it again");
  }
}
