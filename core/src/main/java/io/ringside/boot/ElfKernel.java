package io.ringside.boot;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The loadable part of an ELF64 kernel.
 *
 * @param entry the guest-physical address of the first instruction, or -1 where the linked entry is neither a physical nor
 *     a virtual address of what is loaded
 * @param linkedEntry the entry as it is in the ELF header
 * @param start the lowest gpa that the kernel occupies
 * @param end the first gpa after it, memory without file contents included
 * @param runs the file contents to load, in the order of the program headers
 * @param xenNotes the notes of owner "Xen", {@link #MAX_NOTE_BYTES} of them at the most
 */
record ElfKernel(
    long entry,
    long linkedEntry,
    long start,
    long end,
    List<LoadRun> runs,
    List<ElfNote> xenNotes) {
  /** How many bytes notes take; real kernels have a quarter of it. */
  static final int MAX_NOTE_BYTES = 2048;

  /** No kernel lives above this; it keeps the sums below from overflowing. */
  private static final long ADDRESS_LIMIT = 1L << 46;

  /** What a note takes beside its description. */
  private static final int NOTE_HEADER = 8;

  /**
   * Reads the headers.
   *
   * @param file the whole file, for which {@link ElfFile#isPresent} holds
   * @param name how messages call the file
   * @throws BootException where it isn't a complete 64-bit x86 kernel
   */
  static ElfKernel read(MemorySegment file, String name) {
    ElfFile elf = new ElfFile(file, name);
    long entry = elf.entry();
    List<LoadRun> runs = new ArrayList<>();
    long start = Long.MAX_VALUE;
    long end = 0;
    long physicalEntry = -1;
    for (ElfFile.Segment segment : elf.loads()) {
      long physical = segment.physical();
      long size = segment.memorySize();
      if (physical < 0 || physical > ADDRESS_LIMIT || size > ADDRESS_LIMIT) {
        throw elf.impossible();
      }
      if (segment.fileSize() > 0) {
        runs.add(new LoadRun(physical, segment.offset(), segment.fileSize()));
      }
      start = Math.min(start, physical);
      end = Math.max(end, physical + size);
      // Linux gives its entry as a physical address; other kernels give a virtual one.
      if (entry - physical >= 0 && entry - physical < size) {
        physicalEntry = entry;
      } else if (physicalEntry < 0
          && entry - segment.virtual() >= 0
          && entry - segment.virtual() < size) {
        physicalEntry = entry - segment.virtual() + physical;
      }
    }
    return new ElfKernel(
        physicalEntry, entry, start, end, List.copyOf(runs), bounded(elf.notes("Xen")));
  }

  /** The first notes, as many as there is room for in the cache. */
  private static List<ElfNote> bounded(List<ElfNote> notes) {
    List<ElfNote> kept = new ArrayList<>();
    int bytes = 0;
    for (ElfNote note : notes) {
      bytes += NOTE_HEADER + note.description().limit();
      if (bytes <= MAX_NOTE_BYTES) {
        kept.add(note);
      }
    }
    return List.copyOf(kept);
  }
}
