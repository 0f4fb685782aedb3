package io.ringside.xen;

/** Offsets in {@code struct start_info}, which the guest finds in RSI. Source: {@code public/xen.h}. */
final class StartInfo {
  /** {@code xen-3.0-x86_64}, 32 bytes. */
  static final int MAGIC = 0;

  /** How many pages the domain has (8 bytes). */
  static final int NR_PAGES = 32;

  /** The machine address of shared_info (8 bytes). */
  static final int SHARED_INFO = 40;

  /** {@code SIF_*} (4 bytes). */
  static final int FLAGS = 48;

  /** The frame of the XenStore ring (8 bytes). */
  static final int STORE_MFN = 56;

  /** Its event channel (4 bytes). */
  static final int STORE_EVTCHN = 64;

  /** The frame of the console ring (8 bytes). */
  static final int CONSOLE_MFN = 72;

  /** Its event channel (4 bytes). */
  static final int CONSOLE_EVTCHN = 80;

  /** The virtual address of the root of the page tables (8 bytes). */
  static final int PT_BASE = 88;

  /** How many pages of page tables there are (8 bytes). */
  static final int NR_PT_FRAMES = 96;

  /** The virtual address of the P2M list (8 bytes). */
  static final int MFN_LIST = 104;

  /** The virtual address of the RAM disk, or its pfn with {@link #SIF_MOD_START_PFN} (8 bytes). */
  static final int MOD_START = 112;

  /** Its size (8 bytes). */
  static final int MOD_LEN = 120;

  /** The command line, {@link #MAX_CMD_LINE} bytes with a zero at the end. */
  static final int CMD_LINE = 128;

  static final int MAX_CMD_LINE = 1024;

  /** The first page of a P2M list that is not mapped with the kernel (8 bytes). */
  static final int FIRST_P2M_PFN = CMD_LINE + MAX_CMD_LINE;

  /** How many pages that list has, and the page tables that map it (8 bytes). */
  static final int NR_P2M_FRAMES = FIRST_P2M_PFN + 8;

  /** {@link #FLAGS}: the RAM disk is told by its pfn. */
  static final int SIF_MOD_START_PFN = 1 << 3;

  /** {@link #FLAGS}: who builds domains understands a P2M list in virtual memory. */
  static final int SIF_VIRT_P2M_4TOOLS = 1 << 4;

  private StartInfo() {}
}
