package io.ringside.cpu;

import io.ringside.host.NativeMemory;
import io.ringside.x86.Instruction;

/** IRETQ, IRETD, IRETW and far RET in 64-bit mode (SDM vol. 2, IRET and RET). */
final class InterruptReturn {
  private static final int UNUSABLE_STACK_RIGHTS = 0xc093;

  private final CpuState state;
  private final VirtualMemory memory;
  private final CpuHooks hooks;
  private final Descriptors descriptors;
  private final Interrupts interrupts;

  InterruptReturn(
      CpuState state,
      VirtualMemory memory,
      CpuHooks hooks,
      Descriptors descriptors,
      Interrupts interrupts) {
    this.state = state;
    this.memory = memory;
    this.hooks = hooks;
    this.descriptors = descriptors;
    this.interrupts = interrupts;
  }

  Outcome iret(Instruction insn) {
    if ((state.get(CpuState.SYSTEM_FLAGS) & RegisterBits.FLAG_NT) != 0) {
      throw GuestFault.GP0;
    }
    int size = Operands.wordSize(insn);
    long stack = state.gpr(CpuState.RSP);
    memory.checkStack(stack, 5 * size);
    int mode = memory.mode();
    long rip;
    int cs;
    long flags;
    long rsp;
    int ss;
    long gpa = size == 8 ? memory.ramForRead(stack, 40, mode) : -1;
    if (gpa >= 0) {
      NativeMemory raw = memory.raw();
      rip = raw.getLong(gpa);
      cs = raw.getShort(gpa + 8);
      flags = raw.getLong(gpa + 16);
      rsp = raw.getLong(gpa + 24);
      ss = raw.getShort(gpa + 32);
    } else {
      rip = memory.read(stack, size, mode);
      cs = (int) memory.read(stack + size, size, mode) & 0xffff;
      flags = memory.read(stack + 2L * size, size, mode);
      rsp = memory.read(stack + 3L * size, size, mode);
      ss = (int) memory.read(stack + 4L * size, size, mode) & 0xffff;
    }
    int cpl = state.cpl();
    long old = state.rflags();
    transfer(rip, cs, rsp, ss, true);
    interrupts.unblockNmi();
    state.rflags(restoredFlags(old, flags, cpl, size));
    if (size > 2 && (flags & RegisterBits.FLAG_RF) != 0) {
      hooks.resumed();
    }
    hooks.privilegeChanged();
    return Outcome.NEXT;
  }

  /** The flags after IRET at {@code cpl}. */
  static long restoredFlags(long old, long popped, int cpl, int size) {
    long mask =
        CpuState.STATUS_MASK | RegisterBits.FLAG_TF | RegisterBits.FLAG_DF | RegisterBits.FLAG_NT;
    if (size > 2) {
      // RF is not taken over: it would be clear again after one instruction, and the method is
      // told.
      mask |= RegisterBits.FLAG_AC | RegisterBits.FLAG_ID;
    }
    if (cpl <= (old >>> 12 & 3)) {
      mask |= RegisterBits.FLAG_IF;
    }
    if (cpl == 0) {
      mask |= RegisterBits.FLAG_IOPL;
      if (size > 2) {
        mask |= RegisterBits.FLAG_VIF | RegisterBits.FLAG_VIP;
      }
    }
    return old & ~mask | popped & mask;
  }

  /** RET far: pops RIP and CS, and for an outer level RSP and SS; then drops {@code insn.immediate} bytes. */
  Outcome farReturn(Instruction insn) {
    int size = Operands.wordSize(insn);
    long drop = insn.immediateSize == 0 ? 0 : insn.immediate & 0xffff;
    long stack = state.gpr(CpuState.RSP);
    memory.checkStack(stack, 2 * size);
    long rip = memory.read(stack, size);
    int cs = (int) memory.read(stack + size, size) & 0xffff;
    long rest = stack + 2L * size + drop;
    if ((cs & 3) == state.cpl()) {
      transfer(rip, cs, rest, 0, false);
    } else {
      memory.checkStack(rest, 2 * size);
      long rsp = memory.read(rest, size);
      int ss = (int) memory.read(rest + size, size) & 0xffff;
      transfer(rip, cs, rsp + drop, ss, true);
    }
    hooks.privilegeChanged();
    return Outcome.NEXT;
  }

  /** Checks and loads CS:RIP and, where asked for, SS:RSP. Nothing has changed if it throws. */
  private void transfer(long rip, int cs, long rsp, int ss, boolean loadStack) {
    int cpl = state.cpl();
    int rpl = cs & 3;
    int error = cs & 0xfffc;
    if (Descriptors.isNull(cs)) {
      throw GuestFault.GP0;
    }
    if (!descriptors.fetch(cs) || !descriptors.isCode() || rpl < cpl) {
      throw GuestFault.gp(error);
    }
    if (descriptors.isConforming() ? descriptors.dpl() > rpl : descriptors.dpl() != rpl) {
      throw GuestFault.gp(error);
    }
    if (!descriptors.isPresent()) {
      throw GuestFault.np(error);
    }
    if (!descriptors.isLong()) {
      throw descriptors.unsupportedCode(
          cs,
          "the guest returned to 32-bit code at 0x"
              + Long.toHexString(rip)
              + " (CS 0x"
              + Integer.toHexString(cs)
              + "), but only 64-bit programs run here: use a 64-bit one");
    }
    if (descriptors.isDefault32()) {
      throw GuestFault.gp(error);
    }
    if (!RegisterBits.isCanonical(rip)) {
      throw GuestFault.GP0;
    }
    descriptors.markAccessed();
    int codeRights = descriptors.accessRights();
    long codeLimit = descriptors.limit();
    long codeBase = descriptors.base();
    if (loadStack) {
      loadStack(ss, rpl);
    }
    state.gpr(CpuState.RSP, rsp);
    state.segment(CpuState.CS, cs, codeRights, codeLimit, codeBase);
    state.rip(rip);
    if (rpl != cpl) {
      state.memory().putInt(CpuState.CPL, rpl);
      dropPrivilegedSegments(rpl);
    }
  }

  private void loadStack(int ss, int rpl) {
    if (Descriptors.isNull(ss)) {
      if (rpl == 3 || (ss & 3) != rpl) {
        throw GuestFault.GP0;
      }
      state.segment(CpuState.SS, ss, UNUSABLE_STACK_RIGHTS | rpl << 5, 0xffff_ffffL, 0);
      return;
    }
    int error = ss & 0xfffc;
    if ((ss & 3) != rpl
        || !descriptors.fetch(ss)
        || !descriptors.isWritableData()
        || descriptors.dpl() != rpl) {
      throw GuestFault.gp(error);
    }
    if (!descriptors.isPresent()) {
      throw GuestFault.ss(error);
    }
    descriptors.markAccessed();
    state.segment(
        CpuState.SS, ss, descriptors.accessRights(), descriptors.limit(), descriptors.base());
  }

  /** On the way out, data segments that the outer level may not use become null. */
  private void dropPrivilegedSegments(int cpl) {
    drop(CpuState.ES, cpl);
    drop(CpuState.DS, cpl);
    drop(CpuState.FS, cpl);
    drop(CpuState.GS, cpl);
  }

  private void drop(int segment, int cpl) {
    int selector = state.selector(segment);
    if (Descriptors.isNull(selector)) {
      return;
    }
    int rights = state.accessRights(segment);
    boolean conforming = (rights & 0xc) == 0xc;
    if (!conforming && (rights >> 5 & 3) < cpl) {
      state.segment(segment, 0, 0, 0, state.base(segment));
    }
  }
}
