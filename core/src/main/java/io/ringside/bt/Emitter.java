package io.ringside.bt;

import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.bt.Context.CTX;
import static io.ringside.bt.Context.S0;
import static io.ringside.bt.Context.S1;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;
import io.ringside.x86.Instruction;
import java.util.Arrays;

/**
 * What the emitters of one unit share: the assembler, guest registers and addresses, the software TLB's inline path,
 * and the cold code that is put behind the unit.
 *
 * <p>A memory access compares in the software TLB: S0 becomes the address minus the page that the slot maps, which is
 * the offset in that page if it is the right one, and S1 the host address of the page. An access that would reach into
 * the next page fails the comparison too. The host's flags are the guest's: where they are live, the check is made of
 * instructions that leave them alone.
 */
final class Emitter {
  /** Forms of effective address that cold code can compute again. */
  enum Address {
    /** The instruction's ModRM operand. */
    OPERAND,
    /** The same plus the bit offset in the register operand. */
    BIT_OPERAND,
    /** Guest RSP plus {@code value}. */
    STACK,
    /** Guest RBP plus {@code value}. */
    FRAME,
    /** RBX plus AL. */
    TABLE
  }

  private static final class Miss {
    Instruction instruction;
    Address form;
    int value;
    int size;
    boolean write;
    int branch;
    int retry;

    /** Where the instruction goes on with its operand found, and where it ends, or -1 if it can't be copied. */
    int found;

    int end;

    /** Where its copy for operands across two pages is. */
    int copyStart;

    int copyEnd;
  }

  private static final class GroupMiss {
    Instruction instruction;
    int base;
    int index;
    int scale;
    long start;
    int length;
    boolean write;
    int branch;
    int retry;
  }

  private static final class Link {
    int branch;
    long source;
    long target;
    int mode;
  }

  final Assembler a = new Assembler();
  private final Stubs stubs;
  private final TranslationCache cache;
  private final LinkSlots slots;

  private final GroupMiss[] groupMisses = new GroupMiss[AccessGroups.MAX_GROUPS];
  private int groupMissCount;
  private Miss[] misses = new Miss[64];
  private int missCount;

  /** The entries' ways out: where from, exit kind or -1 for a look-up, RIP. */
  private final int[] detourBranch = new int[4];

  private final int[] detourKind = new int[4];
  private final long[] detourRip = new long[4];
  private int detourCount;

  private Link[] links = new Link[16];
  private int linkCount;

  /** The groups of the unit, and which of its instructions is being emitted. */
  final AccessGroups groups = new AccessGroups();

  int number;

  /** That instruction. */
  Instruction current;

  /** The memory operand that {@link #access} made: base, index or NONE, displacement. */
  int operandBase;

  int operandIndex;
  int operandDisplacement;

  /** Look-ups in the software TLB so far. */
  int lookups;

  long unitRip;
  int mode;
  int tlb;

  /** All status flags are dead before the current instruction: it may clobber them on its way. */
  boolean flagsDead;

  /** The vector state is known to be in the registers. */
  boolean fpuLoaded;

  Emitter(Stubs stubs, TranslationCache cache, LinkSlots slots) {
    this.stubs = stubs;
    this.cache = cache;
    this.slots = slots;
  }

  /** Begins a unit at the cache's top. */
  void start(long rip, int unitMode) {
    a.start(cache.address(cache.top()));
    unitRip = rip;
    mode = unitMode;
    tlb = Mode.tlb(unitMode);
    lookups = 0;
    missCount = 0;
    groupMissCount = 0;
    linkCount = 0;
    detourCount = 0;
    fpuLoaded = false;
    flagsDead = false;
  }

  Stubs stubs() {
    return stubs;
  }

  // ---- Guest registers

  /** Puts guest register {@code number} into host register {@code to}. */
  void readGpr(int to, int number) {
    int host = Context.host(number);
    if (host < 0) {
      a.load(to, CTX, CpuState.gprOffset(number));
    } else if (host != to) {
      a.mov(to, host);
    }
  }

  /** The host register that holds guest register {@code number}: its own, or {@code scratch} after a load. */
  int gprIn(int scratch, int number) {
    int host = Context.host(number);
    if (host >= 0) {
      return host;
    }
    a.load(scratch, CTX, CpuState.gprOffset(number));
    return scratch;
  }

