package io.ringside.conformance;

import io.ringside.cpu.CpuState;
import io.ringside.host.NativeMemory;

/**
 * The tables that tiny guests share, in the first MiB of RAM: GDT, IDT whose every gate leads to a HLT of its own, TSS,
 * and page tables that map all RAM at its own address and once more in the upper half. Where a guest installs no
 * handler, an exception ends the run with RIP telling its vector ({@link #vectorOf}).
 */
public final class GuestTables {
  /** Selectors in the GDT, in the order that SYSCALL and SYSRET want. */
  public static final int KERNEL_CODE = 0x08;

  public static final int KERNEL_DATA = 0x10;
  public static final int USER_DATA = 0x1b;
  public static final int USER_CODE = 0x23;
  public static final int TSS_SELECTOR = 0x28;

  /** Where in RAM the tables are. */
  public static final long GDT = 0x1000;

  public static final long IDT = 0x2000;
  public static final long TSS = 0x3000;
  public static final long HANDLERS = 0x4000;

  /** Tops of the stacks in the TSS: IST1 for all gates that are there from the start, RSP0 for others. */
  public static final long IST1_TOP = 0x8000;

  public static final long IST2_TOP = 0x9000;
  public static final long RSP0_TOP = 0xa000;

  /** The PML4; {@link GuestPages} takes more pages behind it. */
  public static final long PML4 = 0x10000;

  /** Where RAM is mapped a second time. */
  public static final long UPPER_HALF = 0xffff_8000_0000_0000L;

  /** RAM from here to the end is accessible to user mode. */
  public static final long USER_START = 0x10_0000;

  /** CR0: PG, AM, WP, NE, ET, MP, PE. */
  public static final long CR0 = 0x8005_0033L;

  /** CR4: OSXSAVE, FSGSBASE, OSXMMEXCPT, OSFXSR, PGE, PAE. */
  public static final long CR4 = 1 << 18 | 1 << 16 | 1 << 10 | 1 << 9 | 1 << 7 | 1 << 5;

  /** EFER: NXE, LMA, LME, SCE. */
  public static final long EFER = 1 << 11 | 1 << 10 | 1 << 8 | 1;

  private GuestTables() {}

  /** Writes all tables. */
  public static void install(NativeMemory ram) {
    ram.putLong(GDT + KERNEL_CODE, 0x00af_9b00_0000_ffffL);
    ram.putLong(GDT + KERNEL_DATA, 0x00cf_9300_0000_ffffL);
    ram.putLong(GDT + (USER_DATA & ~3), 0x00cf_f300_0000_ffffL);
    ram.putLong(GDT + (USER_CODE & ~3), 0x00af_fb00_0000_ffffL);
    ram.putLong(GDT + TSS_SELECTOR, 0x0000_8b00_0000_0067L | (TSS & 0xffffff) << 16);
    ram.putLong(TSS + 4, RSP0_TOP);
    ram.putLong(TSS + 0x24, IST1_TOP);
    ram.putLong(TSS + 0x2c, IST2_TOP);
    ram.putShort(TSS + 0x66, 0x68);
    for (int vector = 0; vector < 256; vector++) {
      ram.putByte(HANDLERS + 16 * vector, 0xf4);
      gate(ram, vector, HANDLERS + 16L * vector, 0, 1, false);
    }
    new GuestPages(ram).mapAll();
  }

  /** Writes an interrupt gate, or a trap gate. */
  public static void gate(
      NativeMemory ram, int vector, long handler, int dpl, int ist, boolean trap) {
    long low = handler & 0xffff | (long) KERNEL_CODE << 16 | (handler & 0xffff_0000L) << 32;
    low |= (long) (0x8e00 | (trap ? 0x100 : 0) | dpl << 13 | ist) << 32;
    ram.putLong(IDT + 16L * vector, low);
    ram.putLong(IDT + 16L * vector + 8, handler >>> 32);
  }

  /** Which vector's first handler RIP is behind, or -1. */
  public static int vectorOf(long rip) {
    long at = rip - 1 - HANDLERS;
    return at >= 0 && at < 256 * 16 && (at & 15) == 0 ? (int) at >> 4 : -1;
  }

  /** Ring 0, 64-bit mode with the tables above, all general registers zero. */
  public static void start(CpuState s) {
    for (int r = 0; r < 16; r++) {
      s.gpr(r, 0);
    }
    s.rflags(2);
    s.set(CpuState.CR0, CR0);
    s.set(CpuState.CR3, PML4);
    s.set(CpuState.CR4, CR4);
    s.set(CpuState.EFER, EFER);
    s.set(CpuState.XCR0, 7);
    s.set(CpuState.STAR, (long) KERNEL_CODE << 32 | (long) (KERNEL_DATA | 3) << 48);
    s.set(CpuState.GDTR_BASE, GDT);
    s.set(CpuState.GDTR_LIMIT, 0x37);
    s.set(CpuState.IDTR_BASE, IDT);
    s.set(CpuState.IDTR_LIMIT, 4095);
    s.segment(CpuState.TR, TSS_SELECTOR, 0x8b, 0x67, TSS);
    ring(s, 0);
  }

  /** Flat segments of ring 0 or 3, and CPL; FS and GS with base 0. */
  public static void ring(CpuState s, int cpl) {
    s.segment(
        CpuState.CS,
        cpl == 0 ? KERNEL_CODE : USER_CODE,
        cpl == 0 ? 0xa09b : 0xa0fb,
        0xffff_ffffL,
        0);
    int data = cpl == 0 ? KERNEL_DATA : USER_DATA;
    int rights = cpl == 0 ? 0xc093 : 0xc0f3;
    for (int segment :
        new int[] {CpuState.SS, CpuState.DS, CpuState.ES, CpuState.FS, CpuState.GS}) {
      s.segment(segment, data, rights, 0xffff_ffffL, 0);
    }
    s.memory().putInt(CpuState.CPL, cpl);
  }
}
