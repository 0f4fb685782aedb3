package io.ringside.boot;

/**
 * The registers with which a guest starts in 64-bit mode (Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"):
 * paging on with an identity mapping, flat segments, interrupts off, RSI at the zero page. Registers that aren't named
 * are zero; the IDT's limit is zero too, so any exception before the kernel has set up its own is a triple fault.
 *
 * @param rip the first instruction
 * @param rsp a small stack, which Linux doesn't use
 * @param rsi the zero page
 * @param cr0 CR0
 * @param cr3 the PML4
 * @param cr4 CR4
 * @param efer IA32_EFER
 * @param gdtBase linear address of the GDT
 * @param gdtLimit its last byte's offset
 * @param trBase linear address of the task state segment
 * @param trLimit its last byte's offset
 */
public record EntryState(
    long rip,
    long rsp,
    long rsi,
    long cr0,
    long cr3,
    long cr4,
    long efer,
    long gdtBase,
    int gdtLimit,
    long trBase,
    int trLimit) {
  /** RFLAGS: only bit 1, which is always set. */
  public static final long RFLAGS = 0x2;

  /** Access rights of CS, descriptor bits 40 to 55: 64-bit code, readable, accessed, ring 0, 4 KiB granularity. */
  public static final int CODE_RIGHTS = 0xa09b;

  /** Access rights of DS, ES, SS, FS and GS: 32-bit data, writable, accessed, ring 0, 4 KiB granularity. */
  public static final int DATA_RIGHTS = 0xc093;

  /** Access rights of TR: a busy 64-bit TSS. */
  public static final int TSS_RIGHTS = 0x008b;

  /** The limit of the flat segments in bytes. */
  public static final long FLAT_LIMIT = 0xffff_ffffL;

  private static final long CR0_PE_MP_ET_NE_WP_AM_PG = 0x8005_0033L;
  private static final long CR4_PAE = 0x20;
  private static final long EFER_LME_LMA = 0x500;

  /** The state for a kernel's 64-bit entry, with everything else where {@link MemoryLayout} has it. */
  static EntryState at(long entry) {
    return new EntryState(
        entry,
        MemoryLayout.BOOT_STACK_TOP,
        MemoryLayout.ZERO_PAGE,
        CR0_PE_MP_ET_NE_WP_AM_PG,
        MemoryLayout.PML4,
        CR4_PAE,
        EFER_LME_LMA,
        MemoryLayout.GDT,
        MemoryLayout.GDT_ENTRIES * 8 - 1,
        MemoryLayout.TSS,
        BootTables.TSS_SIZE - 1);
  }
}
