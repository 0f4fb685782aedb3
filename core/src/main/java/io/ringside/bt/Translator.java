package io.ringside.bt;

import static io.ringside.asm.Assembler.RCX;
import static io.ringside.bt.Context.CTX;
import static io.ringside.bt.Context.S0;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;
import io.ringside.cpu.GuestFault;
import io.ringside.machine.GuestMemory;
import io.ringside.x86.Decoder;
import io.ringside.x86.Feature;
import io.ringside.x86.Instruction;
import io.ringside.x86.Kind;
import io.ringside.x86.Opcode;
import io.ringside.x86.Opcode.Operand;
import io.ringside.x86.UndefinedInstructionException;
import java.util.Set;

/**
 * Makes units: decodes a run of guest instructions, finds which status flags are live before each, and emits host code
 * for them. A unit is entered at its first instruction only, stays in one page (but for one instruction that crosses
 * into the next) and goes on past conditional branches that are not taken.
 */
final class Translator {
  private static final int MAX_INSTRUCTIONS = 48;
  private static final int MAX_BYTES = 240;
  private static final int MAX_BRANCHES = 4;
  private static final int STATUS = (int) CpuState.STATUS_MASK;

  /** Room that one unit may need in the cache. */
  static final int MAX_UNIT_CODE = 32 << 10;

  private final GuestMemory ram;
  private final TranslationCache cache;
  private final Stubs stubs;
  private final CodePages pages;
  private final Decoder decoder;
  private final Set<Feature> features;
  private final Emitter e;
  private final Assembler a;
  private final GenericEmitter generic;
  private final StackEmitter stack;
  private final SystemEmitter system;
  private final SystemCallEmitter systemCall;

  private final byte[] bytes = new byte[MAX_BYTES + 32];
  private final Instruction[] run = new Instruction[MAX_INSTRUCTIONS];
  private final int[] liveBefore = new int[MAX_INSTRUCTIONS + 1];
  private final int[] hostStart = new int[MAX_INSTRUCTIONS + 1];
  private int count;
  private boolean linkCheckedAtEnd;

  // What of the control registers translations depend on; all units are dropped when it changes.
  private boolean avxEnabled;
  private boolean sseEnabled;
  private boolean fsgsbaseEnabled;
  private boolean smapEnabled;
  private boolean syscallEnabled;

  /** All of the guest runs at CPL 3, whatever software TLB it uses, and its system calls go to Java. */
  private boolean deprivileged;

  long instructions;
  long guestBytes;

  Translator(
      GuestMemory ram,
      TranslationCache cache,
      LinkSlots slots,
      Stubs stubs,
      CodePages pages,
      Decoder decoder,
      Set<Feature> features) {
    this.ram = ram;
    this.cache = cache;
    this.stubs = stubs;
    this.pages = pages;
    this.decoder = decoder;
    this.features = features;
    this.e = new Emitter(stubs, cache, slots);
    this.a = e.a;
    this.generic = new GenericEmitter(e);
    this.stack = new StackEmitter(e);
    this.system = new SystemEmitter(e);
    this.systemCall = new SystemCallEmitter(e, stack);
    for (int n = 0; n < run.length; n++) {
      run[n] = new Instruction();
    }
  }

  /** The guest's kernel has no privileges; before anything is translated. */
  void deprivilege() {
    deprivileged = true;
  }

  /** Takes over what translations depend on; true if it changed, and all units are wrong now. */
  boolean configure(CpuState state) {
    long cr4 = state.get(CpuState.CR4);
    boolean sse = (cr4 & 1L << 9) != 0;
    boolean avx = (cr4 & 1L << 18) != 0 && (state.get(CpuState.XCR0) & 6) == 6;
    boolean fsgs = (cr4 & 1L << 16) != 0;
    boolean smap = (cr4 & 1L << 21) != 0;
    boolean syscall = (state.get(CpuState.EFER) & 1) != 0;
    boolean changed =
        sse != sseEnabled
            || avx != avxEnabled
            || fsgs != fsgsbaseEnabled
            || smap != smapEnabled
            || syscall != syscallEnabled;
    sseEnabled = sse;
    avxEnabled = avx;
    fsgsbaseEnabled = fsgs;
    smapEnabled = smap;
    syscallEnabled = syscall;
    return changed;
  }

