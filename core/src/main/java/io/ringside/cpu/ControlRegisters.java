package io.ringside.cpu;

import io.ringside.machine.InterruptController;
import io.ringside.x86.Feature;
import io.ringside.x86.Instruction;

/** MOV to and from CR0, CR2, CR3, CR4, CR8 and XSETBV, XGETBV (SDM vol. 3, 2.5 and 2.6; vol. 2, MOV, XSETBV). */
final class ControlRegisters {
  private static final long CR0_DEFINED = 0xe005_003fL;
  private static final long CR4_GLOBAL_FLUSH =
      RegisterBits.CR4_PGE
          | RegisterBits.CR4_PAE
          | RegisterBits.CR4_PSE
          | RegisterBits.CR4_PCIDE
          | RegisterBits.CR4_SMEP
          | RegisterBits.CR4_SMAP;
  private static final long NO_FLUSH = 1L << 63;

  private final CpuState state;
  private final CpuHooks hooks;
  private final VirtualMemory memory;
  private final InterruptController interruptController;
  private final CpuidModel cpuid;
  private final long cr4Allowed;
  private final long cr3Reserved;

  ControlRegisters(
      CpuState state,
      CpuHooks hooks,
      VirtualMemory memory,
      InterruptController interruptController,
      CpuidModel cpuid) {
    this.state = state;
    this.hooks = hooks;
    this.memory = memory;
    this.interruptController = interruptController;
    this.cpuid = cpuid;
    this.cr4Allowed = cpuid.allowedCr4();
    this.cr3Reserved = -(1L << cpuid.physicalAddressBits());
  }

  Outcome moveFrom(Instruction insn) {
    requireExisting(insn.reg);
    Privilege.requireSupervisor(state);
    long value =
        switch (insn.reg) {
          case 0 -> state.get(CpuState.CR0);
          case 2 -> state.get(CpuState.CR2);
          case 3 -> state.get(CpuState.CR3);
          case 4 -> state.get(CpuState.CR4);
          default -> interruptController.readCr8();
        };
    state.gpr(insn.rm, value);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome moveTo(Instruction insn) {
    requireExisting(insn.reg);
    Privilege.requireSupervisor(state);
    long value = state.gpr(insn.rm);
    switch (insn.reg) {
      case 0 -> writeCr0(value);
      case 2 -> state.set(CpuState.CR2, value);
      case 3 -> writeCr3(value);
      case 4 -> writeCr4(value);
      default -> writeCr8(value);
    }
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  private static void requireExisting(int number) {
    if (number != 0 && number != 2 && number != 3 && number != 4 && number != 8) {
      throw GuestFault.UD;
    }
  }

  private void writeCr0(long value) {
    boolean paging = (value & RegisterBits.CR0_PG) != 0;
    if (value >>> 32 != 0
        || paging && (value & RegisterBits.CR0_PE) == 0
        || (value & (RegisterBits.CR0_NW | RegisterBits.CR0_CD)) == RegisterBits.CR0_NW
        || !paging) {
      // Clearing PG in 64-bit mode (CS.L set) is #GP too: SDM vol. 3, 4.1.1.
      throw GuestFault.GP0;
    }
    long old = state.get(CpuState.CR0);
    long cr0 = value & CR0_DEFINED | RegisterBits.CR0_ET;
    state.set(CpuState.CR0, cr0);
    if (((old ^ cr0) & RegisterBits.CR0_WP) != 0) {
      memory.flush();
      hooks.flushAll();
    }
    hooks.modeChanged();
  }

  private void writeCr3(long value) {
    boolean pcids = (state.get(CpuState.CR4) & RegisterBits.CR4_PCIDE) != 0;
    boolean keep = pcids && value < 0;
    long cr3 = pcids ? value & ~NO_FLUSH : value;
    if ((cr3 & cr3Reserved) != 0) {
      throw GuestFault.GP0;
    }
    state.set(CpuState.CR3, cr3);
    memory.flush();
    if (!pcids) {
      hooks.flushNonGlobal();
    } else if (!keep) {
      hooks.flushPcid((int) cr3 & 0xfff);
    }
    hooks.addressSpaceChanged();
  }

  private void writeCr4(long value) {
    long old = state.get(CpuState.CR4);
    boolean enablesPcids = (value & ~old & RegisterBits.CR4_PCIDE) != 0;
    if ((value & ~cr4Allowed) != 0
        || (value & RegisterBits.CR4_PAE) == 0
        || enablesPcids && (state.get(CpuState.CR3) & 0xfff) != 0) {
      throw GuestFault.GP0;
    }
    state.set(CpuState.CR4, value);
    if (((old ^ value) & CR4_GLOBAL_FLUSH) != 0) {
      memory.flush();
      hooks.flushAll();
    }
    hooks.modeChanged();
  }

  private void writeCr8(long value) {
    if (value >>> 4 != 0) {
      throw GuestFault.GP0;
    }
    interruptController.writeCr8((int) value);
  }

  Outcome xgetbv(Instruction insn) {
    requireXsave();
    long value =
        switch ((int) state.gpr(CpuState.RCX)) {
          case 0 -> state.get(CpuState.XCR0);
          case 1 -> {
            if (!cpuid.showsXgetbv1()) {
              throw GuestFault.GP0;
            }
            yield state.get(CpuState.XCR0) & state.get(CpuState.XSAVE + 512);
          }
          default -> throw GuestFault.GP0;
        };
    state.gpr(CpuState.RAX, value & 0xffff_ffffL);
    state.gpr(CpuState.RDX, value >>> 32);
    state.rip(insn.nextRip());
    return Outcome.NEXT;
  }

  Outcome xsetbv(Instruction insn) {
    requireXsave();
    Privilege.requireSupervisor(state);
    long value = state.gpr(CpuState.RDX) << 32 | state.gpr(CpuState.RAX) & 0xffff_ffffL;
    if ((int) state.gpr(CpuState.RCX) != 0
        || (value & ~cpuid.allowedXcr0()) != 0
        || (value & 1) == 0
        || (value & 6) == 4) {
      throw GuestFault.GP0;
    }
    state.set(CpuState.XCR0, value);
    state.rip(insn.nextRip());
    hooks.modeChanged();
    return Outcome.NEXT;
  }

  private void requireXsave() {
    if (!cpuid.shows(Feature.XSAVE) || (state.get(CpuState.CR4) & RegisterBits.CR4_OSXSAVE) == 0) {
      throw GuestFault.UD;
    }
  }
}
