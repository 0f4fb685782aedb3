package io.ringside.cpu;

import io.ringside.host.NativeMemory;
import java.util.Optional;

/**
 * Delivers exceptions and interrupts through the guest's IDT in long mode (SDM vol. 3, 6.14 and vol. 2, INT n), with
 * nested faults, #DF and shutdown (SDM vol. 3, 6.15, interrupt 8).
 */
public final class Interrupts {
  /** Delivered events that are no fault of the code that runs: hardware interrupts, NMI. */
  private static final int EXTERNAL = 0;

  private static final int EXCEPTION = 1;
  private static final int SOFTWARE = 2;

  private static final long CLEARED_BY_DELIVERY =
      RegisterBits.FLAG_TF | RegisterBits.FLAG_NT | RegisterBits.FLAG_RF | RegisterBits.FLAG_VM;

  private static final int DATA_STACK_RIGHTS = 0xc093;
  private static final long DR6_SINGLE_STEP = 1L << 14;
  private static final long DR7_GENERAL_DETECT = 1L << 13;

  private final CpuState state;
  private final VirtualMemory memory;
  private final CpuHooks hooks;
  private final Descriptors descriptors;
  private final Breakpoints breakpoints;
  private Optional<VmmEntry> entry = Optional.empty();
  private boolean nmiBlocked;
  private long delivered;

  Interrupts(
      CpuState state,
      VirtualMemory memory,
      CpuHooks hooks,
      Descriptors descriptors,
      Breakpoints breakpoints) {
    this.state = state;
    this.memory = memory;
    this.hooks = hooks;
    this.descriptors = descriptors;
    this.breakpoints = breakpoints;
  }

  void enterVmm(VmmEntry vmm) {
    entry = Optional.of(vmm);
  }

  /** Whether an NMI was delivered and no IRET has been executed since. */
  public boolean nmiBlocked() {
    return nmiBlocked;
  }

  /** How many events have been delivered. */
  public long delivered() {
    return delivered;
  }

  void unblockNmi() {
    nmiBlocked = false;
  }

  /**
   * Delivers an exception. RIP in the state is what the handler returns to: the instruction itself for a fault, the
   * next one for a trap.
   *
   * @throws TripleFault if the processor shuts down
   */
  public void deliver(GuestFault fault) {
    if (entry.isPresent()) {
      delivered++;
      entry.get().exception(fault);
      return;
    }
    deliver(
        fault.vector(),
        EXCEPTION,
        fault.hasErrorCode(),
        fault.errorCode(),
        fault.cr2(),
        isFault(fault.vector()));
  }

  /**
   * Delivers a maskable interrupt; the caller has checked RFLAGS.IF and the interrupt shadow.
   *
   * @param resumesString RIP is at a repeated string instruction that has begun: RF is then set in the pushed flags
   */
  public void deliverExternal(int vector, boolean resumesString) {
    if (entry.isPresent()) {
      delivered++;
      entry.get().interrupt(vector);
      return;
    }
    deliver(vector, EXTERNAL, false, 0, 0, resumesString);
  }

  /** Delivers an NMI and blocks further ones until IRET. */
  public void deliverNmi() {
    deliver(GuestFault.NMI, EXTERNAL, false, 0, 0, false);
    nmiBlocked = true;
  }

  /**
   * Delivers the #DB of RFLAGS.TF after an instruction, and of breakpoints that it has hit; RIP is at the next one (SDM
   * vol. 3, 17.3.1.4).
   */
  public void deliverSingleStep() {
    deliverDebug(DR6_SINGLE_STEP | breakpoints.takeHits());
  }

  /** Delivers the #DB of the breakpoints on data that an instruction has hit, if any. */
  public void deliverDataBreakpoints() {
    if (breakpoints.isHit()) {
      deliverDebug(breakpoints.takeHits());
    }
  }

  /**
   * Delivers a #DB if there is a breakpoint on the instruction at RIP, which has not been executed.
   *
   * @return whether there is
   */
  public boolean deliverInstructionBreakpoint() {
    int causes = breakpoints.atInstruction(state.rip());
    if (causes != 0) {
      deliverDebug(causes);
    }
    return causes != 0;
  }

  private void deliverDebug(long causes) {
    int dr6 = CpuState.DEBUG_REGISTERS + 48;
    state.set(dr6, state.get(dr6) | causes);
    if (entry.isPresent()) {
      delivered++;
      entry.get().debugTrap(causes);
      return;
    }
    deliver(GuestFault.DEBUG, EXCEPTION, false, 0, 0, false);
  }