  /**
   * Translates the unit at {@code rip}; the page of its first byte is {@link CodePages}' current one.
   *
   * @throws GuestFault if the first instruction reaches into a page that can't be fetched
   */
  Unit translate(long rip, int mode) throws GuestFault {
    int pageId = pages.id();
    long page = pages.page();
    long secondPage = decodeRun(rip, page, mode);
    Instruction last = run[Math.max(0, count - 1)];
    int length = count == 0 ? 1 : (int) (last.nextRip() - rip);
    Unit unit = new Unit(rip, page, secondPage, pageId, mode, length);
    e.start(rip, mode);
    emitUnit(unit, pageId, secondPage < 0 ? 0 : pages.secondId());
    e.finish(false);
    unit.lookups = e.lookups;
    int start = cache.append(a.buffer(), a.position());
    unit.start = start;
    unit.end = start + a.position();
    unit.indirectEntry += start;
    unit.crossPageEntry += start;
    unit.checkedEntry += start;
    unit.bodyEntry += start;
    instructions += count;
    guestBytes += length;
    return unit;
  }

  /**
   * Which guest instruction the host code at an offset from the unit's start belongs to: translates the unit again,
   * which gives the same code, and compares positions. Returns its RIP.
   */
  long instructionAt(Unit unit, int offset) {
    try {
      decodeRun(unit.rip, unit.page, unit.mode);
      e.start(unit.rip, unit.mode);
      emitUnit(
          new Unit(unit.rip, unit.page, unit.secondPage, unit.pageId, unit.mode, unit.length),
          unit.pageId,
          0);
      e.finish(true);
    } catch (GuestFault f) {
      return unit.rip;
    }
    long copied = e.copiedInstruction(offset);
    if (copied != -1) {
      return copied;
    }
    int found = 0;
    for (int n = 0; n < count; n++) {
      if (hostStart[n] <= offset) {
        found = n;
      }
    }
    return run[found].rip;
  }

  private long decodeRun(long rip, long page, int mode) throws GuestFault {
    int offset = (int) rip & 0xfff;
    int available = Math.min(4096 - offset, bytes.length);
    ram.raw().read((page << 12) + offset, bytes, 0, available);
    e.mode = mode;
    boolean single = (mode & (Mode.STEP | Mode.BOUNCE)) != 0;
    count = 0;
    linkCheckedAtEnd = false;
    int position = 0;
    int branches = 0;
    boolean endNext = false;
    while (count < MAX_INSTRUCTIONS && position < MAX_BYTES) {
      Instruction i = run[count];
      try {
        if (!decoder.decode(bytes, position, available - position, rip + position, i)) {
          if (count > 0) {
            break;
          }
          if (offset + available < 4096) {
            throw new IllegalStateException("decoder wants more than 15 bytes");
          }
          long second = pages.second(rip + available, Mode.user(mode));
          ram.raw().read(second << 12, bytes, available, 16);
          decoder.decode(bytes, 0, available + 16, rip, i);
          count = 1;
          return second;
        }
      } catch (UndefinedInstructionException undefined) {
        // What was decoded before it runs first; a unit without instructions raises #UD.
        break;
      }
      count++;
      position += i.length;
      if (single || endNext || ends(i)) {
        break;
      }
      if (i.opcode.kind() == Kind.JCC && ++branches == MAX_BRANCHES) {
        break;
      }
      if (i.opcode.kind() == Kind.STI) {
        endNext = true;
        linkCheckedAtEnd = true;
      }
    }
    return -1;
  }

  /** Whether nothing can follow {@code i} in a unit. */
  private boolean ends(Instruction i) {
    return switch (i.opcode.kind()) {
      case GENERIC,
          NOP,
          SHIFT_CL,
          BIT_OFFSET,
          LEA,
          MOV_MOFFS,
          XLAT,
          CMPXCHG_PAIR,
          PCMPSTRI,
          CACHE_LINE,
          PUSH,
          POP,
          PUSH_IMMEDIATE,
          PUSHF,
          POPF,
          LEAVE,
          JCC,
          CLI,
          STI,
          CLD,
          STD,
          SWAPGS,
          RDTSC,
          RDTSCP,
          PAUSE,
          MOV_FROM_SEGMENT,
          MOV_FROM_CR,
          RDFSBASE,
          RDGSBASE,
          MOVS,
          STOS ->
          emulated(i);
      default -> true;
    };
  }

