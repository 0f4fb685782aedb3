package io.ringside.cpu;

import io.ringside.host.NativeMemory;

/**
 * The architectural state of one vCPU, in native memory where translated code reaches it too: the first part of the
 * context block. Offsets are in bytes. The first 128 are the ones that translated code uses most, since they encode in
 * one byte.
 *
 * <p>While the guest is out of translated code all registers are here. The six status flags and the rest of RFLAGS
 * are kept apart, because translated code keeps the status flags in the host's.
 */
public final class CpuState {
  /** Guest R10, R11, R14, R15: never in host registers. */
  public static final int HOT_GPRS = 0;

  /** Nonzero makes translated code leave at its next check (4 bytes). */
  public static final int PENDING = 32;

  /** An interrupt waits for RFLAGS.IF (4 bytes): what sets IF makes it {@link #PENDING}, or leaves translated code. */
  public static final int DEFERRED = 36;

  /** The mask that extracts a software TLB index by PEXT. */
  public static final int TLB_INDEX_MASK = 40;

  /** The mask that extracts the page number by PEXT. */
  public static final int PAGE_MASK = 48;

  /** The mask that extracts the jump cache index by PEXT. */
  public static final int JUMP_INDEX_MASK = 56;

  /** Base of FS. */
  public static final int FS_BASE = 64;

  /** Base of GS. */
  public static final int GS_BASE = 72;

  /** IA32_KERNEL_GS_BASE. */
  public static final int KERNEL_GS_BASE = 80;

  /** RFLAGS without the status flags (OF SF ZF AF PF CF); bit 1 is always set. 8 bytes. */
  public static final int SYSTEM_FLAGS = 88;

  /** Zero while the guest's x87, SSE and AVX state is in the host's registers, else 1 (8 bytes). */
  public static final int FPU_IN_MEMORY = 96;

  /** Guest TSC minus host TSC. */
  public static final int TSC_OFFSET = 104;

  /** The status flags at an exit, at their RFLAGS positions (8 bytes); the bits between them mean nothing. */
  public static final int STATUS_FLAGS = 112;

  /** RIP at an exit. */
  public static final int RIP = 120;

  /** The twelve other general registers. */
  public static final int COLD_GPRS = 128;

  public static final int CR0 = 224;
  public static final int CR2 = 232;
  public static final int CR3 = 240;
  public static final int CR4 = 248;
  public static final int EFER = 256;
  public static final int STAR = 264;
  public static final int LSTAR = 272;
  public static final int CSTAR = 280;
  public static final int SFMASK = 288;
  public static final int TSC_AUX = 296;
  public static final int XCR0 = 304;
  public static final int GDTR_BASE = 312;
  public static final int GDTR_LIMIT = 320;
  public static final int IDTR_BASE = 328;
  public static final int IDTR_LIMIT = 336;

  /** Current privilege level, 0 or 3 in practice (4 bytes). */
  public static final int CPL = 344;

  /** The mode that units are keyed by; see the translator (4 bytes). */
  public static final int MODE = 348;

  /** DR0 to DR7, 8 bytes each (DR4 and DR5 unused). */
  public static final int DEBUG_REGISTERS = 352;

  /**
   * Segment registers in encoding order ES CS SS DS FS GS, then LDTR and TR, 32 bytes each: selector (2 bytes), at
   * +2 access rights (2 bytes: descriptor bits 40 to 55 as VMX has them), at +4 limit in bytes (4 bytes), at +8 base.
   * The bases of FS and GS are {@link #FS_BASE} and {@link #GS_BASE} instead.
   */
  public static final int SEGMENTS = 416;

  /** Nonzero while the kernel of a deprivileged guest runs, at CPL 3 but by page tables of its own (8 bytes). */
  public static final int DEPRIVILEGED_KERNEL = 672;

  /** XSAVE area in standard format: legacy region 512 bytes, header 64, AVX 256. 64-byte aligned. */
  public static final int XSAVE = 704;

  /** Where the architectural part ends. */
  public static final int SIZE = 2048;

  public static final int RAX = 0;
  public static final int RCX = 1;
  public static final int RDX = 2;
  public static final int RBX = 3;
  public static final int RSP = 4;
  public static final int RBP = 5;
  public static final int RSI = 6;
  public static final int RDI = 7;

  public static final int ES = 0;
  public static final int CS = 1;
  public static final int SS = 2;
  public static final int DS = 3;
  public static final int FS = 4;
  public static final int GS = 5;
  public static final int LDTR = 6;
  public static final int TR = 7;

