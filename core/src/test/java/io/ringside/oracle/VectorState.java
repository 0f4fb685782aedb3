package io.ringside.oracle;

import io.ringside.host.NativeMemory;
import java.util.SplittableRandom;

/** An XSAVE area in standard format: x87, SSE and AVX state to start a case with, and how two of them are compared. */
final class VectorState {
  private static final int XSTATE_BV = 512;
  private static final int YMM_HIGH = 576;

  private static final long[] DOUBLES = {
    0,
    Long.MIN_VALUE,
    0x3ff0_0000_0000_0000L,
    0xbff0_0000_0000_0000L,
    0x7ff0_0000_0000_0000L,
    0xfff0_0000_0000_0000L,
    0x7ff8_0000_0000_0000L,
    0x7ff0_0000_0000_0001L,
    1,
    0x000f_ffff_ffff_ffffL,
    0x0010_0000_0000_0000L,
    0x7fef_ffff_ffff_ffffL,
    0x41df_ffff_ffc0_0000L,
    0x43e0_0000_0000_0000L,
    0x4008_0000_0000_0000L
  };

  private static final int[] FLOATS = {
    0,
    0x8000_0000,
    0x3f80_0000,
    0xbf80_0000,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0000,
    0x7f80_0001,
    1,
    0x007f_ffff,
    0x0080_0000,
    0x7f7f_ffff,
    0x4f00_0000,
    0x5f00_0000,
    0x4040_0000
  };

  private static final int[] EXPONENTS = {
    0, 0x3fff, 0xbfff, 0x7fff, 0xffff, 1, 0x7ffe, 0x401e, 0x403e, 0x8000
  };

  private final byte[] area = new byte[NativeProcessor.VECTOR_SIZE];

  VectorState() {
    area[0] = 0x7f;
    area[1] = 3;
    area[24] = (byte) 0x80;
    area[25] = 0x1f;
  }

  /** Other registers and control words: exceptions are masked mostly, and hardly ever pending. */
  void fill(SplittableRandom random) {
    for (int r = 0; r < 16; r++) {
      fillVector(random, 160 + 16 * r);
      fillVector(random, YMM_HIGH + 16 * r);
    }
    for (int r = 0; r < 8; r++) {
      long mantissa =
          random.nextInt(3) == 0
              ? 1L << 63
              : random.nextLong() | (random.nextInt(8) == 0 ? 0 : 1L << 63);
      put(32 + 16 * r, mantissa, 8);
      put(
          40 + 16 * r,
          random.nextBoolean() ? EXPONENTS[random.nextInt(EXPONENTS.length)] : random.nextInt(),
          2);
    }
    boolean unmasked = random.nextInt(16) == 0;
    put(0, 0x40 | random.nextInt(16) << 8 | (unmasked ? random.nextInt(64) : 0x3f), 2);
    int status = random.nextInt(8) << 11 | random.nextInt(8) << 8 | random.nextInt(2) << 14;
    if (random.nextInt(32) == 0) {
      int flags = random.nextInt(64);
      status |= flags | ((flags & ~area[0] & 0x3f) != 0 ? 0x8080 : 0);
    }
    put(2, status, 2);
    put(4, random.nextInt(3) == 0 ? random.nextInt() : -1, 1);
    boolean trapping = random.nextInt(16) == 0;
    int mxcsr =
        random.nextInt(4) << 13
            | (trapping ? random.nextInt(64) << 7 : 0x1f80 | random.nextInt(64));
    put(24, mxcsr | random.nextInt(2) << 6 | (random.nextInt(4) == 0 ? 0x8000 : 0), 4);
  }

  /** Makes a vector register one of indices of {@code size} bytes that are near zero. */
  void indices(SplittableRandom random, int register, int size) {
    for (int n = 0; n < 32; n += size) {
      put((n < 16 ? 160 : YMM_HIGH) + 16 * register + (n & 15), random.nextInt(256) - 128, size);
    }
  }

  private void fillVector(SplittableRandom random, int at) {
    switch (random.nextInt(4)) {
      case 0 -> {
        put(at, DOUBLES[random.nextInt(DOUBLES.length)], 8);
        put(at + 8, DOUBLES[random.nextInt(DOUBLES.length)], 8);
      }
      case 1 -> {
        for (int n = 0; n < 16; n += 4) {
          put(at + n, FLOATS[random.nextInt(FLOATS.length)], 4);
        }
      }
      default -> {
        put(at, random.nextLong(), 8);
        put(at + 8, random.nextLong(), 8);
      }
    }
  }

  private void put(int at, long value, int size) {
    for (int n = 0; n < size; n++) {
      area[at + n] = (byte) (value >> 8 * n);
    }
  }

  void store(NativeMemory memory, long offset) {
    area[XSTATE_BV] = 7;
    memory.write(offset, area, 0, area.length);
  }

  /** Appends what differs: control and status, registers; not the addresses of the last instruction and operand. */
  void compare(
      NativeMemory host, long hostAt, NativeMemory guest, long guestAt, StringBuilder text) {
    int hostInUse = host.getByte(hostAt + XSTATE_BV);
    int guestInUse = guest.getByte(guestAt + XSTATE_BV);
    for (int n = 0; n < 32; n += 2) {
      if (n >= 6 && n < 24 || n >= 28) {
        continue;
      }
      boolean mxcsr = n >= 24;
      int want = value(host, hostAt + n, mxcsr || (hostInUse & 1) != 0, n);
      int got = value(guest, guestAt + n, mxcsr || (guestInUse & 1) != 0, n);
      if (want != got) {
        text.append("\n  x87/MXCSR byte ")
            .append(n)
            .append(": host ")
            .append(Integer.toHexString(want))
            .append(", guest ")
            .append(Integer.toHexString(got));
      }
    }
    for (int r = 0; r < 8; r++) {
      compare(
          "st/mm",
          r,
          10,
          host,
          hostAt + 32 + 16 * r,
          hostInUse & 1,
          guest,
          guestAt + 32 + 16 * r,
          guestInUse & 1,
          text);
    }
    for (int r = 0; r < 16; r++) {
      long at = 160 + 16L * r;
      compare(
          "xmm",
          r,
          16,
          host,
          hostAt + at,
          hostInUse & 2,
          guest,
          guestAt + at,
          guestInUse & 2,
          text);
      at = YMM_HIGH + 16L * r;
      compare(
          "ymm",
          r,
          16,
          host,
          hostAt + at,
          hostInUse & 4,
          guest,
          guestAt + at,
          guestInUse & 4,
          text);
    }
  }

  private static int value(NativeMemory memory, long at, boolean inUse, int field) {
    return inUse ? memory.getShort(at) : field == 0 ? 0x37f : 0;
  }

  private static void compare(
      String name,
      int register,
      int size,
      NativeMemory host,
      long hostAt,
      int hostInUse,
      NativeMemory guest,
      long guestAt,
      int guestInUse,
      StringBuilder text) {
    for (int n = size - 2; n >= 0; n -= 2) {
      int want = hostInUse == 0 ? 0 : host.getShort(hostAt + n);
      int got = guestInUse == 0 ? 0 : guest.getShort(guestAt + n);
      if (want != got) {
        text.append("\n  ")
            .append(name)
            .append(register)
            .append(" byte ")
            .append(n)
            .append(": host ")
            .append(Integer.toHexString(want))
            .append(", guest ")
            .append(Integer.toHexString(got));
        return;
      }
    }
  }
}
