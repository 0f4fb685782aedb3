package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;

/**
 * Rights and reserved bits in the entries of every level and size of page, the accessed and dirty flags there, and the
 * TLB's rules (SDM vol. 3, 4.6 to 4.10).
 */
class PageRightsTest {
  private static final long P = GuestPages.PRESENT;
  private static final long RW = GuestPages.WRITABLE;
  private static final long US = GuestPages.USER;
  private static final long NX = GuestPages.NO_EXECUTE;
  private static final long FLAGS = GuestPages.ACCESSED | GuestPages.DIRTY;

  /** An address whose tables are its own on every level. */
  private static final long OWN = 0x5555_4000_0000L;

  private static final int FETCH = 0;
  private static final int READ = 1;
  private static final int WRITE = 2;

  private static Guest guest(Method method) {
    Guest g = new Guest(method);
    g.pages.map(OWN, Guest.USER_DATA, GuestPages.ALL);
    g.gpr(RBX, OWN + 0x10);
    // RET, for calls of the page
    g.ram.putByte(Guest.USER_DATA + 0x10, 0xc3);
    return g;
  }

  /** Does one access at {@link #OWN} by a ring and HLTs or faults; can be done again with the same guest. */
  private static void access(Guest g, boolean user, int kind) {
    GuestTables.ring(g.state, user ? 3 : 0);
    g.state.rip(start(user, kind));
    g.state.rflags(2);
    g.gpr(CpuState.RSP, user ? Guest.USER_STACK : Guest.KERNEL_STACK);
    Program program = g.at(start(user, kind));
    switch (kind) {
      case FETCH -> program.bytes(0xff, 0xd3);
      case READ -> program.bytes(0x48, 0x8b, 0x03);
      default -> program.bytes(0x48, 0x89, 0x03);
    }
    program.hlt();
    // The write stores a RET again.
    g.gpr(RAX, 0xc3);
    g.runToHalt();
  }

  private static long start(boolean user, int kind) {
    return (user ? Guest.USER : Guest.KERNEL) + 0x40 * kind;
  }

  private static void expect(Guest g, boolean user, int kind, long error, String what) {
    access(g, user, kind);
    if (error < 0) {
      int vector = GuestTables.vectorOf(g.state.rip());
      assertThat(vector).as(what).isEqualTo(user ? 13 : -1);
      return;
    }
    assertThat(g.fault())
        .as(what)
        .isEqualTo(Guest.Fault.of(14, error, kind == FETCH ? OWN + 0x10 : start(user, kind), g));
    assertThat(g.state.get(CpuState.CR2)).as(what).isEqualTo(OWN + 0x10);
  }

  /** A right is there if the entries of all levels give it, whichever of them takes it away. */
  @ForEachMethod
  void rightsOfAllLevels(Method method) {
    for (int level = 1; level <= 4; level++) {
      for (int ring = 0; ring < 2; ring++) {
        boolean user = ring == 1;
        long u = user ? 4 : 0;
        long[][] cases = {
          // bits that the entry has not, or NX; error codes of fetch, read, write; -1: none
          {0, -1, -1, -1},
          {P, 0x10 | u, u, 2 | u},
          {RW, -1, -1, 3 | u},
          {US, user ? 0x15 : -1, user ? 5 : -1, user ? 7 : -1},
          {NX, 0x11 | u, -1, -1},
        };
        for (long[] c : cases) {
          try (Guest g = guest(method)) {
            long entry = g.pages.entry(OWN, level);
            g.ram.putLong(entry, g.ram.getLong(entry) ^ c[0]);
            for (int kind = FETCH; kind <= WRITE; kind++) {
              String what =
                  "level %d, entry 0x%x, ring %d, access %d"
                      .formatted(level, g.ram.getLong(entry), user ? 3 : 0, kind);
              expect(g, user, kind, c[1 + kind], what);
            }
          }
        }
      }
    }
  }

  /** The same for large pages of both sizes. */
  @ForEachMethod
  void rightsOfLargePages(Method method) {
    for (int level = 2; level <= largest(method); level++) {
      for (long changed : new long[] {0, P, RW, US, NX}) {
        try (Guest g = guest(method)) {
          large(g, level, (GuestPages.ALL | GuestPages.LARGE) ^ changed);
          for (int kind = FETCH; kind <= WRITE; kind++) {
            long error = -1;
            if (changed == P) {
              error = kind == FETCH ? 0x14 : kind == READ ? 4 : 6;
            } else if (changed == US) {
              error = kind == FETCH ? 0x15 : kind == READ ? 5 : 7;
            } else if (changed == RW && kind == WRITE) {
              error = 7;
            } else if (changed == NX && kind == FETCH) {
              error = 0x15;
            }
            expect(
                g, true, kind, error, "level %d, 0x%x, access %d".formatted(level, changed, kind));
          }
        }
      }
    }
  }

