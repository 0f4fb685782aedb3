package io.ringside.bt;

import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.RAX;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.asm.Assembler.RDX;
import static io.ringside.bt.Context.CTX;
import static io.ringside.bt.Context.S0;
import static io.ringside.bt.Context.S1;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;
import io.ringside.x86.Instruction;

/** The privileged and sensitive instructions that are frequent enough to be replaced by sequences without an exit. */
final class SystemEmitter {
  private final Emitter e;
  private final Assembler a;

  SystemEmitter(Emitter emitter) {
    this.e = emitter;
    this.a = emitter.a;
  }

  /** CLI at CPL 0. */
  void cli() {
    if (e.flagsDead) {
      a.aluMemoryImmediate32(Assembler.AND, CTX, CpuState.SYSTEM_FLAGS, ~0x200);
    } else {
      clearSystemFlag(Context.NOT_IF_MASK, 0);
    }
  }

  /** STI at CPL 0: a waiting interrupt becomes pending; the translator ends the unit after the next instruction. */
  void sti() {
    clearSystemFlag(Context.NOT_IF_MASK, 0x200);
    a.load32(RCX, CTX, CpuState.DEFERRED);
    int none = a.jrcxz();
    a.storeImmediate32(CTX, CpuState.PENDING, 1);
    a.bindRel8(none);
  }

  /** CLD. */
  void cld() {
    clearSystemFlag(Context.NOT_DF_MASK, 0);
  }

  /** STD. */
  void std() {
    clearSystemFlag(Context.NOT_DF_MASK, 0x400);
  }

  private void clearSystemFlag(int mask, int set) {
    a.load(RCX, CTX, CpuState.SYSTEM_FLAGS);
    a.pext(RCX, RCX, CTX, mask);
    a.pdep(RCX, RCX, CTX, mask);
    if (set != 0) {
      a.lea(RCX, RCX, set);
    }
    a.store(CTX, CpuState.SYSTEM_FLAGS, RCX);
  }

  /** SWAPGS at CPL 0. */
  void swapgs() {
    a.load(S0, CTX, CpuState.GS_BASE);
    a.load(S1, CTX, CpuState.KERNEL_GS_BASE);
    a.store(CTX, CpuState.GS_BASE, S1);
    a.store(CTX, CpuState.KERNEL_GS_BASE, S0);
  }

  /** RDTSC, and RDTSCP where {@code withAux}. */
  void rdtsc(Instruction i, boolean withAux) {
    if (Mode.user(e.mode)) {
      // CR4.TSD differs from one task to the next where a kernel uses it: not worth a mode.
      a.load(RCX, CTX, CpuState.CR4);
      a.pext(RCX, RCX, CTX, Context.TSD_MASK);
      int allowed = a.jrcxz();
      e.exit(ExitCode.EMULATE, i.rip);
      a.bindRel8(allowed);
    }
    a.byte1(0x0f);
    if (withAux) {
      a.byte1(0x01);
      a.byte1(0xf9);
    } else {
      a.byte1(0x31);
    }
    a.movImmediate(RCX, 32);
    a.shlx(RDX, RDX, RCX);
    a.lea(RAX, RAX, RDX, 1, 0);
    a.load(RCX, CTX, CpuState.TSC_OFFSET);
    a.lea(RAX, RAX, RCX, 1, 0);
    a.rorx(RDX, RAX, 32);
    a.mov32(RDX, RDX);
    a.mov32(RAX, RAX);
    if (withAux) {
      a.load32(RCX, CTX, CpuState.TSC_AUX);
      e.writeGpr(CpuState.RCX, RCX);
    }
  }

  /** MOV r, sreg (register form). */
  void movFromSegment(Instruction i) {
    a.load16(RCX, CTX, CpuState.SEGMENTS + 32 * i.reg);
    writeSized(i.rm, i.operandSize);
  }

