package io.ringside.cpu;

/**
 * The memory type range registers (SDM vol. 3, 11.11). They hold what is written; memory types have no effect here.
 * At reset they are as firmware leaves them: write-back, with the device holes uncached.
 */
final class Mtrrs {
  static final int VARIABLE_RANGES = 8;

  private static final int CAP = 0xfe;
  private static final int VARIABLE_FIRST = 0x200;
  private static final int VARIABLE_LAST = VARIABLE_FIRST + 2 * VARIABLE_RANGES - 1;
  private static final int DEF_TYPE = 0x2ff;
  private static final long UNCACHED = 0;
  private static final long WRITE_BACK = 6;
  private static final long WB_BYTES = 0x0606_0606_0606_0606L;
  private static final long WP_BYTES = 0x0505_0505_0505_0505L;

  /** Fixed ranges supported (bit 8), write-combining (bit 10). */
  private static final long CAP_VALUE = 0x500 | VARIABLE_RANGES;

  private final long physicalMask;
  private final long[] variable = new long[2 * VARIABLE_RANGES];
  private final long[] fixed = new long[11];
  private long defType = 0xc00 | WRITE_BACK;

  Mtrrs(int physicalAddressBits) {
    physicalMask = (1L << physicalAddressBits) - 1;
    variable[0] = 0xc000_0000L | UNCACHED;
    variable[1] = physicalMask & -0x4000_0000L | 0x800;
    fixed[0] = WB_BYTES;
    fixed[1] = WB_BYTES;
    for (int i = 3; i < fixed.length; i++) {
      fixed[i] = WP_BYTES;
    }
  }

  /** Whether the number is one of these registers. */
  static boolean contains(int msr) {
    return msr == CAP
        || msr == DEF_TYPE
        || msr >= VARIABLE_FIRST && msr <= VARIABLE_LAST
        || fixedIndex(msr) >= 0;
  }

  private static int fixedIndex(int msr) {
    return switch (msr) {
      case 0x250 -> 0;
      case 0x258, 0x259 -> msr - 0x257;
      default -> msr >= 0x268 && msr <= 0x26f ? msr - 0x265 : -1;
    };
  }

  long read(int msr) {
    return switch (msr) {
      case CAP -> CAP_VALUE;
      case DEF_TYPE -> defType;
      default -> msr <= VARIABLE_LAST ? variable[msr - VARIABLE_FIRST] : fixed[fixedIndex(msr)];
    };
  }

  void write(int msr, long value) {
    if (msr == CAP) {
      throw GuestFault.GP0;
    }
    if (msr == DEF_TYPE) {
      if ((value & ~0xcffL) != 0 || !isType((int) value & 0xff)) {
        throw GuestFault.GP0;
      }
      defType = value;
      return;
    }
    if (msr > VARIABLE_LAST) {
      for (int shift = 0; shift < 64; shift += 8) {
        if (!isType((int) (value >>> shift) & 0xff)) {
          throw GuestFault.GP0;
        }
      }
      fixed[fixedIndex(msr)] = value;
      return;
    }
    boolean isMask = (msr & 1) != 0;
    long allowed = physicalMask & (isMask ? ~0x7ffL : ~0xf00L);
    if ((value & ~allowed) != 0 || !isMask && !isType((int) value & 0xff)) {
      throw GuestFault.GP0;
    }
    variable[msr - VARIABLE_FIRST] = value;
  }

  /** UC, WC, WT, WP or WB. */
  private static boolean isType(int type) {
    return type == 0 || type == 1 || type >= 4 && type <= 6;
  }
}
