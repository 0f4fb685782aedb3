package io.ringside.bt;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;
import io.ringside.host.HostMapping;
import io.ringside.host.NativeMemory;

/**
 * Layout of a vCPU's context block: the architectural state, then what belongs to the translator. While translated
 * code runs, the host's RSP points at the block (so that a field is one short operand away) and the memory below it is
 * a stack for the host's signal frames and the stubs' calls.
 */
public final class Context {
  /** The translated code's scratch registers; no guest register lives in them. RCX is the third. */
  static final int S0 = Assembler.R14;

  static final int S1 = Assembler.R15;

  /** The host register that points at this block. */
  static final int CTX = Assembler.RSP;

  /** Host register of each guest register, or -1 for those that stay in the block. */
  private static final int[] HOST_REGISTER = {
    0, 13, 2, 3, 12, 5, 6, 7, 8, 9, -1, -1, 10, 11, -1, -1
  };

  // Constants for flag-free AND (PEXT then PDEP) and bit offsets.
  static final int NOT_IF_MASK = CpuState.SIZE;
  static final int NOT_DF_MASK = CpuState.SIZE + 8;
  static final int STATUS_FLAGS_MASK = CpuState.SIZE + 16;
  static final int BIT_OFFSET_MASK_16 = CpuState.SIZE + 24;
  static final int BIT_OFFSET_MASK_32 = CpuState.SIZE + 32;
  static final int BIT_OFFSET_MASK_64 = CpuState.SIZE + 40;

  /** The host's RSP while translated code runs. */
  static final int HOST_RSP = CpuState.SIZE + 48;

  /** Where to enter; where the slow path of a memory access resumes. */
  static final int ENTRY_PC = CpuState.SIZE + 56;

  /** The gva that missed the software TLB. */
  static final int MISS_ADDRESS = CpuState.SIZE + 64;

  /** Whether the guest's vector state was in the host's registers at the last exit. */
  static final int FPU_WAS_LOADED = CpuState.SIZE + 72;

  /** Saved by the fault handler: host PC, trap number, error code, address. */
  static final int FAULT_PC = CpuState.SIZE + 80;

  static final int FAULT_TRAP = CpuState.SIZE + 88;
  static final int FAULT_ERROR = CpuState.SIZE + 96;
  static final int FAULT_ADDRESS = CpuState.SIZE + 104;

  /** Holds a value across the second memory access of an instruction. */
  static final int TEMP = CpuState.SIZE + 112;

  static final int SAVED_RAX = CpuState.SIZE + 120;
  static final int SAVED_RDX = CpuState.SIZE + 128;
  static final int SAVED_RSI = CpuState.SIZE + 136;
  static final int SAVED_RDI = CpuState.SIZE + 144;

  /** The MXCSR that Java code expects. */
  static final int HOST_MXCSR = CpuState.SIZE + 152;

  static final int NOT_AC_MASK = CpuState.SIZE + 176;

  /** Mask of the offset in a page. */
  static final int OFFSET_MASK = CpuState.SIZE + 184;

  /** Host addresses of the ranges of {@link AccessGroups}, 8 bytes each. */
  static final int GROUPS = CpuState.SIZE + 208;

  /** An access across two pages: its exit code, the two parts' host addresses and sizes. */
  static final int CROSS_CODE = GROUPS + 64;

  static final int CROSS_HOST1 = CROSS_CODE + 8;
  static final int CROSS_HOST2 = CROSS_CODE + 16;
  static final int CROSS_SIZE1 = CROSS_CODE + 24;
  static final int CROSS_SIZE2 = CROSS_CODE + 32;

  /** CR4.TSD. */
  static final int TSD_MASK = CROSS_SIZE2 + 8;

  /** Where in {@link #BOUNCE} the operand is. */
  static final int BOUNCE_OFFSET = CpuState.SIZE + 200;

  /** The status flags (LAHF, SETO) while a string stub works. */
  static final int SAVED_FLAGS = CpuState.SIZE + 160;

  /** RIP of the string instruction whose stub works. */
  static final int CALLER = CpuState.SIZE + 168;

  /** Operand of instructions that run on a copy: MMIO, page-crossing, stores beside code. 64-byte aligned. */
  static final int BOUNCE = 2432;

