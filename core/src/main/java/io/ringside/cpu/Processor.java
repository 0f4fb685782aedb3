package io.ringside.cpu;

import io.ringside.machine.Exit;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.InterruptController;
import io.ringside.x86.Instruction;
import io.ringside.x86.Kind;

/**
 * The part of one vCPU that is emulated in Java: the MMU, the delivery of interrupts and the instructions that
 * translated code leaves. All registers are in the {@link CpuState} while it works. One thread only.
 *
 * <p>An {@link Outcome#EXIT} leaves the record in {@link #exit()}. After a read exit the VMM calls {@link #completeRead};
 * if {@link #mustExecuteAgain()} then says so, the instruction at RIP is emulated again before anything else happens.
 * Before guest code goes on after a write exit, {@link #nextPendingExit()} hands out the rest of its writes.
 */
public final class Processor {
  private static final long MXCSR_RESET = 0x1f80;
  private static final int FCW_RESET = 0x37f;

  private final CpuState state;
  private final CpuidModel cpuid;
  private final Mmu mmu;
  private final VirtualMemory memory;
  private final Interrupts interrupts;
  private final Msrs msrs;
  private final PortInstructions ports;
  private final SystemInstructions instructions;
  private final Descriptors descriptors;
  private final Breakpoints breakpoints = new Breakpoints();

  private Exit exit = new Exit.Interrupted();
  private boolean mmioReadPending;
  private boolean executeAgain;
  private boolean trapAfterRead;
  private int nextWrite;

  /** Wires the parts of one vCPU together; the state is left as it is. */
  public Processor(
      CpuState state,
      GuestMemory ram,
      InterruptController interruptController,
      CpuHooks hooks,
      CpuidModel cpuid) {
    this.state = state;
    this.cpuid = cpuid;
    mmu = new Mmu(state, ram, hooks, cpuid.physicalAddressBits());
    memory = new VirtualMemory(state, mmu, ram, hooks, breakpoints);
    descriptors = new Descriptors(state, memory);
    Operands operands = new Operands(state, memory);
    interrupts = new Interrupts(state, memory, hooks, descriptors, breakpoints);
    msrs = new Msrs(state, hooks, memory, interruptController, cpuid, ram.lowEnd(), ram.highEnd());
    ports = new PortInstructions(state, memory, operands);
    ControlRegisters controlRegisters =
        new ControlRegisters(state, hooks, memory, interruptController, cpuid);
    instructions =
        new SystemInstructions(
            state,
            memory,
            hooks,
            cpuid,
            descriptors,
            operands,
            interrupts,
            controlRegisters,
            msrs,
            ports);
  }

  /** Gives the registers that a boot protocol does not set their values after reset (SDM vol. 3, table 9-1). */
  public void reset() {
    state.rflags(2);
    state.set(CpuState.DEBUG_REGISTERS + 48, 0xffff_0ff0L);
    state.set(CpuState.DEBUG_REGISTERS + 56, 0x400);
    state.set(CpuState.XCR0, 1);
    state.memory().putShort(CpuState.XSAVE, FCW_RESET);
    state.memory().putInt(CpuState.XSAVE + 24, (int) MXCSR_RESET);
    state.set(CpuState.FPU_IN_MEMORY, 1);
    state.segment(CpuState.TR, 0, 0x8b, 0xffff, 0);
    state.segment(CpuState.LDTR, 0, 0x82, 0xffff, 0);
  }

  /** Has the VMM stand in for ring 0; before the guest runs. */
  public void enterVmm(VmmEntry vmm) {
    mmu.enterVmm();
    interrupts.enterVmm(vmm);
    descriptors.enterVmm(vmm);
    instructions.enterVmm(vmm);
  }

  /** The page walker. */
  public Mmu mmu() {
    return mmu;
  }

  /** Guest-virtual memory. */
  public VirtualMemory memory() {
    return memory;
  }

  /** Delivery of interrupts; its methods throw {@link TripleFault}, unlike the ones here. */
  public Interrupts interrupts() {
    return interrupts;
  }

  /** The breakpoints of the debug registers. */
  public Breakpoints breakpoints() {
    return breakpoints;
  }

  /** The model-specific registers. */
  public Msrs msrs() {
    return msrs;
  }

  /** What CPUID shows. */
  public CpuidModel cpuid() {
    return cpuid;
  }

  /** The instructions without the handling of faults around them. */
  public SystemInstructions instructions() {
    return instructions;
  }

  /** Why the last call returned {@link Outcome#EXIT}, or {@link #nextPendingExit()} true. */
  public Exit exit() {
    return exit;
  }

