package io.ringside.bt;

import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.RAX;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.asm.Assembler.RDI;
import static io.ringside.asm.Assembler.RDX;
import static io.ringside.asm.Assembler.RSI;
import static io.ringside.bt.Context.CTX;
import static io.ringside.bt.Context.S0;
import static io.ringside.bt.Context.S1;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;

/**
 * Memory accesses that cross a page, where both pages are in the software TLB: the operand is copied to the context
 * block, the instruction works there, and what it wrote is copied back. All else leaves as a miss.
 *
 * <p>The first stub is called with the gva in S0 and the miss's exit code in RCX. It comes back {@link #SKIP} bytes
 * behind its return address with the operand at [S0 + S1]; a miss comes back at the return address when resumed.
 */
final class CrossPageStubs {
  /** The jump back to the access and the instruction's offset, which follow each call. */
  static final int SKIP = 6;

  private static final int CALLED = 8;

  private final Assembler a;
  private final long exitMiss;

  CrossPageStubs(Assembler assembler, long exitMiss) {
    this.a = assembler;
    this.exitMiss = exitMiss;
  }

  /** The stub for one software TLB. */
  void emitEnter(int tlb, boolean write) {
    int tags = CALLED + Context.tlbTags(tlb, write);
    int hosts = CALLED + Context.tlbHost(tlb, write);
    a.store(CTX, CALLED + Context.CROSS_CODE, RCX);
    saveFlags();
    a.mov(RAX, RCX);
    a.shift32(5, RAX, 6);
    a.mov32(RCX, S0);
    a.aluImmediate32(Assembler.AND, RCX, 0xfff);
    a.lea32(RCX, RCX, RAX, 1, -1);
    a.testImmediate32(RCX, 0x1000);
    int inside = a.jcc(Assembler.EQUAL);
    a.store(CTX, CALLED + Context.SAVED_RSI, RSI);
    a.store(CTX, CALLED + Context.SAVED_RDI, RDI);
    a.store(CTX, CALLED + Context.SAVED_RDX, RDX);
    a.mov(RDX, RAX);
    // The first page's part: S1 bytes from RSI.
    a.pext(RCX, S0, CTX, CALLED + CpuState.TLB_INDEX_MASK);
    a.mov(S1, S0);
    a.aluLoad(Assembler.ADD, S1, CTX, RCX, 8, tags);
    a.aluImmediate(Assembler.CMP, S1, 4095);
    int missFirst = a.jcc(Assembler.ABOVE);
    a.load(RSI, CTX, RCX, 8, hosts);
    a.alu(Assembler.ADD, RSI, S1);
    a.opRegister(true, 0xf7, 3, S1); // NEG
    a.aluImmediate(Assembler.ADD, S1, 4096);
    // The second page's: from its start at RAX.
    a.lea(RDI, S0, S1, 1, 0);
    a.pext(RCX, RDI, CTX, CALLED + CpuState.TLB_INDEX_MASK);
    a.aluLoad(Assembler.ADD, RDI, CTX, RCX, 8, tags);
    int missSecond = a.jcc(Assembler.NOT_EQUAL);
    a.load(RAX, CTX, RCX, 8, hosts);
    a.alu(Assembler.SUB, RDX, S1);
    a.store(CTX, CALLED + Context.CROSS_HOST1, RSI);
    a.store(CTX, CALLED + Context.CROSS_HOST2, RAX);
    a.store(CTX, CALLED + Context.CROSS_SIZE1, S1);
    a.store(CTX, CALLED + Context.CROSS_SIZE2, RDX);
    // The copy has the operand's alignment, since some instructions ask for one.
    a.lea(S0, CTX, NONE, 1, CALLED + Context.BOUNCE + 64);
    a.alu(Assembler.SUB, S0, S1);
    a.mov(RDI, S0);
    a.mov(RCX, S1);
    copy();
    a.mov(RSI, RAX);
    a.mov(RCX, RDX);
    copy();
    a.aluMemoryImmediate(Assembler.ADD, CTX, 0, SKIP);
    restoreRegisters();
    restoreFlags();
    a.movImmediate(S1, 0);
    a.ret();
    a.bindRel32(missFirst);
    a.bindRel32(missSecond);
    restoreRegisters();
    a.bindRel32(inside);
    restoreFlags();
    a.load(RCX, CTX, CALLED + Context.CROSS_CODE);
    a.jmpTo(exitMiss);
  }

  /** Called after a writing instruction worked on the copy. */
  void emitLeave() {
    saveFlags();
    a.store(CTX, CALLED + Context.SAVED_RSI, RSI);
    a.store(CTX, CALLED + Context.SAVED_RDI, RDI);
    a.store(CTX, CALLED + Context.SAVED_RDX, RDX);
    a.load(RCX, CTX, CALLED + Context.CROSS_SIZE1);
    a.lea(RSI, CTX, NONE, 1, CALLED + Context.BOUNCE + 64);
    a.alu(Assembler.SUB, RSI, RCX);
    a.load(RDI, CTX, CALLED + Context.CROSS_HOST1);
    copy();
    a.load(RCX, CTX, CALLED + Context.CROSS_SIZE2);
    a.load(RDI, CTX, CALLED + Context.CROSS_HOST2);
    copy();
    restoreRegisters();
    restoreFlags();
    a.ret();
  }

  private void copy() {
    a.byte1(0xf3); // REP MOVSB
    a.byte1(0xa4);
  }

  private void restoreRegisters() {
    a.load(RSI, CTX, CALLED + Context.SAVED_RSI);
    a.load(RDI, CTX, CALLED + Context.SAVED_RDI);
    a.load(RDX, CTX, CALLED + Context.SAVED_RDX);
  }

  private void saveFlags() {
    a.store(CTX, CALLED + Context.SAVED_RAX, RAX);
    a.byte1(0x9f); // LAHF
    a.byte1(0x0f); // SETO AL
    a.byte1(0x90);
    a.byte1(0xc0);
    a.store32(CTX, CALLED + Context.SAVED_FLAGS, RAX);
  }

  private void restoreFlags() {
    a.load32(RAX, CTX, CALLED + Context.SAVED_FLAGS);
    a.byte1(0x04); // ADD AL, 7Fh: overflows if OF was set
    a.byte1(0x7f);
    a.byte1(0x9e); // SAHF
    a.load(RAX, CTX, CALLED + Context.SAVED_RAX);
  }
}