  /** Whether {@code i}, of a kind that has an inline sequence, must be emulated all the same. */
  private boolean emulated(Instruction i) {
    boolean user = deprivileged || Mode.user(e.mode);
    return switch (i.opcode.kind()) {
      case CLI, STI, SWAPGS -> user;
      case PUSHF, POPF -> user && i.opcode.kind() == Kind.POPF || i.operandSize != 8;
      case POP, MOV_FROM_SEGMENT -> i.memory;
      case LEAVE -> i.operandSize != 8;
      case MOV_FROM_CR -> user || i.reg == 1 || i.reg > 4;
      case RDFSBASE, RDGSBASE -> !fsgsbaseEnabled;
      case SYSCALL -> !user || deprivileged || !syscallEnabled || (e.mode & Mode.STEP) != 0;
      case SYSRET -> user || !syscallEnabled || i.operandSize != 8 || (e.mode & Mode.STEP) != 0;
      case STAC, CLAC -> user || (e.mode & Mode.STEP) != 0;
      case MOVS, STOS ->
          i.rep == 0
              || i.addressSizePrefix
              || i.segment != Instruction.NONE
              || (e.mode & Mode.STEP) != 0;
      default -> false;
    };
  }

  private void liveness() {
    int live = STATUS;
    for (int n = count - 1; n >= 0; n--) {
      Opcode op = run[n].opcode;
      if (op.kind() == Kind.JCC || ends(run[n])) {
        live = STATUS;
      } else {
        live = live & ~op.flagsWritten() | op.flagsRead();
      }
      liveBefore[n] = live & STATUS;
    }
  }

  private void emitUnit(Unit unit, int pageId, int secondId) {
    liveness();
    if (count > 1 && (unit.mode & Mode.NO_GROUPS) == 0) {
      e.groups.find(run, count);
    } else {
      e.groups.none(count);
    }
    emitEntries(unit, pageId, secondId);
    for (int n = 0; n < count; n++) {
      hostStart[n] = a.position();
      Instruction i = run[n];
      e.number = n;
      e.current = i;
      e.flagsDead = liveBefore[n] == 0;
      if (!emit(i)) {
        return;
      }
      e.endInstruction();
    }
    if (count == 0) {
      hostStart[0] = a.position();
      e.exit(ExitCode.UNDEFINED, unit.rip);
      return;
    }
    Instruction last = run[count - 1];
    if ((unit.mode & (Mode.STEP | Mode.BOUNCE)) != 0) {
      e.exit(ExitCode.STEPPED, last.nextRip());
    } else {
      // After STI and one more instruction the target must look for the interrupt: a backward link
      // does.
      e.jump(linkCheckedAtEnd ? last.nextRip() : last.rip, last.nextRip());
    }
  }

  private void emitEntries(Unit unit, int pageId, int secondId) {
    long rip = unit.rip;
    e.flagsDead = count > 0 && liveBefore[0] == 0;
    unit.indirectEntry = a.position();
    if ((unit.mode & (Mode.STEP | Mode.BOUNCE)) == 0) {
      e.checkTarget(rip);
    }
    unit.crossPageEntry = a.position();
    e.checkPage(rip, rip, pageId);
    if (unit.spansPages()) {
      e.checkPage(rip + unit.length - 1, rip, secondId);
    }
    unit.checkedEntry = a.position();
    e.checkPending(rip);
    unit.bodyEntry = a.position();
  }

