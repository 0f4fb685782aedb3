package io.ringside.oracle;

import io.ringside.conformance.BtMachine;
import io.ringside.conformance.GuestPages;
import io.ringside.conformance.GuestTables;
import io.ringside.cpu.CpuState;
import io.ringside.cpu.CpuidModel;
import io.ringside.host.HostCpu;
import io.ringside.host.NativeMemory;
import io.ringside.machine.Exit;
import io.ringside.x86.Feature;
import java.lang.foreign.MemorySegment;
import java.util.Set;

/**
 * The host's processor as the oracle of the translator: runs a {@link Case} natively and in a guest and compares
 * registers, status flags, memory, vector state and the exception, if there is one. The guest maps its copies of code and
 * data at the addresses that they have natively, so that everything must be equal, addresses included.
 */
final class Oracle implements AutoCloseable {
  private static final long GUEST_CODE = 0x20_0000;
  private static final long GUEST_DATA = 0x40_0000;
  private static final int PAGES = NativeProcessor.DATA_SIZE / 4096;
  private static final long FLAGS = CpuState.STATUS_MASK;
  private static final long DIRECTION = 1 << 10;
  private static final long STEP = 1 << 8;
  private static final long RETURN = 0x9_0000;

  /** An interrupt that the guest takes without doing anything. */
  static final int VECTOR = 0x77;

  /** Vectors of handlers that disturb a translator without changing anything that counts. */
  static final int FIRST_DISTURBANCE = 0x78;

  static final int DISTURBANCES = 5;

