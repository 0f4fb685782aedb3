package io.ringside.xen;

/**
 * How the first vCPU of a domain starts, and what its devices are at. The vCPU is in kernel mode; registers that aren't
 * named are zero.
 *
 * @param rip the first instruction
 * @param rsp the top of the boot stack, a page
 * @param rsi the virtual address of start_info
 * @param root the frame of the L4 table
 * @param storeMfn the frame of the XenStore ring
 * @param storePort its event channel in the guest
 * @param consoleMfn the frame of the console ring
 * @param consolePort its event channel in the guest
 */
public record StartOfDay(
    long rip,
    long rsp,
    long rsi,
    long root,
    long storeMfn,
    int storePort,
    long consoleMfn,
    int consolePort) {
  /** RFLAGS: interrupts on, and bit 1, which is always set. */
  public static final long RFLAGS = 0x202;

  private static final int RSP = 4;
  private static final int RSI = 6;
  private static final int ES = 0;
  private static final int CS = 1;
  private static final int SS = 2;
  private static final int DS = 3;
  private static final int FS = 4;
  private static final int GS = 5;
  private static final long DR6_DEFAULT = 0xffff_0ff0L;
  private static final long DR7_DEFAULT = 0x400;

  /**
   * Gives a processor these registers.
   *
   * @throws IllegalStateException where it takes no flat segments
   */
  public void load(PvCpu cpu) {
    cpu.kernelMode(true);
    cpu.kernelRoot(root);
    cpu.userRoot(0);
    for (int i = 0; i < 16; i++) {
      cpu.register(i, 0);
    }
    cpu.register(RSP, rsp);
    cpu.register(RSI, rsi);
    cpu.rip(rip);
    cpu.rflags(RFLAGS);
    boolean loaded =
        cpu.loadSelector(CS, Layout.FLAT_CS64)
            & cpu.loadSelector(SS, Layout.FLAT_SS)
            & cpu.loadSelector(DS, 0)
            & cpu.loadSelector(ES, 0)
            & cpu.loadSelector(FS, 0)
            & cpu.loadSelector(GS, 0);
    if (!loaded) {
      throw new IllegalStateException("no flat segments");
    }
    for (int which : new int[] {PvCpu.FS, PvCpu.GS_USER, PvCpu.GS_KERNEL}) {
      cpu.segmentBase(which, 0);
    }
    for (int i = 0; i < 4; i++) {
      cpu.debugRegister(i, 0);
    }
    cpu.debugRegister(6, DR6_DEFAULT);
    cpu.debugRegister(7, DR7_DEFAULT);
    cpu.taskSwitched(false);
  }
}
