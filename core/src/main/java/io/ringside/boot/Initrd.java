package io.ringside.boot;

import io.ringside.machine.GuestMemory;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * An initial RAM disk in guest memory.
 *
 * @param gpa its first byte, page-aligned
 * @param length bytes, 0 where there is none
 */
record Initrd(long gpa, long length) {
  static final Initrd NONE = new Initrd(0, 0);

  /**
   * Reads a file to the highest place that the kernel allows and RAM below 4 GiB has, so that the kernel can grow.
   *
   * @throws BootException where it doesn't fit or can't be read
   */
  static Initrd load(Path file, KernelImage kernel, GuestMemory memory) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long length = channel.size();
      long top = Math.min(memory.lowEnd(), kernel.header().initrdAddrMax() + 1);
      long gpa = (top - length) & -MemoryLayout.PAGE_SIZE;
      if (gpa < kernel.end()) {
        throw new BootException(
            "the initrd "
                + file
                + " has "
                + length
                + " bytes, and between the kernel's end and "
                + (top >> 20)
                + " MB of guest memory there are "
                + Math.max(0, top - kernel.end())
                + "; give the guest more memory (--memory) or a smaller initrd");
      }
      FileRegion.read(channel, 0, memory, gpa, length);
      return new Initrd(gpa, length);
    } catch (IOException e) {
      throw KernelImage.unreadable("initrd", file, e);
    }
  }
}
