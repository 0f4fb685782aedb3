package io.ringside.cpu;

import io.ringside.x86.Instruction;

/** Far JMP and CALL through memory in 64-bit mode (SDM vol. 2, JMP and CALL). Far RET is in {@link InterruptReturn}. */
final class FarTransfers {
  private final CpuState state;
  private final VirtualMemory memory;
  private final CpuHooks hooks;
  private final Descriptors descriptors;
  private final Operands operands;
  private final boolean amd;

  FarTransfers(
      CpuState state,
      VirtualMemory memory,
      CpuHooks hooks,
      Descriptors descriptors,
      Operands operands,
      boolean amd) {
    this.state = state;
    this.memory = memory;
    this.hooks = hooks;
    this.descriptors = descriptors;
    this.operands = operands;
    this.amd = amd;
  }

  Outcome jump(Instruction insn) {
    return transfer(insn, false);
  }

  Outcome call(Instruction insn) {
    return transfer(insn, true);
  }

  private Outcome transfer(Instruction insn, boolean call) {
    if (!insn.memory) {
      throw GuestFault.UD;
    }
    int size = Operands.wordSize(insn);
    int pointerSize = Operands.farPointerSize(insn, amd);
    long target = operands.readMemory(insn, 0, pointerSize);
    int selector = (int) operands.readMemory(insn, pointerSize, 2);
    int error = selector & 0xfffc;
    int cpl = state.cpl();
    if (Descriptors.isNull(selector)) {
      throw GuestFault.GP0;
    }
    if (!descriptors.fetch(selector)) {
      throw GuestFault.gp(error);
    }
    if (!descriptors.isCodeOrData()
        && descriptors.type() == Descriptors.TYPE_CALL_GATE
        && descriptors.dpl() >= Math.max(cpl, selector & 3)) {
      throw new UnsupportedGuestException(
          "the guest used a call gate at 0x"
              + Long.toHexString(insn.rip)
              + ", which Ringside does not implement: use an operating system without call gates");
    }
    if (!descriptors.isCode()) {
      throw GuestFault.gp(error);
    }
    if (descriptors.isConforming()
        ? descriptors.dpl() > cpl
        : (selector & 3) > cpl || descriptors.dpl() != cpl) {
      throw GuestFault.gp(error);
    }
    if (!descriptors.isPresent()) {
      throw GuestFault.np(error);
    }
    if (!descriptors.isLong()) {
      throw descriptors.unsupportedCode(
          selector,
          "the guest went to 32-bit code at 0x"
              + Long.toHexString(target)
              + ", but only 64-bit code runs here: use a 64-bit system");
    }
    if (descriptors.isDefault32()) {
      throw GuestFault.gp(error);
    }
    if (!RegisterBits.isCanonical(target)) {
      throw GuestFault.GP0;
    }
    int rights = descriptors.accessRights();
    long limit = descriptors.limit();
    long base = descriptors.base();
    if (call) {
      long stack = state.gpr(CpuState.RSP) - 2L * size;
      memory.checkStack(stack, 2 * size);
      memory.probeWrite(stack, 2 * size, memory.mode());
      memory.write(stack, size, insn.nextRip());
      memory.write(stack + size, size, state.selector(CpuState.CS));
      state.gpr(CpuState.RSP, stack);
    }
    descriptors.markAccessed();
    state.segment(CpuState.CS, selector & 0xfffc | cpl, rights | 1, limit, base);
    state.rip(target);
    hooks.modeChanged();
    return Outcome.NEXT;
  }
}
