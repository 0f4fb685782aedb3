package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;

/** Page tables: rights, error codes, accessed and dirty flags, page sizes, and when changes become visible. */
class PagingTest {
  private static final long PRESENT = GuestPages.PRESENT;
  private static final long FLAGS = GuestPages.ACCESSED | GuestPages.DIRTY;

  private static Guest guest(Method method, long pageFlags) {
    Guest g = new Guest(method);
    g.pages.map(Guest.FREE, Guest.USER_DATA, pageFlags);
    g.gpr(RBX, Guest.FREE + 0x10);
    return g;
  }

  /** MOV RAX, [RBX], where nothing is: error code 0, or 4 from user mode. */
  @ForEachMethod
  void absentPage(Method method) {
    for (boolean user : new boolean[] {false, true}) {
      try (Guest g = guest(method, 0)) {
        if (user) {
          g.startInUserMode();
        }
        g.at(g.state.rip()).bytes(0x48, 0x8b, 0x03);
        g.gpr(RAX, 77);
        g.expectPageFault(user ? 4 : 0, Guest.FREE + 0x10, user ? Guest.USER : Guest.KERNEL);
        assertThat(g.gpr(RAX)).isEqualTo(77);
      }
    }
  }

  @ForEachMethod
  void storeToReadOnlyPage(Method method) {
    for (boolean user : new boolean[] {false, true}) {
      try (Guest g = guest(method, GuestPages.ALL & ~GuestPages.WRITABLE)) {
        if (user) {
          g.startInUserMode();
        }
        g.at(g.state.rip()).bytes(0x48, 0x8b, 0x03, 0x48, 0x89, 0x03);
        g.expectPageFault(user ? 7 : 3, Guest.FREE + 0x10, g.state.rip() + 3);
      }
    }
  }

  /** A read-modify-write faults as a write, and changes neither memory nor flags. */
  @ForEachMethod
  void readModifyWriteOfReadOnlyPage(Method method) {
    try (Guest g = guest(method, GuestPages.ALL & ~GuestPages.WRITABLE)) {
      g.ram.putLong(Guest.USER_DATA + 0x10, 5);
      g.kernel().bytes(0xf9, 0x48, 0x11, 0x03);
      g.gpr(RAX, 1);
      g.expectPageFault(3, Guest.FREE + 0x10, Guest.KERNEL + 1);
      assertThat(g.ram.getLong(Guest.USER_DATA + 0x10)).isEqualTo(5);
      assertThat(g.fault().flags() & 1).isOne();
    }
  }

  @ForEachMethod
  void withoutWriteProtectionTheSupervisorMayWrite(Method method) {
    try (Guest g = guest(method, GuestPages.ALL & ~GuestPages.WRITABLE)) {
      g.state.set(CpuState.CR0, GuestTables.CR0 & ~(1L << 16));
      g.kernel().bytes(0x48, 0x89, 0x03).control(0, GuestTables.CR0).bytes(0x48, 0x89, 0x03);
      g.gpr(RAX, 0x1234);
      g.runToHalt();
      assertThat(g.fault().vector()).isEqualTo(14);
      assertThat(g.fault().error()).isEqualTo(3);
      assertThat(g.ram.getLong(Guest.USER_DATA + 0x10)).isEqualTo(0x1234);
    }
  }

  @ForEachMethod
  void userModeCantReachSupervisorPages(Method method) {
    try (Guest g = guest(method, PRESENT | GuestPages.WRITABLE | FLAGS)) {
      g.user().bytes(0x48, 0x8b, 0x03);
      g.startInUserMode();
      g.expectPageFault(5, Guest.FREE + 0x10, Guest.USER);
    }
  }

  @ForEachMethod
  void userModeCantExecuteSupervisorPages(Method method) {
    try (Guest g = guest(method, 0)) {
      g.user().jmp(Guest.KERNEL);
      g.startInUserMode();
      g.expectPageFault(0x15, Guest.KERNEL, Guest.KERNEL);
    }
  }

  @ForEachMethod
  void noExecute(Method method) {
    try (Guest g = guest(method, GuestPages.ALL | GuestPages.NO_EXECUTE)) {
      g.kernel().bytes(0x48, 0x8b, 0x03, 0xff, 0xe3);
      g.expectPageFault(0x11, Guest.FREE + 0x10, Guest.FREE + 0x10);
    }
  }

