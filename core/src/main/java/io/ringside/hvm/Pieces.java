package io.ringside.hvm;

import io.ringside.host.NativeMemory;
import io.ringside.hvm.KvmApi.Run;
import io.ringside.machine.Exit;

/**
 * An I/O exit of KVM as the exits that the VMM handles one by one. KVM hands over a stretch of a string instruction at
 * once, and a device access of an odd length where an operand ends in the device's first bytes; a device sees
 * elements of 1, 2, 4 or 8 bytes.
 */
final class Pieces {
  private final NativeMemory run;
  private boolean mmio;
  private boolean write;
  private int size;
  private int port;
  private long gpa;
  private int left;
  private long data;

  Pieces(NativeMemory run) {
    this.run = run;
  }

  /** The first element of a KVM_EXIT_IO. */
  Exit port() {
    // Direction, size, port and count in one access: there is an exit for each of these many, and
    // an access costs 10 ns.
    long access = run.getLong(Run.IO_ACCESS);
    boolean out = (access & 0xff) == 1;
    int bytes = (int) (access >> 8) & 0xff;
    int number = (int) (access >> 16) & 0xffff;
    int count = (int) (access >> 32);
    long at = run.getLong(Run.IO_DATA_OFFSET);
    if (out && count == 1) {
      return new Exit.PortWrite(number, bytes, (int) (run.getLong(at) & mask(bytes)));
    }
    mmio = false;
    write = out;
    size = bytes;
    port = number;
    left = count;
    data = at;
    return next();
  }

  /** The first element of a KVM_EXIT_MMIO. */
  Exit mmio() {
    long access = run.getLong(Run.MMIO_ACCESS);
    int length = (int) access;
    boolean store = (access >> 32 & 0xff) != 0;
    boolean whole = (length & length - 1) == 0;
    long address = run.getLong(Run.MMIO_ADDRESS);
    if (store && whole) {
      return new Exit.MmioWrite(address, length, run.getLong(Run.MMIO_DATA) & mask(length));
    }
    mmio = true;
    write = store;
    size = whole ? length : 1;
    left = whole ? 1 : length;
    gpa = address;
    data = Run.MMIO_DATA;
    return next();
  }

  /** The low bytes of a long. */
  private static long mask(int bytes) {
    return -1L >>> 64 - 8 * bytes;
  }

  /** Whether {@link #next} has something. */
  boolean any() {
    return left > 0;
  }

  /** The next element; a read is over only when {@link #complete} was called. */
  Exit next() {
    Exit exit;
    if (write) {
      exit =
          mmio
              ? new Exit.MmioWrite(gpa, size, value())
              : new Exit.PortWrite(port, size, (int) value());
      advance();
    } else {
      exit = mmio ? new Exit.MmioRead(gpa, size) : new Exit.PortRead(port, size);
    }
    return exit;
  }

  /** Supplies the element that the last {@link #next} asked for. */
  void complete(long value) {
    switch (size) {
      case 1 -> run.putByte(data, (int) value);
      case 2 -> run.putShort(data, (int) value);
      case 4 -> run.putInt(data, (int) value);
      default -> run.putLong(data, value);
    }
    advance();
  }

  private void advance() {
    left--;
    data += size;
    gpa += size;
  }

  private long value() {
    return switch (size) {
      case 1 -> run.getByte(data);
      case 2 -> run.getShort(data);
      case 4 -> run.getInt(data) & (mmio ? 0xffff_ffffL : -1L);
      default -> run.getLong(data);
    };
  }
}
