package io.ringside.bt;

import io.ringside.cpu.CpuState;

/** What of the processor's state the translation of an instruction depends on, as bits: part of a unit's key. */
final class Mode {
  /** Bits 0 and 1: which software TLB. */
  static final int TLB_MASK = 3;

  static final int TLB_SUPERVISOR = 0;
  static final int TLB_USER = 1;

  /** Supervisor with CR4.SMAP and RFLAGS.AC: user pages are accessible. */
  static final int TLB_SUPERVISOR_AC = 2;

  /** CR0.TS or CR0.EM: x87, SSE and AVX instructions fault. */
  static final int NO_FPU = 4;

  /** RFLAGS.TF: units are one instruction and end with {@link ExitCode#STEPPED}. */
  static final int STEP = 8;

  /** The memory operand is in the context block; one instruction, ends with {@link ExitCode#STEPPED}. */
  static final int BOUNCE = 16;

  /** Every memory access is looked up on its own, see {@link AccessGroups}. Not in the vCPU's mode, only in units'. */
  static final int NO_GROUPS = 32;

  /** Units whose look-ups are counted: they are not chained. Not in the vCPU's mode either. */
  static final int SAMPLED = 64;

  private Mode() {}

  /** The mode that the state says. */
  static int of(CpuState state) {
    int mode;
    if (state.cpl() == 3) {
      mode = state.get(CpuState.DEPRIVILEGED_KERNEL) != 0 ? TLB_SUPERVISOR : TLB_USER;
    } else if ((state.get(CpuState.CR4) & 1L << 21) != 0
        && (state.get(CpuState.SYSTEM_FLAGS) & 1L << 18) != 0) {
      mode = TLB_SUPERVISOR_AC;
    } else {
      mode = TLB_SUPERVISOR;
    }
    if ((state.get(CpuState.CR0) & 0xc) != 0) {
      mode |= NO_FPU;
    }
    if ((state.get(CpuState.SYSTEM_FLAGS) & 0x100) != 0) {
      mode |= STEP;
    }
    return mode;
  }

  /** The software TLB's index. */
  static int tlb(int mode) {
    return mode & TLB_MASK;
  }

  static boolean user(int mode) {
    return (mode & TLB_MASK) == TLB_USER;
  }
}
