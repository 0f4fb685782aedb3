package io.ringside.cpu;

import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;

/**
 * Walks the guest's page tables: 4-level paging of long mode with pages of 4 KiB, 2 MiB and 1 GiB (SDM vol. 3, 4.5 to
 * 4.8). Nothing is cached here; a walk that succeeds sets accessed and dirty flags, one that faults changes nothing.
 */
public final class Mmu {
  public static final int READ = 0;
  public static final int WRITE = 1;
  public static final int EXECUTE = 2;

  /** Page fault error code bits, SDM vol. 3, 4.7. */
  static final int PF_PRESENT = 1;

  static final int PF_WRITE = 2;
  static final int PF_USER = 4;
  static final int PF_RESERVED = 8;
  static final int PF_FETCH = 16;

  private static final long PRESENT = 1;
  private static final long WRITABLE = 2;
  private static final long USER = 4;
  private static final long ACCESSED = 1 << 5;
  private static final long DIRTY = 1 << 6;
  private static final long LARGE = 1 << 7;
  private static final long GLOBAL = 1 << 8;
  private static final long NO_EXECUTE = 1L << 63;
  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;
  private static final long RESERVED_2M = 0x1f_e000;
  private static final long RESERVED_1G = 0x3fff_e000;

  private final CpuState state;
  private final GuestMemory ram;
  private final NativeMemory raw;
  private final CpuHooks hooks;
  private final long reservedAddressBits;

  private int pageShift = 12;
  private boolean writable;
  private boolean user;
  private boolean global;
  private boolean executable;
  private boolean deprivileged;
  private boolean upperHalf;
  private GuestFault fault = GuestFault.GP0;

  /**
   * Makes the MMU of one vCPU.
   *
   * @param physicalAddressBits MAXPHYADDR as CPUID leaf 80000008h shows it, 36 to 52
   */
  public Mmu(CpuState state, GuestMemory ram, CpuHooks hooks, int physicalAddressBits) {
    this.state = state;
    this.ram = ram;
    this.raw = ram.raw();
    this.hooks = hooks;
    this.reservedAddressBits = ADDRESS & -(1L << physicalAddressBits);
  }

  /**
   * What counts as global is up to the VMM from now on: for a deprivileged guest the upper half of its kernel's address
   * space, whatever the entries say.
   */
  void enterVmm() {
    deprivileged = true;
  }

  /**
   * Translates a guest-virtual address, whatever the current privilege level is. The accessors below then describe the
   * page until the next call.
   *
   * @param access {@link #READ}, {@link #WRITE} or {@link #EXECUTE}
   * @param userAccess a user-mode access (CPL 3 and not implicit)
   * @param smapOverride an explicit supervisor-mode access with RFLAGS.AC set, which SMAP lets through
   * @return the guest-physical address
   * @throws GuestFault #PF, or #GP(0) for an address that is not canonical
   */
  public long translate(long gva, int access, boolean userAccess, boolean smapOverride) {
    long gpa = tryTranslate(gva, access, userAccess, smapOverride);
    if (gpa < 0) {
      throw fault;
    }
    return gpa;
  }

  /** As {@link #translate}, but -1 where it would throw {@link #fault}: a page fault is an ordinary thing. */
  public long tryTranslate(long gva, int access, boolean userAccess, boolean smapOverride) {
    if (gva << 16 >> 16 != gva) {
      fault = GuestFault.GP0;
      return -1;
    }
    upperHalf = gva < 0;
    boolean nxEnabled = (state.get(CpuState.EFER) & RegisterBits.EFER_NXE) != 0;
    long reserved = reservedAddressBits | (nxEnabled ? 0 : NO_EXECUTE);

    long address4 = (state.get(CpuState.CR3) & ADDRESS) + (gva >>> 36 & 0xff8);
    long entry4 = load(address4);
    if (absent(entry4, reserved | LARGE, gva, access, userAccess)) {
      return -1;
    }
    long address3 = (entry4 & ADDRESS) + (gva >>> 27 & 0xff8);
    long entry3 = load(address3);
    if (absent(
        entry3,
        (entry3 & LARGE) == 0 ? reserved : reserved | RESERVED_1G,
        gva,
        access,
        userAccess)) {
      return -1;
    }
    if ((entry3 & LARGE) != 0) {
      if (forbidden(
          entry3, entry4 & entry3, entry4 | entry3, gva, access, userAccess, smapOverride)) {
        return -1;
      }
      touch(address4, entry4, ACCESSED);
      touchLeaf(address3, entry3, access);
      pageShift = 30;
      return entry3 & ADDRESS & -(1L << 30) | gva & (1L << 30) - 1;
    }

    long address2 = (entry3 & ADDRESS) + (gva >>> 18 & 0xff8);
    long entry2 = load(address2);
    if (absent(
        entry2,
        (entry2 & LARGE) == 0 ? reserved : reserved | RESERVED_2M,
        gva,
        access,
        userAccess)) {
      return -1;
    }
    if ((entry2 & LARGE) != 0) {
      if (forbidden(
          entry2,
          entry4 & entry3 & entry2,
          entry4 | entry3 | entry2,
          gva,
          access,
          userAccess,
          smapOverride)) {
        return -1;
      }
      touch(address4, entry4, ACCESSED);
      touch(address3, entry3, ACCESSED);
      touchLeaf(address2, entry2, access);
      pageShift = 21;
      return entry2 & ADDRESS & -(1L << 21) | gva & (1L << 21) - 1;
    }

    long address1 = (entry2 & ADDRESS) + (gva >>> 9 & 0xff8);
    long entry1 = load(address1);
    if (absent(entry1, reserved, gva, access, userAccess)) {
      return -1;
    }
    long all = entry4 & entry3 & entry2 & entry1;
    if (forbidden(
        entry1, all, entry4 | entry3 | entry2 | entry1, gva, access, userAccess, smapOverride)) {
      return -1;
    }
    touch(address4, entry4, ACCESSED);
    touch(address3, entry3, ACCESSED);
    touch(address2, entry2, ACCESSED);
    touchLeaf(address1, entry1, access);
    pageShift = 12;
    return entry1 & ADDRESS | gva & 0xfff;
  }