  /** Emits one instruction; false if the unit ends with it. */
  private boolean emit(Instruction i) {
    Opcode op = i.opcode;
    if (!allowed(op)) {
      e.exit(ExitCode.UNDEFINED, i.rip);
      return false;
    }
    if (op.usesFpu() && (e.mode & Mode.NO_FPU) != 0) {
      e.exit(ExitCode.DEVICE_NOT_AVAILABLE, i.rip);
      return false;
    }
    if (emulated(i)) {
      e.exit(ExitCode.EMULATE, i.rip);
      return false;
    }
    switch (op.kind()) {
      case GENERIC -> generic.emit(i, false);
      case SHIFT_CL -> generic.emit(i, true);
      case BIT_OFFSET -> generic.emitBitOffset(i);
      case NOP, PAUSE -> {}
      case PCMPSTRI -> {
        generic.emit(i, false);
        e.writeGpr(CpuState.RCX, RCX);
      }
      case CACHE_LINE -> e.access(i, 1, false);
      case LEA -> system.lea(i);
      case MOV_MOFFS -> system.movAbsolute(i);
      case XLAT -> system.xlat(i);
      case CMPXCHG_PAIR -> system.compareExchangePair(i);
      case PUSH -> stack.push(i);
      case PUSH_IMMEDIATE -> stack.pushImmediate(i);
      case POP -> stack.pop(i);
      case LEAVE -> stack.leave(i);
      case PUSHF -> stack.pushf(i);
      case POPF -> stack.popf(i);
      case CLI -> system.cli();
      case STI -> {
        if (e.number == count - 1 && (e.mode & Mode.STEP) == 0) {
          // The instruction that no interrupt may precede is in another unit: Java knows how.
          e.exit(ExitCode.EMULATE, i.rip);
          return false;
        }
        system.sti();
      }
      case CLD -> system.cld();
      case STD -> system.std();
      case SWAPGS -> system.swapgs();
      case RDTSC -> system.rdtsc(i, false);
      case RDTSCP -> system.rdtsc(i, true);
      case MOV_FROM_SEGMENT -> system.movFromSegment(i);
      case MOV_FROM_CR -> system.movFromControl(i);
      case RDFSBASE -> system.readBase(i, CpuState.FS_BASE);
      case RDGSBASE -> system.readBase(i, CpuState.GS_BASE);
      case MOVS -> {
        a.movImmediate(S0, i.rip);
        a.callTo(stubs.repMovs(e.tlb, i.operandSize));
      }
      case STOS -> {
        a.movImmediate(S0, i.rip);
        a.callTo(stubs.repStos(e.tlb, i.operandSize));
      }
      case JCC -> e.jumpIf(i.code & 15, i.rip, i.immediate);
      default -> {
        emitEnd(i);
        return false;
      }
    }
    return true;
  }

  private void emitEnd(Instruction i) {
    switch (i.opcode.kind()) {
      case JMP_RELATIVE -> e.jump(i.rip, i.immediate);
      case CALL_RELATIVE -> {
        stack.pushReturn(i);
        e.jump(i.rip, i.immediate);
      }
      case LOOP -> system.loop(i, true);
      case JRCXZ -> system.loop(i, false);
      case JMP_INDIRECT -> {
        target(i);
        e.jumpIndirect();
      }
      case CALL_INDIRECT -> {
        target(i);
        a.store(CTX, Context.TEMP, S0);
        stack.pushReturn(i);
        a.load(S0, CTX, Context.TEMP);
        e.jumpIndirect();
      }
      case RET -> {
        stack.popReturn(i, i.immediateSize == 0 ? 0 : (int) i.immediate & 0xffff);
        e.jumpIndirect();
      }
      case SYSCALL -> systemCall.syscall(i);
      case SYSRET -> systemCall.sysret(i);
      case STAC -> systemCall.alignmentCheck(i, true, smapEnabled);
      case CLAC -> systemCall.alignmentCheck(i, false, smapEnabled);
      case UNDEFINED -> e.exit(ExitCode.UNDEFINED, i.rip);
      default -> e.exit(ExitCode.EMULATE, i.rip);
    }
  }

  /** Puts an indirect branch's target into S0. */
  private void target(Instruction i) {
    if (i.memory) {
      e.access(i, 8, false);
      e.loadOperand(S0);
    } else {
      e.readGpr(S0, i.rm);
    }
  }

  private boolean allowed(Opcode op) {
    if (op.feature() != Feature.BASE && !features.contains(op.feature())) {
      return false;
    }
    if (!op.usesFpu()) {
      return true;
    }
    if (op.vex()) {
      return avxEnabled;
    }
    return sseEnabled || op.reg() != Operand.VECTOR && op.rm() != Operand.VECTOR;
  }
}
