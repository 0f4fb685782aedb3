package io.ringside.bt;

import io.ringside.cpu.Breakpoints;
import io.ringside.cpu.CpuHooks;
import io.ringside.cpu.CpuState;
import io.ringside.cpu.CpuidModel;
import io.ringside.cpu.GuestFault;
import io.ringside.cpu.MmioAccess;
import io.ringside.cpu.Mmu;
import io.ringside.cpu.Outcome;
import io.ringside.cpu.Processor;
import io.ringside.cpu.TripleFault;
import io.ringside.cpu.UnsupportedGuestException;
import io.ringside.cpu.VirtualMemory;
import io.ringside.cpu.VmmEntry;
import io.ringside.host.HostCpu;
import io.ringside.host.HostMapping;
import io.ringside.host.NativeCode;
import io.ringside.host.NativeMemory;
import io.ringside.host.SignalRedirector;
import io.ringside.host.ThreadTicker;
import io.ringside.machine.Exit;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.InterruptController;
import io.ringside.machine.Vcpu;
import io.ringside.x86.Decoder;
import io.ringside.x86.Disassembler;
import io.ringside.x86.Instruction;
import io.ringside.x86.Kind;
import io.ringside.x86.Opcode.Access;
import io.ringside.x86.UndefinedInstructionException;
import java.util.Optional;

/**
 * A vCPU by binary translation. {@link #run} is a loop of three steps: take a pending interrupt, find or make the unit
 * at RIP, enter it; then it acts on the reason for which translated code came back, most of which never leave here.
 */
public final class BtVcpu implements Vcpu, CpuHooks {
  private static final int RFLAGS_IF = 1 << 9;
  private static final long CR0_EM = 1 << 2;
  private static final int PHYSICAL_ADDRESS_BITS = 40;

  /** Identities of code pages to keep, some 40 bytes each. */
  private static final int MAX_IDENTITIES = 1 << 17;

  /** Every so many exits, so many units are run one by one to count their look-ups in the software TLB. */
  private static final int SAMPLE_PERIOD = 20_000;

  private static final int SAMPLE_UNITS = 2_000;

  private static final long TICK_NANOS = 2_000_000;

  private final HostMapping contextMapping;
  private final NativeMemory context;
  private final CpuState state;
  private final GuestMemory ram;
  private final HostCpu host;
  private final InterruptController interrupts;
  private final Processor processor;
  private final Mmu mmu;
  private final VirtualMemory memory;
  private final Breakpoints breakpoints;
  private final StackInstructions stackInstructions;
  private final TranslationCache cache;
  private final Stubs stubs;
  private final LinkSlots slots = new LinkSlots();
  private final CodePages pages;
  private final Units units;
  private final SoftTlb tlb;
  private final Translator translator;
  private final Decoder decoder = new Decoder();
  private final DecodedInstructions decoded = new DecodedInstructions();
  private final byte[] instructionBytes = new byte[32];
  private final NativeCode enter;
  private final NativeCode resume;
  private final SignalRedirector.Registration redirection;
  private final Statistics statistics = new Statistics();

  private int timedExit = -1;
  private long timedSince;
  private long exitCount;
  private boolean samplesTlb;
  private int sampleLeft;
  private long lastSample;
  private Optional<VmmEntry> vmmEntry = Optional.empty();
  private Runnable overdueTimers = () -> {};
  private int mode;
  private boolean inhibited;

  /** No breakpoint on the next instruction counts. */
  private boolean resuming;

  private volatile boolean kicked;

  /** An NMI waits for the IRET of the one before. */
  private boolean nmiHeld;

  /** The last MmioRead was for an operand in the bounce buffer, not for an emulated instruction. */
  private boolean bounceRead;

  /** What completing a read led to. */
  private Outcome outcome = Outcome.NEXT;

