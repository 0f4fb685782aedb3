package io.ringside.pv;

import io.ringside.bt.BtVcpu;
import io.ringside.cpu.CpuState;
import io.ringside.host.NativeMemory;
import io.ringside.xen.PvCpu;
import io.ringside.xen.PvVcpu;
import java.lang.foreign.MemorySegment;

/**
 * The processor of a PV guest's vCPU: its registers and address spaces, kept by the translator. Kernel and user mode use
 * software TLBs of their own, so that switching between them drops nothing.
 */
final class PvProcessor implements PvCpu {
  private static final long FLAG_IF = 1 << 9;
  private static final long FLAG_RF = 1 << 16;

  /** IOPL, RF, VM, VIF and VIP, which a guest's flags never have. */
  private static final long NEVER_SET = 3 << 12 | 1 << 16 | 1 << 17 | 1 << 19 | 1 << 20;

  private static final long WRITABLE_FLAGS = 0x3f_7fd5;
  private static final long CR0_TS = 1 << 3;

  /** Bytes of half a page table. */
  private static final long HALF_TABLE = 2048;

  private final BtVcpu engine;
  private final CpuState state;
  private final PvVcpu vcpu;
  private final NativeMemory ram;
  private final Runnable waker;

  private long kernelRoot;
  private long userRoot;
  private boolean kernel = true;

  /** Cached translations may be older than the page tables, of the halves of the address space. */
  private boolean upperStale;

  private boolean lowerStale;

  /** The base of GS of the mode that is not in force. */
  private long otherGs;

  /**
   * Makes the processor of a vCPU, in kernel mode.
   *
   * @param ram machine memory by machine address
   * @param waker gets the vCPU's thread out of the guest or of its sleep; from any thread
   */
  PvProcessor(BtVcpu engine, PvVcpu vcpu, NativeMemory ram, Runnable waker) {
    this.engine = engine;
    this.ram = ram;
    this.state = engine.state();
    this.vcpu = vcpu;
    this.waker = waker;
    state.memory().putInt(CpuState.CPL, 3);
    state.set(CpuState.DEPRIVILEGED_KERNEL, 1);
  }

  // ---- Memory

  @Override
  public long translate(long gva, boolean write) {
    return engine.translate(gva, write);
  }

  @Override
  public void stored(long maddr, int length) {
    if (engine.isCodePage(maddr)) {
      engine.codeWritten(maddr, length);
    }
  }

  @Override
  public void kernelRoot(long mfn) {
    boolean sameKernel = mfn == kernelRoot || kernelRoot != 0 && sameUpperHalf(mfn, kernelRoot);
    boolean same = mfn == kernelRoot;
    kernelRoot = mfn;
    if (kernel) {
      state.set(CpuState.CR3, mfn << 12);
    }
    upperStale |= !sameKernel;
    lowerStale |= !same;
    flushTlb();
  }

  /** Whether two L4 tables have the same entries for the upper half: no translation of it differs, then. */
  private boolean sameUpperHalf(long one, long other) {
    MemorySegment all = ram.segment();
    return all.asSlice((one << 12) + HALF_TABLE, HALF_TABLE)
            .mismatch(all.asSlice((other << 12) + HALF_TABLE, HALF_TABLE))
        < 0;
  }

  @Override
  public void userRoot(long mfn) {
    if (mfn == userRoot) {
      return;
    }
    userRoot = mfn;
    if (!kernel) {
      state.set(CpuState.CR3, mfn << 12);
    }
    engine.flushNonGlobal();
  }

  @Override
  public void translationChanged(boolean upperHalf) {
    upperStale |= upperHalf;
    lowerStale = true;
  }

  @Override
  public void flushTlb() {
    if (upperStale) {
      engine.flushAll();
    } else if (lowerStale) {
      // What counts as global is the upper half of kernel mode.
      engine.flushNonGlobal();
    }
    upperStale = false;
    lowerStale = false;
  }

  @Override
  public void invalidatePage(long gva) {
    engine.invalidatePage(gva);
  }

  // ---- Mode and registers

  @Override
  public boolean kernelMode() {
    return kernel;
  }

