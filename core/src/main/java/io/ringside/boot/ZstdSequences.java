package io.ringside.boot;

import java.nio.ByteBuffer;

/**
 * The sequences section of a Zstandard block: each copies some literals and then a match from what was unpacked before
 * (RFC 8878, sections 3.1.1.3.2, 3.1.1.4 and 3.1.1.5).
 */
final class ZstdSequences {
  private static final int PREDEFINED = 0;
  private static final int RLE = 1;
  private static final int FSE = 2;

  private static final int MAX_LITERALS_CODE = 35;
  private static final int MAX_MATCH_CODE = 52;
  private static final int MAX_OFFSET_CODE = 31;

  /** Copying fewer bytes than this one by one is quicker than a call. */
  private static final int SMALL_COPY = 16;

  private final byte[] in;
  private final ReverseBits bits;
  private final FseTable literalsTable = new FseTable();
  private final FseTable offsetTable = new FseTable();
  private final FseTable matchTable = new FseTable();
  private final int[] literalsBase;
  private final int[] matchBase;
  private int offset1 = 1;
  private int offset2 = 4;
  private int offset3 = 8;

  /** Reads from the array that blocks are put into. */
  ZstdSequences(byte[] in) {
    this.in = in;
    this.bits = new ReverseBits(in);
    this.literalsBase = bases(LITERALS_BITS, 0);
    this.matchBase = bases(MATCH_BITS, 3);
  }

  /**
   * Runs a section, to the last literal.
   *
   * @param literals the block's literals
   * @param out everything that was unpacked until now and room for the rest
   * @param start where the block's output goes
   * @return where it ends
   */
  int run(int from, int end, ZstdLiterals literals, ByteBuffer out, int start)
      throws CorruptPayloadException {
    int at = from;
    int count = in[at++] & 0xff;
    if (count == 255) {
      count = (in[at] & 0xff) + ((in[at + 1] & 0xff) << 8) + 0x7f00;
      at += 2;
    } else if (count >= 128) {
      count = (count - 128 << 8) + (in[at++] & 0xff);
    }
    if (at > end) {
      throw new CorruptPayloadException("sequences that are truncated");
    }
    byte[] source = literals.bytes();
    int literal = 0;
    int to = start;
    if (count > 0) {
      int modes = in[at++];
      at = table(literalsTable, modes >> 6 & 3, at, end, 9, MAX_LITERALS_CODE, LITERALS_DEFAULT, 6);
      at = table(offsetTable, modes >> 4 & 3, at, end, 8, MAX_OFFSET_CODE, OFFSET_DEFAULT, 5);
      at = table(matchTable, modes >> 2 & 3, at, end, 9, MAX_MATCH_CODE, MATCH_DEFAULT, 6);
      bits.start(at, end - at);
      int literalsState = bits.read(literalsTable.accuracy());
      int offsetState = bits.read(offsetTable.accuracy());
      int matchState = bits.read(matchTable.accuracy());
      for (int i = 0; i < count; i++) {
        int offsetCode = offsetTable.symbol(offsetState);
        int matchCode = matchTable.symbol(matchState);
        int literalsCode = literalsTable.symbol(literalsState);
        if (offsetCode > MAX_OFFSET_CODE - 1) {
          throw new CorruptPayloadException("a match from too far away");
        }
        int offsetValue = (1 << offsetCode) + bits.read(offsetCode);
        int length = matchBase[matchCode] + bits.read(MATCH_BITS[matchCode]);
        int run = literalsBase[literalsCode] + bits.read(LITERALS_BITS[literalsCode]);
        int distance = distance(offsetValue, run == 0);
        if (run > literals.count() - literal
            || distance <= 0
            || distance > to + run
            || length > out.limit() - to - run) {
          throw new CorruptPayloadException("a sequence out of its bounds");
        }
        copyLiterals(source, literal, out, to, run);
        literal += run;
        to += run;
        copyMatch(out, to, distance, length);
        to += length;
        if (i < count - 1) {
          literalsState =
              literalsTable.base(literalsState) + bits.read(literalsTable.bits(literalsState));
          matchState = matchTable.base(matchState) + bits.read(matchTable.bits(matchState));
          offsetState = offsetTable.base(offsetState) + bits.read(offsetTable.bits(offsetState));
        }
        if (bits.remaining() < 0) {
          throw new CorruptPayloadException("sequences that are truncated");
        }
      }
      if (bits.remaining() != 0) {
        throw new CorruptPayloadException("sequences that don't end where they should");
      }
    } else if (at != end) {
      throw new CorruptPayloadException("bytes after the last sequence");
    }
    int rest = literals.count() - literal;
    if (rest > out.limit() - to) {
      throw new CorruptPayloadException("larger than it says");
    }
    out.put(to, source, literal, rest);
    return to + rest;
  }

  private int table(
      FseTable table,
      int mode,
      int at,
      int end,
      int maxAccuracy,
      int maxSymbol,
      byte[] standard,
      int accuracy)
      throws CorruptPayloadException {
    switch (mode) {
      case PREDEFINED -> table.set(standard, accuracy);
      case RLE -> {
        int symbol = in[at] & 0xff;
        if (symbol > maxSymbol) {
          throw new CorruptPayloadException("a table with too many symbols");
        }
        table.setSingle(symbol);
        return at + 1;
      }
      case FSE -> {
        return table.read(in, at, end, maxAccuracy, maxSymbol);
      }
      default -> {
        if (!table.isSet()) {
          throw new CorruptPayloadException("a repeated table that there isn't");
        }
      }
    }
    return at;
  }

  /** Values up to 3 stand for one of the last three distances, shifted by one where no literals come before. */
  private int distance(int value, boolean noLiterals) {
    if (value > 3) {
      offset3 = offset2;
      offset2 = offset1;
      offset1 = value - 3;
      return offset1;
    }
    int which = noLiterals ? value : value - 1;
    if (which == 0) {
      return offset1;
    }
    int distance = which == 1 ? offset2 : which == 2 ? offset3 : offset1 - 1;
    if (which != 1) {
      offset3 = offset2;
    }
    offset2 = offset1;
    offset1 = distance;
    return distance;
  }

  private static void copyLiterals(byte[] from, int start, ByteBuffer out, int to, int length) {
    if (length >= SMALL_COPY) {
      out.put(to, from, start, length);
    } else {
      for (int i = 0; i < length; i++) {
        out.put(to + i, from[start + i]);
      }
    }
  }

  private static void copyMatch(ByteBuffer out, int to, int distance, int length) {
    if (length >= SMALL_COPY && distance >= length) {
      out.put(to, out, to - distance, length);
    } else {
      for (int i = to; i < to + length; i++) {
        out.put(i, out.get(i - distance));
      }
    }
  }

  /** Each code's values follow on those of the one before. */
  private static int[] bases(byte[] widths, int first) {
    int[] bases = new int[widths.length];
    int base = first;
    for (int i = 0; i < widths.length; i++) {
      bases[i] = base;
      base += 1 << widths[i];
    }
    return bases;
  }

  /** Extra bits of literals length codes (table 16). */
  private static final byte[] LITERALS_BITS = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11,
    12, 13, 14, 15, 16
  };

  /** Extra bits of match length codes (table 17). */
  private static final byte[] MATCH_BITS = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
  };

  /** Predefined probabilities (section 3.1.1.3.2.2). */
  private static final byte[] LITERALS_DEFAULT = {
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
    -1, -1, -1, -1
  };

  private static final byte[] MATCH_DEFAULT = {
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1
  };

  private static final byte[] OFFSET_DEFAULT = {
    1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1
  };
}
