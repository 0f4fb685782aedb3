package io.ringside.xen;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;

/** Makes small PV kernels: ELF files with notes in a segment or a section, or the string that came before them. */
final class PvElf {
  static final int ENTRY = 1;
  static final int HYPERCALL_PAGE = 2;
  static final int VIRT_BASE = 3;
  static final int PADDR_OFFSET = 4;
  static final int XEN_VERSION = 5;
  static final int GUEST_OS = 6;
  static final int GUEST_VERSION = 7;
  static final int LOADER = 8;
  static final int PAE_MODE = 9;
  static final int FEATURES = 10;
  static final int BSD_SYMTAB = 11;
  static final int HV_START_LOW = 12;
  static final int L1_MFN_VALID = 13;
  static final int SUSPEND_CANCEL = 14;
  static final int INIT_P2M = 15;
  static final int MOD_START_PFN = 16;
  static final int SUPPORTED_FEATURES = 17;
  static final int PHYS32_ENTRY = 18;

  /** Where Linux maps its kernel. */
  static final long LINUX_BASE = 0xffff_ffff_8000_0000L;

  private static final int PT_LOAD = 1;
  private static final int PT_NOTE = 4;

  private final ByteArrayOutputStream notes = new ByteArrayOutputStream();
  private final List<Segment> segments = new ArrayList<>();
  private long entry;
  private boolean notesInSection;
  private String guestString = "";
  private byte[] symbols = {};
  private byte[] strings = {};

  private record Segment(long physical, byte[] contents, long memorySize) {}

  /** A kernel as Linux is: at 1 MiB, mapped at -2 GiB, 3 pages and one of zeros. */
  static PvElf linux() {
    return new PvElf()
        .load(0x10_0000, contents(3 * 4096, 1), 4 * 4096)
        .text(GUEST_OS, "linux")
        .text(GUEST_VERSION, "2.6")
        .text(XEN_VERSION, "xen-3.0")
        .number(VIRT_BASE, LINUX_BASE)
        .number(ENTRY, LINUX_BASE + 0x10_0040)
        .number(HYPERCALL_PAGE, LINUX_BASE + 0x10_1000)
        .text(FEATURES, "!writable_page_tables|pae_pgdir_above_4gb")
        .text(LOADER, "generic");
  }

  /** A kernel as mini-os is: at 0, mapped at 0, notes in a section. */
  static PvElf miniOs() {
    return new PvElf()
        .load(0, contents(5000, 2), 5000)
        .load(5120, contents(1000, 3), 20000)
        .notesInSection()
        .text(GUEST_OS, "Mini-OS")
        .text(LOADER, "generic")
        .number(HYPERCALL_PAGE, 0x2000)
        .text(XEN_VERSION, "xen-3.0");
  }

