package io.ringside.boot;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;

/**
 * Keeps unpacked kernels, because unpacking takes longer than the rest of the start. An entry is a file of pages to
 * load, the zero pages left out (they are a third of a kernel), behind a header that tells where they belong.
 *
 * <p>An entry belongs to one kernel file as it was: its absolute path, identity, size and time of last change are in
 * the entry's name, size and time also in its header. A damaged header or a wrong length makes the entry count as absent.
 */
final class KernelCache {
  private static final long MAGIC = 0x3230_474d_494b_5352L;
  private static final int MAX_HEADER = 16 << 10;
  private static final int FIXED_HEADER = 80;
  private static final int RUN_SIZE = 24;
  private static final int MAX_RUNS =
      (MAX_HEADER - FIXED_HEADER - SetupHeader.MAX_END - ElfKernel.MAX_NOTE_BYTES) / RUN_SIZE;
  private static final int PAGE = 4096;

  /** Zero pages between two runs are kept when they are fewer than this: a system call costs more than copying them. */
  private static final int MIN_GAP_PAGES = 16;

  /** How many kernels to keep. */
  private static final int MAX_ENTRIES = 8;

  private static final String PREFIX = "kernel-";
  private static final String SUFFIX = ".image";

  private final CacheDirectory directory;

  KernelCache(CacheDirectory directory) {
    this.directory = directory;
  }

  /** An open cache file and what its header says. The receiver closes the channel. */
  record Entry(SetupHeader header, ElfKernel kernel, FileChannel channel) {}