  /** The highest level that can map a page: 3 if CPUID shows pages of 1 GiB. */
  private static int largest(Method method) {
    try (Guest g = new Guest(method)) {
      return (g.cpuid(0x8000_0001, 0)[3] & 1 << 26) != 0 ? 3 : 2;
    }
  }

  /** Maps RAM's start by a large page of a level; OWN is then USER_DATA's offset in it. */
  private static void large(Guest g, int level, long flags) {
    g.ram.putLong(g.pages.entry(OWN, level), flags);
    // gpa 10h is in a page that nothing else uses.
    g.ram.putByte(0x10, 0xc3);
  }

  /** A bit that must be zero is set: RSVD in the error code, whatever is accessed. */
  @ForEachMethod
  void reservedBits(Method method) {
    try (Guest g = guest(method)) {
      g.needs(Need.RESERVED_BITS);
      int width = g.cpuid(0x8000_0008, 0)[0] & 0xff;
      for (int level = 1; level <= 4; level++) {
        // Bits up to 51 that no address has
        for (int bit = width; bit < 52; bit += 3) {
          reserved(method, level, 1L << bit, false);
        }
      }
      reserved(method, 4, GuestPages.LARGE, false);
      reserved(method, 2, GuestPages.LARGE | 1 << 13, true);
      reserved(method, 2, GuestPages.LARGE | 1 << 20, true);
      if ((g.cpuid(0x8000_0001, 0)[3] & 1 << 26) != 0) {
        reserved(method, 3, GuestPages.LARGE | 1 << 13, true);
        reserved(method, 3, GuestPages.LARGE | 1 << 29, true);
      } else {
        reserved(method, 3, GuestPages.LARGE, false);
      }
    }
  }

  private static void reserved(Method method, int level, long bits, boolean large) {
    try (Guest g = guest(method)) {
      long entry = g.pages.entry(OWN, level);
      g.ram.putLong(entry, large ? GuestPages.ALL | bits : g.ram.getLong(entry) | bits);
      for (int kind = FETCH; kind <= WRITE; kind++) {
        int error = 0xd | (kind == FETCH ? 0x10 : kind == WRITE ? 2 : 0);
        expect(g, true, kind, error, "level %d, bits 0x%x, access %d".formatted(level, bits, kind));
      }
    }
  }

  /** The accessed flag of each level by any access, the dirty flag of the last by a write. */
  @ForEachMethod
  void accessedAndDirty(Method method) {
    for (int last = 1; last <= largest(method); last++) {
      for (int kind = FETCH; kind <= WRITE; kind++) {
        for (boolean user : new boolean[] {false, true}) {
          try (Guest g = guest(method)) {
            if (last > 1) {
              large(g, last, GuestPages.ALL | GuestPages.LARGE);
            }
            for (int level = last; level <= 4; level++) {
              long entry = g.pages.entry(OWN, level);
              g.ram.putLong(entry, g.ram.getLong(entry) & ~FLAGS);
            }
            expect(g, user, kind, -1, "access");
            for (int level = last; level <= 4; level++) {
              long flags = GuestPages.ACCESSED;
              if (level == last && kind == WRITE) {
                flags |= GuestPages.DIRTY;
              }
              assertThat(g.ram.getLong(g.pages.entry(OWN, level)) & FLAGS)
                  .as("level %d of %d, access %d", level, last, kind)
                  .isEqualTo(flags);
            }
          }
        }
      }
    }
  }

  /** A write that the rights refuse does not make the page dirty. */
  @ForEachMethod
  void refusedWriteIsNotDirty(Method method) {
    try (Guest g = guest(method)) {
      long entry = g.pages.entry(OWN);
      g.ram.putLong(entry, g.ram.getLong(entry) & ~FLAGS & ~RW);
      expect(g, true, WRITE, 7, "write");
      assertThat(g.ram.getLong(entry) & GuestPages.DIRTY).isZero();
    }
  }

  /** CR0.WP clear: ring 0 may write to any page that is there, ring 3 as before. */
  @ForEachMethod
  void writeProtectionOff(Method method) {
    for (int level = 1; level <= 4; level++) {
      for (boolean user : new boolean[] {false, true}) {
        try (Guest g = guest(method)) {
          long entry = g.pages.entry(OWN, level);
          g.ram.putLong(entry, g.ram.getLong(entry) & ~RW);
          g.state.set(CpuState.CR0, GuestTables.CR0 & ~0x1_0000L);
          expect(g, user, WRITE, user ? 7 : -1, "level %d, user %b".formatted(level, user));
        }
      }
    }
  }

