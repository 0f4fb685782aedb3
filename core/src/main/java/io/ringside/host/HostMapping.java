package io.ringside.host;

import java.lang.foreign.MemorySegment;

/** Memory mapped from the host, given back by {@link #close}. */
public final class HostMapping implements AutoCloseable {
  private static final int PROT_READ = 1;
  private static final int PROT_WRITE = 2;
  private static final int PROT_EXEC = 4;
  private static final int MAP_SHARED = 0x01;
  private static final int MAP_PRIVATE = 0x02;
  private static final int MAP_FIXED = 0x10;
  private static final int MAP_ANONYMOUS = 0x20;
  private static final int MAP_NORESERVE = 0x4000;

  private final long reservation;
  private final long reserved;
  private final NativeMemory memory;
  private final long executable;
  private boolean open = true;

  @SuppressWarnings("restricted") // the range was mapped by this class
  private HostMapping(long reservation, long reserved, long address, long size, long executable) {
    this.reservation = reservation;
    this.reserved = reserved;
    this.memory = new NativeMemory(MemorySegment.ofAddress(address).reinterpret(size));
    this.executable = executable;
  }

  /**
   * Private zeroed memory.
   *
   * @param size bytes
   * @param below bytes that must be mapped below the result too, as a stack
   * @param alignment of the result's address, a power of two
   */
  public static HostMapping anonymous(long size, long below, long alignment) {
    long total = size + below + alignment;
    long address =
        Libc.mmap(
            0, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    long start = (address + below + alignment - 1) & -alignment;
    return new HostMapping(address, total, start, size, 0);
  }

  /**
   * Guest RAM: one memfd, mapped so that offset in the result is the gpa.
   *
   * @param low bytes from 0
   * @param highStart where the rest starts
   * @param high bytes from there, 0 for none
   */
  public static HostMapping guestRam(long low, long highStart, long high) {
    long span = high == 0 ? low : highStart + high;
    long address = Libc.mmap(0, span, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int fd = Libc.memfd("ringside-ram", low + high);
    try {
      Libc.mmap(
          address, low, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0);
      if (high != 0) {
        Libc.mmap(
            address + highStart,
            high,
            PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
            fd,
            low);
      }
    } finally {
      Libc.close(fd);
    }
    return new HostMapping(address, span, address, span, 0);
  }

  /** The first {@code size} bytes of an open file, shared with whoever else maps them. */
  static HostMapping file(int fd, long size) {
    long address = Libc.mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return new HostMapping(address, size, address, size, 0);
  }

  /** Memory for code, mapped twice: {@link #memory()} is writable, {@link #executableAddress()} executable. */
  public static HostMapping code(long size) {
    int fd = Libc.memfd("ringside-code", size);
    try {
      // Both views lie in one reservation, so that one munmap gives both back.
      long address = Libc.mmap(0, 2 * size, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      Libc.mmap(address, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
      Libc.mmap(address + size, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0);
      return new HostMapping(address, 2 * size, address, size, address + size);
    } finally {
      Libc.close(fd);
    }
  }

  /** The mapped range. */
  public NativeMemory memory() {
    return memory;
  }

  /** Where the executable view starts, 0 if there is none. */
  public long executableAddress() {
    return executable;
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      Libc.munmap(reservation, reserved);
    }
  }
}