  private void writeSized(int guest, int size) {
    if (size >= 4) {
      e.writeGpr(guest, RCX);
      return;
    }
    int host = e.gprIn(S0, guest);
    a.byte1(0x66);
    a.opRegister(false, 0x89, RCX, host);
    e.writeGpr(guest, host);
  }

  /** MOV r64, CR0/2/3/4 at CPL 0. */
  void movFromControl(Instruction i) {
    int field =
        switch (i.reg) {
          case 0 -> CpuState.CR0;
          case 2 -> CpuState.CR2;
          case 3 -> CpuState.CR3;
          default -> CpuState.CR4;
        };
    a.load(RCX, CTX, field);
    e.writeGpr(i.rm, RCX);
  }

  /** RDFSBASE and RDGSBASE. */
  void readBase(Instruction i, int field) {
    if (i.operandSize == 8) {
      a.load(RCX, CTX, field);
    } else {
      a.load32(RCX, CTX, field);
    }
    e.writeGpr(i.rm, RCX);
  }

  /** LEA. */
  void lea(Instruction i) {
    int host = Context.host(i.reg);
    if (i.operandSize == 8 && host >= 0 && inRegisters(i.base) && inRegisters(i.index)) {
      e.offset(i, host);
      return;
    }
    e.offset(i, S0);
    switch (i.operandSize) {
      case 8 -> e.writeGpr(i.reg, S0);
      case 4 -> {
        a.mov32(S0, S0);
        e.writeGpr(i.reg, S0);
      }
      default -> {
        int to = e.gprIn(S1, i.reg);
        a.byte1(0x66);
        a.opRegister(false, 0x89, S0, to);
        e.writeGpr(i.reg, to);
      }
    }
  }

  private static boolean inRegisters(int number) {
    return number == Instruction.NONE
        || number == Instruction.BASE_RIP
        || Context.host(number) >= 0;
  }

  /** XLAT. */
  void xlat(Instruction i) {
    e.access(i, Emitter.Address.TABLE, 0, 1, false);
    e.opOperand(false, 0x8a, RAX);
  }

  /** MOV between the accumulator and an absolute address. */
  void movAbsolute(Instruction i) {
    boolean write = (i.code & 2) != 0;
    e.access(i, i.operandSize, write);
    if (i.operandSize == 2) {
      a.byte1(0x66);
    }
    int opcode = (write ? 0x88 : 0x8a) | (i.operandSize == 1 ? 0 : 1);
    e.opOperand(i.operandSize == 8, opcode, RAX);
  }

  /** CMPXCHG8B and CMPXCHG16B. */
  void compareExchangePair(Instruction i) {
    e.access(i, i.operandSize == 8 ? 16 : 8, true);
    e.readGpr(RCX, CpuState.RCX);
    a.legacyOpcode(i.lock, false, 0, 0x40 | (i.operandSize == 8 ? 8 : 0) | e.operandRex(), 1, 0xc7);
    e.operandModRm(1);
  }

  /** LOOP, LOOPE, LOOPNE and JRCXZ: conditional on RCX, leaving the flags alone. */
  void loop(Instruction i, boolean decrement) {
    int counter = Context.host(CpuState.RCX);
    if (decrement) {
      if (i.addressSizePrefix) {
        a.lea32(counter, counter, NONE, 1, -1);
      } else {
        a.lea(counter, counter, -1);
      }
    }
    int notTaken = -1;
    if (decrement && (i.code & 3) != 2) {
      // E0 LOOPNE goes on while ZF is clear, E1 LOOPE while it is set.
      notTaken = a.jccShort((i.code & 3) == 0 ? Assembler.EQUAL : Assembler.NOT_EQUAL);
    }
    if (i.addressSizePrefix) {
      a.mov32(RCX, counter);
    } else {
      a.mov(RCX, counter);
    }
    int zero = a.jrcxz();
    e.jump(i.rip, decrement ? i.immediate : i.nextRip());
    a.bindRel8(zero);
    if (notTaken >= 0) {
      a.bindRel8(notTaken);
    }
    e.jump(i.rip, decrement ? i.nextRip() : i.immediate);
  }
}
