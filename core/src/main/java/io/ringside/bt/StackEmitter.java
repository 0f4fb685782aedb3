package io.ringside.bt;

import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.bt.Context.CTX;
import static io.ringside.bt.Context.S0;
import static io.ringside.bt.Context.S1;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;
import io.ringside.x86.Instruction;

/** PUSH, POP, LEAVE, PUSHF, POPF and the stack's part of CALL and RET. Operand sizes are 8 or, with 66, 2 bytes. */
final class StackEmitter {
  private static final int GUEST_RSP = Context.host(CpuState.RSP);

  private final Emitter e;
  private final Assembler a;

  StackEmitter(Emitter emitter) {
    this.e = emitter;
    this.a = emitter.a;
  }

  void push(Instruction i) {
    int size = i.operandSize;
    if (i.memory) {
      e.access(i, size, false);
      moveFromMemory(RCX, size);
      a.store(CTX, Context.TEMP, RCX);
    }
    e.access(i, Emitter.Address.STACK, -size, size, true);
    if (i.memory) {
      a.load(RCX, CTX, Context.TEMP);
      moveToMemory(RCX, size);
    } else {
      moveToMemory(e.gprIn(RCX, i.rm), size);
    }
    a.lea(GUEST_RSP, GUEST_RSP, -size);
  }

  void pushImmediate(Instruction i) {
    int size = i.operandSize;
    e.access(i, Emitter.Address.STACK, -size, size, true);
    if (size == 8) {
      e.opOperand(true, 0xc7, 0);
      a.byte4((int) i.immediate);
    } else {
      a.byte1(0x66);
      e.opOperand(false, 0xc7, 0);
      a.byte2((int) i.immediate);
    }
    a.lea(GUEST_RSP, GUEST_RSP, -size);
  }

  /** POP to a register; POP to memory is emulated. */
  void pop(Instruction i) {
    int size = i.operandSize;
    e.access(i, Emitter.Address.STACK, 0, size, false);
    if (i.rm == CpuState.RSP) {
      if (size == 8) {
        e.loadOperand(GUEST_RSP);
        return;
      }
      a.lea(GUEST_RSP, GUEST_RSP, size);
      a.byte1(0x66);
      e.opOperand(false, 0x8b, GUEST_RSP);
      return;
    }
    int host = Context.host(i.rm);
    if (size == 8) {
      e.loadOperand(host < 0 ? RCX : host);
    } else {
      if (host < 0) {
        e.readGpr(RCX, i.rm);
      }
      a.byte1(0x66);
      e.opOperand(false, 0x8b, host < 0 ? RCX : host);
    }
    if (host < 0) {
      e.writeGpr(i.rm, RCX);
    }
    a.lea(GUEST_RSP, GUEST_RSP, size);
  }

  /** LEAVE with 64-bit operands. */
  void leave(Instruction i) {
    int frame = Context.host(CpuState.RBP);
    e.access(i, Emitter.Address.FRAME, 0, 8, false);
    a.lea(GUEST_RSP, frame, 8);
    e.loadOperand(frame);
  }

  /** Pushes a constant return address. */
  void pushReturn(Instruction i) {
    e.access(i, Emitter.Address.STACK, -8, 8, true);
    long value = i.nextRip();
    if (Assembler.fitsInt(value)) {
      e.opOperand(true, 0xc7, 0);
      a.byte4((int) value);
    } else {
      a.movImmediate(RCX, value);
      e.opOperand(true, 0x89, RCX);
    }
    a.lea(GUEST_RSP, GUEST_RSP, -8);
  }

  /** Pops the return address into S0 and {@code extra} bytes more. */
  void popReturn(Instruction i, int extra) {
    e.access(i, Emitter.Address.STACK, 0, 8, false);
    e.loadOperand(S0);
    a.lea(GUEST_RSP, GUEST_RSP, 8 + extra);
  }

  /** PUSHFQ: the system flags with the host's status flags. */
  void pushf(Instruction i) {
    e.access(i, Emitter.Address.STACK, -8, 8, true);
    a.lea(S0, S0, S1, 1, 0);
    a.pushf();
    a.pop(RCX);
    // AND by extraction: the status flags stay as they are.
    a.pext(RCX, RCX, CTX, Context.STATUS_FLAGS_MASK);
    a.pdep(RCX, RCX, CTX, Context.STATUS_FLAGS_MASK);
    a.load(S1, CTX, CpuState.SYSTEM_FLAGS);
    a.lea(RCX, RCX, S1, 1, 0);
    a.store(S0, 0, RCX);
    a.lea(GUEST_RSP, GUEST_RSP, -8);
  }

  /** POPFQ at CPL 0, if only status flags and IF change; else it leaves to be emulated. */
  void popf(Instruction i) {
    e.access(i, Emitter.Address.STACK, 0, 8, false);
    e.loadOperand(S0);
    a.mov(RCX, S0);
    a.aluLoad(Assembler.XOR, RCX, CTX, NONE, 1, CpuState.SYSTEM_FLAGS);
    // What changes beside the status flags and IF, of the bits that POPF writes.
    a.testImmediate32(RCX, 0x0025_7500);
    int simple = a.jccShort(Assembler.EQUAL);
    e.exit(ExitCode.EMULATE, i.rip);
    a.bindRel8(simple);
    a.testImmediate32(S0, 0x200);
    int off = a.jccShort(Assembler.EQUAL);
    a.load32(RCX, CTX, CpuState.DEFERRED);
    int none = a.jrcxz();
    // An interrupt waits for IF: it comes right behind POPF.
    e.exit(ExitCode.EMULATE, i.rip);
    a.bindRel8(none);
    a.bindRel8(off);
    a.mov32(RCX, S0);
    a.aluImmediate32(Assembler.AND, RCX, 0x0025_7700);
    a.aluImmediate32(Assembler.OR, RCX, 2);
    a.store(CTX, CpuState.SYSTEM_FLAGS, RCX);
    a.lea(GUEST_RSP, GUEST_RSP, 8);
    statusFlagsFrom(S0);
  }

  /** Makes the status flags those of {@code from} (S0 or S1, clobbered); cheaper than POPFQ. Clobbers RCX. */
  void statusFlagsFrom(int from) {
    a.mov(RCX, Assembler.RAX);
    a.mov32(Assembler.RAX, from);
    a.shift32(5, Assembler.RAX, 11);
    a.aluImmediate32(Assembler.AND, Assembler.RAX, 1);
    a.aluImmediate32(Assembler.AND, from, 0xd5);
    a.shift32(4, from, 8);
    a.alu32(Assembler.OR, Assembler.RAX, from);
    a.byte1(0x04); // ADD AL, 7Fh: overflows if AL is 1
    a.byte1(0x7f);
    a.byte1(0x9e); // SAHF
    a.mov(Assembler.RAX, RCX);
  }

  private void moveFromMemory(int to, int size) {
    if (size == 8) {
      e.loadOperand(to);
    } else {
      a.op0fMemory(false, 0xb7, to, e.operandBase, e.operandIndex, 1, e.operandDisplacement);
    }
  }

  private void moveToMemory(int from, int size) {
    if (size != 8) {
      a.byte1(0x66);
    }
    e.opOperand(size == 8, 0x89, from);
  }
}
