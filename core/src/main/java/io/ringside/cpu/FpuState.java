package io.ringside.cpu;

import io.ringside.host.NativeMemory;

/**
 * The guest's x87, SSE and AVX registers in the XSAVE area of {@link CpuState} (standard format: SDM vol. 1, 13.4). Its
 * header says which components are in their initial state; {@link #normalize} makes their bytes say so too.
 */
final class FpuState {
  static final int X87 = 1;
  static final int SSE = 2;
  static final int AVX = 4;

  static final int LEGACY_SIZE = 512;
  static final int HEADER_SIZE = 64;
  static final int AVX_SIZE = 256;

  /** Offsets from the start of the area. */
  static final int MXCSR = 24;

  static final int MXCSR_MASK = 28;
  static final int ST = 32;
  static final int XMM = 160;
  static final int XSTATE_BV = 512;
  static final int XCOMP_BV = 520;
  static final int YMM_HIGH = 576;

  static final int FCW_INIT = 0x37f;
  static final int MXCSR_INIT = 0x1f80;

  private static final int DEFAULT_MXCSR_MASK = 0xffff;

  private final CpuState state;
  private final NativeMemory block;

  FpuState(CpuState state) {
    this.state = state;
    this.block = state.memory();
  }

  /** The context block; the area starts at {@link CpuState#XSAVE}. */
  NativeMemory block() {
    return block;
  }

  /** The components that are not in their initial state. */
  int inUse() {
    return (int) state.get(CpuState.XSAVE + XSTATE_BV) & 7;
  }

  /** Marks components as in use; their bytes are right. */
  void markInUse(int components) {
    int field = CpuState.XSAVE + XSTATE_BV;
    state.set(field, state.get(field) | components);
  }

  /** Gives components their initial values, MXCSR excepted (SDM vol. 1, 13.6). */
  void initialize(int components) {
    if ((components & X87) != 0) {
      block.fill(CpuState.XSAVE, MXCSR, 0);
      block.putShort(CpuState.XSAVE, FCW_INIT);
      block.fill(CpuState.XSAVE + ST, XMM - ST, 0);
    }
    if ((components & SSE) != 0) {
      block.fill(CpuState.XSAVE + XMM, 256, 0);
    }
    if ((components & AVX) != 0) {
      block.fill(CpuState.XSAVE + YMM_HIGH, AVX_SIZE, 0);
    }
    int field = CpuState.XSAVE + XSTATE_BV;
    state.set(field, state.get(field) & ~components);
  }

  /** Writes the initial values of the components that the header says are in their initial state. */
  void normalize() {
    int unused = ~inUse() & 7;
    if (unused != 0) {
      initialize(unused);
    }
  }

  int mxcsr() {
    return block.getInt(CpuState.XSAVE + MXCSR);
  }

  /** Sets MXCSR; #GP(0) for bits that the host does not have. */
  void mxcsr(int value) {
    checkMxcsr(value);
    block.putInt(CpuState.XSAVE + MXCSR, value);
  }

  void checkMxcsr(int value) {
    if ((value & ~mxcsrMask()) != 0) {
      throw GuestFault.GP0;
    }
  }

  /** The bits that MXCSR may have, as the host's XSAVE left them (SDM vol. 1, 11.6.6). */
  int mxcsrMask() {
    int mask = block.getInt(CpuState.XSAVE + MXCSR_MASK);
    return mask == 0 ? DEFAULT_MXCSR_MASK : mask;
  }

  /** One of the 32 bytes of YMM register {@code number}, as a value of {@code size} (4 or 8) bytes. */
  long vector(int number, int offset, int size) {
    int at = vectorOffset(number, offset);
    return size == 8 ? block.getLong(at) : block.getInt(at);
  }

  /** Writes 4 or 8 bytes of YMM register {@code number}. */
  void vector(int number, int offset, int size, long value) {
    int at = vectorOffset(number, offset);
    if (size == 8) {
      block.putLong(at, value);
    } else {
      block.putInt(at, (int) value);
    }
  }

  static int vectorOffset(int number, int offset) {
    return CpuState.XSAVE + 16 * number + (offset < 16 ? XMM + offset : YMM_HIGH + offset - 16);
  }

  /** The offset of MMX register {@code number}: the area has the x87 registers in the order of the stack. */
  int mmxOffset(int number) {
    int top = block.getShort(CpuState.XSAVE + 2) >>> 11 & 7;
    return CpuState.XSAVE + ST + 16 * (number - top & 7);
  }

  /** #UD where CR0.EM or a clear CR4.OSFXSR switch SSE off, #NM where CR0.TS is set (SDM vol. 3, 2.5). */
  void requireSse() {
    long cr0 = state.get(CpuState.CR0);
    if ((cr0 & RegisterBits.CR0_EM) != 0
        || (state.get(CpuState.CR4) & RegisterBits.CR4_OSFXSR) == 0) {
      throw GuestFault.UD;
    }
    requireTaskSwitched(cr0);
  }

  /** #UD unless the operating system enabled AVX in XCR0, #NM where CR0.TS is set (SDM vol. 1, 14.3). */
  void requireAvx() {
    requireXsave();
    if ((state.get(CpuState.XCR0) & (SSE | AVX)) != (SSE | AVX)) {
      throw GuestFault.UD;
    }
    requireTaskSwitched(state.get(CpuState.CR0));
  }

  /** #UD unless CR4.OSXSAVE is set. */
  void requireXsave() {
    if ((state.get(CpuState.CR4) & RegisterBits.CR4_OSXSAVE) == 0) {
      throw GuestFault.UD;
    }
  }

  /** #NM where CR0.TS is set. */
  static void requireTaskSwitched(long cr0) {
    if ((cr0 & RegisterBits.CR0_TS) != 0) {
      throw GuestFault.NM;
    }
  }
}
