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

  /** Takes the elements of a KVM_EXIT_IO. */
  void takePort() {
    // Direction, size, port and count in one access: there is an exit for each of these many, and
    // an access costs 10 ns.
    long access = run.getLong(Run.IO_ACCESS);
    mmio = false;
    write = (access & 0xff) == 1;
    size = (int) (access >> 8) & 0xff;
    port = (int) (access >> 16) & 0xffff;
    left = (int) (access >> 32);
    data = run.getLong(Run.IO_DATA_OFFSET);
  }

  /** Takes the access of a KVM_EXIT_MMIO. */
  void takeMmio() {
    long access = run.getLong(Run.MMIO_ACCESS);
    int length = (int) access;
    boolean whole = (length & length - 1) == 0;
    mmio = true;
    write = (access >> 32 & 0xff) != 0;
    size = whole ? length : 1;
    left = whole ? 1 : length;
    gpa = run.getLong(Run.MMIO_ADDRESS);
    data = Run.MMIO_DATA;
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
