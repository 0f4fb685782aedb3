package io.ringside.bt;

import static io.ringside.bt.Context.CTX;
import static io.ringside.bt.Context.S0;
import static io.ringside.bt.Context.S1;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;

/** The fixed pieces of machine code: into translated code, out of it, and what units call. */
final class Stubs {
  private static final int RAX = Assembler.RAX;
  private static final int RCX = Assembler.RCX;
  private static final int RDX = Assembler.RDX;
  private static final int[] CALLEE_SAVED = {
    Assembler.RBX, Assembler.RBP, Assembler.R12, Assembler.R13, Assembler.R14, Assembler.R15
  };

  private final Assembler a = new Assembler();

  /** {@code long enter(context, pc)}: runs translated code, returns an exit code. */
  final long enter;

  /** The same, with the vector state reloaded that was in registers at the exit. */
  final long resume;

  /** Leaves with the exit code in RCX. */
  final long exit;

  /** Stores S0 to RIP, then {@link #exit}. */
  final long exitWithRip;

  /** An indirect branch to S0 whose target is not known yet. */
  final long exitIndirect;

  /** Where a fault in translated code goes on. */
  final long exitFault;

  /** Loads the guest's vector state into the registers. */
  final long loadFpu;

  /** Called with the exit code in RCX and the gva in S0: leaves so that it can be resumed behind the call. */
  final long exitMiss;

  /** Called after an instruction worked on the copy of an operand that crosses a page. */
  final long crossPageDone;

  private final long[] crossPage = new long[6];

  private final long[] repMovs = new long[12];
  private final long[] repStos = new long[12];

  Stubs(TranslationCache cache) {
    a.start(cache.address(cache.top()));
    exit = a.address();
    emitExit();
    exitWithRip = aligned();
    a.store(CTX, CpuState.RIP, S0);
    a.jmpTo(exit);
    exitIndirect = aligned();
    a.store(CTX, CpuState.RIP, S0);
    a.movImmediate(RCX, ExitCode.make(ExitCode.INDIRECT, 0));
    a.jmpTo(exit);
    exitFault = aligned();
    a.movImmediate(RCX, ExitCode.make(ExitCode.FAULT, 0));
    a.jmpTo(exit);
    loadFpu = aligned();
    emitLoadFpu();
    enter = aligned();
    emitEnter(false);
    resume = aligned();
    emitEnter(true);
    exitMiss = aligned();
    a.store(CTX, Context.MISS_ADDRESS + 8, S0);
    a.pop(S1);
    a.store(CTX, Context.ENTRY_PC, S1);
    a.jmpTo(exit);
    CrossPageStubs crossing = new CrossPageStubs(a, exitMiss);
    for (int tlb = 0; tlb < 3; tlb++) {
      crossPage[2 * tlb] = aligned();
      crossing.emitEnter(tlb, false);
      crossPage[2 * tlb + 1] = aligned();
      crossing.emitEnter(tlb, true);
    }
    crossPageDone = aligned();
    crossing.emitLeave();
    StringStubs strings = new StringStubs(a, exitWithRip);
    for (int tlb = 0; tlb < 3; tlb++) {
      for (int log = 0; log < 4; log++) {
        repMovs[4 * tlb + log] = aligned();
        strings.emitMovs(tlb, log);
        repStos[4 * tlb + log] = aligned();
        strings.emitStos(tlb, log);
      }
    }
    cache.append(a.buffer(), a.position());
    cache.keep();
  }

  /** What a unit calls when an access misses, see {@link CrossPageStubs}. */
  long crossPage(int tlb, boolean write) {
    return crossPage[2 * tlb + (write ? 1 : 0)];
  }

  /** What a unit calls for REP MOVS of elements of {@code size} bytes, with the instruction's RIP in S0. */
  long repMovs(int tlb, int size) {
    return repMovs[4 * tlb + Integer.numberOfTrailingZeros(size)];
  }

  /** The same for REP STOS. */
  long repStos(int tlb, int size) {
    return repStos[4 * tlb + Integer.numberOfTrailingZeros(size)];
  }