  /** Writes all 64 bits of guest register {@code number}. */
  void writeGpr(int number, int from) {
    int host = Context.host(number);
    if (host < 0) {
      a.store(CTX, CpuState.gprOffset(number), from);
    } else if (host != from) {
      a.mov(host, from);
    }
  }

  // ---- Addresses

  /** Computes the operand's address without segment base into {@code to} (not S1). */
  void offset(Instruction i, int to) {
    if (i.base == Instruction.BASE_RIP
        || i.base == Instruction.NONE && i.index == Instruction.NONE) {
      a.movImmediate(to, i.addressSizePrefix ? i.displacement & 0xffff_ffffL : i.displacement);
      return;
    }
    int base = i.base == Instruction.NONE ? NONE : gprIn(to, i.base);
    int index = i.index == Instruction.NONE ? NONE : gprIn(S1, i.index);
    if (i.addressSizePrefix) {
      a.lea32(to, base, index, i.scale, (int) i.displacement);
    } else if (index == NONE && i.displacement == 0) {
      if (base != to) {
        a.mov(to, base);
      }
    } else {
      a.lea(to, base, index, i.scale, (int) i.displacement);
    }
  }

  /** Computes the operand's linear address into S0. */
  void address(Instruction i) {
    offset(i, S0);
    segmentBase(i);
  }

  /** Adds the base that a segment override names to S0. */
  private void segmentBase(Instruction i) {
    if (i.segment == CpuState.FS || i.segment == CpuState.GS) {
      a.load(S1, CTX, i.segment == CpuState.FS ? CpuState.FS_BASE : CpuState.GS_BASE);
      a.lea(S0, S0, S1, 1, 0);
    }
  }

  private void address(Instruction i, Address form, int value) {
    switch (form) {
      case OPERAND -> address(i);
      case BIT_OPERAND -> {
        offset(i, S0);
        bitOffset(i);
        segmentBase(i);
      }
      case STACK -> a.lea(S0, Context.host(CpuState.RSP), value);
      case FRAME -> a.lea(S0, Context.host(CpuState.RBP), value);
      case TABLE -> {
        // MOVZX S0d, AL
        a.byte1(0x44);
        a.byte1(0x0f);
        a.byte1(0xb6);
        a.byte1(0xc0 | (S0 & 7) << 3);
        if (i.addressSizePrefix) {
          a.lea32(S0, S0, Context.host(CpuState.RBX), 1, 0);
        } else {
          a.lea(S0, S0, Context.host(CpuState.RBX), 1, 0);
        }
        segmentBase(i);
      }
    }
  }

  /** Adds to S0 the bytes that a signed bit offset in a register skips (SDM vol. 2, BT). */
  private void bitOffset(Instruction i) {
    int size = i.operandSize;
    int source = gprIn(S1, i.reg);
    if (size == 8) {
      a.movImmediate(RCX, 6);
      a.sarx(S1, source, RCX);
    } else {
      if (size == 4) {
        a.opRegister(true, 0x63, S1, source); // MOVSXD
      } else {
        a.op0fRegister(true, 0xbf, S1, source); // MOVSX r64, r16
      }
      a.movImmediate(RCX, size == 4 ? 5 : 4);
      a.sarx(S1, S1, RCX);
    }
    if (i.addressSizePrefix) {
      a.lea32(S0, S0, S1, size, 0);
    } else {
      a.lea(S0, S0, S1, size, 0);
    }
  }

  // ---- Memory

  /** Translates the ModRM operand's address: {@link #operandBase} and its kin tell the operand. RCX is clobbered. */
  void access(Instruction i, int size, boolean write) {
    access(i, Address.OPERAND, 0, size, write);
  }

