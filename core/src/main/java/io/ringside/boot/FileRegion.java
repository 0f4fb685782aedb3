package io.ringside.boot;

import io.ringside.machine.GuestMemory;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Reads part of a file straight into guest memory, with no copy in the Java heap. */
public final class FileRegion {
  /** A buffer's size is an int. */
  private static final long MAX_READ = 1 << 30;

  private FileRegion() {}

  /**
   * Reads {@code length} bytes; all of the destination is RAM.
   *
   * @throws EOFException where the file ends before
   */
  public static void read(FileChannel from, long offset, GuestMemory to, long gpa, long length)
      throws IOException {
    for (long done = 0; done < length; ) {
      long size = Math.min(length - done, MAX_READ);
      ByteBuffer buffer = to.raw().segment().asSlice(gpa + done, size).asByteBuffer();
      while (buffer.hasRemaining()) {
        int count = from.read(buffer, offset + done);
        if (count < 0) {
          throw new EOFException("the file became shorter while it was read");
        }
        done += count;
      }
    }
  }
}