  /** Makes a vCPU whose code cache has {@code cacheSize} bytes. */
  @SuppressWarnings("this-escape") // The processor calls back only while it runs.
  public BtVcpu(GuestMemory ram, InterruptController interrupts, HostCpu host, int cacheSize) {
    this.ram = ram;
    this.host = host;
    this.interrupts = interrupts;
    contextMapping = Context.allocate();
    context = contextMapping.memory();
    state = new CpuState(context);
    CpuidModel cpuid = new CpuidModel(host::cpuid, interrupts, PHYSICAL_ADDRESS_BITS, 0, 0);
    processor = new Processor(state, ram, interrupts, this, cpuid);
    processor.reset();
    mmu = processor.mmu();
    memory = processor.memory();
    breakpoints = processor.breakpoints();
    stackInstructions = new StackInstructions(state, memory);
    cache = new TranslationCache(cacheSize);
    stubs = new Stubs(cache);
    pages = new CodePages(mmu, ram, context);
    long ramEnd = Math.max(ram.lowEnd(), ram.highEnd());
    units = new Units(cache, slots, context, stubs, ramEnd);
    tlb = new SoftTlb(context, ram.hostAddress(), ramEnd);
    translator = new Translator(ram, cache, slots, stubs, pages, decoder, cpuid.features());
    enter = new NativeCode(stubs.enter);
    resume = new NativeCode(stubs.resume);
    redirection =
        SignalRedirector.instance().register(cache.address(0), cache.end(), stubs.exitFault);
  }

  /** Sets what fires the machine's overdue timers: it runs whenever the vCPU looks for interrupts. */
  public void onLook(Runnable fireOverdue) {
    overdueTimers = fireOverdue;
  }

  /** Has the VMM stand in for ring 0 of a deprivileged guest; before anything runs. */
  public void enterVmm(VmmEntry vmm) {
    vmmEntry = Optional.of(vmm);
    processor.enterVmm(vmm);
    translator.deprivilege();
  }

  /** What CPUID shows to a guest that owns the machine. */
  public CpuidModel cpuid() {
    return processor.cpuid();
  }

  /**
   * Translates an address by the page tables in force, as an access of user mode would.
   *
   * @return the gpa, or -1 where it would fault or is not RAM
   */
  public long translate(long gva, boolean write) {
    long gpa = mmu.tryTranslate(gva, write ? Mmu.WRITE : Mmu.READ, true, false);
    return gpa >= 0 && ram.isRam(gpa, 1) ? gpa : -1;
  }

  /**
   * A deprivileged guest went from its kernel's page tables to its programs' or back; each have a software TLB of their
   * own, so that nothing is dropped.
   */
  public void rootSwitched() {
    memory.flush();
    privilegeChanged();
  }

  /** Makes the vCPU look for interrupts every few milliseconds of the calling thread's CPU time. */
  public ThreadTicker startTicker() {
    return new ThreadTicker(context.address() + CpuState.PENDING, TICK_NANOS);
  }

  /** The architectural state, to set up before the first {@link #run}; then {@link #stateLoaded}. */
  public CpuState state() {
    return state;
  }

  /** To be called when the state was changed from outside. */
  public void stateLoaded() {
    flushAll();
    modeChanged();
    breakpointsChanged();
  }

  /** Turns on the sampling of hits in the software TLB, which costs a little. */
  public void sampleTlb() {
    samplesTlb = true;
  }

  /** What was counted. */
  public Statistics statistics() {
    statistics.units = units.count();
    statistics.instructions = translator.instructions;
    statistics.guestBytes = translator.guestBytes;
    statistics.cacheBytes = cache.top();
    statistics.tlbFills = tlb.fills;
    statistics.dropped = units.drops();
    statistics.chained = slots.chained();
    return statistics;
  }

  @Override
  public Exit run() {
    try {
      while (true) {
        try {
          Exit exit = step();
          if (exit != null) {
            return exit;
          }
        } catch (GuestFault fault) {
          deliver(fault);
        }
      }
    } catch (MmioAccess access) {
      bounceRead = true;
      return new Exit.MmioRead(access.gpa(), access.size());
    } catch (TripleFault fault) {
      return new Exit.Shutdown(fault.getMessage());
    } catch (UnsupportedGuestException unsupported) {
      return new Exit.Failure(unsupported.getMessage());
    }
  }