  /** Translates an address of any form. RCX is clobbered. */
  void access(Instruction i, Address form, int value, int size, boolean write) {
    if (groups.grouped(number)) {
      groupAccess(i);
      return;
    }
    operandBase = S0;
    operandIndex = S1;
    operandDisplacement = 0;
    if ((mode & Mode.BOUNCE) != 0
        && (form == Address.OPERAND || form == Address.BIT_OPERAND || form == Address.TABLE)) {
      a.load(S1, CTX, Context.BOUNCE_OFFSET);
      a.lea(S0, CTX, Context.BOUNCE);
      return;
    }
    lookups++;
    int retry = a.position();
    address(i, form, value);
    int tags = Context.tlbTags(tlb, write);
    a.pext(RCX, S0, CTX, CpuState.TLB_INDEX_MASK);
    if (flagsDead) {
      a.aluLoad(Assembler.ADD, S0, CTX, RCX, 8, tags);
      a.load(S1, CTX, RCX, 8, Context.tlbHost(tlb, write));
      // Always the long form: the limit is over 127.
      a.aluImmediate(Assembler.CMP, S0, 4096 - size);
      addMiss(i, form, value, size, write, a.jcc(Assembler.ABOVE), retry);
    } else {
      a.load(S1, CTX, RCX, 8, tags);
      a.lea(S0, S0, S1, 1, 0);
      a.load(S1, CTX, RCX, 8, Context.tlbHost(tlb, write));
      a.lea(RCX, S0, size - 1);
      a.pext(RCX, RCX, CTX, CpuState.PAGE_MASK);
      int hit = a.jrcxz();
      int branch = a.jmp();
      a.bindRel8(hit);
      addMiss(i, form, value, size, write, branch, retry);
    }
  }

  private void groupAccess(Instruction i) {
    operandBase = S0;
    operandIndex = NONE;
    operandDisplacement = groups.offset(number);
    int field = Context.GROUPS + 8 * groups.field(number);
    if (!groups.isFirst(number)) {
      a.load(S0, CTX, field);
      return;
    }
    lookups++;
    int retry = a.position();
    int length = groups.length(number);
    GroupMiss m = groupMisses[groupMissCount];
    if (m == null) {
      m = new GroupMiss();
      groupMisses[groupMissCount] = m;
    }
    groupMissCount++;
    m.instruction = i;
    m.base = groups.base(number);
    m.index = groups.index(number);
    m.scale = groups.scale(number);
    m.start = m.base == Instruction.BASE_RIP ? groups.absoluteStart(number) : groups.start(number);
    m.length = length;
    m.write = groups.writes(number);
    m.retry = retry;
    groupStart(m);
    a.pext(RCX, S0, CTX, CpuState.TLB_INDEX_MASK);
    int tags = Context.tlbTags(tlb, m.write);
    int branch;
    if (flagsDead) {
      a.aluLoad(Assembler.ADD, S0, CTX, RCX, 8, tags);
      a.load(S1, CTX, RCX, 8, Context.tlbHost(tlb, m.write));
      a.aluImmediate(Assembler.CMP, S0, 4096 - length);
      branch = a.jcc(Assembler.ABOVE);
    } else {
      a.load(S1, CTX, RCX, 8, tags);
      a.lea(S0, S0, S1, 1, 0);
      a.load(S1, CTX, RCX, 8, Context.tlbHost(tlb, m.write));
      a.lea(RCX, S0, length - 1);
      a.pext(RCX, RCX, CTX, CpuState.PAGE_MASK);
      int hit = a.jrcxz();
      branch = a.jmp();
      a.bindRel8(hit);
    }
    a.lea(S0, S0, S1, 1, 0);
    a.store(CTX, field, S0);
    m.branch = branch;
  }

  /** The address where a group's range starts, to S0. */
  private void groupStart(GroupMiss m) {
    if (m.base == Instruction.BASE_RIP) {
      a.movImmediate(S0, m.start);
    } else {
      int base = gprIn(S0, m.base);
      int index = m.index == Instruction.NONE ? NONE : gprIn(S1, m.index);
      a.lea(S0, base, index, m.scale, (int) m.start);
    }
  }

  /** MOV r64, operand. */
  void loadOperand(int to) {
    a.load(to, operandBase, operandIndex, 1, operandDisplacement);
  }

  /** Opcode with a register field and the operand. */
  void opOperand(boolean wide, int opcode, int reg) {
    a.opMemory(wide, opcode, reg, operandBase, operandIndex, 1, operandDisplacement);
  }

  /** The REX.X and REX.B bits of the operand. */
  int operandRex() {
    return (operandIndex == NONE ? 0 : (operandIndex & 8) >> 2) | (operandBase & 8) >> 3;
  }

