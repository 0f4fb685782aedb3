package io.ringside.boot;

import io.ringside.host.ScratchMemory;
import io.ringside.machine.GuestMemory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Optional;

/**
 * A kernel file, checked and ready to be copied into guest memory: a bzImage, whose payload is unpacked once and then
 * kept in the cache directory, or a plain ELF vmlinux.
 */
public final class KernelImage implements AutoCloseable {
  private final String name;
  private final SetupHeader header;
  private final ElfKernel kernel;
  private final FileChannel channel;

  private KernelImage(String name, SetupHeader header, ElfKernel kernel, FileChannel channel) {
    this.name = name;
    this.header = header;
    this.kernel = kernel;
    this.channel = channel;
  }

  /**
   * Opens and checks a kernel file.
   *
   * @param file a bzImage (vmlinuz) or an ELF64 vmlinux
   * @param cache where the unpacked kernel is kept
   * @throws BootException where the file can't be read, is no kernel, is damaged, or has no 64-bit entry
   */
  public static KernelImage open(Path file, CacheDirectory cache) {
    return open(file, cache, true);
  }

  /**
   * Opens and checks a kernel file that need not follow the 64-bit boot protocol, since it is entered otherwise.
   *
   * @param file as for {@link #open(Path, CacheDirectory)}
   * @param cache as there
   * @throws BootException where the file can't be read, is no kernel, or is damaged
   */
  public static KernelImage openAnyEntry(Path file, CacheDirectory cache) {
    return open(file, cache, false);
  }

