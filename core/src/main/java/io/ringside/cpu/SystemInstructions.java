package io.ringside.cpu;

import io.ringside.x86.Instruction;
import java.util.Optional;

/**
 * Executes the instructions that translated code leaves to Java: by their kind they go to the class of their family;
 * the few without a family are here. A fault is thrown with the state as it was before the instruction.
 */
public final class SystemInstructions {
  private final CpuState state;
  private final VirtualMemory memory;
  private final CpuidModel cpuid;
  private final Operands operands;
  private final Interrupts interrupts;
  private Optional<VmmEntry> entry = Optional.empty();
  private final InterruptReturn interruptReturn;
  private final SegmentInstructions segments;
  private final TableInstructions tables;
  private final FarTransfers farTransfers;
  private final FastSystemCalls fastSystemCalls;
  private final FlagInstructions flags;
  private final ControlRegisters controlRegisters;
  private final DebugRegisters debugRegisters;
  private final Msrs msrs;
  private final TlbInstructions tlb;
  private final StackInstructions stack;
  private final PortInstructions ports;
  private final StringInstructions strings;
  private final FpuInstructions fpu;
  private final GatherInstructions gathers;
  private final MaskedStores maskedStores;

  SystemInstructions(
      CpuState state,
      VirtualMemory memory,
      CpuHooks hooks,
      CpuidModel cpuid,
      Descriptors descriptors,
      Operands operands,
      Interrupts interrupts,
      ControlRegisters controlRegisters,
      Msrs msrs,
      PortInstructions ports) {
    this.state = state;
    this.memory = memory;
    this.cpuid = cpuid;
    this.operands = operands;
    this.interrupts = interrupts;
    this.controlRegisters = controlRegisters;
    this.msrs = msrs;
    this.ports = ports;
    this.interruptReturn = new InterruptReturn(state, memory, hooks, descriptors, interrupts);
    this.segments = new SegmentInstructions(state, memory, descriptors, operands, cpuid.isAmd());
    this.tables = new TableInstructions(state, hooks, descriptors, operands);
    this.farTransfers =
        new FarTransfers(state, memory, hooks, descriptors, operands, cpuid.isAmd());
    this.fastSystemCalls = new FastSystemCalls(state, hooks, msrs, !cpuid.isAmd());
    this.flags = new FlagInstructions(state, memory, hooks);
    this.debugRegisters = new DebugRegisters(state, hooks);
    this.tlb = new TlbInstructions(state, memory, hooks, operands);
    this.stack = new StackInstructions(state, memory, operands);
    this.strings = new StringInstructions(state, memory, operands);
    FpuState fpuState = new FpuState(state);
    this.fpu = new FpuInstructions(state, memory, operands, fpuState);
    this.gathers = new GatherInstructions(state, memory, operands, fpuState);
    this.maskedStores = new MaskedStores(state, memory, operands, fpuState);
  }

  void enterVmm(VmmEntry vmm) {
    entry = Optional.of(vmm);
  }