  /** Runs until something has to be looked at again; an exit, or null to go on. */
  private Exit step() {
    if (outcome == Outcome.EXIT) {
      outcome = Outcome.NEXT;
      return processor.exit();
    }
    if (processor.nextPendingExit()) {
      return processor.exit();
    }
    if (processor.mustExecuteAgain()) {
      return emulate();
    }
    if (inhibited) {
      inhibited = false;
      if (context.getInt(CpuState.DEFERRED) != 0) {
        context.putInt(CpuState.PENDING, 1);
      }
    } else if (context.getInt(CpuState.PENDING) != 0
        || context.getInt(CpuState.DEFERRED) != 0
            && (state.get(CpuState.SYSTEM_FLAGS) & RFLAGS_IF) != 0
        || nmiHeld && !processor.interrupts().nmiBlocked()) {
      if (takeInterrupts()) {
        return new Exit.Interrupted();
      }
    }
    // Breakpoints are looked for at each instruction.
    boolean solo = breakpoints.onExecution() || breakpoints.isHit();
    boolean skips = resuming;
    resuming = false;
    if (!skips && breakpoints.onExecution()) {
      if (processor.interrupts().deliverInstructionBreakpoint()) {
        return null;
      }
    }
    Unit unit = unitAt(state.rip(), solo ? mode | Mode.STEP : mode | sampling());
    NativeCode how = enter;
    long pc = cache.address(unit.bodyEntry);
    while (true) {
      if (timedExit >= 0) {
        statistics.exitNanos[timedExit] += (System.nanoTime() - timedSince) * Statistics.TIME_EVERY;
        timedExit = -1;
      }
      long code = how.call(context.address(), pc);
      int kind = ExitCode.kind(code);
      statistics.exits[kind]++;
      if (++exitCount % Statistics.TIME_EVERY == 0) {
        timedExit = kind;
        timedSince = System.nanoTime();
      }
      how = enter;
      mode = context.getInt(CpuState.MODE);
      switch (kind) {
        case ExitCode.LINK -> {
          int slot = ExitCode.detail(code);
          state.rip(slots.targetRip(slot));
          if (solo || (mode & Mode.STEP) != 0) {
            instructionDone();
            return null;
          }
          int generation = units.generation();
          int targetMode = slots.targetMode(slot);
          if ((targetMode & Mode.SAMPLED) != 0) {
            return null;
          }
          Unit target = unitAt(state.rip(), targetMode);
          if (units.generation() == generation) {
            slots.link(slot, target, cache);
          }
          pc = cache.address(slots.isChecked(slot) ? target.checkedEntry : target.bodyEntry);
        }
        case ExitCode.INDIRECT -> {
          if (solo || (mode & Mode.STEP) != 0) {
            instructionDone();
            return null;
          }
          if (sampleLeft > 0) {
            return null;
          }
          Unit target = unitAt(state.rip(), mode);
          units.cacheJump(target);
          pc = cache.address(target.checkedEntry);
        }
        case ExitCode.MISS -> {
          if (sampleLeft > 0) {
            statistics.sampledMisses++;
          }
          if (!miss(ExitCode.detail(code))) {
            return null;
          }
          how = resume;
          pc = context.getLong(Context.ENTRY_PC);
        }
        case ExitCode.GROUP_MISS -> {
          if (sampleLeft > 0) {
            statistics.sampledMisses++;
          }
          if (groupMiss(ExitCode.detail(code))) {
            how = resume;
            pc = context.getLong(Context.ENTRY_PC);
          } else {
            missedInstruction();
            pc = cache.address(unitAt(state.rip(), mode | Mode.NO_GROUPS).bodyEntry);
          }
        }
        case ExitCode.PENDING -> {
          return null;
        }
        case ExitCode.EMULATE -> {
          return emulate();
        }
        case ExitCode.UNDEFINED -> {
          // Raises #GP instead where it is too long.
          decodeCurrent();
          throw GuestFault.UD;
        }
        case ExitCode.DEVICE_NOT_AVAILABLE -> throw deviceNotAvailable();
        case ExitCode.STEPPED -> {
          instructionDone();
          return null;
        }
        case ExitCode.FAULT -> {
          return fault();
        }
        default -> throw new IllegalStateException("exit " + code);
      }
    }
  }