  /** SMEP and SMAP against user pages and supervisor ones; ring 3 is not concerned. */
  @ForEachMethod
  void supervisorModePrevention(Method method) {
    try (Guest g = guest(method)) {
      g.needsFeature("SMEP", 7, 0, 1, 7);
      g.needsFeature("SMAP", 7, 0, 1, 20);
    }
    for (int bit : new int[] {20, 21}) {
      for (boolean userPage : new boolean[] {false, true}) {
        try (Guest g = guest(method)) {
          long entry = g.pages.entry(OWN);
          g.ram.putLong(entry, userPage ? g.ram.getLong(entry) : g.ram.getLong(entry) & ~US);
          g.state.set(CpuState.CR4, GuestTables.CR4 | 1 << bit);
          for (int kind = FETCH; kind <= WRITE; kind++) {
            boolean refused = userPage && (bit == 20) == (kind == FETCH);
            long error = !refused ? -1 : kind == FETCH ? 0x11 : kind == WRITE ? 3 : 1;
            expect(g, false, kind, error, "CR4 bit %d, access %d".formatted(bit, kind));
          }
        }
      }
      try (Guest g = guest(method)) {
        g.state.set(CpuState.CR4, GuestTables.CR4 | 1 << bit);
        expect(g, true, bit == 20 ? FETCH : WRITE, -1, "ring 3");
      }
    }
  }

  /** RFLAGS.AC lifts SMAP for the kernel's own accesses; at CPL 3 it means something else. */
  @ForEachMethod
  void accessRightsOverride(Method method) {
    try (Guest g = guest(method)) {
      g.needs(Need.STAC);
      g.needsFeature("SMAP", 7, 0, 1, 20);
      g.state.set(CpuState.CR4, GuestTables.CR4 | 1 << 21);
      // By POPF, and by STAC; CLAC ends it.
      Program p = g.kernel().push(0x4_0002).popf().bytes(0x48, 0x89, 0x03).bytes(0x0f, 0x01, 0xca);
      p.bytes(0x0f, 0x01, 0xcb, 0x48, 0x8b, 0x03, 0x0f, 0x01, 0xca);
      long rip = p.here();
      p.bytes(0x48, 0x8b, 0x03);
      g.expectPageFault(1, OWN + 0x10, rip);
    }
  }