  /**
   * INT n, INT3 and INTO: the gate's DPL is checked, and what goes wrong is a fault of the instruction itself.
   *
   * @throws GuestFault with RIP still at the instruction
   */
  void software(int vector, long nextRip) {
    if (entry.isPresent()) {
      entry.get().software(vector, nextRip);
      delivered++;
      return;
    }
    enter(vector, SOFTWARE, false, 0, nextRip, false);
  }

  /** INT1: a #DB without a check of the gate's DPL. */
  void interrupt1(long nextRip) {
    long at = state.rip();
    state.rip(nextRip);
    if (entry.isPresent()) {
      delivered++;
      entry.get().exception(GuestFault.DB);
      return;
    }
    try {
      enter(GuestFault.DEBUG, EXCEPTION, false, 0, nextRip, false);
    } catch (GuestFault fault) {
      state.rip(at);
      throw fault;
    }
  }

  /** Fault class as opposed to trap or abort: RF is set in the pushed flags (SDM vol. 3, 17.3.1.1). */
  private static boolean isFault(int vector) {
    return vector != GuestFault.BREAKPOINT
        && vector != GuestFault.OVERFLOW
        && vector != GuestFault.DOUBLE_FAULT
        && vector != GuestFault.DEBUG;
  }

  private void deliver(
      int vector, int kind, boolean hasError, int error, long cr2, boolean resume) {
    String history = null;
    while (true) {
      try {
        if (vector == GuestFault.PAGE_FAULT && kind == EXCEPTION) {
          state.set(CpuState.CR2, cr2);
        }
        enter(vector, kind, hasError, error, state.rip(), resume);
        return;
      } catch (GuestFault next) {
        history = describe(history, vector, kind, error, cr2) + ", then " + next.getMessage();
        boolean contributory = isContributory(next.vector());
        boolean pageFault = next.vector() == GuestFault.PAGE_FAULT;
        if (kind == EXCEPTION && vector == GuestFault.DOUBLE_FAULT) {
          throw new TripleFault(
              "triple fault at RIP 0x" + Long.toHexString(state.rip()) + ": " + history);
        }
        if (kind == EXCEPTION
            && (isContributory(vector) && contributory
                || vector == GuestFault.PAGE_FAULT && (contributory || pageFault))) {
          if (pageFault) {
            state.set(CpuState.CR2, next.cr2());
          }
          vector = GuestFault.DOUBLE_FAULT;
          hasError = true;
          error = 0;
          resume = false;
        } else {
          vector = next.vector();
          hasError = next.hasErrorCode();
          error = next.errorCode();
          cr2 = next.cr2();
          resume = isFault(vector);
        }
        kind = EXCEPTION;
      }
    }
  }

  private static String describe(String history, int vector, int kind, int error, long cr2) {
    if (history != null) {
      return history;
    }
    if (kind == EXTERNAL) {
      return "interrupt " + vector;
    }
    String name = GuestFault.name(vector) + "(0x" + Integer.toHexString(error) + ")";
    return vector == GuestFault.PAGE_FAULT ? name + " at address 0x" + Long.toHexString(cr2) : name;
  }

  /** SDM vol. 3, table 6-4. */
  private static boolean isContributory(int vector) {
    return vector == GuestFault.DIVIDE_ERROR
        || vector >= GuestFault.INVALID_TSS && vector <= GuestFault.GENERAL_PROTECTION;
  }

