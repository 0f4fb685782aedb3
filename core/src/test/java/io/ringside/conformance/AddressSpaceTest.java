package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDI;
import static io.ringside.cpu.CpuState.RSI;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;

/** Two address spaces with other code and data at the same addresses, between which a kernel switches. */
class AddressSpaceTest {
  private static final long SECOND_PML4 = 0xb_0000;
  private static final int ROUNDS = 300;
  private static final long FLAGS = GuestPages.ALL & ~GuestPages.USER;

  /** Copies the tables on the way to {@link Guest#FREE}, so that the page table there is the second space's own. */
  private static void secondSpace(Guest g) {
    g.pages.entry(Guest.FREE);
    copy(g, GuestTables.PML4, SECOND_PML4);
    long from = table(g, GuestTables.PML4, Guest.FREE >>> 39 & 511);
    link(g, SECOND_PML4, Guest.FREE >>> 39 & 511, SECOND_PML4 + 0x1000);
    copy(g, from, SECOND_PML4 + 0x1000);
    from = table(g, from, Guest.FREE >>> 30 & 511);
    link(g, SECOND_PML4 + 0x1000, Guest.FREE >>> 30 & 511, SECOND_PML4 + 0x2000);
    copy(g, from, SECOND_PML4 + 0x2000);
    link(g, SECOND_PML4 + 0x2000, Guest.FREE >>> 21 & 511, SECOND_PML4 + 0x3000);
  }

  private static void copy(Guest g, long from, long to) {
    for (int n = 0; n < 4096; n += 8) {
      g.ram.putLong(to + n, g.ram.getLong(from + n));
    }
  }

  private static long table(Guest g, long table, long index) {
    return g.ram.getLong(table + 8 * index) & -4096;
  }

  private static void link(Guest g, long table, long index, long to) {
    g.ram.putLong(table + 8 * index, to | GuestPages.ALL);
  }

  /** Maps page {@code number} from FREE on to {@code first} in the first space and {@code second} in the second. */
  private static void map(Guest g, int number, long first, long second, long flags) {
    g.pages.map(Guest.FREE + 4096L * number, first, flags);
    g.ram.putLong(SECOND_PML4 + 0x3000 + 8 * number, second | flags);
  }

  /** Kernel loop: both spaces in turn, a call of FREE in each, RSI and RDI being the PML4s. */
  private static void loop(Guest g) {
    g.gpr(RSI, GuestTables.PML4);
    g.gpr(RDI, SECOND_PML4);
    Program k = g.kernel().mov(RCX, ROUNDS).mov(RAX, 0).mov(RBX, Guest.FREE);
    long top = k.here();
    // MOV CR3,RSI; CALL RBX; MOV CR3,RDI; CALL RBX; DEC ECX; JNZ
    k.bytes(0x0f, 0x22, 0xde, 0xff, 0xd3, 0x0f, 0x22, 0xdf, 0xff, 0xd3, 0xff, 0xc9);
    k.bytes(0x75, (int) (top - (k.here() + 2))).hlt();
  }

  /** A direct jump into the next page, which differs; the carry flag is alive across it. */
  @ForEachMethod
  void jumpIntoAPageThatDiffers(Method method) {
    try (Guest g = new Guest(method)) {
      secondSpace(g);
      map(g, 0, 0xc_0000, 0xc_0000, FLAGS | GuestPages.GLOBAL);
      map(g, 1, 0xc_1000, 0xc_2000, FLAGS);
      g.at(0xc_0000).bytes(0xf9).jmp(0xc_1000);
      // The carry flag is used in one and dead in the other.
      g.at(0xc_1000).bytes(0x83, 0xd0, 0).ret();
      g.at(0xc_2000).bytes(0x05, 0, 1, 0, 0).ret();
      loop(g);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(257L * ROUNDS);
    }
  }

  /** The called page differs, and so does one at the same place in tables of 1024 and of 4096 pages. */
  @ForEachMethod
  void calledPagesDiffer(Method method) {
    try (Guest g = new Guest(method)) {
      secondSpace(g);
      map(g, 0, 0xc_1000, 0xc_2000, FLAGS);
      long alias = Guest.FREE + (4 << 20);
      g.pages.map(alias, 0xc_3000, FLAGS);
      long entry = g.pages.entry(alias, 2);
      g.ram.putLong(SECOND_PML4 + 0x2000 + 8 * (alias >>> 21 & 511), g.ram.getLong(entry));
      g.at(0xc_1000).bytes(0xff, 0xc0).mov(8, alias).bytes(0x41, 0xff, 0xd0).ret();
      g.at(0xc_2000).bytes(0x83, 0xc0, 2).mov(8, alias).bytes(0x41, 0xff, 0xd0).ret();
      g.at(0xc_3000).bytes(0x83, 0xc0, 10).ret();
      loop(g);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(23L * ROUNDS);
    }
  }