  @Override
  public void kernelMode(boolean wanted) {
    if (wanted == kernel) {
      return;
    }
    kernel = wanted;
    long gs = state.get(CpuState.GS_BASE);
    state.set(CpuState.GS_BASE, otherGs);
    otherGs = gs;
    state.set(CpuState.CR3, (wanted ? kernelRoot : userRoot) << 12);
    state.set(CpuState.DEPRIVILEGED_KERNEL, wanted ? 1 : 0);
    engine.rootSwitched();
  }

  @Override
  public long register(int number) {
    return state.gpr(number);
  }

  @Override
  public void register(int number, long value) {
    state.gpr(number, value);
  }

  @Override
  public long rip() {
    return state.rip();
  }

  @Override
  public void rip(long value) {
    state.rip(value);
  }

  @Override
  public long rflags() {
    return state.rflags();
  }

  @Override
  public void rflags(long value) {
    state.rflags(value & WRITABLE_FLAGS & ~NEVER_SET | FLAG_IF | 2);
    if ((value & FLAG_RF) != 0) {
      engine.resumed();
    }
    engine.privilegeChanged();
  }

  @Override
  public int selector(int segment) {
    return state.selector(segment);
  }

  @Override
  public boolean loadSelector(int segment, int selector) {
    if ((selector & 0xfffc) == 0) {
      if (segment == CpuState.CS || segment == CpuState.SS) {
        return false;
      }
      state.segment(segment, selector, 0, 0, 0);
      return true;
    }
    long descriptor = vcpu.descriptor(selector);
    int rights = (int) (descriptor >>> 40) & 0xf0ff | 1;
    boolean present = (rights & 0x80) != 0;
    boolean codeOrData = (rights & 0x10) != 0;
    boolean code = (rights & 8) != 0;
    boolean readWrite = (rights & 2) != 0;
    boolean suitable =
        switch (segment) {
          // Only 64-bit code can be executed.
          case CpuState.CS -> code && (rights & 0x6000) == 0x2000;
          case CpuState.SS -> !code && readWrite;
          default -> !code || readWrite;
        };
    if (!present || !codeOrData || !suitable) {
      return false;
    }
    long limit = descriptor & 0xffff | descriptor >>> 32 & 0xf_0000;
    if ((rights & 0x8000) != 0) {
      limit = limit << 12 | 0xfff;
    }
    long base = descriptor >>> 16 & 0xff_ffff | descriptor >>> 32 & 0xff00_0000L;
    state.segment(segment, selector | (segment == CpuState.CS ? 3 : 0), rights, limit, base);
    return true;
  }

  @Override
  public long segmentBase(int which) {
    return switch (which) {
      case FS -> state.get(CpuState.FS_BASE);
      case GS_USER -> kernel ? otherGs : state.get(CpuState.GS_BASE);
      default -> kernel ? state.get(CpuState.GS_BASE) : otherGs;
    };
  }

  @Override
  public void segmentBase(int which, long base) {
    if (which == FS) {
      state.set(CpuState.FS_BASE, base);
    } else if (which == GS_USER == kernel) {
      otherGs = base;
    } else {
      state.set(CpuState.GS_BASE, base);
    }
  }

  @Override
  public void descriptorsChanged() {
    // Descriptors are read when a segment register is loaded, as a processor does.
  }

  @Override
  public long debugRegister(int number) {
    return state.get(CpuState.DEBUG_REGISTERS + 8 * number);
  }

  @Override
  public void debugRegister(int number, long value) {
    state.set(CpuState.DEBUG_REGISTERS + 8 * number, value);
    if (number != 6) {
      engine.breakpointsChanged();
    }
  }

  @Override
  public void taskSwitched(boolean set) {
    long cr0 = state.get(CpuState.CR0);
    state.set(CpuState.CR0, set ? cr0 | CR0_TS : cr0 & ~CR0_TS);
    engine.privilegeChanged();
  }

  @Override
  public void cr2(long value) {
    state.set(CpuState.CR2, value);
  }

  @Override
  public String describeInstruction() {
    return engine.describeCurrent();
  }

  @Override
  public void kick() {
    waker.run();
  }
}