  /** The second page of an instruction that crosses into one that is not executable is CR2; RIP is the instruction. */
  @ForEachMethod
  void instructionIntoNoExecutePage(Method method) {
    try (Guest g = guest(method, GuestPages.ALL)) {
      g.pages.map(
          Guest.FREE + 0x1000, Guest.USER_DATA + 0x1000, GuestPages.ALL | GuestPages.NO_EXECUTE);
      g.ram.putByte(Guest.USER_DATA + 0xffe, 0x90);
      g.ram.putByte(Guest.USER_DATA + 0xfff, 0x48);
      g.kernel().jmp(Guest.FREE + 0xffe);
      g.expectPageFault(0x11, Guest.FREE + 0x1000, Guest.FREE + 0xfff);
    }
  }

  @ForEachMethod
  void supervisorModeExecutionPrevention(Method method) {
    try (Guest g = guest(method, 0)) {
      g.needsFeature("SMEP", 7, 0, 1, 7);
      g.at(Guest.USER).ret();
      g.kernel().call(Guest.USER).control(4, GuestTables.CR4 | 1 << 20).call(Guest.USER);
      g.expectPageFault(0x11, Guest.USER, Guest.USER);
    }
  }

  @ForEachMethod
  void supervisorModeAccessPrevention(Method method) {
    try (Guest g = guest(method, GuestPages.ALL)) {
      g.needs(Need.STAC);
      g.needsFeature("SMAP", 7, 0, 1, 20);
      Program k = g.kernel().bytes(0x48, 0x8b, 0x03).control(4, GuestTables.CR4 | 1 << 21);
      k.bytes(0x0f, 0x01, 0xcb).bytes(0x48, 0x8b, 0x0b).bytes(0x0f, 0x01, 0xca);
      long rip = k.here();
      k.bytes(0x48, 0x8b, 0x0b);
      g.ram.putLong(Guest.USER_DATA + 0x10, 42);
      g.expectPageFault(1, Guest.FREE + 0x10, rip);
      assertThat(g.gpr(RCX)).isEqualTo(42);
    }
  }

