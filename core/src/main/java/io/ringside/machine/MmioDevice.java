package io.ringside.machine;

/** A device in guest-physical memory. Called with the machine's lock held. */
public interface MmioDevice {
  /** Reads {@code size} (1, 2, 4 or 8) bytes at {@code offset} from the start of the device's range. */
  long readMmio(long offset, int size);

  /** Writes the low {@code size} (1, 2, 4 or 8) bytes of {@code value} at {@code offset}. */
  void writeMmio(long offset, int size, long value);
}
