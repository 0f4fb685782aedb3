package io.ringside.bt;

import io.ringside.host.NativeMemory;
import java.util.Arrays;

/**
 * The software TLB's contents: three pairs of direct-mapped tables in the context block, a pair for each way of
 * accessing memory (see {@link Mode}), of which one is for reads and one for writes, so that copying between two
 * addresses that share a slot does no harm. A slot has the negated page address and the host's page address; one
 * without a page holds an address that no access with that slot's index bits can match.
 */
final class SoftTlb {
  private static final int ENTRIES = Context.TLB_ENTRIES;
  private static final int ALL = 3 * ENTRIES;

  /** One byte again and again, so that a table is emptied by filling memory. */
  private static final int EMPTY_BYTE = 0x80;

  private static final long EMPTY = 0x8080_8080_8080_8080L;

  /** For the slots that addresses near minus {@link #EMPTY} belong to. */
  private static final long EMPTY_THERE = 0x4040_4040_4040_4040L;

  private static final int SPECIAL_SLOT = slot(-EMPTY);

  private static final char ANYWHERE = 0xffff;

  private final NativeMemory context;
  private final long ramAddress;

  /** Which slots hold a page that is not global, and a list of them. */
  private final boolean[] local = new boolean[ALL];

  private final int[] locals = new int[ALL];
  private int localCount;

  /** Which slots hold or held a global page since all were emptied, and a list of them. */
  private final boolean[] shared = new boolean[ALL];

  private final int[] shareds = new int[ALL];
  private int sharedCount;

  /** Whether pages of the 2 MiB or 1 GiB around may have been put in from one larger page, by hash. */
  private final boolean[] large = new boolean[1024];

  /**
   * For each page of RAM where stores to it may hit: 0 nowhere, n + 1 at most in slot n of the tables taken as one, or
   * {@link #ANYWHERE}. Without it, each page of which code is translated would cost a search through all slots.
   */
  private final char[] writableAt;

  long fills;

  SoftTlb(NativeMemory context, long ramAddress, long ramEnd) {
    this.context = context;
    this.ramAddress = ramAddress;
    this.writableAt = new char[(int) (ramEnd >>> 12)];
    emptyAll();
  }

  private static int slot(long gva) {
    return (int) (gva >>> 12) & ENTRIES - 1;
  }

  private static int hash(long region) {
    return (int) (region ^ region >>> 10) & 1023;
  }

  /**
   * Puts in one 4 KiB page, for the access that missed and, where that drives out nothing, for the other kind too.
   *
   * @param write the access was a store; then {@code writable} is true
   * @param pageShift log2 of the size of the guest's page
   */
  void fill(
      int tlb, long gva, long gpa, boolean write, boolean writable, boolean global, int pageShift) {
    fills++;
    int slot = slot(gva);
    long tag = -(gva & -4096);
    long hostPage = ramAddress + (gpa & -4096);
    int index = tlb * ENTRIES + slot;
    long readTag = context.getLong(Context.tlbRead(tlb) + 8L * slot);
    if (!write || readTag == tag || readTag == nothing(slot)) {
      context.putLong(Context.tlbRead(tlb) + 8L * slot, tag);
      context.putLong(Context.tlbHost(tlb, false) + 8L * slot, hostPage);
    }
    long writeTag = context.getLong(Context.tlbWrite(tlb) + 8L * slot);
    if (write || writeTag == tag || writeTag == nothing(slot)) {
      context.putLong(Context.tlbWrite(tlb) + 8L * slot, writable ? tag : nothing(slot));
      context.putLong(Context.tlbHost(tlb, true) + 8L * slot, hostPage);
      if (writable) {
        rememberWritable((int) (gpa >>> 12), index);
      }
    }
    if (global) {
      if (!shared[index]) {
        shared[index] = true;
        shareds[sharedCount++] = index;
      }
    } else if (!local[index]) {
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

  private void rememberWritable(int page, int index) {
    int before = writableAt[page];
    boolean only =
        before == 0 || before == index + 1 || before != ANYWHERE && !isWritable(before - 1, page);
    writableAt[page] = only ? (char) (index + 1) : ANYWHERE;
  }

  private static long nothing(int slot) {
    return slot == SPECIAL_SLOT || slot == SPECIAL_SLOT + 1 ? EMPTY_THERE : EMPTY;
  }

  private void clear(int tlb, int slot) {
    context.putLong(Context.tlbRead(tlb) + 8L * slot, nothing(slot));
    context.putLong(Context.tlbWrite(tlb) + 8L * slot, nothing(slot));
  }

  void flushAll() {
    flushNonGlobal();
    for (int n = 0; n < sharedCount; n++) {
      int index = shareds[n];
      shared[index] = false;
      clear(index / ENTRIES, index & ENTRIES - 1);
    }
    sharedCount = 0;
    Arrays.fill(large, false);
  }

  private void emptyAll() {
    for (int tlb = 0; tlb < 3; tlb++) {
      context.fill(Context.tlbRead(tlb), 8L * ENTRIES, EMPTY_BYTE);
      context.fill(Context.tlbWrite(tlb), 8L * ENTRIES, EMPTY_BYTE);
      clear(tlb, SPECIAL_SLOT);
      clear(tlb, SPECIAL_SLOT + 1);
    }
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
          context.putLong(Context.tlbRead(tlb) + 8L * slot, nothing(slot));
        }
        if (-context.getLong(Context.tlbWrite(tlb) + 8L * slot) >> (wide ? 21 : 12) == region) {
          context.putLong(Context.tlbWrite(tlb) + 8L * slot, nothing(slot));
        }
      }
    }
  }

  /** Makes stores to a page of RAM miss from now on. */
  void revokeWrites(long page) {
    int at = writableAt[(int) page];
    writableAt[(int) page] = 0;
    if (at == ANYWHERE) {
      for (int index = 0; index < ALL; index++) {
        revoke(index, page);
      }
    } else if (at != 0) {
      revoke(at - 1, page);
    }
  }

  private void revoke(int index, long page) {
    if (holds(index, page)) {
      int slot = index & ENTRIES - 1;
      context.putLong(Context.tlbWrite(index / ENTRIES) + 8L * slot, nothing(slot));
    }
  }

  /** Whether the slot for writes is or was, before it was emptied, that page's. */
  private boolean holds(int index, long page) {
    int slot = index & ENTRIES - 1;
    return context.getLong(Context.tlbHost(index / ENTRIES, true) + 8L * slot)
        == ramAddress + (page << 12);
  }

  private boolean isWritable(int index, long page) {
    int slot = index & ENTRIES - 1;
    return holds(index, page)
        && context.getLong(Context.tlbWrite(index / ENTRIES) + 8L * slot) != nothing(slot);
  }
}