  /** After an instruction that was executed alone: its trap, if it has one. */
  private void instructionDone() {
    traps((mode & Mode.STEP) != 0);
  }

  private void traps(boolean stepping) {
    if (stepping) {
      processor.interrupts().deliverSingleStep();
    } else if (breakpoints.isHit()) {
      processor.interrupts().deliverDataBreakpoints();
    }
  }

  /** The mode bit for units to be sampled, and the sampling itself: the unit that comes next is counted. */
  private int sampling() {
    if (!samplesTlb) {
      return 0;
    }
    if (sampleLeft == 0) {
      if (exitCount - lastSample < SAMPLE_PERIOD) {
        return 0;
      }
      lastSample = exitCount;
      sampleLeft = SAMPLE_UNITS;
    }
    sampleLeft--;
    return sampleLeft == 0 ? 0 : Mode.SAMPLED;
  }

  /** Delivers what waits; true if the caller of {@link #run} is wanted. */
  private boolean takeInterrupts() {
    context.putInt(CpuState.PENDING, 0);
    context.putInt(CpuState.DEFERRED, 0);
    overdueTimers.run();
    if (kicked) {
      kicked = false;
      // What else waits is looked at in the next run.
      context.putInt(CpuState.PENDING, 1);
      return true;
    }
    if (processor.interrupts().nmiBlocked()) {
      nmiHeld = interrupts.hasNmi();
    } else {
      nmiHeld = false;
      if (interrupts.takeNmi()) {
        processor.interrupts().deliverNmi();
      }
    }
    if (interrupts.hasPending()) {
      if ((state.get(CpuState.SYSTEM_FLAGS) & RFLAGS_IF) != 0) {
        int vector = interrupts.acknowledge();
        if (vector >= 0) {
          statistics.interrupts++;
          processor.interrupts().deliverExternal(vector, false);
        }
      }
      if (interrupts.hasPending()) {
        context.putInt(CpuState.DEFERRED, 1);
      }
    }
    return false;
  }

  private Unit unitAt(long rip, int unitMode) {
    Unit unit = findUnit(rip, unitMode);
    if ((unitMode & Mode.SAMPLED) != 0) {
      statistics.sampledLookups += unit.lookups;
    }
    if (statistics.firstUserNanos == 0 && Mode.user(unitMode)) {
      statistics.firstUserNanos = System.nanoTime();
    }
    return unit;
  }

  private Unit findUnit(long rip, int unitMode) {
    if (pages.identities() > MAX_IDENTITIES) {
      statistics.cacheFlushes++;
      units.clear();
      pages.forgetIdentities();
    }
    if (!pages.select(rip, Mode.user(unitMode))) {
      throw notRam(rip);
    }
    Unit unit = units.find(pages.id(), rip, unitMode);
    if (unit != null) {
      if (!unit.spansPages()
          || pages.second((rip | 4095) + 1, Mode.user(unitMode)) == unit.secondPage) {
        return unit;
      }
      units.drop(unit);
    }
    if (cache.free() < Translator.MAX_UNIT_CODE) {
      statistics.cacheFlushes++;
      units.clear();
    }
    long start = System.nanoTime();
    unit = translator.translate(rip, unitMode);
    if (units.add(unit)) {
      tlb.revokeWrites(unit.page);
      memory.flush();
      if (unit.spansPages()) {
        tlb.revokeWrites(unit.secondPage);
      }
    }
    statistics.translationNanos += System.nanoTime() - start;
    return unit;
  }

  /** Delivers an exception; what the VMM must know of it comes out of the next {@link #step}. */
  private void deliver(GuestFault fault) {
    statistics.exceptions[fault.vector()]++;
    outcome = processor.deliver(fault);
  }