  /** Goes through one gate. Nothing of the state has changed if it throws. */
  private void enter(
      int vector, int kind, boolean hasError, int error, long returnRip, boolean resume) {
    int external = kind == SOFTWARE ? 0 : 1;
    int gateError = vector * 8 + 2 + external;
    if (vector * 16 + 15 > state.get(CpuState.IDTR_LIMIT)) {
      throw GuestFault.gp(gateError);
    }
    long gateAddress = state.get(CpuState.IDTR_BASE) + vector * 16L;
    long gate = memory.readSystem(gateAddress, 8);
    int type = (int) (gate >>> 40) & 0x1f;
    if (type != 0xe && type != 0xf) {
      throw GuestFault.gp(gateError);
    }
    int cpl = state.cpl();
    if (kind == SOFTWARE && ((int) (gate >>> 45) & 3) < cpl) {
      throw GuestFault.gp(gateError);
    }
    if ((gate & 1L << 47) == 0) {
      throw GuestFault.np(gateError);
    }
    long target =
        gate & 0xffff | gate >>> 32 & 0xffff_0000L | memory.readSystem(gateAddress + 8, 8) << 32;
    int selector = (int) (gate >>> 16) & 0xffff;
    int selectorError = (selector & 0xfffc) + external;
    if (Descriptors.isNull(selector)) {
      throw GuestFault.gp(external);
    }
    if (!descriptors.fetch(selector) || !descriptors.isCode() || descriptors.dpl() > cpl) {
      throw GuestFault.gp(selectorError);
    }
    if (!descriptors.isLong() || descriptors.isDefault32()) {
      throw GuestFault.gp(selectorError);
    }
    if (!descriptors.isPresent()) {
      throw GuestFault.np(selectorError);
    }
    int newCpl = descriptors.isConforming() ? cpl : descriptors.dpl();
    int ist = (int) (gate >>> 32) & 7;
    long stack = state.gpr(CpuState.RSP);
    if (ist != 0) {
      stack = stackFromTss(0x24 + 8 * (ist - 1), external);
    } else if (newCpl != cpl) {
      stack = stackFromTss(4 + 8 * newCpl, external);
    }
    if (!RegisterBits.isCanonical(target)) {
      throw GuestFault.gp(external);
    }
    int length = hasError ? 48 : 40;
    long frame = (stack & -16) - length;
    if (!RegisterBits.isCanonical(frame) || !RegisterBits.isCanonical(frame + length - 1)) {
      throw GuestFault.ss(external);
    }
    descriptors.markAccessed();
    long flags = state.rflags() & ~RegisterBits.FLAG_RF;
    long pushedFlags = resume ? flags | RegisterBits.FLAG_RF : flags;
    pushFrame(frame, hasError, error, returnRip, pushedFlags, newCpl, cpl);

    if (newCpl != cpl) {
      state.segment(CpuState.SS, newCpl, DATA_STACK_RIGHTS | newCpl << 5, 0xffff_ffffL, 0);
      state.memory().putInt(CpuState.CPL, newCpl);
    }
    state.segment(
        CpuState.CS,
        selector & 0xfffc | newCpl,
        descriptors.accessRights(),
        descriptors.limit(),
        descriptors.base());
    state.gpr(CpuState.RSP, frame);
    state.rip(target);
    long cleared = type == 0xe ? CLEARED_BY_DELIVERY | RegisterBits.FLAG_IF : CLEARED_BY_DELIVERY;
    state.rflags(flags & ~cleared);
    if (vector == GuestFault.DEBUG && kind == EXCEPTION) {
      int dr7 = CpuState.DEBUG_REGISTERS + 56;
      state.set(dr7, state.get(dr7) & ~DR7_GENERAL_DETECT);
    }
    delivered++;
    hooks.privilegeChanged();
  }

  private void pushFrame(
      long frame, boolean hasError, int error, long returnRip, long flags, int newCpl, int oldCpl) {
    int mode =
        newCpl == 3
            ? VirtualMemory.USER
            : oldCpl < 3 && (flags & RegisterBits.FLAG_AC) != 0
                ? VirtualMemory.SMAP_OVERRIDE
                : VirtualMemory.IMPLICIT;
    int length = hasError ? 48 : 40;
    long base = hasError ? 8 : 0;
    long ss = state.selector(CpuState.SS);
    long cs = state.selector(CpuState.CS);
    long rsp = state.gpr(CpuState.RSP);
    long gpa = memory.ramForWrite(frame, length, mode);
    if (gpa >= 0) {
      NativeMemory raw = memory.raw();
      if (hasError) {
        raw.putLong(gpa, error & 0xffff_ffffL);
      }
      raw.putLong(gpa + base, returnRip);
      raw.putLong(gpa + base + 8, cs);
      raw.putLong(gpa + base + 16, flags);
      raw.putLong(gpa + base + 24, rsp);
      raw.putLong(gpa + base + 32, ss);
      memory.written(gpa, length);
      return;
    }
    if (hasError) {
      memory.write(frame, 8, error & 0xffff_ffffL, mode);
    }
    memory.write(frame + base, 8, returnRip, mode);
    memory.write(frame + base + 8, 8, cs, mode);
    memory.write(frame + base + 16, 8, flags, mode);
    memory.write(frame + base + 24, 8, rsp, mode);
    memory.write(frame + base + 32, 8, ss, mode);
  }

  /** RSP0 to RSP2 or IST1 to IST7 of the 64-bit TSS, SDM vol. 3, 7.7. */
  private long stackFromTss(int offset, int external) {
    if (offset + 7 > state.limit(CpuState.TR)) {
      throw GuestFault.ts((state.selector(CpuState.TR) & 0xfffc) + external);
    }
    long stack = memory.readSystem(state.base(CpuState.TR) + offset, 8);
    if (!RegisterBits.isCanonical(stack)) {
      throw GuestFault.ss(external);
    }
    return stack;
  }
}