  @ForEachMethod
  void dataDiffers(Method method) {
    try (Guest g = new Guest(method)) {
      secondSpace(g);
      map(g, 0, 0xc_0000, 0xc_0000, FLAGS | GuestPages.GLOBAL);
      map(g, 1, 0xc_1000, 0xc_2000, FLAGS);
      // ADD RAX,[FREE+1000h]; ADD RAX,[FREE+1008h]; INC qword [FREE+1000h]
      g.at(0xc_0000)
          .mov(8, Guest.FREE + 0x1000)
          .bytes(0x49, 0x03, 0x00, 0x49, 0x03, 0x40, 0x08, 0x49, 0xff, 0x00)
          .ret();
      g.ram.putLong(0xc_1008, 1000);
      g.ram.putLong(0xc_2008, 2000);
      loop(g);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(3000L * ROUNDS + (long) ROUNDS * (ROUNDS - 1));
      assertThat(g.ram.getLong(0xc_1000)).isEqualTo(ROUNDS);
      assertThat(g.ram.getLong(0xc_2000)).isEqualTo(ROUNDS);
    }
  }

  /** A global page's translation outlives MOV to CR3; INVLPG and switching CR4.PGE remove it. */
  @ForEachMethod
  void globalPages(Method method) {
    try (Guest g = new Guest(method)) {
      g.pages.map(Guest.FREE, 0xc_1000, FLAGS | GuestPages.GLOBAL);
      g.ram.putLong(0xc_1000, 1);
      g.ram.putLong(0xc_2000, 2);
      g.ram.putLong(0xc_3000, 3);
      long entry = g.pages.entry(Guest.FREE);
      g.kernel()
          .load(8, Guest.FREE)
          .mov(RAX, 0xc_2000 | FLAGS | GuestPages.GLOBAL)
          .store(entry, RAX)
          .mov(RBX, Guest.FREE)
          .bytes(0x0f, 0x01, 0x3b)
          .load(9, Guest.FREE)
          .mov(RAX, 0xc_3000 | FLAGS | GuestPages.GLOBAL)
          .store(entry, RAX)
          .control(4, GuestTables.CR4 & ~(1 << 7))
          .load(10, Guest.FREE)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(8)).isOne();
      assertThat(g.gpr(9)).isEqualTo(2);
      assertThat(g.gpr(10)).isEqualTo(3);
    }
  }

  /** With PCIDs, a switch that keeps the TLB must not show the other space's pages. */
  @ForEachMethod
  void processContextIdentifiers(Method method) {
    try (Guest g = new Guest(method)) {
      g.needsFeature("PCID", 1, 0, 2, 17);
      secondSpace(g);
      map(g, 0, 0xc_1000, 0xc_2000, FLAGS);
      g.at(0xc_1000).bytes(0xff, 0xc0).ret();
      g.at(0xc_2000).bytes(0x83, 0xc0, 2).ret();
      loop(g);
      g.state.set(CpuState.CR4, GuestTables.CR4 | 1 << 17);
      g.gpr(RSI, GuestTables.PML4 | 1 | 1L << 63);
      g.gpr(RDI, SECOND_PML4 | 2 | 1L << 63);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(3L * ROUNDS);
    }
  }

  /** User and kernel code at addresses that share their place in a table of indirect targets. */
  @ForEachMethod
  void sameCodeInBothRings(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.SYSRET);
      // A function in a user page, called by both; the user's call goes on with SYSCALL.
      g.at(Guest.USER + 0x800).bytes(0xff, 0xc3).ret();
      Program k =
          g.kernel()
              .wrmsr(0xc000_0082, Guest.KERNEL + 0x400)
              .wrmsr(0xc000_0084, 0x4_7700)
              .mov(RBX, 0)
              .mov(RSI, 100);
      k.enterUser(Guest.USER, 2);
      g.user().call(Guest.USER + 0x800).syscall().jmp(Guest.USER);
      Program s = g.at(Guest.KERNEL + 0x400);
      s.mov(CpuState.RSP, Guest.KERNEL_STACK)
          .bytes(0x51, 0x41, 0x53)
          .call(Guest.USER + 0x800)
          .bytes(0x41, 0x5b, 0x59);
      s.bytes(0xff, 0xce, 0x75, 1)
          .hlt()
          .mov(CpuState.RSP, Guest.USER_STACK)
          .bytes(0x48, 0x0f, 0x07);
      g.runToHalt();
      assertThat(g.gpr(RBX)).isEqualTo(200);
    }
  }
}
