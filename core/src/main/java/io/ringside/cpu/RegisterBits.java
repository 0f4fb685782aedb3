package io.ringside.cpu;

/** Bits of the system registers (SDM vol. 3, 2.3 system flags, 2.5 control registers, 2.2.1 EFER). */
public final class RegisterBits {
  public static final long CR0_PE = 1L;
  public static final long CR0_MP = 1L << 1;
  public static final long CR0_EM = 1L << 2;
  public static final long CR0_TS = 1L << 3;
  public static final long CR0_ET = 1L << 4;
  public static final long CR0_NE = 1L << 5;
  public static final long CR0_WP = 1L << 16;
  public static final long CR0_AM = 1L << 18;
  public static final long CR0_NW = 1L << 29;
  public static final long CR0_CD = 1L << 30;
  public static final long CR0_PG = 1L << 31;

  public static final long CR4_TSD = 1L << 2;
  public static final long CR4_DE = 1L << 3;
  public static final long CR4_PSE = 1L << 4;
  public static final long CR4_PAE = 1L << 5;
  public static final long CR4_MCE = 1L << 6;
  public static final long CR4_PGE = 1L << 7;
  public static final long CR4_PCE = 1L << 8;
  public static final long CR4_OSFXSR = 1L << 9;
  public static final long CR4_OSXMMEXCPT = 1L << 10;
  public static final long CR4_UMIP = 1L << 11;
  public static final long CR4_FSGSBASE = 1L << 16;
  public static final long CR4_PCIDE = 1L << 17;
  public static final long CR4_OSXSAVE = 1L << 18;
  public static final long CR4_SMEP = 1L << 20;
  public static final long CR4_SMAP = 1L << 21;

  public static final long EFER_SCE = 1L;
  public static final long EFER_LME = 1L << 8;
  public static final long EFER_LMA = 1L << 10;
  public static final long EFER_NXE = 1L << 11;

  /** AMD's Automatic IBRS Enable (APM vol. 2, 3.1.7). */
  public static final long EFER_AIBRSE = 1L << 21;

  public static final long FLAG_CF = 1L;
  public static final long FLAG_PF = 1L << 2;
  public static final long FLAG_AF = 1L << 4;
  public static final long FLAG_ZF = 1L << 6;
  public static final long FLAG_SF = 1L << 7;
  public static final long FLAG_TF = 1L << 8;
  public static final long FLAG_IF = 1L << 9;
  public static final long FLAG_DF = 1L << 10;
  public static final long FLAG_OF = 1L << 11;
  public static final long FLAG_IOPL = 3L << 12;
  public static final long FLAG_NT = 1L << 14;
  public static final long FLAG_RF = 1L << 16;
  public static final long FLAG_VM = 1L << 17;
  public static final long FLAG_AC = 1L << 18;
  public static final long FLAG_VIF = 1L << 19;
  public static final long FLAG_VIP = 1L << 20;
  public static final long FLAG_ID = 1L << 21;

  private RegisterBits() {}

  /** Whether a 64-bit value is a canonical address with 48-bit linear addresses (SDM vol. 1, 3.3.7.1). */
  public static boolean isCanonical(long address) {
    return address << 16 >> 16 == address;
  }
}