  /** ModRM and what follows for the operand. */
  void operandModRm(int reg) {
    a.memory(reg, operandBase, operandIndex, 1, operandDisplacement);
  }

  private void addMiss(
      Instruction i, Address form, int value, int size, boolean write, int branch, int retry) {
    if (missCount == misses.length) {
      misses = Arrays.copyOf(misses, missCount * 2);
    }
    Miss m = misses[missCount];
    if (m == null) {
      m = new Miss();
      misses[missCount] = m;
    }
    missCount++;
    m.instruction = i;
    m.form = form;
    m.value = value;
    m.size = size;
    m.write = write;
    m.branch = branch;
    m.retry = retry;
    m.found = a.position();
    m.end = -1;
    m.copyStart = 0;
    m.copyEnd = 0;
  }

  /** To be called behind an instruction that does not branch: cold code can copy it. */
  void endInstruction() {
    for (int n = missCount - 1;
        n >= 0 && misses[n].end < 0 && misses[n].instruction == current;
        n--) {
      misses[n].end = a.position();
    }
  }

  // ---- Entries

  /** Entry of indirect branches: leaves unless the target in S0 is {@code rip}. */
  void checkTarget(long rip) {
    // The flags stay even where they are dead in this unit: another one may be meant.
    if (Assembler.fitsInt(-rip)) {
      a.lea(RCX, S0, (int) -rip);
    } else {
      a.movImmediate(RCX, -rip);
      a.lea(RCX, RCX, S0, 1, 0);
    }
    int same = a.jrcxz();
    a.jmpTo(stubs.exitIndirect);
    a.bindRel8(same);
  }

  /** Leaves to look up {@code rip} if the page of {@code address} isn't the one with the identity {@code id}. */
  void checkPage(long address, long rip, int id) {
    int field = Context.EXEC_TLB + 4 * CodePages.slot(address, Mode.user(mode));
    a.load32(RCX, CTX, field);
    a.lea32(RCX, RCX, NONE, 1, -id);
    int same = a.jrcxz();
    addDetour(a.jmp(), -1, rip);
    a.bindRel8(same);
  }

  /** Leaves at {@code rip} if an interrupt may be pending. */
  void checkPending(long rip) {
    int branch;
    if (flagsDead) {
      a.aluMemoryImmediate32(Assembler.CMP, CTX, CpuState.PENDING, 0);
      branch = a.jcc(Assembler.NOT_EQUAL);
    } else {
      a.load32(RCX, CTX, CpuState.PENDING);
      int quiet = a.jrcxz();
      branch = a.jmp();
      a.bindRel8(quiet);
    }
    addDetour(branch, ExitCode.PENDING, rip);
  }

  private void addDetour(int branch, int kind, long rip) {
    detourBranch[detourCount] = branch;
    detourKind[detourCount] = kind;
    detourRip[detourCount++] = rip;
  }

  // ---- Vector state

  /** Makes sure that the guest's vector state is in the registers. */
  void needFpu() {
    if (!fpuLoaded) {
      a.load(RCX, CTX, CpuState.FPU_IN_MEMORY);
      int loaded = a.jrcxz();
      a.callTo(stubs.loadFpu);
      a.bindRel8(loaded);
      fpuLoaded = true;
    }
  }

  // ---- Ways out

  /** Leaves for good with RIP set. */
  void exit(int kind, long rip) {
    a.movImmediate(S0, rip);
    a.movImmediate(RCX, ExitCode.make(kind, 0));
    a.jmpTo(stubs.exitWithRip);
  }

  /** Jumps to a guest address known now. */
  void jump(long source, long target) {
    jump(source, target, mode & ~Mode.NO_GROUPS);
  }

  /** Jumps to a guest address in another mode. */
  void jump(long source, long target, int targetMode) {
    addLink(a.jmp(), source, target, targetMode);
  }

  /** Jumps to a guest address if {@code condition} holds. */
  void jumpIf(int condition, long source, long target) {
    addLink(a.jcc(condition), source, target, mode & ~Mode.NO_GROUPS);
  }

