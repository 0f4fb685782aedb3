package io.ringside.bt;

import io.ringside.host.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;

/**
 * All units: found by identity of the page, RIP and mode, and by page of RAM, for when that is written to. Of each page
 * with code, the 64-byte pieces that hold some are known, so that data beside code can be written without harm.
 */
final class Units {
  private final TranslationCache cache;
  private final LinkSlots slots;
  private final NativeMemory context;
  private final Stubs stubs;

  private Unit[] table = new Unit[1 << 14];
  private int used;

  /** Units in the order of their code, for the way back from a host address. */
  private Unit[] byAddress = new Unit[1 << 12];

  private int count;

  private final Unit[][] pageHead;
  private final long[][] pagePieces;
  private final ArrayList<Unit> spanning = new ArrayList<>();
  private long drops;
  private int generation;

  Units(TranslationCache cache, LinkSlots slots, NativeMemory context, Stubs stubs, long ramEnd) {
    this.cache = cache;
    this.slots = slots;
    this.context = context;
    this.stubs = stubs;
    int regions = (int) (ramEnd + (1 << 22) - 1 >>> 22);
    pageHead = new Unit[regions][];
    pagePieces = new long[regions][];
    emptyJumpCache();
  }

  private static int hash(int pageId, long rip, int mode) {
    int h = (int) rip * 0x9e3779b1 ^ pageId * 0x85ebca6b ^ mode * 0x27d4eb2f;
    return h ^ h >>> 15;
  }

  /** The unit at {@code rip} in the page with that identity, or null. */
  Unit find(int pageId, long rip, int mode) {
    int mask = table.length - 1;
    int at = hash(pageId, rip, mode) & mask;
    while (true) {
      Unit u = table[at];
      if (u == null) {
        return null;
      }
      if (u.rip == rip && u.pageId == pageId && u.mode == mode && !u.dropped) {
        return u;
      }
      at = at + 1 & mask;
    }
  }

  /** Adds a unit; true if its first or second page had no code before. */
  boolean add(Unit unit) {
    if (used * 2 > table.length) {
      rehash();
    }
    insert(unit);
    if (count == byAddress.length) {
      byAddress = Arrays.copyOf(byAddress, count * 2);
    }
    byAddress[count++] = unit;
    boolean fresh = !isCode(unit.page);
    Unit[] heads = heads(unit.page);
    unit.nextInPage = heads[(int) unit.page & 1023];
    heads[(int) unit.page & 1023] = unit;
    int first = (int) unit.rip & 0xfff;
    markPieces(unit.page, first, Math.min(4095, first + unit.length - 1));
    if (unit.spansPages()) {
      spanning.add(unit);
      fresh |= !isCode(unit.secondPage);
      markPieces(unit.secondPage, 0, 15);
    }
    return fresh;
  }

  private void insert(Unit unit) {
    int mask = table.length - 1;
    int at = hash(unit.pageId, unit.rip, unit.mode) & mask;
    while (table[at] != null) {
      at = at + 1 & mask;
    }
    table[at] = unit;
    used++;
  }

  private void rehash() {
    Unit[] old = table;
    int live = 0;
    for (Unit u : old) {
      if (u != null && !u.dropped) {
        live++;
      }
    }
    int size = old.length;
    while (live * 4 > size) {
      size *= 2;
    }
    table = new Unit[size];
    used = 0;
    for (Unit u : old) {
      if (u != null && !u.dropped) {
        insert(u);
      }
    }
  }

  private Unit[] heads(long page) {
    int region = (int) (page >>> 10);
    if (pageHead[region] == null) {
      pageHead[region] = new Unit[1024];
      pagePieces[region] = new long[1024];
    }
    return pageHead[region];
  }

  private void markPieces(long page, int first, int last) {
    heads(page);
    pagePieces[(int) (page >>> 10)][(int) page & 1023] |= pieces(first, last);
  }

  private static long pieces(int first, int last) {
    int from = first >> 6;
    int to = last >> 6;
    return (-1L >>> 63 - (to - from)) << from;
  }

  /** Whether units were made from this page of RAM. */
  boolean isCode(long page) {
    long[] region = pagePieces[(int) (page >>> 10)];
    return region != null && region[(int) page & 1023] != 0;
  }

  /** Whether bytes {@code first} to {@code last} of a page touch a piece with code. */
  boolean touchesCode(long page, int first, int last) {
    long[] region = pagePieces[(int) (page >>> 10)];
    return region != null && (region[(int) page & 1023] & pieces(first, last)) != 0;
  }

  /** Drops all units of a page: its contents change. */
  void dropPage(long page) {
    int region = (int) (page >>> 10);
    if (pageHead[region] == null) {
      return;
    }
    int index = (int) page & 1023;
    for (Unit u = pageHead[region][index]; u != null; u = u.nextInPage) {
      drop(u);
    }
    pageHead[region][index] = null;
    pagePieces[region][index] = 0;
    // Instructions that begin in another page and reach into this one.
    for (int n = spanning.size() - 1; n >= 0; n--) {
      Unit u = spanning.get(n);
      if (u.secondPage == page) {
        drop(u);
      }
      if (u.dropped) {
        spanning.set(n, spanning.getLast());
        spanning.removeLast();
      }
    }
  }

  /** Makes a unit one that is not found or jumped to any more. */
  void drop(Unit u) {
    if (u.dropped) {
      return;
    }
    drops++;
    u.dropped = true;
    slots.unlinkAll(u, cache);
    long entry = Context.jumpSlot(Mode.tlb(u.mode), u.rip);
    if (context.getLong(entry) == cache.address(u.indirectEntry)) {
      context.putLong(entry, stubs.exitIndirect);
    }
  }

  /** Makes indirect branches to the unit find it. */
  void cacheJump(Unit u) {
    long entry = Context.jumpSlot(Mode.tlb(u.mode), u.rip);
    context.putLong(entry, cache.address(u.indirectEntry));
  }

  /** Makes all indirect branches look their target up again. */
  void emptyJumpCache() {
    for (int n = 0; n < 3 * Context.JUMP_CACHE_ENTRIES; n++) {
      context.putLong(Context.JUMP_CACHE + 8L * n, stubs.exitIndirect);
    }
  }

  /** The unit whose code is at a cache offset, or null. Dropped units count: they may still be running. */
  Unit at(int offset) {
    int low = 0;
    int high = count - 1;
    while (low <= high) {
      int middle = low + high >>> 1;
      Unit u = byAddress[middle];
      if (offset < u.start) {
        high = middle - 1;
      } else if (offset >= u.end) {
        low = middle + 1;
      } else {
        return u;
      }
    }
    return null;
  }

  /** How often everything has been forgotten: link slots are good for one generation. */
  int generation() {
    return generation;
  }

  /** How many units there are, dropped ones with them. */
  int count() {
    return count;
  }

  long drops() {
    return drops;
  }

  /** Forgets everything. */
  void clear() {
    // Pages are not watched any more: whoever trusts a page's contents must look again.
    drops++;
    generation++;
    Arrays.fill(table, null);
    Arrays.fill(byAddress, 0, count, null);
    used = 0;
    count = 0;
    spanning.clear();
    Arrays.fill(pageHead, null);
    Arrays.fill(pagePieces, null);
    slots.clear();
    cache.clear();
    emptyJumpCache();
  }
}
