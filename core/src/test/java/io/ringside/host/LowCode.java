package io.ringside.host;

import java.lang.foreign.MemorySegment;

/** Memory for code, mapped twice as {@link HostMapping#code} does it, but below 2 GiB: for tests of 32-bit addresses. */
public final class LowCode implements AutoCloseable {
  private static final int PROT_READ = 1;
  private static final int PROT_WRITE = 2;
  private static final int PROT_EXEC = 4;
  private static final int MAP_SHARED = 1;
  private static final int MAP_FIXED_NOREPLACE = 0x10_0000;
  private static final long[] PLACES = {
    0x3000_0000L, 0x2000_0000L, 0x4800_0000L, 0x6000_0000L, 0x1000_0000L
  };

  private final long address;
  private final long size;
  private final NativeMemory memory;

  /** Maps {@code size} bytes at the first of some places that is free. */
  @SuppressWarnings("restricted") // the range was mapped by this class
  public LowCode(long size) {
    this.size = size;
    int fd = Libc.memfd("ringside-low-code", size);
    try {
      this.address = map(fd, size);
    } finally {
      Libc.close(fd);
    }
    memory = new NativeMemory(MemorySegment.ofAddress(address).reinterpret(size));
  }

  private static long map(int fd, long size) {
    HostException last = new HostException("no place");
    for (long place : PLACES) {
      try {
        Libc.mmap(place, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
        Libc.mmap(
            place + size, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
        return place;
      } catch (HostException e) {
        last = e;
      }
    }
    throw last;
  }

  /** The writable view. */
  public NativeMemory memory() {
    return memory;
  }

  /** Where the executable view starts. */
  public long executableAddress() {
    return address + size;
  }

  @Override
  public void close() {
    Libc.munmap(address, 2 * size);
  }
}