  @ForEachMethod
  void accessedAndDirtyFlags(Method method) {
    try (Guest g = guest(method, PRESENT | GuestPages.WRITABLE | GuestPages.USER)) {
      long entry = g.pages.entry(Guest.FREE);
      long upper = g.pages.entry(Guest.FREE, 2);
      g.ram.putLong(upper, g.ram.getLong(upper) & ~FLAGS);
      g.kernel()
          .bytes(0x48, 0x8b, 0x03)
          .load(RCX, entry)
          .bytes(0x48, 0x89, 0x03)
          .load(RAX, entry)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RCX) & FLAGS).isEqualTo(GuestPages.ACCESSED);
      assertThat(g.gpr(RAX) & FLAGS).isEqualTo(FLAGS);
      assertThat(g.ram.getLong(upper) & FLAGS).isEqualTo(GuestPages.ACCESSED);
    }
  }

  /** Several reads and a write that is not reached: the page stays clean. */
  @ForEachMethod
  void noDirtyFlagWithoutStore(Method method) {
    try (Guest g = guest(method, PRESENT | GuestPages.WRITABLE | GuestPages.USER)) {
      // MOV RAX,[RBX]; MOV RCX,[RBX+8]; TEST EAX,EAX; JZ over; MOV [RBX+16],RAX; over: HLT
      g.kernel()
          .bytes(
              0x48, 0x8b, 0x03, 0x48, 0x8b, 0x4b, 0x08, 0x85, 0xc0, 0x74, 0x04, 0x48, 0x89, 0x43,
              0x10)
          .hlt();
      g.runToHalt();
      assertThat(g.ram.getLong(g.pages.entry(Guest.FREE)) & FLAGS).isEqualTo(GuestPages.ACCESSED);
    }
  }

  @ForEachMethod
  void largePages(Method method) {
    try (Guest g = new Guest(method)) {
      long entry = g.pages.entry(Guest.FREE, 2);
      g.ram.putLong(entry, GuestPages.ALL & ~FLAGS | GuestPages.LARGE);
      g.kernel()
          .load(RAX, Guest.FREE + Guest.USER_DATA)
          .mov(RCX, 9)
          .store(Guest.FREE + Guest.USER_DATA + 8, RCX)
          .hlt();
      g.ram.putLong(Guest.USER_DATA, 0x77);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0x77);
      assertThat(g.ram.getLong(Guest.USER_DATA + 8)).isEqualTo(9);
      assertThat(g.ram.getLong(entry) & FLAGS).isEqualTo(FLAGS);
    }
  }

  @ForEachMethod
  void hugePages(Method method) {
    try (Guest g = new Guest(method)) {
      g.needsFeature("pages of 1 GiB", 0x8000_0001, 0, 3, 26);
      long start = Guest.FREE + (1L << 39);
      g.ram.putLong(g.pages.entry(start, 3), GuestPages.ALL & ~FLAGS | GuestPages.LARGE);
      g.kernel().load(RBX, start + Guest.USER_DATA).hlt();
      g.ram.putLong(Guest.USER_DATA, 0x77);
      g.runToHalt();
      assertThat(g.gpr(RBX)).isEqualTo(0x77);
    }
  }

  @ForEachMethod
  void invlpg(Method method) {
    try (Guest g = guest(method, GuestPages.ALL)) {
      g.ram.putLong(Guest.USER_DATA + 0x10, 1);
      g.ram.putLong(Guest.USER_DATA + 0x1010, 2);
      g.kernel()
          .bytes(0x48, 0x8b, 0x03)
          .mov(RCX, Guest.USER_DATA + 0x1000 | GuestPages.ALL)
          .store(g.pages.entry(Guest.FREE), RCX)
          .bytes(0x0f, 0x01, 0x3b)
          .bytes(0x48, 0x8b, 0x0b)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isOne();
      assertThat(g.gpr(RCX)).isEqualTo(2);
    }
  }

  @ForEachMethod
  void writingCr3(Method method) {
    try (Guest g = guest(method, GuestPages.ALL)) {
      g.ram.putLong(Guest.USER_DATA + 0x10, 1);
      g.ram.putLong(Guest.USER_DATA + 0x1010, 2);
      g.kernel()
          .bytes(0x48, 0x8b, 0x33)
          .mov(RCX, Guest.USER_DATA + 0x1000 | GuestPages.ALL)
          .store(g.pages.entry(Guest.FREE), RCX)
          .control(3, GuestTables.PML4)
          .bytes(0x48, 0x8b, 0x0b)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(CpuState.RSI)).isOne();
      assertThat(g.gpr(RCX)).isEqualTo(2);
    }
  }

  /** Removing write permission, then INVLPG: the next store faults. */
  @ForEachMethod
  void invlpgAfterWriteProtection(Method method) {
    try (Guest g = guest(method, GuestPages.ALL)) {
      Program k =
          g.kernel()
              .bytes(0x48, 0x89, 0x03)
              .mov(15, g.pages.entry(Guest.FREE))
              .bytes(0x41, 0x80, 0x27, 0xfd)
              .bytes(0x0f, 0x01, 0x3b);
      long rip = k.here();
      k.bytes(0x48, 0x89, 0x03);
      g.expectPageFault(3, Guest.FREE + 0x10, rip);
    }
  }

  @ForEachMethod
  void nonCanonicalAddresses(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel().mov(RBX, 0x8000_0000_0000L).bytes(0x48, 0x8b, 0x03);
      g.expectFault(13, 0, Guest.KERNEL + 10);
    }
  }

  /** A store that crosses into an absent page changes nothing in the first. */
  @ForEachMethod
  void storeAcrossIntoAbsentPage(Method method) {
    try (Guest g = guest(method, GuestPages.ALL)) {
      g.needs(Need.WHOLE_STORES);
      g.ram.putLong(Guest.USER_DATA + 0xff8, 0x1111);
      g.kernel().mov(RBX, Guest.FREE + 0xffb).bytes(0x48, 0x89, 0x03);
      g.gpr(RAX, -1);
      g.expectPageFault(2, Guest.FREE + 0x1000, Guest.KERNEL + 5);
      assertThat(g.ram.getLong(Guest.USER_DATA + 0xff8)).isEqualTo(0x1111);
    }
  }
}