  /** Acts on a memory access that missed the software TLB; true if it is there now and the access can be repeated. */
  private boolean miss(int detail) {
    boolean write = (detail & 1) != 0;
    int size = detail >> 1;
    long gva = context.getLong(Context.MISS_ADDRESS);
    int way = Mode.tlb(mode);
    if (((int) gva & 0xfff) + size > 4096) {
      missedInstruction();
      outOfLine(gva, size, write);
      return false;
    }
    long gpa =
        mmu.tryTranslate(
            gva, write ? Mmu.WRITE : Mmu.READ, way == Mode.TLB_USER, way == Mode.TLB_SUPERVISOR_AC);
    if (gpa < 0) {
      missedInstruction();
      GuestFault fault = mmu.fault();
      if (write && vmmEntry.isPresent() && storedByVmm(vmmEntry.get(), gva, size, fault)) {
        return false;
      }
      if (fault == GuestFault.GP0 && stackInstructions.usesStack(decodeCurrent(), gva)) {
        fault = GuestFault.SS0;
      }
      deliver(fault);
      return false;
    }
    if (!ram.isRam(gpa & -4096, 4096)) {
      missedInstruction();
      outOfLine(gva, size, write);
      return false;
    }
    if (breakpoints.isNear(gva, size)) {
      missedInstruction();
      outOfLine(gva, size, write);
      return false;
    }
    boolean writable = mmu.writable();
    long page = gpa >>> 12;
    if (units.isCode(page)) {
      writable = false;
      if (write) {
        int first = (int) gpa & 0xfff;
        if (!units.touchesCode(page, first, first + size - 1)) {
          missedInstruction();
          outOfLine(gva, size, true);
          return false;
        }
        Unit current = units.at(cache.offset(context.getLong(Context.ENTRY_PC)));
        units.dropPage(page);
        if (current == null || current.dropped) {
          missedInstruction();
          outOfLine(gva, size, true);
          return false;
        }
        writable = true;
      }
    }
    tlb.fill(way, gva, gpa, write, writable, mmu.global(), mmu.pageShift());
    return true;
  }

  /**
   * Executes the instruction at RIP with its store to {@code gva}, which page tables forbid, made by the VMM; false if the
   * guest is to get the fault, with everything as it was.
   */
  private boolean storedByVmm(VmmEntry vmm, long gva, int size, GuestFault fault) {
    if (fault.vector() != GuestFault.PAGE_FAULT || Integer.bitCount(size) != 1 || size > 8) {
      return false;
    }
    long gpa = vmm.forbiddenStore(gva, size);
    if (gpa < 0 || StackInstructions.isOne(decodeCurrent())) {
      return false;
    }
    statistics.outOfLine++;
    boolean stepping = (mode & Mode.STEP) != 0;
    long[] before = new long[18];
    for (int r = 0; r < 16; r++) {
      before[r] = state.gpr(r);
    }
    before[16] = state.rflags();
    before[17] = state.rip();
    int at = (int) gva & 63;
    putBounce(at, size, ram.raw().getLong(gpa & -8) >>> 8 * (gpa & 7));
    executeBounced(at);
    if (!vmm.store(gpa, size, context.getLong(Context.BOUNCE + at))) {
      for (int r = 0; r < 16; r++) {
        state.gpr(r, before[r]);
      }
      state.rflags(before[16]);
      state.rip(before[17]);
      return false;
    }
    traps(stepping);
    return true;
  }

  /** Acts on a missing range of grouped accesses, which lies in one page; false if it can't be had as a whole. */
  private boolean groupMiss(int detail) {
    boolean write = (detail & 1) != 0;
    long gva = context.getLong(Context.MISS_ADDRESS);
    int way = Mode.tlb(mode);
    // Not as a write: the dirty flag is set by an instruction that does write only.
    long gpa = mmu.tryTranslate(gva, Mmu.READ, way == Mode.TLB_USER, way == Mode.TLB_SUPERVISOR_AC);
    if (gpa < 0 || breakpoints.isNear(gva, detail >> 1)) {
      return false;
    }
    boolean writable = mmu.writable() && ram.isRam(gpa & -4096, 4096) && !units.isCode(gpa >>> 12);
    if (write && !writable || !ram.isRam(gpa & -4096, 4096)) {
      return false;
    }
    tlb.fill(way, gva, gpa, write, writable, mmu.global(), mmu.pageShift());
    return true;
  }