  /** The TLB holds no entries that are not present: mapping a page needs no INVLPG. */
  @ForEachMethod
  void mappedAfterAFault(Method method) {
    try (Guest g = guest(method)) {
      long entry = g.pages.entry(OWN);
      g.ram.putLong(entry, 0);
      g.ram.putLong(Guest.USER_DATA + 0x10, 0x77);
      // The handler writes the entry and returns to the access.
      g.handler(14, Guest.KERNEL + 0x400)
          .mov(RCX, Guest.USER_DATA | GuestPages.ALL)
          .store(entry, RCX)
          .bytes(0x48, 0x83, 0xc4, 0x08)
          .iretq();
      g.kernel().bytes(0x48, 0x8b, 0x03).hlt();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0x77);
      assertThat(g.state.rip()).isEqualTo(Guest.KERNEL + 4);
    }
  }

  /** The handler makes a read-only page writable: the store goes through, with or without INVLPG. */
  @ForEachMethod
  void copyOnWrite(Method method) {
    try (Guest g = guest(method)) {
      long entry = g.pages.entry(OWN);
      g.ram.putLong(entry, g.ram.getLong(entry) & ~RW);
      g.handler(14, Guest.KERNEL + 0x400)
          .mov(RCX, Guest.USER_DATA + 0x1000 | GuestPages.ALL)
          .store(entry, RCX)
          .bytes(0x0f, 0x01, 0x3b, 0x48, 0x83, 0xc4, 0x08)
          .iretq();
      g.gpr(RAX, 0x99);
      // A read first, so that the translation is in the TLB.
      g.user().bytes(0x48, 0x8b, 0x0b, 0x48, 0x89, 0x03).hlt();
      g.startInUserMode();
      g.runToHalt();
      assertThat(g.fault().vector()).isEqualTo(13);
      assertThat(g.ram.getLong(Guest.USER_DATA + 0x1010)).isEqualTo(0x99);
      assertThat(g.ram.getByte(Guest.USER_DATA + 0x10)).isEqualTo(0xc3);
    }
  }

  /** INVLPG of a large page by any address in it, and of an address that is not canonical. */
  @ForEachMethod
  void invlpg(Method method) {
    try (Guest g = guest(method)) {
      long entry = g.pages.entry(OWN, 2);
      g.ram.putLong(entry, GuestPages.ALL | GuestPages.LARGE);
      g.ram.putLong(Guest.KERNEL_DATA, 1);
      g.ram.putLong(0x20_0000L + Guest.KERNEL_DATA, 2);
      g.gpr(RBX, OWN + Guest.KERNEL_DATA);
      g.gpr(CpuState.RSI, OWN + 0x1f_f123);
      g.gpr(CpuState.RDI, 0x1234_5678_9abc_def0L);
      // MOV RAX,[RBX]; change; INVLPG [RSI]; INVLPG [RDI]; MOV RCX,[RBX]
      g.kernel()
          .bytes(0x48, 0x8b, 0x03)
          .mov(RCX, 0x20_0000 | GuestPages.ALL | GuestPages.LARGE)
          .store(entry, RCX)
          .bytes(0x0f, 0x01, 0x3e, 0x0f, 0x01, 0x3f)
          .bytes(0x48, 0x8b, 0x0b)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isOne();
      assertThat(g.gpr(RCX)).isEqualTo(2);
    }
  }

  /** INVPCID: each type makes a change visible that concerns it, and bad operands are #GP. */
  @ForEachMethod
  void invpcid(Method method) {
    try (Guest g = guest(method)) {
      g.needsFeature("INVPCID", 7, 0, 1, 10);
    }
    long descriptor = Guest.KERNEL_DATA + 0x100;
    for (int type = 0; type < 4; type++) {
      try (Guest g = guest(method)) {
        g.ram.putLong(Guest.USER_DATA + 0x1010, 0x5678);
        g.ram.putLong(descriptor + 8, OWN);
        g.gpr(CpuState.RSI, descriptor);
        g.gpr(CpuState.RDI, type);
        g.kernel()
            .bytes(0x48, 0x8b, 0x03)
            .mov(RCX, Guest.USER_DATA + 0x1000 | GuestPages.ALL)
            .store(g.pages.entry(OWN), RCX)
            .bytes(0x66, 0x0f, 0x38, 0x82, 0x3e)
            .bytes(0x48, 0x8b, 0x0b)
            .hlt();
        g.runToHalt();
        assertThat(g.gpr(RAX)).isEqualTo(0xc3);
        assertThat(g.gpr(RCX)).as("type %d", type).isEqualTo(0x5678);
      }
    }
    // A type that is not; reserved bits; a PCID where CR4.PCIDE is clear; an address that is not
    // canonical
    long[][] bad = {{4, 0, 0}, {0, 0x1000, 0}, {1, 5, 0}, {0, 0, 0x8000_0000_0000L}};
    for (long[] b : bad) {
      try (Guest g = guest(method)) {
        g.ram.putLong(descriptor, b[1]);
        g.ram.putLong(descriptor + 8, b[2]);
        g.gpr(CpuState.RSI, descriptor);
        g.gpr(CpuState.RDI, b[0]);
        g.kernel().bytes(0x66, 0x0f, 0x38, 0x82, 0x3e);
        g.expectFault(13, 0, Guest.KERNEL);
      }
    }
  }

  /** An operand across the end of the canonical addresses, and one across two pages of which the first is absent. */
  @ForEachMethod
  void acrossBorders(Method method) {
    try (Guest g = guest(method)) {
      g.needs(Need.CANONICAL_BORDER);
      g.pages.map(0x7fff_ffff_f000L, Guest.USER_DATA, GuestPages.ALL);
      g.gpr(RBX, 0x7fff_ffff_fffcL);
      g.kernel().bytes(0x8b, 0x03).bytes(0x48, 0x8b, 0x03);
      g.expectFault(13, 0, Guest.KERNEL + 2);
    }
    try (Guest g = guest(method)) {
      g.pages.map(OWN + 0x1000, Guest.USER_DATA + 0x1000, GuestPages.ALL);
      g.pages.map(OWN, 0, 0);
      g.gpr(RBX, OWN + 0xffe);
      g.kernel().bytes(0x8b, 0x03);
      g.expectPageFault(0, OWN + 0xffe, Guest.KERNEL);
    }
  }

  /** PCIDE can be set only while CR3's PCID is 0, and cleared always; MOV to CR3 needs bit 63's meaning from it. */
  @ForEachMethod
  void processContextIdentifiers(Method method) {
    try (Guest g = guest(method)) {
      g.needsFeature("PCID", 1, 0, 2, 17);
      g.state.set(CpuState.CR3, GuestTables.PML4 | 0x10);
      Program p = g.kernel().mov(RAX, GuestTables.CR4 | 1 << 17);
      long rip = p.here();
      p.bytes(0x0f, 0x22, 0xe0);
      g.expectFault(13, 0, rip);
    }
    try (Guest g = guest(method)) {
      g.kernel()
          .control(4, GuestTables.CR4 | 1 << 17)
          .control(3, GuestTables.PML4 | 0x123 | 1L << 63)
          .bytes(0x0f, 0x20, 0xdb)
          .control(4, GuestTables.CR4)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RBX)).isEqualTo(GuestTables.PML4 | 0x123);
    }
  }
}
