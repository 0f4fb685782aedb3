package io.ringside.xen;

import io.ringside.boot.FileRegion;
import io.ringside.boot.KernelImage;
import io.ringside.machine.GuestMemory;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.zip.ZipException;

/** An initial RAM disk that is to be put into a domain's memory. */
final class Ramdisk implements AutoCloseable {
  private final Optional<Path> file;
  private final Optional<FileChannel> channel;
  private final long size;

  private Ramdisk(Optional<Path> file, Optional<FileChannel> channel, long size) {
    this.file = file;
    this.channel = channel;
    this.size = size;
  }

  /**
   * Opens a file.
   *
   * @param unpack whether to unpack what was compressed with gzip, as Xen's tools do, because the kernel may not be able
   *     to
   * @throws io.ringside.boot.BootException where it can't be read
   */
  static Ramdisk open(Optional<Path> file, boolean unpack) {
    if (file.isEmpty()) {
      return new Ramdisk(file, Optional.empty(), 0);
    }
    try {
      FileChannel channel = FileChannel.open(file.get(), StandardOpenOption.READ);
      if (unpack && Gunzip.isPresent(channel)) {
        channel = unpacked(channel);
      }
      return new Ramdisk(file, Optional.of(channel), channel.size());
    } catch (IOException e) {
      throw KernelImage.unreadable("initrd", file.get(), e);
    }
  }

  /** The contents, or the file as it is where it is not one gzip file and nothing else. */
  private static FileChannel unpacked(FileChannel packed) throws IOException {
    ByteBuffer trailer = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    packed.read(trailer, packed.size() - 4);
    try {
      FileChannel unpacked = Gunzip.toTemporary(packed, "initrd");
      if (trailer.getInt(0) == (int) unpacked.size()) {
        packed.close();
        return unpacked;
      }
      unpacked.close();
    } catch (EOFException | ZipException _) {
      // It only looked like one.
    }
    return packed;
  }

  /** Its size in bytes; 0 where there is none. */
  long size() {
    return size;
  }

  /**
   * Copies it into a domain's memory.
   *
   * @param address the pseudo-physical address
   * @throws io.ringside.boot.BootException where it can't be read any more
   */
  void load(long address, PhysToMachine map, GuestMemory memory) {
    try {
      for (long done = 0; done < size; ) {
        long part = Math.min(size - done, map.contiguous(address + done));
        FileRegion.read(channel.orElseThrow(), done, memory, map.maddr(address + done), part);
        done += part;
      }
    } catch (IOException e) {
      throw KernelImage.unreadable("initrd", file.orElseThrow(), e);
    }
  }

  @Override
  public void close() {
    if (channel.isPresent()) {
      try {
        channel.get().close();
      } catch (IOException e) {
        throw KernelImage.unreadable("initrd", file.orElseThrow(), e);
      }
    }
  }
}
