package io.ringside.machine;

import io.ringside.host.NativeMemory;

/**
 * Guest-physical RAM. One reservation of host address space spans it, so that a guest-physical address (gpa) is always
 * at {@code hostAddress() + gpa}; the hole below 4 GiB that belongs to devices is reserved but has no pages.
 */
public final class GuestMemory {
  /** Where RAM below 4 GiB ends at the latest; above it up to 4 GiB are the PCI hole and the APICs. */
  public static final long LOW_RAM_LIMIT = 0xC000_0000L;

  /** Where RAM continues that did not fit below {@link #LOW_RAM_LIMIT}. */
  public static final long HIGH_RAM_START = 0x1_0000_0000L;

  private final NativeMemory memory;
  private final long lowEnd;
  private final long highEnd;

  /**
   * Describes RAM that is already mapped.
   *
   * @param memory the reservation, offset 0 being gpa 0
   * @param size bytes of RAM, a multiple of 4096
   */
  public GuestMemory(NativeMemory memory, long size) {
    this.memory = memory;
    this.lowEnd = Math.min(size, LOW_RAM_LIMIT);
    this.highEnd = size > LOW_RAM_LIMIT ? HIGH_RAM_START + (size - LOW_RAM_LIMIT) : 0;
  }

  /** Bytes of RAM. */
  public long size() {
    return lowEnd + (highEnd == 0 ? 0 : highEnd - HIGH_RAM_START);
  }

  /** The first gpa after the RAM below 4 GiB. */
  public long lowEnd() {
    return lowEnd;
  }

  /** The first gpa after the RAM above 4 GiB, or 0 where there is none. */
  public long highEnd() {
    return highEnd;
  }

  /** The host-virtual address of gpa 0. */
  public long hostAddress() {
    return memory.address();
  }

  /** Whether all of {@code length} bytes at {@code gpa} are RAM. */
  public boolean isRam(long gpa, long length) {
    return gpa >= 0
        && length >= 0
        && ((gpa <= lowEnd && length <= lowEnd - gpa)
            || (gpa >= HIGH_RAM_START && gpa <= highEnd && length <= highEnd - gpa));
  }

  /** Raw access by gpa; the caller has checked {@link #isRam}. */
  public NativeMemory raw() {
    return memory;
  }
}
