package io.ringside.xen;

import io.ringside.host.NativeMemory;
import java.util.Arrays;

/**
 * A number for each machine frame. Small machines have them in an array, which is ten times as fast; the Java heap has
 * no room for those of a large one, which lie in machine memory that is Xen's, and cost nothing until they are used.
 */
abstract class IntTable {
  /** Machines with more frames than this (16 GiB) have their tables in machine memory. */
  private static final long LARGEST_ARRAY = 1 << 22;

  /** How many bytes of machine memory a table needs. */
  static long bytes(long frames) {
    return frames > LARGEST_ARRAY ? 4 * frames : 0;
  }

  /**
   * Makes a table of zeroes.
   *
   * @param base where it may lie in machine memory, if it needs room there
   */
  static IntTable create(long frames, NativeMemory raw, long base) {
    return frames > LARGEST_ARRAY ? new InMemory(raw, base) : new InArray((int) frames);
  }

  abstract int get(long index);

  abstract void set(long index, int value);

  /** Sets {@code count} numbers in a row. */
  abstract void fill(long index, int count, int value);

  private static final class InArray extends IntTable {
    private final int[] values;

    private InArray(int count) {
      values = new int[count];
    }

    @Override
    int get(long index) {
      return values[(int) index];
    }

    @Override
    void set(long index, int value) {
      values[(int) index] = value;
    }

    @Override
    void fill(long index, int count, int value) {
      Arrays.fill(values, (int) index, (int) index + count, value);
    }
  }

  private static final class InMemory extends IntTable {
    private final NativeMemory raw;
    private final long base;

    private InMemory(NativeMemory raw, long base) {
      this.raw = raw;
      this.base = base;
    }

    @Override
    int get(long index) {
      return raw.getInt(base + 4 * index);
    }

    @Override
    void set(long index, int value) {
      raw.putInt(base + 4 * index, value);
    }

    @Override
    void fill(long index, int count, int value) {
      for (int i = 0; i < count; i++) {
        set(index + i, value);
      }
    }
  }
}
