package io.ringside.boot;

/** A decoding table for Huffman-coded literals (RFC 8878, section 4.2). */
final class HuffmanTable {
  private static final int MAX_BITS = 11;
  private static final int MAX_SYMBOLS = 256;
  private static final int MAX_WEIGHT_ACCURACY = 6;

  /** By the next bits: the symbol, and from bit 8 on the length of its code. */
  private final short[] table = new short[1 << MAX_BITS];

  private final byte[] weights = new byte[MAX_SYMBOLS];
  private final FseTable weightTable = new FseTable();
  private int maxBits;

  /** Whether there is a table to repeat. */
  boolean isSet() {
    return maxBits > 0;
  }

  /**
   * Reads a tree description (section 4.2.1).
   *
   * @return where the bytes after it start
   */
  int read(byte[] in, int from, int end) throws CorruptPayloadException {
    int header = in[from] & 0xff;
    int start = from + 1;
    int count;
    int next;
    if (header >= 128) {
      count = header - 127;
      next = start + (count + 1) / 2;
      for (int i = 0; i < count; i++) {
        weights[i] = (byte) (i % 2 == 0 ? in[start + i / 2] >> 4 & 15 : in[start + i / 2] & 15);
      }
    } else {
      next = start + header;
      if (next > end) {
        throw new CorruptPayloadException("a tree that is truncated");
      }
      count = readWeights(in, start, next);
    }
    if (next > end) {
      throw new CorruptPayloadException("a tree that is truncated");
    }
    build(count);
    return next;
  }

  /** Weights that are FSE-coded themselves, by two states in turn (section 4.2.1.2). */
  private int readWeights(byte[] in, int from, int end) throws CorruptPayloadException {
    int start = weightTable.read(in, from, end, MAX_WEIGHT_ACCURACY, MAX_SYMBOLS - 1);
    ReverseBits source = new ReverseBits(in);
    source.start(start, end - start);
    int state = source.read(weightTable.accuracy());
    int other = source.read(weightTable.accuracy());
    if (source.remaining() < 0) {
      throw new CorruptPayloadException("a tree that is truncated");
    }
    int count = 0;
    while (true) {
      // Each state's last symbol is known when the bits for another one aren't there.
      if (count > MAX_SYMBOLS - 3) {
        throw new CorruptPayloadException("a tree with too many symbols");
      }
      weights[count++] = (byte) weightTable.symbol(state);
      int width = weightTable.bits(state);
      if (width > source.remaining()) {
        weights[count++] = (byte) weightTable.symbol(other);
        return count;
      }
      int next = weightTable.base(state) + source.read(width);
      state = other;
      other = next;
    }
  }

  /** The last weight isn't written: it makes the sum a power of two. */
  private void build(int count) throws CorruptPayloadException {
    int sum = 0;
    for (int i = 0; i < count; i++) {
      if (weights[i] > MAX_BITS) {
        throw new CorruptPayloadException("a tree that is too deep");
      }
      sum += weights[i] == 0 ? 0 : 1 << weights[i] - 1;
    }
    int depth = 32 - Integer.numberOfLeadingZeros(sum);
    int rest = (1 << depth) - sum;
    if (sum == 0 || depth > MAX_BITS || Integer.bitCount(rest) != 1) {
      throw new CorruptPayloadException("a malformed tree");
    }
    weights[count] = (byte) (Integer.numberOfTrailingZeros(rest) + 1);
    maxBits = depth;
    int at = 0;
    for (int weight = 1; weight <= depth; weight++) {
      for (int symbol = 0; symbol <= count; symbol++) {
        if (weights[symbol] == weight) {
          int length = 1 << weight - 1;
          short entry = (short) (depth + 1 - weight << 8 | symbol);
          for (int i = 0; i < length; i++) {
            table[at++] = entry;
          }
        }
      }
    }
  }

  /** Decodes one stream of {@code count} symbols, which takes all of its bits. */
  void decode(ReverseBits source, byte[] out, int to, int count) throws CorruptPayloadException {
    for (int i = to; i < to + count; i++) {
      short entry = table[source.peek(maxBits)];
      source.skip(entry >> 8);
      out[i] = (byte) entry;
    }
    if (source.remaining() != 0) {
      throw new CorruptPayloadException("literals that don't end where they should");
    }
  }
}
