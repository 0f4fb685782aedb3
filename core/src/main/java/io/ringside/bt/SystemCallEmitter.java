package io.ringside.bt;

import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.bt.Context.CTX;
import static io.ringside.bt.Context.S0;
import static io.ringside.bt.Context.S1;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;
import io.ringside.x86.Instruction;

/**
 * SYSCALL, SYSRET, STAC and CLAC without an exit: they change the mode that units are keyed by, and go on in the other
 * mode's translations. What is unusual leaves to be emulated. SDM vol. 2, SYSCALL and SYSRET; vol. 3, 5.8.8.
 */
final class SystemCallEmitter {
  private static final int TF = 1 << 8;
  private static final int IF = 1 << 9;
  private static final int AC = 1 << 18;

  /** What SYSRET takes from R11, without the status flags. */
  private static final int SYSRET_FLAGS = 0x3c_7fd7 & ~(int) CpuState.STATUS_MASK;

  // Access rights of the flat segments that the instructions load (descriptor bits 40 to 55).
  private static final int KERNEL_CODE = 0xa09b;
  private static final int KERNEL_DATA = 0xc093;
  private static final int USER_CODE = 0xa0fb;
  private static final int USER_DATA = 0xc0f3;

  private final Emitter e;
  private final Assembler a;
  private final StackEmitter stack;

  SystemCallEmitter(Emitter emitter, StackEmitter stackEmitter) {
    this.e = emitter;
    this.a = emitter.a;
    this.stack = stackEmitter;
  }

  /** SYSCALL from 64-bit user mode. The status flags are masked by the instruction: they are free here. */
  void syscall(Instruction i) {
    // The kernel's mode is only then a constant when SFMASK clears AC and TF, as every kernel has
    // it.
    a.pushf();
    a.pop(S1);
    a.aluImmediate32(Assembler.AND, S1, (int) CpuState.STATUS_MASK);
    a.aluLoad(Assembler.OR, S1, CTX, NONE, 1, CpuState.SYSTEM_FLAGS);
    a.load32(RCX, CTX, CpuState.SFMASK);
    a.aluImmediate32(Assembler.AND, RCX, AC | TF);
    a.aluImmediate32(Assembler.CMP, RCX, AC | TF);
    int usual = a.jccShort(Assembler.EQUAL);
    stack.statusFlagsFrom(S1);
    e.exit(ExitCode.EMULATE, i.rip);
    a.bindRel8(usual);
    a.store(CTX, CpuState.gprOffset(11), S1);
    a.movImmediate(RCX, i.nextRip());
    e.writeGpr(CpuState.RCX, RCX);
    a.load(S0, CTX, CpuState.SFMASK);
    a.opRegister(true, 0xf7, 2, S0); // NOT
    a.alu(Assembler.AND, S0, S1);
    a.mov32(RCX, S0);
    a.aluImmediate32(Assembler.AND, RCX, ~(int) CpuState.STATUS_MASK);
    a.aluImmediate32(Assembler.OR, RCX, 2);
    a.store(CTX, CpuState.SYSTEM_FLAGS, RCX);
    segments(4, 0, KERNEL_CODE, 8, KERNEL_DATA, 0);
    changeMode(Mode.TLB_SUPERVISOR, 0);
    stack.statusFlagsFrom(S0);
    a.load(S0, CTX, CpuState.LSTAR);
    e.jumpIndirect(Mode.TLB_SUPERVISOR);
  }

  /** SYSRET to 64-bit user mode. */
  void sysret(Instruction i) {
    e.readGpr(S0, CpuState.RCX);
    e.readGpr(S1, 11);
    a.mov(RCX, S0);
    a.shift(4, RCX, 16);
    a.shift(7, RCX, 16);
    a.alu(Assembler.CMP, RCX, S0);
    int bad = a.jccShort(Assembler.NOT_EQUAL);
    a.testImmediate32(S1, TF);
    int usual = a.jccShort(Assembler.EQUAL);
    a.bindRel8(bad);
    e.exit(ExitCode.EMULATE, i.rip);
    a.bindRel8(usual);
    a.mov32(RCX, S1);
    a.aluImmediate32(Assembler.AND, RCX, SYSRET_FLAGS);
    a.aluImmediate32(Assembler.OR, RCX, 2);
    a.store(CTX, CpuState.SYSTEM_FLAGS, RCX);
    a.testImmediate32(RCX, IF);
    int off = a.jccShort(Assembler.EQUAL);
    a.load32(RCX, CTX, CpuState.DEFERRED);
    int none = a.jrcxz();
    a.storeImmediate32(CTX, CpuState.PENDING, 1);
    a.bindRel8(none);
    a.bindRel8(off);
    segments(6, 16, USER_CODE, 8, USER_DATA, 3);
    changeMode(Mode.TLB_USER, 3);
    a.mov(S0, S1);
    stack.statusFlagsFrom(S0);
    e.readGpr(S0, CpuState.RCX);
    e.jumpIndirect(Mode.TLB_USER);
  }

  /** Loads CS and SS from the selector at byte {@code at} of STAR. Clobbers RCX. */
  private void segments(int at, int csOffset, int csRights, int ssOffset, int ssRights, int rpl) {
    a.load16(RCX, CTX, CpuState.STAR + at);
    a.aluImmediate32(Assembler.AND, RCX, 0xfffc);
    a.lea32(RCX, RCX, NONE, 1, (csOffset | rpl) + (csRights << 16));
    a.store32(CTX, CpuState.SEGMENTS + 32 * CpuState.CS, RCX);
    a.load16(RCX, CTX, CpuState.STAR + at);
    a.aluImmediate32(Assembler.AND, RCX, 0xfffc);
    a.lea32(RCX, RCX, NONE, 1, (ssOffset | rpl) + (ssRights << 16));
    a.store32(CTX, CpuState.SEGMENTS + 32 * CpuState.SS, RCX);
    for (int segment : new int[] {CpuState.CS, CpuState.SS}) {
      a.storeImmediate32(CTX, CpuState.SEGMENTS + 32 * segment + 4, -1);
      a.storeImmediate(CTX, CpuState.SEGMENTS + 32 * segment + 8, 0);
    }
  }

  private void changeMode(int tlb, int cpl) {
    a.storeImmediate32(CTX, CpuState.CPL, cpl);
    a.storeImmediate32(
        CTX, CpuState.MODE, e.mode & ~(Mode.TLB_MASK | Mode.NO_GROUPS | Mode.SAMPLED) | tlb);
  }

  /** STAC and CLAC at CPL 0: with SMAP on the rest of the code runs on another software TLB. */
  void alignmentCheck(Instruction i, boolean set, boolean smap) {
    a.load(RCX, CTX, CpuState.SYSTEM_FLAGS);
    a.pext(RCX, RCX, CTX, Context.NOT_AC_MASK);
    a.pdep(RCX, RCX, CTX, Context.NOT_AC_MASK);
    if (set) {
      a.lea(RCX, RCX, AC);
    }
    a.store(CTX, CpuState.SYSTEM_FLAGS, RCX);
    if (smap) {
      int mode =
          e.mode & ~(Mode.TLB_MASK | Mode.NO_GROUPS | Mode.SAMPLED)
              | (set ? Mode.TLB_SUPERVISOR_AC : Mode.TLB_SUPERVISOR);
      a.storeImmediate32(CTX, CpuState.MODE, mode);
      e.jump(i.rip, i.nextRip(), mode);
    } else {
      e.jump(i.rip, i.nextRip());
    }
  }
}
