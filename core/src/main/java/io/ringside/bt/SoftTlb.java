package io.ringside.bt;

import io.ringside.host.NativeMemory;
import java.util.Arrays;

/**
 * The software TLB's contents: three direct-mapped tables in the context block, one for each way of accessing memory
 * (see {@link Mode}), each with negated page addresses for reads and for writes and the host's page addresses. A slot
 * without a page holds an address that no access with that slot's index bits can match.
 */
final class SoftTlb {
  private static final int ENTRIES = Context.TLB_ENTRIES;
  private static final int ALL = 3 * ENTRIES;
  private static final long NOTHING = -0x4000_0000_0000_0000L;

  private final NativeMemory context;
  private final long ramAddress;

  /** Which slots hold a page that is not global, and a list of them. */
  private final boolean[] local = new boolean[ALL];

  private final int[] locals = new int[ALL];
  private int localCount;

  /** Whether pages of the 2 MiB or 1 GiB around may have been put in from one larger page, by hash. */
  private final boolean[] large = new boolean[1024];

  long fills;

  SoftTlb(NativeMemory context, long ramAddress) {
    this.context = context;
    this.ramAddress = ramAddress;
    flushAll();
  }

  private static int slot(long gva) {
    return (int) (gva >>> 12) & ENTRIES - 1;
  }

  private static int hash(long region) {
    return (int) (region ^ region >>> 10) & 1023;
  }

  /**
   * Puts in one 4 KiB page.
   *
   * @param pageShift log2 of the size of the guest's page
   */
  void fill(int tlb, long gva, long gpa, boolean writable, boolean global, int pageShift) {
    fills++;
    int slot = slot(gva);
    long tag = -(gva & -4096);
    context.putLong(Context.tlbRead(tlb) + 8L * slot, tag);
    context.putLong(Context.tlbWrite(tlb) + 8L * slot, writable ? tag : nothing(slot));
    context.putLong(Context.tlbHost(tlb) + 8L * slot, ramAddress + (gpa & -4096));
    int index = tlb * ENTRIES + slot;
    if (!global && !local[index]) {
      local[index] = true;
      locals[localCount++] = index;
    }
    if (pageShift != 12) {
      large[hash(gva >>> 21)] = true;
      if (pageShift == 30) {
        large[hash(~(gva >>> 30))] = true;
      }
    }
  }

  private static long nothing(int slot) {
    return slot == 0 ? NOTHING - 4096 : NOTHING;
  }

  private void clear(int tlb, int slot) {
    context.putLong(Context.tlbRead(tlb) + 8L * slot, nothing(slot));
    context.putLong(Context.tlbWrite(tlb) + 8L * slot, nothing(slot));
  }

  void flushAll() {
    for (int tlb = 0; tlb < 3; tlb++) {
      for (int slot = 0; slot < ENTRIES; slot++) {
        clear(tlb, slot);
      }
    }
    Arrays.fill(local, false);
    Arrays.fill(large, false);
    localCount = 0;
  }

  void flushNonGlobal() {
    for (int n = 0; n < localCount; n++) {
      int index = locals[n];
      local[index] = false;
      clear(index / ENTRIES, index & ENTRIES - 1);
    }
    localCount = 0;
  }

  /** Takes out the page at {@code gva}, and all around it that may be parts of one larger page. */
  void invalidate(long gva) {
    if (large[hash(~(gva >>> 30))]) {
      flushAll();
      return;
    }
    boolean wide = large[hash(gva >>> 21)];
    int first = wide ? slot(gva) & -512 : slot(gva);
    int count = wide ? 512 : 1;
    long region = gva >> (wide ? 21 : 12);
    for (int tlb = 0; tlb < 3; tlb++) {
      for (int slot = first; slot < first + count; slot++) {
        if (-context.getLong(Context.tlbRead(tlb) + 8L * slot) >> (wide ? 21 : 12) == region) {
          clear(tlb, slot);
        }
      }
    }
  }

  /** Makes stores to a page of RAM miss from now on. */
  void revokeWrites(long page) {
    long host = ramAddress + (page << 12);
    for (int tlb = 0; tlb < 3; tlb++) {
      for (int slot = 0; slot < ENTRIES; slot++) {
        if (context.getLong(Context.tlbHost(tlb) + 8L * slot) == host) {
          context.putLong(Context.tlbWrite(tlb) + 8L * slot, nothing(slot));
        }
      }
    }
  }
}
