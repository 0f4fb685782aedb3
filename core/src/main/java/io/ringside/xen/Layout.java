package io.ringside.xen;

/** Numbers of the 64-bit PV ABI that more than one group uses. Source: {@code public/xen.h}, {@code arch-x86}. */
public final class Layout {
  /** The start of the address range that is Xen's: L4 slots 256 to 271. */
  public static final long HYPERVISOR_START = 0xffff_8000_0000_0000L;

  /** The end of that range. */
  public static final long HYPERVISOR_END = 0xffff_8800_0000_0000L;

  /** Where the machine-to-phys table is mapped, read-only: 8 bytes for each mfn. */
  public static final long M2P_START = HYPERVISOR_START;

  /** The end of the room for that table. */
  public static final long M2P_END = 0xffff_8040_0000_0000L;

  /** The first L4 slot that is Xen's. */
  public static final int FIRST_XEN_SLOT = 256;

  /** The last L4 slot that is Xen's. */
  public static final int LAST_XEN_SLOT = 271;

  /** M2P entry of a frame that has no pfn. */
  public static final long INVALID_M2P_ENTRY = -1L;

  /** M2P entry of a frame that several domains share. */
  public static final long SHARED_M2P_ENTRY = -2L;

  /** The kernel's flat 64-bit code segment: GDT index 262. */
  public static final int FLAT_CS64 = 0xe033;

  /** The flat 32-bit code segment: GDT index 260. */
  public static final int FLAT_CS32 = 0xe023;

  /** The flat data and stack segment: GDT index 261. */
  public static final int FLAT_SS = 0xe02b;

  public static final int DOMID_FIRST_RESERVED = 0x7ff0;
  public static final int DOMID_SELF = 0x7ff0;
  public static final int DOMID_IO = 0x7ff1;
  public static final int DOMID_XEN = 0x7ff2;
  public static final int DOMID_COW = 0x7ff3;
  public static final int DOMID_INVALID = 0x7ff4;
  public static final int DOMID_IDLE = 0x7fff;

  private Layout() {}
}
