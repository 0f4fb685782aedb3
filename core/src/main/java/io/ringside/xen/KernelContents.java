package io.ringside.xen;

import io.ringside.boot.BootException;
import io.ringside.boot.ElfFile;
import io.ringside.boot.FileRegion;
import io.ringside.boot.KernelImage;
import io.ringside.host.ScratchMemory;
import io.ringside.machine.GuestMemory;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Function;
import java.util.zip.ZipException;

/** Where a kernel's bytes come from when it is loaded. */
interface KernelContents extends AutoCloseable {
  /**
   * Copies {@code length} bytes at {@code offset} of the ELF file to a machine address.
   *
   * @throws BootException where the file can't be read any more
   */
  void read(long offset, long length, GuestMemory memory, long maddr);

  @Override
  void close();

  /** Those of a bzImage. */
  static KernelContents of(KernelImage image) {
    return new KernelContents() {
      @Override
      public void read(long offset, long length, GuestMemory memory, long maddr) {
        image.read(offset, length, memory, maddr);
      }

      @Override
      public void close() {
        image.close();
      }
    };
  }

  /** Those of an ELF file, which may be compressed with gzip. */
  final class Elf implements KernelContents {
    private static final int ELF_MAGIC = 0x464c_457f;

    private final Path file;
    private final FileChannel channel;

    private Elf(Path file, FileChannel channel) {
      this.file = file;
      this.channel = channel;
    }

    /** Whether a file looks as if it was such a one; false where that can't be told. */
    static boolean isPresent(Path file) {
      int magic = Files.isRegularFile(file) ? magic(file) : 0;
      return magic == ELF_MAGIC || (magic & 0xff_ffff) == Gunzip.MAGIC;
    }

    private static int magic(Path file) {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
        return Gunzip.magic(channel);
      } catch (IOException e) {
        // Whoever opens it next says what is wrong with it.
        return 0;
      }
    }

    /**
     * Opens a file for which {@link #isPresent} holds.
     *
     * @throws BootException where it can't be read, or has no ELF file in it
     */
    static Elf open(Path file) {
      try {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        if (Gunzip.magic(channel) == ELF_MAGIC) {
          return new Elf(file, channel);
        }
        try (channel) {
          return unpack(file, channel);
        }
      } catch (EOFException | ZipException e) {
        throw new BootException(
            file + ": its gzip data is corrupt; the file is damaged, get it again", e);
      } catch (IOException e) {
        throw KernelImage.unreadable("kernel", file, e);
      }
    }

    private static Elf unpack(Path file, FileChannel packed) throws IOException {
      FileChannel unpacked = Gunzip.toTemporary(packed, "kernel");
      if (Gunzip.magic(unpacked) != ELF_MAGIC) {
        unpacked.close();
        throw new BootException(
            file
                + ": compressed with gzip, and what is in it is no ELF kernel; give a bzImage"
                + " (vmlinuz) or an ELF kernel");
      }
      return new Elf(file, unpacked);
    }

    /** Looks at the ELF file; {@code reader}'s result must not use it any more. */
    <T> T inspect(Function<ElfFile, T> reader) {
      try (ScratchMemory scratch = new ScratchMemory()) {
        MemorySegment contents = scratch.map(channel);
        return reader.apply(new ElfFile(contents, file.toString()));
      } catch (IOException e) {
        throw KernelImage.unreadable("kernel", file, e);
      }
    }

    @Override
    public void read(long offset, long length, GuestMemory memory, long maddr) {
      try {
        FileRegion.read(channel, offset, memory, maddr, length);
      } catch (IOException e) {
        throw KernelImage.unreadable("kernel", file, e);
      }
    }

    @Override
    public void close() {
      try {
        channel.close();
      } catch (IOException e) {
        throw KernelImage.unreadable("kernel", file, e);
      }
    }
  }
}