  /** Bytes that are the same each time. */
  static byte[] contents(int size, int seed) {
    byte[] bytes = new byte[size];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  PvElf entry(long address) {
    entry = address;
    return this;
  }

  PvElf load(long physical, byte[] contents, long memorySize) {
    segments.add(new Segment(physical, contents, memorySize));
    return this;
  }

  PvElf notesInSection() {
    notesInSection = true;
    return this;
  }

  PvElf guestString(String text) {
    guestString = text;
    return this;
  }

  PvElf symbols(byte[] table, byte[] names) {
    symbols = table;
    strings = names;
    return this;
  }

  PvElf text(int type, String text) {
    return note("Xen", type, (text + '\0').getBytes(StandardCharsets.US_ASCII));
  }

  PvElf number(int type, long value) {
    return note("Xen", type, bytes(8).putLong(value).array());
  }

  PvElf number32(int type, int value) {
    return note("Xen", type, bytes(4).putInt(value).array());
  }

  PvElf note(String owner, int type, byte[] description) {
    int nameSize = owner.length() + 1;
    ByteBuffer note = bytes(12 + (nameSize + 3 & ~3) + (description.length + 3 & ~3));
    note.putInt(nameSize).putInt(description.length).putInt(type);
    note.put(owner.getBytes(StandardCharsets.US_ASCII));
    note.put(12 + (nameSize + 3 & ~3), description);
    notes.writeBytes(note.array());
    return this;
  }

  private static ByteBuffer bytes(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The file. */
  byte[] build() {
    ByteBuffer file = bytes(1 << 20);
    byte[] ident = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    file.put(ident);
    file.putShort(16, (short) 2).putShort(18, (short) 62).putInt(20, 1).putLong(24, entry);
    file.putLong(32, 64).putShort(52, (short) 64).putShort(54, (short) 56);
    boolean noteSegment = !notesInSection && notes.size() > 0;
    file.putShort(56, (short) (segments.size() + (noteSegment ? 1 : 0)));
    int at = 1024;
    int header = 64;
    for (Segment segment : segments) {
      segment(file, header, PT_LOAD, at, segment.physical, segment.contents.length);
      file.putLong(header + 40, segment.memorySize);
      file.put(at, segment.contents);
      at += segment.contents.length + 7 & ~7;
      header += 56;
    }
    int notesAt = at;
    file.put(at, notes.toByteArray());
    if (noteSegment) {
      segment(file, header, PT_NOTE, at, 0, notes.size());
    }
    at += notes.size() + 7 & ~7;
    byte[] names = "\0.note\0__xen_guest\0".getBytes(StandardCharsets.US_ASCII);
    int namesAt = at;
    file.put(at, names);
    at += names.length + 7 & ~7;
    int guestAt = at;
    file.put(at, guestString.getBytes(StandardCharsets.US_ASCII));
    at += guestString.length() + 8 & ~7;
    int symbolsAt = at;
    file.put(at, symbols);
    at += symbols.length + 7 & ~7;
    int stringsAt = at;
    file.put(at, strings);
    at += strings.length + 7 & ~7;
    file.putLong(40, at).putShort(58, (short) 64).putShort(60, (short) 6).putShort(62, (short) 1);
    section(file, at + 64, 0, 3, namesAt, names.length, 0);
    section(file, at + 128, 1, notesInSection ? 7 : 1, notesAt, notes.size(), 0);
    section(file, at + 192, guestString.isEmpty() ? 0 : 7, 1, guestAt, guestString.length(), 0);
    section(file, at + 256, 0, symbols.length == 0 ? 1 : 2, symbolsAt, symbols.length, 5);
    section(file, at + 320, 0, 3, stringsAt, strings.length, 0);
    byte[] whole = new byte[at + 6 * 64];
    file.get(0, whole);
    return whole;
  }

  private static void segment(
      ByteBuffer file, int at, int type, long offset, long physical, long size) {
    file.putInt(at, type).putInt(at + 4, 7).putLong(at + 8, offset);
    file.putLong(at + 16, physical).putLong(at + 24, physical);
    file.putLong(at + 32, size).putLong(at + 40, size);
  }

  private static void section(
      ByteBuffer file, int at, int name, int type, long offset, long size, int link) {
    file.putInt(at, name).putInt(at + 4, type).putLong(at + 24, offset).putLong(at + 32, size);
    file.putInt(at + 40, link);
  }

  /** Compresses with gzip. */
  static byte[] gzip(byte[] contents) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      out.write(contents);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** A bzImage of an ELF file. Its payload's size is the end of its gzip data. */
  static byte[] bzImage(byte[] elf, int protocol) {
    byte[] payload = gzip(elf);
    ByteBuffer image = bytes(1024 + payload.length);
    image.put(0x1f1, (byte) 1).putShort(0x1fe, (short) 0xaa55);
    image.put(0x200, (byte) 0xeb).put(0x201, (byte) 0x6a);
    image.put(0x202, "HdrS".getBytes(StandardCharsets.US_ASCII)).putShort(0x206, (short) protocol);
    image.put(0x211, (byte) 1).putInt(0x248, 0).putInt(0x24c, payload.length);
    image.put(1024, payload);
    return image.array();
  }

  static Path write(Path directory, String name, byte[] contents) {
    try {
      return Files.write(directory.resolve(name), contents);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
