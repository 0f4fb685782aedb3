package io.ringside.boot;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Writes a cpio archive in the "newc" format, the one that Linux unpacks as its initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). All files belong to root and have no time of change, so
 * that the same input always gives the same bytes.
 */
public final class Cpio {
  private static final int TYPE_CHARACTER_DEVICE = 0020000;
  private static final int TYPE_DIRECTORY = 0040000;
  private static final int TYPE_FILE = 0100000;
  private static final int TYPE_SYMLINK = 0120000;

  private static final byte[] HEX = "0123456789ABCDEF".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] NOTHING = {};

  private final ByteArrayOutputStream out = new ByteArrayOutputStream(1 << 16);
  private int nextInode = 1;

  /** An empty archive. */
  public Cpio() {}

  /** Adds a directory; its parent comes first. Paths are relative to the root, without a leading slash. */
  public Cpio directory(String path, int permissions) {
    entry(path, TYPE_DIRECTORY | permissions, 2, 0, 0, NOTHING);
    return this;
  }

  /** Adds a regular file. */
  public Cpio file(String path, int permissions, byte[] contents) {
    entry(path, TYPE_FILE | permissions, 1, 0, 0, contents);
    return this;
  }

  /** Adds a symbolic link. */
  public Cpio symlink(String path, String target) {
    entry(path, TYPE_SYMLINK | 0777, 1, 0, 0, target.getBytes(StandardCharsets.UTF_8));
    return this;
  }

  /** Adds a character device. */
  public Cpio characterDevice(String path, int permissions, int major, int minor) {
    entry(path, TYPE_CHARACTER_DEVICE | permissions, 1, major, minor, NOTHING);
    return this;
  }

  /** Ends the archive and returns it. */
  public byte[] toBytes() {
    entry("TRAILER!!!", 0, 1, 0, 0, NOTHING);
    return out.toByteArray();
  }

  private void entry(String path, int mode, int links, int major, int minor, byte[] contents) {
    byte[] name = path.getBytes(StandardCharsets.UTF_8);
    out.writeBytes("070701".getBytes(StandardCharsets.US_ASCII));
    field(nextInode++);
    field(mode);
    field(0); // user
    field(0); // group
    field(links);
    field(0); // time of change
    field(contents.length);
    field(0); // major and minor number of the device that the file is on
    field(0);
    field(major);
    field(minor);
    field(name.length + 1);
    field(0); // checksum, used in another variant of the format only
    out.writeBytes(name);
    out.write(0);
    pad();
    out.writeBytes(contents);
    pad();
  }

  private void field(int value) {
    for (int shift = 28; shift >= 0; shift -= 4) {
      out.write(HEX[value >>> shift & 15]);
    }
  }

  /** Headers and contents start at multiples of four bytes. */
  private void pad() {
    while ((out.size() & 3) != 0) {
      out.write(0);
    }
  }
}