  private long aligned() {
    while ((a.address() & 15) != 0) {
      a.byte1(0xcc);
    }
    return a.address();
  }

  private void emitEnter(boolean reloadFpu) {
    for (int register : CALLEE_SAVED) {
      a.push(register);
    }
    a.store(Assembler.RDI, Context.HOST_RSP, Assembler.RSP);
    a.mov(Assembler.RSP, Assembler.RDI);
    a.store(CTX, Context.ENTRY_PC, Assembler.RSI);
    if (reloadFpu) {
      a.aluMemoryImmediate32(Assembler.CMP, CTX, Context.FPU_WAS_LOADED, 0);
      int skip = a.jccShort(Assembler.EQUAL);
      a.callTo(loadFpu);
      a.bindRel8(skip);
    }
    a.load(RAX, CTX, CpuState.STATUS_FLAGS);
    a.aluImmediate32(Assembler.AND, RAX, (int) CpuState.STATUS_MASK);
    a.aluImmediate32(Assembler.OR, RAX, 0x202);
    a.push(RAX);
    a.popf();
    for (int r = 0; r < 16; r++) {
      if (Context.host(r) >= 0) {
        a.load(Context.host(r), CTX, CpuState.gprOffset(r));
      }
    }
    a.jmpMemory(CTX, Assembler.NONE, 1, Context.ENTRY_PC);
  }

  private void emitExit() {
    for (int r = 0; r < 16; r++) {
      if (Context.host(r) >= 0) {
        a.store(CTX, CpuState.gprOffset(r), Context.host(r));
      }
    }
    a.pushf();
    a.pop(RAX);
    a.store(CTX, CpuState.STATUS_FLAGS, RAX);
    a.mov(Assembler.RBX, RCX);
    a.storeImmediate(CTX, Context.FPU_WAS_LOADED, 0);
    a.aluMemoryImmediate(Assembler.CMP, CTX, CpuState.FPU_IN_MEMORY, 0);
    int noFpu = a.jcc(Assembler.NOT_EQUAL);
    a.movImmediate(RAX, 7);
    a.movImmediate(RDX, 0);
    a.op0fMemory(true, 0xae, 4, CTX, Assembler.NONE, 1, CpuState.XSAVE); // XSAVE64
    a.storeImmediate(CTX, CpuState.FPU_IN_MEMORY, 1);
    a.storeImmediate(CTX, Context.FPU_WAS_LOADED, 1);
    // XSTATE_BV bit 0: the x87 is not in its initial state, which the ABI wants it to be in for
    // Java.
    a.testMemoryImmediate32(CTX, CpuState.XSAVE + 512, 1);
    int clean = a.jccShort(Assembler.EQUAL);
    a.byte1(0xdb); // FNINIT
    a.byte1(0xe3);
    a.bindRel8(clean);
    a.byte1(0xc5); // VZEROUPPER
    a.byte1(0xf8);
    a.byte1(0x77);
    a.op0fMemory(false, 0xae, 2, CTX, Assembler.NONE, 1, Context.HOST_MXCSR); // LDMXCSR
    a.bindRel32(noFpu);
    a.mov(RAX, Assembler.RBX);
    a.load(Assembler.RSP, CTX, Context.HOST_RSP);
    for (int i = CALLEE_SAVED.length - 1; i >= 0; i--) {
      a.pop(CALLEE_SAVED[i]);
    }
    a.ret();
  }

  /** Called, so that the block is 8 bytes above RSP. */
  private void emitLoadFpu() {
    a.store(CTX, 8 + Context.SAVED_RAX, RAX);
    a.store(CTX, 8 + Context.SAVED_RDX, RDX);
    a.movImmediate(RAX, 7);
    a.movImmediate(RDX, 0);
    a.op0fMemory(true, 0xae, 5, CTX, Assembler.NONE, 1, 8 + CpuState.XSAVE); // XRSTOR64
    a.load(RAX, CTX, 8 + Context.SAVED_RAX);
    a.load(RDX, CTX, 8 + Context.SAVED_RDX);
    a.storeImmediate(CTX, 8 + CpuState.FPU_IN_MEMORY, 0);
    a.ret();
  }
}
