package io.ringside.host;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * A range of the VMM's own address space outside the Java heap. Offsets are in bytes from {@link #address()}; values
 * are little-endian and may be unaligned. An access outside the range throws {@link IndexOutOfBoundsException}.
 */
public final class NativeMemory {
  private final MemorySegment segment;
  private final long address;

  /** Wraps a segment whose lifetime its owner guards. */
  public NativeMemory(MemorySegment segment) {
    this.segment = segment;
    this.address = segment.address();
  }

  /** The host-virtual address of offset 0. */
  public long address() {
    return address;
  }

  /** The size in bytes. */
  public long size() {
    return segment.byteSize();
  }

  /** The segment itself, for bulk copies and FFM calls. */
  public MemorySegment segment() {
    return segment;
  }

  /** Reads one byte, zero-extended. */
  public int getByte(long offset) {
    return segment.get(JAVA_BYTE, offset) & 0xff;
  }

  /** Reads two bytes, zero-extended. */
  public int getShort(long offset) {
    return segment.get(JAVA_SHORT_UNALIGNED, offset) & 0xffff;
  }

  /** Reads four bytes. */
  public int getInt(long offset) {
    return segment.get(JAVA_INT_UNALIGNED, offset);
  }

  /** Reads eight bytes. */
  public long getLong(long offset) {
    return segment.get(JAVA_LONG_UNALIGNED, offset);
  }

  /** Writes the low byte of {@code value}. */
  public void putByte(long offset, int value) {
    segment.set(JAVA_BYTE, offset, (byte) value);
  }

  /** Writes the low two bytes of {@code value}. */
  public void putShort(long offset, int value) {
    segment.set(JAVA_SHORT_UNALIGNED, offset, (short) value);
  }

  /** Writes four bytes. */
  public void putInt(long offset, int value) {
    segment.set(JAVA_INT_UNALIGNED, offset, value);
  }

  /** Writes eight bytes. */
  public void putLong(long offset, long value) {
    segment.set(JAVA_LONG_UNALIGNED, offset, value);
  }

  /** Copies out of the range into an array. */
  public void read(long offset, byte[] into, int from, int length) {
    MemorySegment.copy(segment, JAVA_BYTE, offset, into, from, length);
  }

  /** Copies 8-byte values out of the range into an array. */
  public void read(long offset, long[] into, int from, int count) {
    MemorySegment.copy(segment, JAVA_LONG_UNALIGNED, offset, into, from, count);
  }

  /** Copies an array into the range. */
  public void write(long offset, byte[] source, int from, int length) {
    MemorySegment.copy(source, from, segment, JAVA_BYTE, offset, length);
  }

  /** Copies 64-bit words from an array into the range. */
  public void write(long offset, long[] source, int from, int count) {
    MemorySegment.copy(source, from, segment, JAVA_LONG_UNALIGNED, offset, count);
  }

  /** Copies within the range; source and target don't overlap, or are the same. */
  public void copy(long from, long to, long length) {
    MemorySegment.copy(segment, from, segment, to, length);
  }

  /** Sets {@code length} bytes to {@code value}. */
  public void fill(long offset, long length, int value) {
    segment.asSlice(offset, length).fill((byte) value);
  }

  /** Sets bits in eight bytes at a multiple of eight, atomically; returns what was there. */
  public long getAndOr(long offset, long bits) {
    return (long) Atomic.LONG.getAndBitwiseOr(segment, offset, bits);
  }

  /** Keeps only some bits in eight bytes at a multiple of eight, atomically; returns what was there. */
  public long getAndAnd(long offset, long bits) {
    return (long) Atomic.LONG.getAndBitwiseAnd(segment, offset, bits);
  }

  /** In a class of its own: only who needs it pays for making it. */
  private static final class Atomic {
    private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();
  }
}
