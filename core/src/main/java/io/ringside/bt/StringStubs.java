package io.ringside.bt;

import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.RAX;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.asm.Assembler.RDI;
import static io.ringside.asm.Assembler.RSI;
import static io.ringside.bt.Context.CTX;
import static io.ringside.bt.Context.S0;
import static io.ringside.bt.Context.S1;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;

/**
 * REP MOVS and REP STOS as loops over pieces that lie in one page each, done by the host's own string instructions.
 * Called by units with the instruction's RIP in S0. What they can't do (DF set, a page not in the software TLB, an
 * element across pages, a pending interrupt) they leave to Java, with the registers as far as they got: the
 * instruction is then emulated from there.
 */
final class StringStubs {
  /** The return address is on the stack, the block that much further away. */
  private static final int CALLED = 8;

  private static final int COUNT = Context.host(CpuState.RCX);

  private final Assembler a;
  private final long exitWithRip;
  private final int[] slow = new int[8];
  private int slowCount;

  StringStubs(Assembler assembler, long exitWithRip) {
    this.a = assembler;
    this.exitWithRip = exitWithRip;
  }

  void emitMovs(int tlb, int log) {
    final int loop = begin();
    final int done = emptyCount();
    lookup(RSI, Context.tlbRead(tlb), log);
    a.load(S1, CTX, RCX, 8, CALLED + Context.tlbHost(tlb, false));
    a.alu(Assembler.ADD, S1, S0);
    elementsLeft(RAX, log);
    lookup(RDI, Context.tlbWrite(tlb), log);
    a.load(RCX, CTX, RCX, 8, CALLED + Context.tlbHost(tlb, true));
    a.alu(Assembler.ADD, RCX, S0);
    elementsLeft(S0, log);
    minimum(RAX, S0);
    minimum(RAX, COUNT);
    // RAX elements from S1 to RCX.
    a.alu(Assembler.SUB, COUNT, RAX);
    a.store(CTX, CALLED + Context.SAVED_RSI, RSI);
    a.store(CTX, CALLED + Context.SAVED_RDI, RDI);
    a.mov(RSI, S1);
    a.mov(RDI, RCX);
    a.mov(RCX, RAX);
    repeat(0xa4, log);
    a.shift(4, RAX, log);
    a.load(RSI, CTX, CALLED + Context.SAVED_RSI);
    a.alu(Assembler.ADD, RSI, RAX);
    a.load(RDI, CTX, CALLED + Context.SAVED_RDI);
    a.alu(Assembler.ADD, RDI, RAX);
    end(loop, done);
  }

  void emitStos(int tlb, int log) {
    final int loop = begin();
    final int done = emptyCount();
    lookup(RDI, Context.tlbWrite(tlb), log);
    a.load(RCX, CTX, RCX, 8, CALLED + Context.tlbHost(tlb, true));
    a.alu(Assembler.ADD, RCX, S0);
    elementsLeft(S1, log);
    minimum(S1, COUNT);
    // S1 elements to RCX.
    a.alu(Assembler.SUB, COUNT, S1);
    a.store(CTX, CALLED + Context.SAVED_RDI, RDI);
    a.load(RAX, CTX, CALLED + Context.SAVED_RAX);
    a.mov(RDI, RCX);
    a.mov(RCX, S1);
    repeat(0xaa, log);
    a.shift(4, S1, log);
    a.load(RDI, CTX, CALLED + Context.SAVED_RDI);
    a.alu(Assembler.ADD, RDI, S1);
    end(loop, done);
  }

  private int begin() {
    slowCount = 0;
    a.store(CTX, CALLED + Context.CALLER, S0);
    a.store(CTX, CALLED + Context.SAVED_RAX, RAX);
    a.byte1(0x9f); // LAHF
    a.byte1(0x0f); // SETO AL
    a.byte1(0x90);
    a.byte1(0xc0);
    a.store32(CTX, CALLED + Context.SAVED_FLAGS, RAX);
    a.testMemoryImmediate32(CTX, CALLED + CpuState.SYSTEM_FLAGS, 0x400);
    slow(Assembler.NOT_EQUAL);
    return a.position();
  }

  private int emptyCount() {
    a.opRegister(true, 0x85, COUNT, COUNT);
    int done = a.jcc(Assembler.EQUAL);
    a.aluMemoryImmediate32(Assembler.CMP, CTX, CALLED + CpuState.PENDING, 0);
    slow(Assembler.NOT_EQUAL);
    return done;
  }

  /** The address in {@code register} becomes the offset in its page in S0, and RCX the TLB's index. */
  private void lookup(int register, int tags, int log) {
    a.mov(S0, register);
    a.pext(RCX, S0, CTX, CALLED + CpuState.TLB_INDEX_MASK);
    a.aluLoad(Assembler.ADD, S0, CTX, RCX, 8, CALLED + tags);
    a.aluImmediate(Assembler.CMP, S0, 4096 - (1 << log));
    slow(Assembler.ABOVE);
  }

  private void elementsLeft(int to, int log) {
    if (to == S0) {
      a.opRegister(true, 0xf7, 3, S0); // NEG
      a.aluImmediate(Assembler.ADD, S0, 4096);
    } else {
      a.movImmediate(to, 4096);
      a.alu(Assembler.SUB, to, S0);
    }
    if (log != 0) {
      a.shift(5, to, log);
    }
  }

  private void minimum(int to, int other) {
    a.alu(Assembler.CMP, to, other);
    a.op0fRegister(true, 0x47, to, other); // CMOVA
  }

  private void repeat(int opcode, int log) {
    if (log == 1) {
      a.byte1(0x66);
    }
    a.byte1(0xf3);
    if (log == 3) {
      a.byte1(0x48);
    }
    a.byte1(log == 0 ? opcode : opcode + 1);
  }

  private void slow(int condition) {
    slow[slowCount++] = a.jcc(condition);
  }

  private void end(int loop, int done) {
    a.byte1(0xe9);
    a.byte4(loop - (a.position() + 4));
    a.bindRel32(done);
    restore();
    a.ret();
    for (int n = 0; n < slowCount; n++) {
      a.bindRel32(slow[n]);
    }
    restore();
    a.load(S0, CTX, CALLED + Context.CALLER);
    a.lea(CTX, CTX, NONE, 1, CALLED);
    a.movImmediate(RCX, ExitCode.make(ExitCode.EMULATE, 0));
    a.jmpTo(exitWithRip);
  }

  private void restore() {
    a.load32(RAX, CTX, CALLED + Context.SAVED_FLAGS);
    a.byte1(0x04); // ADD AL, 7Fh: overflows if OF was set
    a.byte1(0x7f);
    a.byte1(0x9e); // SAHF
    a.load(RAX, CTX, CALLED + Context.SAVED_RAX);
  }
}