  /**
   * Executes one instruction at RIP, delivers the exception if it faults, and the single-step trap after it.
   *
   * @return never {@link Outcome#HALT} or {@link Outcome#NEXT_INHIBITED} after a fault
   */
  public Outcome emulate(Instruction insn) {
    executeAgain = false;
    memory.beginInstruction();
    boolean trap = (state.get(CpuState.SYSTEM_FLAGS) & RegisterBits.FLAG_TF) != 0;
    state.rip(insn.rip);
    Outcome outcome;
    try {
      outcome = instructions.execute(insn);
    } catch (GuestFault fault) {
      return deliver(fault);
    } catch (MmioAccess access) {
      mmioReadPending = true;
      return leave(new Exit.MmioRead(access.gpa(), access.size()));
    } catch (UnsupportedGuestException unsupported) {
      return leave(new Exit.Failure(unsupported.getMessage()));
    }
    memory.endInstruction();
    if (outcome == Outcome.EXIT) {
      exit = ports.exit();
      if (ports.readPending()) {
        trapAfterRead = trap;
        return outcome;
      }
    }
    if (memory.pendingWrites() > 0) {
      nextWrite = 0;
      nextPendingExit();
      outcome = Outcome.EXIT;
    }
    if (isTransfer(insn.opcode.kind())) {
      breakpoints.takeHits();
      return outcome;
    }
    // MOV SS puts its traps off until after the next instruction.
    boolean later = insn.opcode.kind() == Kind.MOV_TO_SEGMENT && (insn.reg & 7) == CpuState.SS;
    boolean step = stepsAfter(insn, trap);
    if (!later && (step || breakpoints.isHit())) {
      Outcome trapped = debugTrap(step);
      return outcome == Outcome.EXIT && trapped != Outcome.EXIT ? Outcome.EXIT : trapped;
    }
    return outcome;
  }

  /** The transfers that clear TF on their way: no trap comes after them. */
  private static boolean isTransfer(Kind kind) {
    return switch (kind) {
      case INT, INT1, INT3, SYSCALL, SYSENTER -> true;
      default -> false;
    };
  }

  /**
   * Whether there is a single step after an instruction. What counts is TF before it, but for SYSRET TF after it, as if
   * SYSCALL was stepped (arch/x86/entry/entry_64.S of Linux).
   */
  private boolean stepsAfter(Instruction insn, boolean before) {
    return switch (insn.opcode.kind()) {
      case SYSRET -> (state.get(CpuState.SYSTEM_FLAGS) & RegisterBits.FLAG_TF) != 0;
      default -> before;
    };
  }

  private Outcome leave(Exit reason) {
    exit = reason;
    return Outcome.EXIT;
  }

  /** Supplies what a {@link Exit.PortRead} or {@link Exit.MmioRead} asked for. */
  public Outcome completeRead(long value) {
    if (mmioReadPending) {
      mmioReadPending = false;
      executeAgain = true;
      try {
        memory.completeRead(value);
      } catch (UnsupportedGuestException unsupported) {
        return leave(new Exit.Failure(unsupported.getMessage()));
      }
      return Outcome.REPEAT;
    }
    memory.beginInstruction();
    try {
      Outcome outcome = ports.completeRead(value);
      if (memory.pendingWrites() > 0) {
        nextWrite = 0;
      }
      return trapAfterRead || breakpoints.isHit() ? debugTrap(trapAfterRead) : outcome;
    } catch (GuestFault fault) {
      return deliver(fault);
    }
  }

  /** Whether the instruction at RIP must be emulated again, now that a value from a device is there. */
  public boolean mustExecuteAgain() {
    return executeAgain;
  }

  /** Makes the next pending device write the {@link #exit()}; false if there is none. */
  public boolean nextPendingExit() {
    if (nextWrite >= memory.pendingWrites()) {
      return false;
    }
    exit =
        new Exit.MmioWrite(
            memory.pendingGpa(nextWrite),
            memory.pendingSize(nextWrite),
            memory.pendingValue(nextWrite));
    nextWrite++;
    if (nextWrite == memory.pendingWrites()) {
      memory.clearPendingWrites();
      nextWrite = 0;
    }
    return true;
  }

  /** Delivers an exception at RIP; {@link Outcome#EXIT} with {@link Exit.Shutdown} if the processor shuts down. */
  public Outcome deliver(GuestFault fault) {
    memory.endInstruction();
    memory.clearPendingWrites();
    breakpoints.takeHits();
    try {
      interrupts.deliver(fault);
      return Outcome.NEXT;
    } catch (TripleFault triple) {
      return leave(new Exit.Shutdown(triple.getMessage()));
    } catch (MmioAccess access) {
      return leave(unreachableTables(access));
    }
  }

  /** Delivers a maskable interrupt; see {@link Interrupts#deliverExternal}. */
  public Outcome deliverExternal(int vector, boolean resumesString) {
    try {
      interrupts.deliverExternal(vector, resumesString);
      return Outcome.NEXT;
    } catch (TripleFault triple) {
      return leave(new Exit.Shutdown(triple.getMessage()));
    } catch (MmioAccess access) {
      return leave(unreachableTables(access));
    }
  }

  /** Delivers an NMI. */
  public Outcome deliverNmi() {
    try {
      interrupts.deliverNmi();
      return Outcome.NEXT;
    } catch (TripleFault triple) {
      return leave(new Exit.Shutdown(triple.getMessage()));
    } catch (MmioAccess access) {
      return leave(unreachableTables(access));
    }
  }

  /** Delivers the trap of RFLAGS.TF, where {@code stepping}, and of breakpoints. */
  private Outcome debugTrap(boolean stepping) {
    try {
      if (stepping) {
        interrupts.deliverSingleStep();
      } else {
        interrupts.deliverDataBreakpoints();
      }
      return Outcome.NEXT;
    } catch (TripleFault triple) {
      return leave(new Exit.Shutdown(triple.getMessage()));
    } catch (MmioAccess access) {
      return leave(unreachableTables(access));
    }
  }

  private static Exit unreachableTables(MmioAccess access) {
    return new Exit.Failure(
        "the guest's descriptor tables or stack are at guest-physical address 0x"
            + Long.toHexString(access.gpa())
            + ", where there is no RAM: give the guest more memory");
  }
}
