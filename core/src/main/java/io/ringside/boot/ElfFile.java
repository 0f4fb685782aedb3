package io.ringside.boot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An ELF64 file for x86-64 that can be run: its headers, notes and sections (System V ABI, gABI chapters 4 and 5; AMD64
 * supplement). Reads from the segment that it was made of, and only while that is there.
 */
public final class ElfFile {
  /** {@link Section#type}: a symbol table. */
  public static final int SECTION_SYMBOLS = 2;

  /** {@link Section#type}: strings. */
  public static final int SECTION_STRINGS = 3;

  private static final int SECTION_NOTES = 7;
  private static final int SECTION_NO_BITS = 8;

  private static final int HEADER_SIZE = 64;
  private static final int PROGRAM_HEADER_SIZE = 56;
  private static final int SECTION_HEADER_SIZE = 64;
  private static final int MACHINE_X86_64 = 62;
  private static final int TYPE_EXEC = 2;
  private static final int TYPE_DYN = 3;
  private static final int PT_LOAD = 1;
  private static final int PT_NOTE = 4;

  /** More notes than a kernel has; a damaged file must not keep the VMM busy. */
  private static final int MAX_NOTES = 256;

  private final MemorySegment file;
  private final String name;
  private final List<Segment> loads = new ArrayList<>();
  private final List<Segment> notes = new ArrayList<>();

  /**
   * A piece of memory that the file describes.
   *
   * @param offset where its contents are in the file
   * @param virtual the address that it is linked for
   * @param physical where a loader is to put it
   * @param fileSize bytes of contents, at most {@code memorySize}, all of them in the file
   * @param memorySize bytes of memory; those without contents are zero
   */
  public record Segment(long offset, long virtual, long physical, long fileSize, long memorySize) {}

  /**
   * A section.
   *
   * @param index its number
   * @param name its name, "" where it has none
   * @param type its type
   * @param offset where its contents are in the file
   * @param size bytes, all of them in the file
   * @param link the number of another section, which the type gives a meaning
   */
  public record Section(int index, String name, int type, long offset, long size, int link) {}

  /** Whether the file starts with the ELF magic. */
  public static boolean isPresent(MemorySegment file) {
    return file.byteSize() >= 4 && file.get(ValueLayout.JAVA_INT_UNALIGNED, 0) == 0x464c_457f;
  }

  /**
   * Reads the header and the program headers.
   *
   * @param file the whole file, for which {@link #isPresent} holds
   * @param name how messages call the file
   * @throws BootException where it isn't a complete 64-bit x86 program
   */
  public ElfFile(MemorySegment file, String name) {
    this.file = file;
    this.name = name;
    if (file.byteSize() < HEADER_SIZE) {
      throw truncated(HEADER_SIZE);
    }
    if (byteAt(4) != 2 || byteAt(5) != 1 || shortAt(18) != MACHINE_X86_64) {
      throw new BootException(name + ": an ELF file, but not for 64-bit x86; use an x86-64 kernel");
    }
    int type = shortAt(16);
    if (type != TYPE_EXEC && type != TYPE_DYN) {
      throw new BootException(
          name + ": an ELF file that can't be run (a module or object file?); use a kernel");
    }
    readSegments();
  }

  private void readSegments() {
    long table = longAt(32);
    int count = shortAt(56);
    if (shortAt(54) != PROGRAM_HEADER_SIZE || count == 0) {
      throw new BootException(name + ": an ELF file without program headers; use a kernel");
    }
    if (!isInside(table, (long) count * PROGRAM_HEADER_SIZE)) {
      throw truncated(table + (long) count * PROGRAM_HEADER_SIZE);
    }
    for (int i = 0; i < count; i++) {
      long header = table + (long) i * PROGRAM_HEADER_SIZE;
      int type = intAt(header);
      Segment segment =
          new Segment(
              longAt(header + 8),
              longAt(header + 16),
              longAt(header + 24),
              longAt(header + 32),
              longAt(header + 40));
      if (type == PT_LOAD && segment.memorySize != 0) {
        if (segment.memorySize < 0
            || Long.compareUnsigned(segment.fileSize, segment.memorySize) > 0) {
          throw impossible();
        }
        if (!isInside(segment.offset, segment.fileSize)) {
          throw truncated(segment.offset + segment.fileSize);
        }
        loads.add(segment);
      } else if (type == PT_NOTE && segment.offset != 0) {
        // Some linkers leave the offset of a note segment at 0; its notes are in sections too.
        notes.add(segment);
      }
    }
    if (loads.isEmpty()) {
      throw new BootException(name + ": an ELF file with nothing to load; use a kernel");
    }
  }

  /** The error of a file whose headers can't be true. */
  BootException impossible() {
    return new BootException(
        name + ": a segment with impossible sizes; the file is damaged, get it again");
  }

  /** The address of the first instruction, as it is in the header. */
  public long entry() {
    return longAt(24);
  }

