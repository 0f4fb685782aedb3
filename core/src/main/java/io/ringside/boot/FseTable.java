package io.ringside.boot;

/**
 * A decoding table for finite state entropy coding (RFC 8878, section 4.1). A state is an index into the table; its entry
 * gives the symbol, how many bits to read, and what to add to them to get the next state.
 */
final class FseTable {
  private static final int MAX_ACCURACY = 9;

  private final byte[] symbols = new byte[1 << MAX_ACCURACY];
  private final byte[] bits = new byte[1 << MAX_ACCURACY];
  private final short[] bases = new short[1 << MAX_ACCURACY];
  private final short[] counts = new short[256];
  private int accuracy = -1;

  /** Whether there is a table to repeat. */
  boolean isSet() {
    return accuracy >= 0;
  }

  /** How many bits the first state takes. */
  int accuracy() {
    return accuracy;
  }

  int symbol(int state) {
    return symbols[state] & 0xff;
  }

  int bits(int state) {
    return bits[state];
  }

  int base(int state) {
    return bases[state];
  }

  /** A table that gives the same symbol always and reads nothing. */
  void setSingle(int symbol) {
    accuracy = 0;
    symbols[0] = (byte) symbol;
    bits[0] = 0;
    bases[0] = 0;
  }

  /** A table from probabilities that add up to {@code 1 << accuracyLog}; -1 stands for "less than one". */
  void set(byte[] probabilities, int accuracyLog) {
    for (int i = 0; i < probabilities.length; i++) {
      counts[i] = probabilities[i];
    }
    build(probabilities.length, accuracyLog);
  }

  /**
   * Reads a table description (section 4.1.1).
   *
   * @param in has four readable bytes after {@code end}
   * @return where the bytes after it start
   */
  int read(byte[] in, int from, int end, int maxAccuracy, int maxSymbol)
      throws CorruptPayloadException {
    ForwardBits source = new ForwardBits(in, from);
    int accuracyLog = source.read(4) + 5;
    if (accuracyLog > maxAccuracy) {
      throw new CorruptPayloadException("a table that is too large");
    }
    int remaining = 1 << accuracyLog;
    int symbol = 0;
    while (remaining > 0) {
      if (symbol > maxSymbol) {
        throw new CorruptPayloadException("a table with too many symbols");
      }
      // A value goes from 0 to remaining + 1; the smaller ones of these take one bit less.
      int width = 32 - Integer.numberOfLeadingZeros(remaining + 1);
      int shortValues = (1 << width) - 1 - (remaining + 1);
      int value = source.read(width - 1);
      if (value >= shortValues) {
        value |= source.read(1) << width - 1;
        if (value >= 1 << width - 1) {
          value -= shortValues;
        }
      }
      int probability = value - 1;
      remaining -= Math.abs(probability);
      counts[symbol++] = (short) probability;
      if (probability == 0) {
        int repeat;
        do {
          repeat = source.read(2);
          if (symbol + repeat > maxSymbol + 1) {
            throw new CorruptPayloadException("a table with too many symbols");
          }
          for (int i = 0; i < repeat; i++) {
            counts[symbol++] = 0;
          }
        } while (repeat == 3);
      }
    }
    int next = source.nextByte();
    if (remaining != 0 || next > end) {
      throw new CorruptPayloadException("a malformed table");
    }
    build(symbol, accuracyLog);
    return next;
  }

  private void build(int symbolCount, int accuracyLog) {
    accuracy = accuracyLog;
    int size = 1 << accuracyLog;
    int high = size;
    for (int s = 0; s < symbolCount; s++) {
      if (counts[s] == -1) {
        symbols[--high] = (byte) s;
        counts[s] = 1;
      } else {
        counts[s] = (short) -counts[s]; // Not placed yet.
      }
    }
    int step = (size >> 1) + (size >> 3) + 3;
    int position = 0;
    for (int s = 0; s < symbolCount; s++) {
      if (counts[s] < 0) {
        counts[s] = (short) -counts[s];
        for (int i = 0; i < counts[s]; i++) {
          symbols[position] = (byte) s;
          do {
            position = position + step & size - 1;
          } while (position >= high);
        }
      }
    }
    for (int state = 0; state < size; state++) {
      int next = counts[symbols[state] & 0xff]++;
      int width = accuracyLog - (31 - Integer.numberOfLeadingZeros(next));
      bits[state] = (byte) width;
      bases[state] = (short) ((next << width) - size);
    }
  }

  /** Reads bits in the order in which they were written, from the lowest bit of the first byte on. */
  private static final class ForwardBits {
    private final byte[] in;
    private int position;

    ForwardBits(byte[] in, int from) {
      this.in = in;
      this.position = from * 8;
    }

    int read(int count) {
      int value = 0;
      for (int i = 0; i < count; i++, position++) {
        value |= (in[position >> 3] >> (position & 7) & 1) << i;
      }
      return value;
    }

    /** The first byte that no bit was read from. */
    int nextByte() {
      return position + 7 >> 3;
    }
  }
}