  static final int BOUNCE_SIZE = 256;

  /** For each slot the identity of the code page that is mapped there, 4 bytes; supervisor's, then user's. */
  static final int EXEC_TLB = 4096;

  static final int EXEC_TLB_ENTRIES = 1024;

  /** Jump caches, one for each TLB index: host addresses by guest RIP bits. */
  static final int JUMP_CACHE = EXEC_TLB + 2 * 4 * EXEC_TLB_ENTRIES;

  static final int JUMP_CACHE_ENTRIES = 16384;

  /** The RIP bits that choose a slot: functions start at multiples of 16, return addresses anywhere. */
  private static final int JUMP_SHIFT = 2;

  /** Software TLBs, one for each TLB index: negated tags for reads, for writes, and host page addresses. */
  static final int TLB = JUMP_CACHE + 3 * 8 * JUMP_CACHE_ENTRIES;

  static final int TLB_ENTRIES = 16384;

  /** The arrays are skewed by some lines, or the three words of a slot would share an L1 set. */
  static final int TLB_ARRAY = 8 * TLB_ENTRIES + 320;

  static final int TLB_STRIDE = 4 * TLB_ARRAY;

  static final int SIZE = TLB + 3 * TLB_STRIDE;

  /** The block's alignment, from which the fault handler computes it. */
  static final long ALIGNMENT = 1 << 20;

  private static final int STACK = 512 << 10;

  private Context() {}

  /** Host register of guest register {@code number}, or -1. */
  static int host(int number) {
    return HOST_REGISTER[number];
  }

  static int tlbRead(int tlbIndex) {
    return TLB + tlbIndex * TLB_STRIDE;
  }

  static int tlbWrite(int tlbIndex) {
    return TLB + tlbIndex * TLB_STRIDE + TLB_ARRAY;
  }

  /** Host page addresses, of the pages for reads or of those for writes. */
  static int tlbHost(int tlbIndex, boolean write) {
    return TLB + tlbIndex * TLB_STRIDE + (write ? 3 : 2) * TLB_ARRAY;
  }

  /** Negated page addresses, for reads or for writes. */
  static int tlbTags(int tlbIndex, boolean write) {
    return write ? tlbWrite(tlbIndex) : tlbRead(tlbIndex);
  }

  /** Offset of the jump cache's slot for a target. */
  static long jumpSlot(int tlbIndex, long rip) {
    return jumpCache(tlbIndex) + 8L * ((int) (rip >>> JUMP_SHIFT) & JUMP_CACHE_ENTRIES - 1);
  }

  static int jumpCache(int tlbIndex) {
    return JUMP_CACHE + tlbIndex * 8 * JUMP_CACHE_ENTRIES;
  }

  /** Maps a block and fills in its constants. */
  static HostMapping allocate() {
    HostMapping mapping = HostMapping.anonymous(SIZE, STACK, ALIGNMENT);
    NativeMemory m = mapping.memory();
    m.putLong(CpuState.TLB_INDEX_MASK, (TLB_ENTRIES - 1L) << 12);
    m.putLong(CpuState.PAGE_MASK, -4096L);
    m.putLong(CpuState.JUMP_INDEX_MASK, (JUMP_CACHE_ENTRIES - 1L) << JUMP_SHIFT);
    m.putLong(NOT_IF_MASK, ~0x200L);
    m.putLong(NOT_DF_MASK, ~0x400L);
    m.putLong(OFFSET_MASK, 0xfff);
    m.putLong(TSD_MASK, 1 << 2);
    m.putLong(NOT_AC_MASK, ~0x4_0000L);
    m.putLong(STATUS_FLAGS_MASK, CpuState.STATUS_MASK);
    m.putLong(BIT_OFFSET_MASK_16, 15);
    m.putLong(BIT_OFFSET_MASK_32, 31);
    m.putLong(BIT_OFFSET_MASK_64, 63);
    m.putLong(CpuState.SYSTEM_FLAGS, 2);
    m.putLong(CpuState.FPU_IN_MEMORY, 1);
    m.putInt(HOST_MXCSR, 0x1f80);
    m.putShort(CpuState.XSAVE, 0x37f);
    m.putInt(CpuState.XSAVE + 24, 0x1f80);
    return mapping;
  }
}
