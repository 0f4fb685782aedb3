package io.ringside.boot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The checksum of Zstandard frames: XXH64 with seed 0 (doc/xxhash_spec.md of xxHash, "XXH64 Algorithm Description"). */
final class XxHash64 {
  private static final long PRIME1 = 0x9e37_79b1_85eb_ca87L;
  private static final long PRIME2 = 0xc2b2_ae3d_27d4_eb4fL;
  private static final long PRIME3 = 0x1656_67b1_9e37_79f9L;
  private static final long PRIME4 = 0x85eb_ca77_c2b2_ae63L;
  private static final long PRIME5 = 0x27d4_eb2f_1656_67c5L;

  private XxHash64() {}

  /** The hash of the bytes from {@code from} to before {@code end}. */
  @SuppressWarnings("ConstantOverflow") // sums are modulo 2^64
  static long of(ByteBuffer data, int from, int end) {
    ByteBuffer in = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    int at = from;
    long hash;
    if (end - from >= 32) {
      long a = 0x60ea_27ee_adc0_b5d6L; // PRIME1 + PRIME2, modulo 2^64
      long b = PRIME2;
      long c = 0;
      long d = -PRIME1;
      for (; end - at >= 32; at += 32) {
        a = round(a, in.getLong(at));
        b = round(b, in.getLong(at + 8));
        c = round(c, in.getLong(at + 16));
        d = round(d, in.getLong(at + 24));
      }
      hash =
          Long.rotateLeft(a, 1)
              + Long.rotateLeft(b, 7)
              + Long.rotateLeft(c, 12)
              + Long.rotateLeft(d, 18);
      hash = merge(merge(merge(merge(hash, a), b), c), d);
    } else {
      hash = PRIME5;
    }
    hash += end - from;
    for (; end - at >= 8; at += 8) {
      hash = Long.rotateLeft(hash ^ round(0, in.getLong(at)), 27) * PRIME1 + PRIME4;
    }
    if (end - at >= 4) {
      hash = Long.rotateLeft(hash ^ (in.getInt(at) & 0xffff_ffffL) * PRIME1, 23) * PRIME2 + PRIME3;
      at += 4;
    }
    for (; at < end; at++) {
      hash = Long.rotateLeft(hash ^ (in.get(at) & 0xff) * PRIME5, 11) * PRIME1;
    }
    hash = (hash ^ hash >>> 33) * PRIME2;
    hash = (hash ^ hash >>> 29) * PRIME3;
    return hash ^ hash >>> 32;
  }

  private static long round(long accumulator, long lane) {
    return Long.rotateLeft(accumulator + lane * PRIME2, 31) * PRIME1;
  }

  private static long merge(long hash, long accumulator) {
    return (hash ^ round(0, accumulator)) * PRIME1 + PRIME4;
  }
}