  /** What is to be loaded, in the order of the program headers; at least one. */
  public List<Segment> loads() {
    return List.copyOf(loads);
  }

  /**
   * The notes of one owner, from the note segments or, where these have none of that owner's, from sections of notes. A
   * malformed note ends its segment or section.
   */
  public List<ElfNote> notes(String owner) {
    List<ElfNote> found = new ArrayList<>();
    for (Segment segment : notes) {
      readNotes(segment.offset, segment.fileSize, owner, found);
    }
    if (found.isEmpty()) {
      for (Section section : sections()) {
        if (section.type == SECTION_NOTES) {
          readNotes(section.offset, section.size, owner, found);
        }
      }
    }
    return found;
  }

  private void readNotes(long start, long length, String owner, List<ElfNote> found) {
    if (!isInside(start, length)) {
      return;
    }
    long end = start + length;
    for (long at = start; end - at >= 12 && found.size() < MAX_NOTES; ) {
      long nameSize = intAt(at) & 0xffff_ffffL;
      long size = intAt(at + 4) & 0xffff_ffffL;
      long description = at + 12 + (nameSize + 3 & ~3);
      if (size > end - description) {
        return;
      }
      if (nameSize == owner.length() + 1L && owner.equals(text(at + 12, nameSize))) {
        found.add(new ElfNote(intAt(at + 8), bytes(description, (int) size)));
      }
      at = description + (size + 3 & ~3);
    }
  }

  /** The sections whose contents are in the file; none where the file has been stripped of their headers. */
  public List<Section> sections() {
    long table = longAt(40);
    int count = shortAt(60);
    int names = shortAt(62);
    List<Section> found = new ArrayList<>();
    if (shortAt(58) != SECTION_HEADER_SIZE
        || !isInside(table, (long) count * SECTION_HEADER_SIZE)) {
      return found;
    }
    long strings = 0;
    long stringsSize = 0;
    if (names < count) {
      strings = longAt(table + (long) names * SECTION_HEADER_SIZE + 24);
      stringsSize = longAt(table + (long) names * SECTION_HEADER_SIZE + 32);
      if (!isInside(strings, stringsSize)) {
        stringsSize = 0;
      }
    }
    for (int i = 1; i < count; i++) {
      long header = table + (long) i * SECTION_HEADER_SIZE;
      int type = intAt(header + 4);
      long offset = longAt(header + 24);
      long size = longAt(header + 32);
      if (type != SECTION_NO_BITS && isInside(offset, size)) {
        long nameAt = intAt(header) & 0xffff_ffffL;
        String title = nameAt < stringsSize ? text(strings + nameAt, stringsSize - nameAt) : "";
        found.add(new Section(i, title, type, offset, size, intAt(header + 40)));
      }
    }
    return found;
  }

  /** The first section of a name. */
  public Optional<Section> section(String title) {
    for (Section section : sections()) {
      if (section.name.equals(title)) {
        return Optional.of(section);
      }
    }
    return Optional.empty();
  }

  /** A copy of the file's header: 64 bytes. */
  public byte[] header() {
    return copy(0, HEADER_SIZE);
  }

  /** A copy of a section's header: 64 bytes. */
  public byte[] header(Section section) {
    return copy(longAt(40) + (long) section.index * SECTION_HEADER_SIZE, SECTION_HEADER_SIZE);
  }

  /** ASCII text: {@code limit} bytes, or up to a zero byte. */
  public String text(long offset, long limit) {
    long end = offset;
    while (end - offset < limit && byteAt(end) != 0) {
      end++;
    }
    return new String(copy(offset, (int) (end - offset)), StandardCharsets.ISO_8859_1);
  }

  private ByteBuffer bytes(long offset, int length) {
    return ByteBuffer.wrap(copy(offset, length));
  }

  private byte[] copy(long offset, int length) {
    byte[] copy = new byte[length];
    MemorySegment.copy(file, ValueLayout.JAVA_BYTE, offset, copy, 0, length);
    return copy;
  }

  private boolean isInside(long offset, long length) {
    long size = file.byteSize();
    return offset >= 0 && length >= 0 && offset <= size && length <= size - offset;
  }

  private int byteAt(long offset) {
    return file.get(ValueLayout.JAVA_BYTE, offset);
  }

  private int shortAt(long offset) {
    return file.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset) & 0xffff;
  }

  private int intAt(long offset) {
    return file.get(ValueLayout.JAVA_INT_UNALIGNED, offset);
  }

  private long longAt(long offset) {
    return file.get(ValueLayout.JAVA_LONG_UNALIGNED, offset);
  }

  private BootException truncated(long needed) {
    return new BootException(
        name
            + ": truncated: "
            + file.byteSize()
            + " bytes are there and "
            + (needed < 0 ? "more" : Long.toString(needed))
            + " are needed; the file is damaged, get it again");
  }
}