  private static final String[] NAMES = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15"
  };

  /** Trap numbers of the host's processor are vectors of the guest's. */
  private static final int NO_TRAP = -1;

  final BtMachine machine;
  final NativeProcessor host;
  private final CpuState state;
  private final MemorySegment ram;
  private final byte[] image = new byte[NativeProcessor.DATA_SIZE];
  private final VectorState vectors = new VectorState();
  private int nextOffset;
  private boolean userMode;
  private final boolean low;
  private long cases;

  Oracle() {
    this(4 << 20, false);
  }

  /**
   * Makes one whose translation cache has {@code cacheSize} bytes.
   *
   * @param low code and data are below 2 GiB
   */
  Oracle(int cacheSize, boolean low) {
    host = new NativeProcessor(low);
    this.low = low;
    machine = new BtMachine(cacheSize);
    state = machine.state();
    ram = machine.ram().segment();
    // #DB and one interrupt just return.
    machine.ram().putShort(RETURN, 0xcf48);
    GuestTables.gate(machine.ram(), 1, RETURN, 0, 1, false);
    GuestTables.gate(machine.ram(), VECTOR, RETURN, 0, 1, false);
    installDisturbances();
    GuestPages pages = new GuestPages(machine.ram());
    // One page more on either side, for the disturbances.
    for (int at = -4096; at <= NativeProcessor.CODE_SIZE; at += 4096) {
      pages.map(host.codeAddress(at), GUEST_CODE + at, GuestPages.ALL);
    }
    for (int page = 0; page < PAGES; page++) {
      pages.map(host.dataAddress() + 4096L * page, guestPage(page), GuestPages.ALL);
    }
  }

  private void installDisturbances() {
    // PUSH RAX; PUSH RBX; MOV RAX, [RSP+10h], the RIP to return to
    int[] entry = {0x50, 0x53, 0x48, 0x8b, 0x44, 0x24, 0x10};
    int[] exit = {0x5b, 0x58, 0x48, 0xcf};
    int[][] bodies = {
      // MOV RAX, CR3; MOV CR3, RAX
      {0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8},
      // LOCK OR byte [RAX], 0
      {0xf0, 0x80, 0x08, 0x00},
      // INVLPG [RAX]
      {0x0f, 0x01, 0x38},
      // MOV RAX, CR4; XOR AL, 80h; MOV CR4, RAX; XOR AL, 80h; MOV CR4, RAX
      {0x0f, 0x20, 0xe0, 0x34, 0x80, 0x0f, 0x22, 0xe0, 0x34, 0x80, 0x0f, 0x22, 0xe0},
      // MOV BL, [RAX+40h]; MOV [RAX+40h], BL; MOV BL, [RAX-20h]; MOV [RAX-20h], BL
      {0x8a, 0x58, 0x40, 0x88, 0x58, 0x40, 0x8a, 0x58, 0xe0, 0x88, 0x58, 0xe0},
    };
    for (int n = 0; n < bodies.length; n++) {
      long at = RETURN + 0x100 + 0x40 * n;
      GuestTables.gate(machine.ram(), FIRST_DISTURBANCE + n, at, 3, 1, false);
      for (int[] part : new int[][] {entry, bodies[n], exit}) {
        for (int value : part) {
          machine.ram().putByte(at++, value);
        }
      }
    }
  }

  static String name(int register) {
    return NAMES[register];
  }

  /** Neighbours in the guest's virtual memory are none in its RAM. */
  private static long guestPage(int page) {
    return GUEST_DATA + 0x3000L * (PAGES - page);
  }

  /** What data memory holds before each case; to be filled by the caller. */
  byte[] image() {
    return image;
  }

  /** What vector registers hold before a case with {@link Case#vectors}. */
  VectorState vectors() {
    return vectors;
  }

  /** Whether code and data are below 2 GiB. */
  boolean isLow() {
    return low;
  }

  long dataAddress() {
    return host.dataAddress();
  }

  /** What the guest's CPUID shows. */
  Set<Feature> features() {
    try (HostCpu cpu = new HostCpu()) {
      return new CpuidModel(cpu::cpuid, machine.interrupts(), 40, 0, 0).features();
    }
  }

  long cases() {
    return cases;
  }

  /** Takes room for code of any length. */
  int place(int length) {
    if (nextOffset + length + 64 > NativeProcessor.CODE_SIZE) {
      nextOffset = NativeProcessor.CODE_SIZE;
      nextOffset = place(false, 0);
    }
    int at = nextOffset;
    nextOffset += length + 64;
    return at;
  }

  /** Takes room for code of at most 48 bytes; {@code crossing}: its first bytes are the last ones of a page. */
  int place(boolean crossing, int before) {
    nextOffset = nextOffset + 63 & -64;
    if (crossing) {
      nextOffset = (nextOffset + 4095 + 64 & -4096) - before;
    }
    if (nextOffset + 64 > NativeProcessor.CODE_SIZE) {
      nextOffset = 0;
      for (int at = 0; at < NativeProcessor.CODE_SIZE; at += 4096) {
        machine.codeChanged(GUEST_CODE + at, 4096);
      }
      if (crossing) {
        nextOffset = 4096 - before;
      }
    }
    int at = nextOffset;
    nextOffset += 64;
    return at;
  }

  /** Runs a case both ways; what differs as text, empty if nothing does. */
  String run(Case c) {
    cases++;
    runHost(c);
    int trap = host.run(c.offset, c.vectors);
    runGuest(c);
    return compare(c, trap);
  }

  /** Changes how a page of the data is mapped in the guest. */
  void page(int number, long flags) {
    new GuestPages(machine.ram())
        .map(host.dataAddress() + 4096L * number, guestPage(number), flags);
    machine.flushTlb();
  }

  /** Runs a case in the guest only, which must raise a page fault and change nothing; what is wrong. */
  String expectPageFault(Case c, long address, int error) {
    cases++;
    runGuest(c);
    Exit exit = machine.run();
    StringBuilder text = new StringBuilder();
    if (!(exit instanceof Exit.Halt)) {
      return report(c, text.append("\n  guest left by ").append(exit));
    }
    int vector = GuestTables.vectorOf(state.rip());
    long frame = state.gpr(CpuState.RSP);
    NativeMemory memory = machine.ram();
    if (vector != 14) {
      return report(c, text.append("\n  vector ").append(vector));
    }
    expect("error code", error, memory.getLong(frame), text);
    expect("CR2", address, state.get(CpuState.CR2), text);
    expect("RIP", host.codeAddress(c.offset), memory.getLong(frame + 8), text);
    expect("RSP", c.gpr[CpuState.RSP], memory.getLong(frame + 32), text);
    for (int r = 0; r < 16; r++) {
      if (r != CpuState.RSP) {
        expect(NAMES[r], c.gpr[r], state.gpr(r), text);
      }
    }
    compareMemory(c, 14, text);
    return text.isEmpty() ? "" : report(c, text);
  }

  private static void expect(String what, long wanted, long found, StringBuilder text) {
    if (wanted != found) {
      text.append("\n  ")
          .append(what)
          .append(": expected ")
          .append(Long.toHexString(wanted))
          .append(", found ")
          .append(Long.toHexString(found));
    }
  }

  private void runHost(Case c) {
    host.writeCode(c.offset, c.nativeCode, c.vectors);
    for (int r = 0; r < 16; r++) {
      host.gpr(r, c.gpr[r]);
    }
    host.flags(c.flags);
    host.gsBase(c.segmentBase);
    host.memory().write(host.dataOffset(), image, 0, image.length);
    if (c.vectors) {
      vectors.store(host.memory(), host.vectorsIn());
    }
  }

  private void runGuest(Case c) {
    NativeMemory memory = machine.ram();
    memory.write(GUEST_CODE + c.offset, c.code, 0, c.code.length);
    // Single-stepped, HLT would not stop: UD2 does.
    memory.putShort(GUEST_CODE + c.offset + c.code.length, c.stepped ? 0x0b0f : 0x90f4);
    for (int page = 0; page < PAGES; page++) {
      memory.write(guestPage(page), image, 4096 * page, 4096);
    }
    if (c.vectors) {
      vectors.store(state.memory(), CpuState.XSAVE);
    }
    for (int r = 0; r < 16; r++) {
      state.gpr(r, c.gpr[r]);
    }
    state.rip(host.codeAddress(c.offset));
    if (userMode != c.user || state.cpl() != (c.user ? 3 : 0)) {
      userMode = c.user;
      GuestTables.ring(state, c.user ? 3 : 0);
    }
    state.set(CpuState.FS_BASE, c.segmentBase);
    state.set(CpuState.GS_BASE, c.segmentBase);
    state.rflags(c.flags & (FLAGS | DIRECTION) | (c.stepped ? STEP : 0) | 0x202);
    machine.stateChanged();
  }

  private String compare(Case c, int trap) {
    Exit exit = machine.run();
    StringBuilder text = new StringBuilder();
    if (!(exit instanceof Exit.Halt)) {
      return report(c, text.append("\n  guest left by ").append(exit));
    }
    long end = host.codeAddress(c.offset) + c.code.length;
    long rip = state.rip() - 1;
    int vector = NO_TRAP;
    long flags = state.rflags();
    long rsp = state.gpr(CpuState.RSP);
    if (state.rip() < 0x1_0000) {
      vector = GuestTables.vectorOf(state.rip());
      boolean hasCode = vector == 8 || vector >= 10 && vector <= 14 || vector == 17;
      long frame = state.gpr(CpuState.RSP) + (hasCode ? 8 : 0);
      rip = machine.ram().getLong(frame);
      flags = machine.ram().getLong(frame + 16);
      rsp = machine.ram().getLong(frame + 24);
      if (rip == end && (c.stepped ? vector == 6 : c.user && vector == 13)) {
        vector = NO_TRAP;
      }
    }
    if (vector != trap) {
      text.append("\n  exception: host ").append(trap).append(", guest ").append(vector);
      if (vector == 14) {
        text.append(" at ").append(Long.toHexString(state.get(CpuState.CR2)));
      }
      return report(c, text);
    }
    if (vector != NO_TRAP && rip != host.faultRip() || vector == NO_TRAP && rip != end) {
      text.append("\n  rip: guest ").append(Long.toHexString(rip));
    }
    long hostRsp = trap == NO_TRAP ? host.gpr(CpuState.RSP) : c.gpr[CpuState.RSP];
    boolean unknown = trap != NO_TRAP && c.sequence;
    for (int r = 0; r < 16; r++) {
      if (unknown && r == CpuState.RSP) {
        continue;
      }
      long want = r == CpuState.RSP ? hostRsp : host.gpr(r);
      long got = r == CpuState.RSP ? rsp : state.gpr(r);
      if (want != got) {
        text.append("\n  ")
            .append(NAMES[r])
            .append(": host ")
            .append(Long.toHexString(want))
            .append(", guest ")
            .append(Long.toHexString(got));
      }
    }
    long different = (flags ^ host.flags()) & FLAGS & ~c.ignoredFlags;
    if (different != 0 && trap == NO_TRAP) {
      text.append("\n  flags: host ")
          .append(Long.toHexString(host.flags()))
          .append(", guest ")
          .append(Long.toHexString(flags));
    }
    if (!unknown) {
      compareMemory(c, trap, text);
    }
    if (c.vectors && trap == NO_TRAP) {
      vectors.compare(host.memory(), host.vectorsOut(), state.memory(), CpuState.XSAVE, text);
    }
    return text.isEmpty() ? "" : report(c, text);
  }

  private void compareMemory(Case c, int trap, StringBuilder text) {
    MemorySegment wanted = host.memory().segment();
    long from = host.dataOffset();
    if (trap != NO_TRAP) {
      // The signal's frame was put near the data.
      wanted = MemorySegment.ofArray(image);
      from = 0;
    }
    for (int n = 0; n < c.ignoredDataSize && trap == NO_TRAP; n++) {
      int at = c.ignoredData + n;
      machine.ram().putByte(guestPage(at >> 12) + (at & 4095), host.memory().getByte(from + at));
    }
    for (int page = 0; page < PAGES; page++) {
      long at = from + 4096L * page;
      long guest = guestPage(page);
      long where = MemorySegment.mismatch(wanted, at, at + 4096, ram, guest, guest + 4096);
      if (where >= 0) {
        text.append("\n  memory at ")
            .append(Long.toHexString(dataAddress() + 4096L * page + where))
            .append(": host ");
        for (int n = 0; n < 16 && where + n < 4096; n++) {
          text.append(
                  Integer.toHexString(
                      wanted.get(java.lang.foreign.ValueLayout.JAVA_BYTE, at + where + n) & 0xff))
              .append(' ');
        }
        text.append(", guest ");
        for (int n = 0; n < 16 && where + n < 4096; n++) {
          text.append(Integer.toHexString(machine.ram().getByte(guest + where + n))).append(' ');
        }
      }
    }
  }

  private static String report(Case c, StringBuilder text) {
    return c + text.toString();
  }

  @Override
  public void close() {
    machine.close();
    host.close();
  }
}