  /** Sets RIP to the instruction whose memory access missed. */
  private void missedInstruction() {
    int at = cache.offset(context.getLong(Context.ENTRY_PC));
    Unit unit = units.at(at);
    if (unit == null) {
      throw new IllegalStateException("a miss outside of all units");
    }
    // Behind the jump back to the access is the instruction's offset, see Emitter.finish.
    state.rip(unit.rip + cache.readByte(at + 5));
  }

  /** Executes the instruction at RIP with its memory operand in the context block, or wholly in Java. */
  private void outOfLine(long gva, int size, boolean write) {
    Instruction i = decodeCurrent();
    statistics.outOfLine++;
    boolean stepping = (mode & Mode.STEP) != 0;
    memory.beginInstruction();
    if (stackInstructions.execute(i) || isPopf(i)) {
      memory.endInstruction();
    } else {
      bounce(i, gva, size, write);
    }
    traps(stepping);
  }

  private boolean isPopf(Instruction i) {
    if (i.opcode.kind() != Kind.POPF) {
      return false;
    }
    processor.instructions().execute(i);
    return true;
  }

  private void bounce(Instruction i, long gva, int size, boolean write) {
    int at = (int) gva & 63;
    int way = memory.mode();
    Access access = i.opcode.rmAccess();
    if (write) {
      memory.probeWrite(gva, size, way);
    }
    // An x87 store leaves memory alone where it raises an unmasked exception.
    boolean x87 = i.opcode.usesFpu() && i.opcode.map() == 0;
    if (!write || access != Access.WRITE || x87) {
      for (int n = 0; n < size; n += 8) {
        int part = Math.min(8, size - n);
        putBounce(at + n, part, read(gva + n, part, way));
      }
    }
    executeBounced(at);
    if (write) {
      for (int n = 0; n < size; n += 8) {
        int part = Math.min(8, size - n);
        write(gva + n, part, context.getLong(Context.BOUNCE + at + n), way);
      }
    }
    memory.endInstruction();
  }

  /** Executes the instruction at RIP with its memory operand at an offset of the bounce buffer. */
  private void executeBounced(int at) {
    context.putLong(Context.BOUNCE_OFFSET, at);
    Unit unit = unitAt(state.rip(), mode & ~Mode.STEP | Mode.BOUNCE);
    long code = enter.call(context.address(), cache.address(unit.bodyEntry));
    if (ExitCode.kind(code) == ExitCode.FAULT) {
      throw faultInCode();
    }
    if (ExitCode.kind(code) != ExitCode.STEPPED) {
      throw new IllegalStateException(
          "a bounced instruction left with " + code + ": " + describeCurrent());
    }
  }

  private long read(long gva, int size, int way) {
    if (Integer.bitCount(size) == 1) {
      return memory.read(gva, size, way);
    }
    long value = 0;
    for (int n = 0; n < size; n++) {
      value |= memory.read(gva + n, 1, way) << 8 * n;
    }
    return value;
  }

  private void write(long gva, int size, long value, int way) {
    if (Integer.bitCount(size) == 1) {
      memory.write(gva, size, value, way);
      return;
    }
    for (int n = 0; n < size; n++) {
      memory.write(gva + n, 1, value >> 8 * n, way);
    }
  }

  private void putBounce(int at, int size, long value) {
    switch (size) {
      case 1 -> context.putByte(Context.BOUNCE + at, (int) value);
      case 2 -> context.putShort(Context.BOUNCE + at, (int) value);
      case 4 -> context.putInt(Context.BOUNCE + at, (int) value);
      default -> context.putLong(Context.BOUNCE + at, value);
    }
  }

