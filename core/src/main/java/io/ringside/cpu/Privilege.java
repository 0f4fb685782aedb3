package io.ringside.cpu;

/** The privilege checks that many instructions share. */
final class Privilege {
  private Privilege() {}

  /** #GP(0) unless CPL is 0. */
  static void requireSupervisor(CpuState state) {
    if (state.cpl() != 0) {
      throw GuestFault.GP0;
    }
  }

  /** #GP(0) where CR4.UMIP keeps SGDT, SIDT, SLDT, STR and SMSW from user code (SDM vol. 3, 2.5). */
  static void checkUmip(CpuState state) {
    if (state.cpl() != 0 && (state.get(CpuState.CR4) & RegisterBits.CR4_UMIP) != 0) {
      throw GuestFault.GP0;
    }
  }

  /** Whether CPL is at most RFLAGS.IOPL. */
  static boolean hasIoPrivilege(CpuState state) {
    return state.cpl() <= (state.get(CpuState.SYSTEM_FLAGS) >>> 12 & 3);
  }
}