  /**
   * Executes one instruction; RIP in the state must be its address.
   *
   * @throws GuestFault if it faults
   * @throws MmioAccess if it needs a value from a device first
   * @throws UnsupportedGuestException if it is not implemented
   */
  public Outcome execute(Instruction insn) {
    if (!cpuid.shows(insn.opcode.feature())) {
      throw GuestFault.UD;
    }
    return switch (insn.opcode.kind()) {
      case IRET -> interruptReturn.iret(insn);
      case SYSCALL ->
          entry.isPresent() ? entry.get().systemCall(insn) : fastSystemCalls.syscall(insn);
      case SYSRET -> fastSystemCalls.sysret(insn);
      case SYSENTER -> fastSystemCalls.sysenter();
      case SYSEXIT -> fastSystemCalls.sysexit(insn);
      case INT3 -> software(GuestFault.BREAKPOINT, insn);
      case INT -> software((int) insn.immediate & 0xff, insn);
      case INT1 -> interrupt1(insn);

      case CLI -> flags.cli(insn);
      case STI -> flags.sti(insn);
      case CLD -> flags.direction(insn, false);
      case STD -> flags.direction(insn, true);
      case STAC -> flags.alignmentCheck(insn, true);
      case CLAC -> flags.alignmentCheck(insn, false);
      case PUSHF -> flags.pushf(insn);
      case POPF -> flags.popf(insn);

      case IN, OUT, INS, OUTS -> ports.begin(insn);
      case MOVS, CMPS, STOS, LODS, SCAS -> strings.execute(insn);
      case ENTER -> stack.enter(insn);
      case LEAVE -> stack.leave(insn);
      case XLAT -> stack.xlat(insn);

      case MOV_FROM_CR -> controlRegisters.moveFrom(insn);
      case MOV_TO_CR -> controlRegisters.moveTo(insn);
      case MOV_FROM_DR -> debugRegisters.moveFrom(insn);
      case MOV_TO_DR -> debugRegisters.moveTo(insn);
      case XGETBV -> controlRegisters.xgetbv(insn);
      case XSETBV -> controlRegisters.xsetbv(insn);
      case CLTS -> tables.clts(insn);
      case SMSW -> tables.smsw(insn);
      case LMSW -> tables.lmsw(insn);
      case RDMSR -> msrs.rdmsr(insn);
      case WRMSR -> msrs.wrmsr(insn);
      case INVLPG -> tlb.invlpg(insn);
      case INVPCID -> tlb.invpcid(insn);

      case MOV_FROM_SEGMENT -> segments.moveFrom(insn);
      case MOV_TO_SEGMENT -> segments.moveTo(insn);
      case PUSH_SEGMENT -> segments.push(insn);
      case POP_SEGMENT -> segments.pop(insn);
      case LOAD_FAR_POINTER -> segments.loadFarPointer(insn);
      case LGDT -> tables.loadTable(insn, CpuState.GDTR_BASE);
      case LIDT -> tables.loadTable(insn, CpuState.IDTR_BASE);
      case SGDT -> tables.storeTable(insn, CpuState.GDTR_BASE);
      case SIDT -> tables.storeTable(insn, CpuState.IDTR_BASE);
      case LLDT -> tables.lldt(insn);
      case LTR -> tables.ltr(insn);
      case SLDT -> tables.storeSelector(insn, CpuState.LDTR);
      case STR -> tables.storeSelector(insn, CpuState.TR);
      case LAR -> tables.lar(insn);
      case LSL -> tables.lsl(insn);
      case VERR -> tables.verr(insn);
      case VERW -> tables.verw(insn);
      case CALL_FAR -> farTransfers.call(insn);
      case JMP_FAR -> farTransfers.jump(insn);
      case RET_FAR -> interruptReturn.farReturn(insn);

      case FXSAVE -> fpu.fxsave(insn);
      case FXRSTOR -> fpu.fxrstor(insn);
      case XSAVE -> fpu.xsave(insn);
      case XSAVEOPT -> fpu.xsaveopt(insn);
      case XSAVEC -> fpu.xsavec(insn);
      case XRSTOR -> fpu.xrstor(insn);
      case GATHER -> gathers.execute(insn);
      case MASKMOV -> maskedStores.execute(insn);

      case CPUID -> cpuid(insn);
      case RDTSC -> rdtsc(insn);
      case RDTSCP -> rdtscp(insn);
      case RDPID -> rdpid(insn);
      case SWAPGS -> swapgs(insn);
      case RDFSBASE -> readBase(insn, CpuState.FS_BASE);
      case RDGSBASE -> readBase(insn, CpuState.GS_BASE);
      case WRFSBASE -> writeBase(insn, CpuState.FS_BASE);
      case WRGSBASE -> writeBase(insn, CpuState.GS_BASE);
      case HLT -> hlt(insn);
      case INVD, WBINVD -> supervisorNop(insn);
      case CACHE_LINE -> cacheLine(insn);
      case NOP, PAUSE -> next(insn);
      case RDPMC -> msrs.rdpmc(insn);
      // Not shown.
      case MONITOR, MWAIT, UNDEFINED -> throw GuestFault.UD;
      default ->
          throw new UnsupportedGuestException(
              "the VMM can't emulate "
                  + insn.opcode.mnemonic()
                  + " at 0x"
                  + Long.toHexString(insn.rip)
                  + ": please report this");
    };
  }