  private static KernelImage open(Path file, CacheDirectory cache, boolean entry64) {
    String name = file.toString();
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      if (!attributes.isRegularFile()) {
        throw new BootException(name + ": not a regular file; give a kernel file");
      }
      KernelCache kernels = new KernelCache(cache);
      Optional<KernelCache.Entry> known = kernels.find(file, attributes);
      KernelCache.Entry entry =
          known.isPresent() ? known.get() : read(file, name, attributes, kernels, entry64);
      KernelImage image = new KernelImage(name, entry.header(), entry.kernel(), entry.channel());
      if (entry64) {
        image.requireEntry64();
      }
      return image;
    } catch (IOException e) {
      throw unreadable("kernel", file, e);
    }
  }

  private void requireEntry64() {
    try {
      header.requireEntry64(name);
      if (kernel.entry() < 0) {
        throw new BootException(
            name
                + ": its entry 0x"
                + Long.toHexString(kernel.linkedEntry())
                + " is outside of what it loads; use a kernel for the 64-bit boot protocol");
      }
    } catch (BootException e) {
      close();
      throw e;
    }
  }

  private static KernelCache.Entry read(
      Path file, String name, BasicFileAttributes attributes, KernelCache kernels, boolean entry64)
      throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    boolean keepOpen = false;
    try (ScratchMemory scratch = new ScratchMemory()) {
      MemorySegment contents = scratch.map(channel);
      if (ElfFile.isPresent(contents)) {
        ElfKernel kernel = ElfKernel.read(contents, name);
        keepOpen = true;
        return new KernelCache.Entry(SetupHeader.forElf(), kernel, channel);
      }
      if (!SetupHeader.isPresent(contents)) {
        throw new BootException(
            name
                + ": not a Linux kernel: "
                + (contents.byteSize() == 0
                    ? "it is empty"
                    : "it has neither a boot header nor the ELF magic")
                + "; give a bzImage (vmlinuz) or an ELF vmlinux");
      }
      SetupHeader header = SetupHeader.read(contents, name);
      if (entry64) {
        header.requireEntry64(name);
      }
      long start = header.payloadStart();
      long length = header.payloadLength();
      if (start + length > contents.byteSize()) {
        throw new BootException(
            name
                + ": truncated: "
                + contents.byteSize()
                + " bytes are there and "
                + (start + length)
                + " are needed; the file is damaged, get it again");
      }
      MemorySegment unpacked = Payload.unpack(contents.asSlice(start, length), scratch, name);
      if (!ElfFile.isPresent(unpacked)) {
        throw new BootException(
            name + ": its payload is not an ELF kernel; give the kernel's ELF vmlinux instead");
      }
      ElfKernel kernel = ElfKernel.read(unpacked, name);
      return kernels.store(file, attributes, header, kernel, unpacked);
    } finally {
      if (!keepOpen) {
        channel.close();
      }
    }
  }

  /** What the kernel says about itself to a boot loader; made up for a plain ELF file. */
  public SetupHeader header() {
    return header;
  }

  /** The guest-physical address of the 64-bit entry; only where there must be one. */
  public long entry() {
    return kernel.entry();
  }

  /** The entry as it is in the ELF header: physical or virtual. */
  public long linkedEntry() {
    return kernel.linkedEntry();
  }

  /** The kernel's notes of owner "Xen". */
  public List<ElfNote> xenNotes() {
    return kernel.xenNotes();
  }

  /** What {@link #load} copies: pieces with contents. The offsets are for {@link #read}. */
  public List<LoadRun> runs() {
    return kernel.runs();
  }

  /** The lowest guest-physical address that the kernel occupies. */
  public long start() {
    return kernel.start();
  }

  /** The first guest-physical address after the kernel, its zeroed data included. */
  public long end() {
    return kernel.end();
  }

  /**
   * Copies the kernel to the addresses it is linked for. Memory that the file has no contents for isn't written, so it
   * must be zero already, as new guest memory is.
   *
   * @throws BootException where the memory is too small, or the file can't be read any more
   */
  public void load(GuestMemory memory) {
    if (kernel.start() < MemoryLayout.HIGH_MEMORY_START) {
      throw new BootException(
          name
              + ": it belongs below 1 MB, where a PC has its firmware, so it is no kernel for this machine; give a"
              + " bzImage (vmlinuz) or an ELF vmlinux");
    }
    if (kernel.start() < GuestMemory.HIGH_RAM_START && kernel.end() > GuestMemory.LOW_RAM_LIMIT) {
      throw new BootException(
          name
              + ": it reaches above 3 GB, where this machine has its devices, whatever its memory, so it is no kernel"
              + " for this machine; give a bzImage (vmlinuz) or an ELF vmlinux");
    }
    if (!memory.isRam(kernel.start(), kernel.end() - kernel.start())) {
      throw new BootException(
          name
              + ": the kernel occupies "
              + megabytes(kernel.start())
              + " to "
              + megabytes(kernel.end())
              + " MB of guest memory, which has "
              + megabytes(memory.size())
              + "; give it more (--memory)");
    }
    for (LoadRun run : kernel.runs()) {
      read(run.offset(), run.length(), memory, run.gpa());
    }
  }

  /**
   * Copies {@code length} bytes at {@code offset} of the unpacked kernel into memory.
   *
   * @param gpa where to; all of it is RAM
   * @throws BootException where the file can't be read any more
   */
  public void read(long offset, long length, GuestMemory memory, long gpa) {
    try {
      FileRegion.read(channel, offset, memory, gpa, length);
    } catch (IOException e) {
      throw unreadable("kernel", Path.of(name), e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw unreadable("kernel", Path.of(name), e);
    }
  }

  /** The error of a file that can't be read: {@code what} is "kernel" or the like. */
  public static BootException unreadable(String what, Path file, IOException e) {
    String why =
        switch (e) {
          case java.nio.file.NoSuchFileException _ -> "there is no such file";
          case java.nio.file.AccessDeniedException _ -> "permission denied";
          default -> String.valueOf(e.getMessage());
        };
    return new BootException(
        "can't read the " + what + " " + file + ": " + why + "; check the path", e);
  }

  private static long megabytes(long bytes) {
    return (bytes + (1 << 20) - 1) >> 20;
  }
}