  /**
   * The instruction at RIP; valid until the next one is decoded.
   *
   * @throws GuestFault if it can't be fetched or is undefined
   */
  public Instruction instructionAtRip() {
    return decodeCurrent();
  }

  /** Decodes the instruction at RIP, or finds it decoded. */
  private Instruction decodeCurrent() {
    long rip = state.rip();
    boolean user = Mode.user(mode);
    if (pages.select(rip, user)) {
      DecodedInstructions.Entry known = decoded.at(rip, pages.id(), units.drops());
      if (known.valid()) {
        return known.instruction();
      }
      decode(rip, user, known.instruction());
      // Only what lies in one page of code that is watched stays right until code is dropped.
      if (units.isCode(pages.page()) && ((int) rip & 0xfff) <= 4096 - 16) {
        known.validate(rip, pages.id(), units.drops());
      }
      return known.instruction();
    }
    throw notRam(rip);
  }

  private static UnsupportedGuestException notRam(long rip) {
    return new UnsupportedGuestException(
        "the guest executes memory that is not RAM, at 0x" + Long.toHexString(rip));
  }

  private void decode(long rip, boolean user, Instruction instruction) {
    int offset = (int) rip & 0xfff;
    int available = Math.min(16, 4096 - offset);
    ram.raw().read((pages.page() << 12) + offset, instructionBytes, 0, available);
    try {
      if (!decoder.decode(instructionBytes, 0, available, rip, instruction)) {
        long second = pages.second(rip + available, user);
        ram.raw().read(second << 12, instructionBytes, available, 16 - available);
        decoder.decode(instructionBytes, 0, 16, rip, instruction);
      }
    } catch (UndefinedInstructionException undefined) {
      throw undefined.tooLong() ? GuestFault.GP0 : GuestFault.UD;
    }
  }

  /** Executes the instruction at RIP in Java. */
  private Exit emulate() {
    boolean stepping = (mode & Mode.STEP) != 0;
    Instruction i = decodeCurrent();
    statistics.emulated[i.opcode.kind().ordinal()]++;
    if (isNearTransfer(i)) {
      memory.beginInstruction();
      stackInstructions.execute(i);
      memory.endInstruction();
      traps(stepping);
      return null;
    }
    return switch (processor.emulate(i)) {
      case NEXT -> null;
      case REPEAT -> {
        resuming = true;
        yield null;
      }
      case NEXT_INHIBITED -> {
        inhibited = true;
        yield null;
      }
      case HALT -> new Exit.Halt((state.get(CpuState.SYSTEM_FLAGS) & RFLAGS_IF) != 0);
      case EXIT -> processor.exit();
    };
  }

  /** What the translator leaves to Java and {@link Processor} does not have: POP to memory. */
  private static boolean isNearTransfer(Instruction i) {
    return i.opcode.kind() == Kind.POP;
  }

  /** What an instruction on x87, MMX or vector state raises with CR0.EM or TS (SDM vol. 3, table 14-3). */
  private GuestFault deviceNotAvailable() {
    if ((state.get(CpuState.CR0) & CR0_EM) != 0) {
      Instruction i = decodeCurrent();
      boolean x87 =
          i.opcode.map() == 0 || i.opcode.kind() == Kind.FXSAVE || i.opcode.kind() == Kind.FXRSTOR;
      if (!x87) {
        return GuestFault.UD;
      }
    }
    return GuestFault.NM;
  }

  /** Acts on a fault that the host's processor raised in translated code. */
  private Exit fault() {
    throw faultInCode();
  }