  /** The status flags: CF PF AF ZF SF OF. */
  public static final long STATUS_MASK = 0x8d5;

  private final NativeMemory memory;

  /** Views the context block at the start of {@code memory}. */
  public CpuState(NativeMemory memory) {
    this.memory = memory;
  }

  /** The block itself. */
  public NativeMemory memory() {
    return memory;
  }

  /** The offset of general register {@code number} (0 RAX to 15 R15, in encoding order). */
  public static int gprOffset(int number) {
    return switch (number) {
      case 10 -> HOT_GPRS;
      case 11 -> HOT_GPRS + 8;
      case 14 -> HOT_GPRS + 16;
      case 15 -> HOT_GPRS + 24;
      case 12 -> COLD_GPRS + 80;
      case 13 -> COLD_GPRS + 88;
      default -> COLD_GPRS + 8 * number;
    };
  }

  /** Reads general register {@code number}. */
  public long gpr(int number) {
    return memory.getLong(gprOffset(number));
  }

  /** Writes general register {@code number}. */
  public void gpr(int number, long value) {
    memory.putLong(gprOffset(number), value);
  }

  /** Reads the 8-byte field at one of the offsets above. */
  public long get(int offset) {
    return memory.getLong(offset);
  }

  /** Writes the 8-byte field at one of the offsets above. */
  public void set(int offset, long value) {
    memory.putLong(offset, value);
  }

  /** RIP. */
  public long rip() {
    return memory.getLong(RIP);
  }

  /** Sets RIP. */
  public void rip(long value) {
    memory.putLong(RIP, value);
  }

  /** All of RFLAGS. */
  public long rflags() {
    return memory.getLong(SYSTEM_FLAGS) | memory.getLong(STATUS_FLAGS) & STATUS_MASK | 2;
  }

  /** Sets all of RFLAGS. */
  public void rflags(long value) {
    memory.putLong(SYSTEM_FLAGS, value & ~STATUS_MASK | 2);
    memory.putLong(STATUS_FLAGS, value & STATUS_MASK);
  }

  /** Current privilege level. */
  public int cpl() {
    return memory.getInt(CPL);
  }

  /** A segment register's selector. */
  public int selector(int segment) {
    return memory.getShort(SEGMENTS + 32 * segment);
  }

  /** A segment register's access rights: descriptor bits 40 to 55 (type, S, DPL, P, AVL, L, D/B, G). */
  public int accessRights(int segment) {
    return memory.getShort(SEGMENTS + 32 * segment + 2);
  }

  /** A segment register's limit in bytes, granularity applied. */
  public long limit(int segment) {
    return memory.getInt(SEGMENTS + 32 * segment + 4) & 0xffff_ffffL;
  }

  /** A segment register's base. */
  public long base(int segment) {
    return switch (segment) {
      case FS -> memory.getLong(FS_BASE);
      case GS -> memory.getLong(GS_BASE);
      default -> memory.getLong(SEGMENTS + 32 * segment + 8);
    };
  }

  /** Loads the visible and hidden parts of a segment register. The caller keeps {@link #CPL} and the mode right. */
  public void segment(int segment, int selector, int accessRights, long limit, long base) {
    int offset = SEGMENTS + 32 * segment;
    memory.putLong(offset, selector & 0xffff | (accessRights & 0xffffL) << 16 | limit << 32);
    switch (segment) {
      case FS -> memory.putLong(FS_BASE, base);
      case GS -> memory.putLong(GS_BASE, base);
      default -> memory.putLong(offset + 8, base);
    }
  }

  /** The main registers as one line of text, for whoever debugs. */
  public String describe() {
    StringBuilder text = new StringBuilder("rip ").append(Long.toHexString(rip()));
    String[] names = {
      "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
      "r13", "r14", "r15"
    };
    for (int r = 0; r < 16; r++) {
      text.append(' ').append(names[r]).append(' ').append(Long.toHexString(gpr(r)));
    }
    text.append(" rflags ").append(Long.toHexString(rflags()));
    text.append(" cr0 ").append(Long.toHexString(get(CR0)));
    text.append(" cr2 ").append(Long.toHexString(get(CR2)));
    text.append(" cr3 ").append(Long.toHexString(get(CR3)));
    text.append(" cr4 ").append(Long.toHexString(get(CR4)));
    return text.toString();
  }
}