  /** Finds the entry of a kernel file. */
  Optional<Entry> find(Path file, BasicFileAttributes attributes) {
    FileChannel channel;
    try {
      channel =
          FileChannel.open(directory.resolve(entryName(file, attributes)), StandardOpenOption.READ);
    } catch (IOException e) {
      return Optional.empty();
    }
    try {
      Optional<Entry> entry = readHeader(channel, attributes);
      if (entry.isEmpty()) {
        channel.close();
      }
      return entry;
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /**
   * Writes an entry and opens it. Where the cache directory can't be written, the entry is a temporary file that goes
   * away when it is closed.
   *
   * @param unpacked the ELF file that {@code kernel} was read from
   * @throws BootException where there is no room for it anywhere
   */
  Entry store(
      Path file,
      BasicFileAttributes attributes,
      SetupHeader header,
      ElfKernel kernel,
      MemorySegment unpacked) {
    List<LoadRun> sources = nonZeroRuns(kernel.runs(), unpacked);
    try {
      Path temporary = directory.newTemporaryFile();
      try (FileChannel out = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
        write(out, attributes, header, kernel, sources, unpacked);
        directory.publish(temporary, entryName(file, attributes));
      } finally {
        Files.deleteIfExists(temporary);
      }
      removeOldEntries();
      Optional<Entry> entry = find(file, attributes);
      if (entry.isPresent()) {
        return entry.get();
      }
    } catch (IOException e) {
      // A read-only home or a full disk is no reason not to start: see below.
    }
    try {
      Path temporary = Files.createTempFile("ringside-", SUFFIX);
      FileChannel channel =
          FileChannel.open(
              temporary,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
      write(channel, attributes, header, kernel, sources, unpacked);
      return readHeader(channel, attributes)
          .orElseThrow(() -> new IOException("written but not readable"));
    } catch (IOException e) {
      throw new BootException(
          "can't keep the unpacked kernel: neither "
              + directory.path()
              + " nor "
              + System.getProperty("java.io.tmpdir")
              + " can be written ("
              + e.getMessage()
              + "); set XDG_CACHE_HOME to a directory with 100 MB of room",
          e);
    }
  }

  private static String entryName(Path file, BasicFileAttributes attributes) {
    // FNV-1a, 64 bits: a name, no protection.
    long hash = 0xcbf2_9ce4_8422_2325L;
    hash = hash(hash, file.toAbsolutePath().toString());
    hash = hash(hash, String.valueOf(attributes.fileKey()));
    hash = hash(hash, attributes.size() + " " + nanoseconds(attributes.lastModifiedTime()));
    return PREFIX + Long.toHexString(hash) + SUFFIX;
  }

  private static long hash(long start, String text) {
    long hash = start;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100_0000_01b3L;
    }
    return hash;
  }

  private static long nanoseconds(FileTime time) {
    return time.to(TimeUnit.NANOSECONDS);
  }

  private static Optional<Entry> readHeader(FileChannel channel, BasicFileAttributes attributes)
      throws IOException {
    ByteBuffer in = ByteBuffer.allocate(MAX_HEADER).order(ByteOrder.LITTLE_ENDIAN);
    while (in.hasRemaining() && channel.read(in, in.position()) >= 0) {
      // Short reads go on.
    }
    in.flip();
    if (in.remaining() < FIXED_HEADER || in.getLong(0) != MAGIC) {
      return Optional.empty();
    }
    int length = in.getInt(8);
    if (length < FIXED_HEADER
        || length > in.limit()
        || in.getInt(12) != checksum(in.array(), length)
        || in.getLong(16) != attributes.size()
        || in.getLong(24) != nanoseconds(attributes.lastModifiedTime())
        || in.getLong(56) != channel.size()) {
      return Optional.empty();
    }
    byte[] setup = new byte[in.getInt(64)];
    in.get(FIXED_HEADER, setup);
    List<LoadRun> runs = new ArrayList<>();
    int runCount = in.getInt(68);
    for (int i = 0, at = FIXED_HEADER + setup.length; i < runCount; i++, at += RUN_SIZE) {
      runs.add(new LoadRun(in.getLong(at), in.getLong(at + 8), in.getLong(at + 16)));
    }
    List<ElfNote> notes = new ArrayList<>();
    for (int at = FIXED_HEADER + setup.length + runCount * RUN_SIZE; at < length; ) {
      ByteBuffer description = in.slice(at + 8, in.getInt(at + 4));
      notes.add(new ElfNote(in.getInt(at), description));
      at += 8 + description.limit();
    }
    ElfKernel kernel =
        new ElfKernel(in.getLong(32), in.getLong(72), in.getLong(40), in.getLong(48), runs, notes);
    return Optional.of(new Entry(new SetupHeader(setup), kernel, channel));
  }

  private static void write(
      FileChannel out,
      BasicFileAttributes attributes,
      SetupHeader header,
      ElfKernel kernel,
      List<LoadRun> sources,
      MemorySegment unpacked)
      throws IOException {
    byte[] setup = header.toBytes();
    int notesAt = FIXED_HEADER + setup.length + sources.size() * RUN_SIZE;
    int length = notesAt;
    for (ElfNote note : kernel.xenNotes()) {
      length += 8 + note.description().limit();
    }
    ByteBuffer fields = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    fields.put(FIXED_HEADER, setup);
    long offset = (length + PAGE - 1L) & -PAGE;
    int at = FIXED_HEADER + setup.length;
    for (LoadRun run : sources) {
      fields.putLong(at, run.gpa()).putLong(at + 8, offset).putLong(at + 16, run.length());
      at += RUN_SIZE;
      writeFully(out, unpacked.asSlice(run.offset(), run.length()), offset);
      offset += run.length();
    }
    at = notesAt;
    for (ElfNote note : kernel.xenNotes()) {
      int size = note.description().limit();
      fields.putInt(at, note.type()).putInt(at + 4, size);
      fields.put(at + 8, note.description(), 0, size);
      at += 8 + size;
    }
    fields.putLong(0, MAGIC).putInt(8, length);
    fields.putLong(16, attributes.size()).putLong(24, nanoseconds(attributes.lastModifiedTime()));
    fields.putLong(32, kernel.entry()).putLong(40, kernel.start()).putLong(48, kernel.end());
    fields.putLong(56, offset).putInt(64, setup.length).putInt(68, sources.size());
    fields.putLong(72, kernel.linkedEntry());
    fields.putInt(12, checksum(fields.array(), length));
    writeFully(out, MemorySegment.ofArray(fields.array()), 0);
    // Without this a crash of the host could leave a complete name on incomplete data.
    out.force(false);
  }

  private static void writeFully(FileChannel out, MemorySegment data, long at) throws IOException {
    for (long done = 0; done < data.byteSize(); ) {
      ByteBuffer chunk =
          data.asSlice(done, Math.min(data.byteSize() - done, 1 << 30)).asByteBuffer();
      while (chunk.hasRemaining()) {
        done += out.write(chunk, at + done);
      }
    }
  }

  private static int checksum(byte[] header, int length) {
    CRC32 crc = new CRC32();
    crc.update(header, 16, length - 16);
    return (int) crc.getValue();
  }

  /** Splits runs so that long stretches of zero pages are in none of them: guest memory is zero already. */
  static List<LoadRun> nonZeroRuns(List<LoadRun> runs, MemorySegment data) {
    for (int gap = MIN_GAP_PAGES; ; gap *= 2) {
      List<LoadRun> result = new ArrayList<>();
      for (LoadRun run : runs) {
        split(run, data, (long) gap * PAGE, result);
      }
      if (result.size() <= MAX_RUNS || result.size() <= runs.size()) {
        return result;
      }
    }
  }

  private static void split(LoadRun run, MemorySegment data, long minGap, List<LoadRun> result) {
    long start = -1;
    long end = 0;
    for (long at = 0; at < run.length(); ) {
      // Pages of guest memory, since it is those that stay untouched.
      long next = Math.min(run.length(), ((run.gpa() + at) / PAGE + 1) * PAGE - run.gpa());
      if (!isZero(data, run.offset() + at, next - at)) {
        if (start >= 0 && at - end >= minGap) {
          result.add(new LoadRun(run.gpa() + start, run.offset() + start, end - start));
          start = -1;
        }
        if (start < 0) {
          start = at;
        }
        end = next;
      }
      at = next;
    }
    if (start >= 0) {
      result.add(new LoadRun(run.gpa() + start, run.offset() + start, end - start));
    }
  }

  private static boolean isZero(MemorySegment data, long offset, long length) {
    long i = 0;
    for (; i + 8 <= length; i += 8) {
      if (data.get(ValueLayout.JAVA_LONG_UNALIGNED, offset + i) != 0) {
        return false;
      }
    }
    for (; i < length; i++) {
      if (data.get(ValueLayout.JAVA_BYTE, offset + i) != 0) {
        return false;
      }
    }
    return true;
  }

  private void removeOldEntries() throws IOException {
    List<Path> entries = new ArrayList<>();
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(directory.path(), PREFIX + "*" + SUFFIX)) {
      for (Path file : files) {
        entries.add(file);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    while (entries.size() > MAX_ENTRIES) {
      int oldest = 0;
      for (int i = 1; i < entries.size(); i++) {
        FileTime time = Files.getLastModifiedTime(entries.get(i));
        if (time.compareTo(Files.getLastModifiedTime(entries.get(oldest))) < 0) {
          oldest = i;
        }
      }
      Files.deleteIfExists(entries.remove(oldest));
    }
  }
}