  private void addLink(int branch, long source, long target, int targetMode) {
    if (linkCount == links.length) {
      links = Arrays.copyOf(links, linkCount * 2);
    }
    Link l = links[linkCount];
    if (l == null) {
      l = new Link();
      links[linkCount] = l;
    }
    linkCount++;
    l.branch = branch;
    l.source = source;
    l.target = target;
    l.mode = targetMode;
  }

  /** Jumps to the guest address in S0. */
  void jumpIndirect() {
    jumpIndirect(tlb);
  }

  /** Jumps to the guest address in S0 through the jump cache of another TLB index. */
  void jumpIndirect(int targetTlb) {
    if ((mode & (Mode.STEP | Mode.SAMPLED)) != 0) {
      a.jmpTo(stubs.exitIndirect);
      return;
    }
    a.pext(RCX, S0, CTX, CpuState.JUMP_INDEX_MASK);
    a.jmpMemory(CTX, RCX, 8, Context.jumpCache(targetTlb));
  }

  /** Emits the cold code and, unless {@code dry}, files the links. */
  void finish(boolean dry) {
    for (int n = 0; n < missCount; n++) {
      finishMiss(misses[n]);
    }
    for (int n = 0; n < groupMissCount; n++) {
      finishGroup(groupMisses[n]);
    }
    for (int n = 0; n < detourCount; n++) {
      a.bindRel32(detourBranch[n]);
      if (detourKind[n] < 0) {
        a.movImmediate(S0, detourRip[n]);
        a.jmpTo(stubs.exitIndirect);
      } else {
        exit(detourKind[n], detourRip[n]);
      }
    }
    int first = cache.top();
    for (int n = 0; n < linkCount; n++) {
      Link l = links[n];
      a.bindRel32(l.branch);
      int stub = a.position();
      a.movImmediate(RCX, ExitCode.make(ExitCode.LINK, slots.count()) & 0xffff_ffffL);
      a.jmpTo(stubs.exit);
      if (!dry) {
        slots.add(l.source, l.target, l.mode, first + l.branch, first + stub);
      }
    }
  }

  private void finishGroup(GroupMiss m) {
    a.bindRel32(m.branch);
    groupStart(m);
    // A range across two pages will never hit: on to the translation without groups.
    a.pext(RCX, S0, CTX, Context.OFFSET_MASK);
    a.lea(RCX, RCX, m.length - 1);
    a.pext(RCX, RCX, CTX, CpuState.PAGE_MASK);
    int within = a.jrcxz();
    jump(m.instruction.rip, m.instruction.rip, mode | Mode.NO_GROUPS);
    a.bindRel8(within);
    a.movImmediate(RCX, ExitCode.make(ExitCode.GROUP_MISS, m.length << 1 | (m.write ? 1 : 0)));
    a.callTo(stubs.exitMiss);
    jumpBack(m.retry);
    a.byte1((int) (m.instruction.rip - unitRip));
  }

  private void finishMiss(Miss m) {
    a.bindRel32(m.branch);
    address(m.instruction, m.form, m.value);
    a.movImmediate(RCX, ExitCode.miss(m.size, m.write));
    boolean copies =
        m.size > 1 && m.size <= 32 && (m.end >= 0 || !m.write) && (mode & Mode.BOUNCE) == 0;
    a.callTo(copies ? stubs.crossPage(tlb, m.write) : stubs.exitMiss);
    jumpBack(m.retry);
    // Read by the VMM to find the instruction.
    a.byte1((int) (m.instruction.rip - unitRip));
    if (!copies) {
      return;
    }
    if (!m.write) {
      jumpBack(m.found);
      return;
    }
    m.copyStart = a.position();
    for (int at = m.found; at < m.end; at++) {
      a.byte1(a.buffer()[at]);
    }
    m.copyEnd = a.position();
    a.callTo(stubs.crossPageDone);
    jumpBack(m.end);
  }

  private void jumpBack(int position) {
    a.byte1(0xe9);
    a.byte4(position - (a.position() + 4));
  }

  /** RIP of the instruction whose copy in the cold code is at {@code position}, or -1. */
  long copiedInstruction(int position) {
    for (int n = 0; n < missCount; n++) {
      if (position >= misses[n].copyStart && position < misses[n].copyEnd) {
        return misses[n].instruction.rip;
      }
    }
    return -1;
  }
}
