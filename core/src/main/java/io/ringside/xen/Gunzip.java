package io.ringside.xen;

import io.ringside.boot.BootException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.zip.GZIPInputStream;

/** Unpacks files that were compressed with gzip. */
final class Gunzip {
  /** The first three bytes of a gzip file, as a number; the fourth is its flags (RFC 1952, section 2.3). */
  static final int MAGIC = 0x08_8b1f;

  /** Nothing that a guest starts from is larger; a damaged file must not fill the disk. */
  private static final long MAX_UNPACKED = 1L << 30;

  private static final int BUFFER = 1 << 16;

  private Gunzip() {}

  /** The first four bytes of a file as a little-endian number, zeros behind its end. */
  static int magic(FileChannel file) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(4);
    while (bytes.hasRemaining() && file.read(bytes, bytes.position()) >= 0) {
      // Short reads go on.
    }
    return Integer.reverseBytes(bytes.getInt(0));
  }

  /** Whether a file starts as a gzip file does. */
  static boolean isPresent(FileChannel file) throws IOException {
    return (magic(file) & 0xff_ffff) == MAGIC;
  }

  /**
   * Unpacks a file into a temporary one, which goes away when it is closed.
   *
   * @param packed the file, at its start
   * @param what how messages call it
   * @throws java.io.EOFException where it is truncated
   * @throws java.util.zip.ZipException where it is malformed
   * @throws BootException where there is no room
   */
  static FileChannel toTemporary(FileChannel packed, String what) throws IOException {
    FileChannel unpacked = temporary(what);
    boolean done = false;
    try {
      InputStream in = new GZIPInputStream(Channels.newInputStream(packed), BUFFER);
      byte[] buffer = new byte[BUFFER];
      long size = 0;
      int count;
      while ((count = in.read(buffer)) >= 0) {
        size += write(unpacked, ByteBuffer.wrap(buffer, 0, count), size, what);
        if (size > MAX_UNPACKED) {
          throw new BootException(
              "the " + what + " unpacks to more than 1 GiB, which can't be; give another file");
        }
      }
      done = true;
      return unpacked;
    } finally {
      if (!done) {
        unpacked.close();
      }
    }
  }

  private static int write(FileChannel to, ByteBuffer bytes, long position, String what) {
    try {
      int done = 0;
      while (bytes.hasRemaining()) {
        done += to.write(bytes, position + done);
      }
      return done;
    } catch (IOException e) {
      throw noRoom(what, e);
    }
  }

  private static FileChannel temporary(String what) {
    try {
      return FileChannel.open(
          Files.createTempFile("ringside-", ".unpacked"),
          StandardOpenOption.READ,
          StandardOpenOption.WRITE,
          StandardOpenOption.DELETE_ON_CLOSE);
    } catch (IOException e) {
      throw noRoom(what, e);
    }
  }

  private static BootException noRoom(String what, IOException e) {
    return new BootException(
        "can't unpack the "
            + what
            + " into "
            + System.getProperty("java.io.tmpdir")
            + ": "
            + e.getMessage()
            + "; make room there, or give it unpacked",
        e);
  }
}