  private RuntimeException faultInCode() {
    int at = cache.offset(context.getLong(Context.FAULT_PC));
    Unit unit = units.at(at);
    long trap = context.getLong(Context.FAULT_TRAP);
    if (unit == null) {
      return new UnsupportedGuestException(
          "trap "
              + trap
              + " in a stub of the translation cache at offset 0x"
              + Integer.toHexString(at));
    }
    state.rip(translator.instructionAt(unit, at - unit.start));
    return switch ((int) trap) {
      case 0 -> GuestFault.DE;
      case 13 -> GuestFault.GP0;
      case 16 -> GuestFault.MF;
      case 17 -> GuestFault.AC0;
      case 19 -> GuestFault.XM;
      case 14 ->
          new UnsupportedGuestException(
              "the host has no memory behind guest RAM (or the translator erred): access to host address 0x"
                  + Long.toHexString(context.getLong(Context.FAULT_ADDRESS))
                  + " by "
                  + describeCurrent());
      default ->
          new UnsupportedGuestException(
              "the host's processor raised trap " + trap + " at " + describeCurrent());
    };
  }

  /** Address, bytes and text of the instruction at RIP, for messages. */
  public String describeCurrent() {
    Instruction i = new Instruction();
    try {
      if (pages.select(state.rip(), Mode.user(mode))) {
        decode(state.rip(), Mode.user(mode), i);
        return Disassembler.format(i, instructionBytes, 0);
      }
    } catch (GuestFault undecodable) {
      // Said below.
    }
    return "0x" + Long.toHexString(state.rip());
  }

  /** The registers and figures as text. */
  public String dump() {
    return state.describe() + '\n' + statistics().report();
  }

  // ---- What the VMM calls

  @Override
  public void completeRead(long value) {
    if (bounceRead) {
      bounceRead = false;
      memory.completeRead(value);
      // The instruction finds its value only if nothing comes in between.
      inhibited = true;
    } else {
      outcome = processor.completeRead(value);
    }
  }

  @Override
  public boolean wakes(boolean interruptsEnabled) {
    if (vmmEntry.isPresent()) {
      return vmmEntry.get().mayRun();
    }
    return interruptsEnabled && interrupts.hasPending() || interrupts.hasNmi();
  }

  @Override
  public void interruptChanged() {
    context.putInt(CpuState.PENDING, 1);
  }

  @Override
  public void kick() {
    kicked = true;
    context.putInt(CpuState.PENDING, 1);
  }

  @Override
  public void close() {
    redirection.close();
    cache.close();
    contextMapping.close();
  }

  // ---- What emulation tells

  @Override
  public void flushAll() {
    statistics.flushes++;
    tlb.flushAll();
    pages.flushAll();
    memory.flush();
  }

  @Override
  public void flushNonGlobal() {
    statistics.flushes++;
    tlb.flushNonGlobal();
    pages.flushNonGlobal();
    memory.flush();
  }

  @Override
  public void flushPcid(int pcid) {
    flushNonGlobal();
  }

  @Override
  public void invalidatePage(long gva) {
    tlb.invalidate(gva);
    pages.invalidate(gva);
    memory.flush();
  }

  @Override
  public void addressSpaceChanged() {
    // The software TLB has no tags for address spaces.
    flushNonGlobal();
  }

  @Override
  public void modeChanged() {
    int before = mode;
    mode = Mode.of(state);
    context.putInt(CpuState.MODE, mode);
    if (translator.configure(state)) {
      units.clear();
    } else if (((before ^ mode) & Mode.NO_FPU) != 0) {
      units.emptyJumpCache();
    }
  }

  @Override
  public void privilegeChanged() {
    int before = mode;
    mode = Mode.of(state);
    context.putInt(CpuState.MODE, mode);
    if (((before ^ mode) & Mode.NO_FPU) != 0) {
      units.emptyJumpCache();
    }
  }

  @Override
  public void breakpointsChanged() {
    breakpoints.update(state);
    for (int i = 0; i < breakpoints.count(); i++) {
      invalidatePage(breakpoints.address(i));
    }
  }

  @Override
  public void resumed() {
    resuming = true;
  }

  @Override
  public boolean isCodePage(long gpa) {
    return units.isCode(gpa >>> 12);
  }

  @Override
  public void codeWritten(long gpa, int length) {
    int first = (int) gpa & 0xfff;
    if (units.touchesCode(gpa >>> 12, first, first + length - 1)) {
      units.dropPage(gpa >>> 12);
    }
  }

  @Override
  public long hostTsc() {
    return host.timestamp();
  }
}