  private Outcome next(Instruction insn) {
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  private Outcome software(int vector, Instruction insn) {
    interrupts.software(vector, insn.nextRip());
    return Outcome.NEXT;
  }

  private Outcome interrupt1(Instruction insn) {
    interrupts.interrupt1(insn.nextRip());
    return Outcome.NEXT;
  }

  private Outcome cpuid(Instruction insn) {
    int leaf = (int) state.gpr(CpuState.RAX);
    int subleaf = (int) state.gpr(CpuState.RCX);
    int[] result =
        entry.isPresent()
            ? entry.get().cpuid(leaf, subleaf)
            : cpuid.read(leaf, subleaf, state.get(CpuState.CR4), state.get(CpuState.XCR0));
    state.gpr(CpuState.RAX, result[0] & 0xffff_ffffL);
    state.gpr(CpuState.RBX, result[1] & 0xffff_ffffL);
    state.gpr(CpuState.RCX, result[2] & 0xffff_ffffL);
    state.gpr(CpuState.RDX, result[3] & 0xffff_ffffL);
    return next(insn);
  }

  private Outcome rdtsc(Instruction insn) {
    if (state.cpl() != 0 && (state.get(CpuState.CR4) & RegisterBits.CR4_TSD) != 0) {
      throw GuestFault.GP0;
    }
    long tsc = msrs.guestTsc();
    state.gpr(CpuState.RAX, tsc & 0xffff_ffffL);
    state.gpr(CpuState.RDX, tsc >>> 32);
    return next(insn);
  }

  private Outcome rdtscp(Instruction insn) {
    Outcome outcome = rdtsc(insn);
    state.gpr(CpuState.RCX, state.get(CpuState.TSC_AUX) & 0xffff_ffffL);
    return outcome;
  }

  private Outcome rdpid(Instruction insn) {
    state.gpr(insn.rm, state.get(CpuState.TSC_AUX) & 0xffff_ffffL);
    return next(insn);
  }

  private Outcome swapgs(Instruction insn) {
    Privilege.requireSupervisor(state);
    long base = state.get(CpuState.GS_BASE);
    state.set(CpuState.GS_BASE, state.get(CpuState.KERNEL_GS_BASE));
    state.set(CpuState.KERNEL_GS_BASE, base);
    return next(insn);
  }

  private void requireFsGsBase() {
    if ((state.get(CpuState.CR4) & RegisterBits.CR4_FSGSBASE) == 0) {
      throw GuestFault.UD;
    }
  }

  private Outcome readBase(Instruction insn, int field) {
    requireFsGsBase();
    operands.register(insn.rm, insn.w ? 8 : 4, state.get(field));
    return next(insn);
  }

  private Outcome writeBase(Instruction insn, int field) {
    requireFsGsBase();
    long value = operands.register(insn.rm, insn.w ? 8 : 4);
    if (!RegisterBits.isCanonical(value)) {
      throw GuestFault.GP0;
    }
    state.set(field, value);
    return next(insn);
  }

  private Outcome hlt(Instruction insn) {
    Privilege.requireSupervisor(state);
    state.rip(insn.nextRip());
    return Outcome.HALT;
  }

  private Outcome supervisorNop(Instruction insn) {
    Privilege.requireSupervisor(state);
    return next(insn);
  }

  private Outcome cacheLine(Instruction insn) {
    long address = operands.address(insn);
    if (Operands.usesStack(insn)) {
      memory.checkStack(address, 1);
    }
    memory.translateRead(address, memory.mode());
    return next(insn);
  }
}