  /** What the last {@link #tryTranslate} that gave -1 raises: #PF, or #GP(0). */
  public GuestFault fault() {
    return fault;
  }

  /** Log2 of the page size of the last translation: 12, 21 or 30. */
  public int pageShift() {
    return pageShift;
  }

  /** Whether a store in the same mode needs no further walk: the rights allow it and the dirty flag is set. */
  public boolean writable() {
    return writable;
  }

  /** Whether it is a user-mode address (U/S set at every level). */
  public boolean user() {
    return user;
  }

  /** Whether the translation is global: leaf G with CR4.PGE. */
  public boolean global() {
    return deprivileged ? upperHalf && state.get(CpuState.DEPRIVILEGED_KERNEL) != 0 : global;
  }

  /** Whether the same mode may fetch instructions from it. */
  public boolean executable() {
    return executable;
  }

  private long load(long gpa) {
    // Reads of addresses where nothing answers return ones, as a bus does; reserved bits then raise
    // #PF.
    return ram.isRam(gpa, 8) ? raw.getLong(gpa) : -1L;
  }

  private boolean absent(long entry, long reserved, long gva, int access, boolean userAccess) {
    if ((entry & PRESENT) == 0) {
      return fault(0, gva, access, userAccess);
    }
    return (entry & reserved) != 0 && fault(PF_PRESENT | PF_RESERVED, gva, access, userAccess);
  }

  /** SDM vol. 3, 4.6.1: determination of access rights. */
  private boolean forbidden(
      long leaf,
      long all,
      long any,
      long gva,
      int access,
      boolean userAccess,
      boolean smapOverride) {
    long cr4 = state.get(CpuState.CR4);
    boolean userPage = (all & USER) != 0;
    boolean readWrite = (all & WRITABLE) != 0;
    boolean mayExecute = any >= 0 || (state.get(CpuState.EFER) & RegisterBits.EFER_NXE) == 0;
    boolean mayWrite;
    boolean mayRead;
    if (userAccess) {
      mayRead = userPage;
      mayWrite = userPage && readWrite;
      mayExecute &= userPage;
    } else {
      mayRead = !userPage || smapOverride || (cr4 & RegisterBits.CR4_SMAP) == 0;
      mayWrite = mayRead && (readWrite || (state.get(CpuState.CR0) & RegisterBits.CR0_WP) == 0);
      mayExecute &= !userPage || (cr4 & RegisterBits.CR4_SMEP) == 0;
    }
    boolean permitted = access == READ ? mayRead : access == WRITE ? mayWrite : mayExecute;
    if (!permitted) {
      return fault(PF_PRESENT, gva, access, userAccess);
    }
    user = userPage;
    executable = mayExecute;
    writable = mayWrite && (access == WRITE || (leaf & DIRTY) != 0);
    global = (leaf & GLOBAL) != 0 && (cr4 & RegisterBits.CR4_PGE) != 0;
    return false;
  }

  private void touchLeaf(long gpa, long entry, int access) {
    touch(gpa, entry, access == WRITE ? ACCESSED | DIRTY : ACCESSED);
  }

  private void touch(long gpa, long entry, long flags) {
    if ((entry & flags) != flags) {
      raw.putLong(gpa, entry | flags);
      if (hooks.isCodePage(gpa)) {
        hooks.codeWritten(gpa, 8);
      }
    }
  }

  /** Records a page fault; always true. */
  private boolean fault(int code, long gva, int access, boolean userAccess) {
    int error = code | (userAccess ? PF_USER : 0);
    if (access == WRITE) {
      error |= PF_WRITE;
    } else if (access == EXECUTE
        && ((state.get(CpuState.EFER) & RegisterBits.EFER_NXE) != 0
            || (state.get(CpuState.CR4) & RegisterBits.CR4_SMEP) != 0)) {
      error |= PF_FETCH;
    }
    fault = GuestFault.pageFault(error, gva);
    return true;
  }
}
