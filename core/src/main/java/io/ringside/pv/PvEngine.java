package io.ringside.pv;

import io.ringside.bt.BtVcpu;
import io.ringside.bt.Statistics;
import io.ringside.cpu.CpuState;
import io.ringside.host.HostCpu;
import io.ringside.host.ThreadTicker;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.Vcpu;
import io.ringside.xen.Domain;
import io.ringside.xen.PvVcpu;

/** The first vCPU of a Xen PV domain, executed by the translator with nothing to replace. */
public final class PvEngine implements AutoCloseable {
  /** CR0: PG, WP, NE, ET, MP, PE. */
  private static final long CR0 = 0x8001_0033L;

  /** EFER: NXE, LMA, LME, SCE. */
  private static final long EFER = 1 << 11 | 1 << 10 | 1 << 8 | 1;

  private static final int CODE_RIGHTS = 0xa0fb;
  private static final int DATA_RIGHTS = 0xc0f3;
  private static final long FLAT_LIMIT = 0xffff_ffffL;

  private final BtVcpu vcpu;
  private final PvVcpu pvVcpu;
  private final GuestMemory memory;

  /**
   * Makes it.
   *
   * @param memory machine memory
   * @param cacheBytes size of the translation cache
   */
  public PvEngine(Domain domain, GuestMemory memory, HostCpu host, int cacheBytes) {
    this.memory = memory;
    pvVcpu = domain.vcpu(0);
    vcpu = new BtVcpu(memory, new PvInterrupts(pvVcpu.traps()), host, cacheBytes);
    CpuState s = vcpu.state();
    s.set(CpuState.CR0, CR0);
    s.set(CpuState.EFER, EFER);
    s.set(CpuState.XCR0, 1);
    s.segment(CpuState.CS, io.ringside.xen.Layout.FLAT_CS64, CODE_RIGHTS, FLAT_LIMIT, 0);
    s.segment(CpuState.SS, io.ringside.xen.Layout.FLAT_SS, DATA_RIGHTS, FLAT_LIMIT, 0);
    // No TSS, so no permissions for ports.
    s.segment(CpuState.TR, 0, 0x8b, 0, 0);
    for (int segment : new int[] {CpuState.DS, CpuState.ES, CpuState.FS, CpuState.GS}) {
      s.segment(segment, 0, 0, 0, 0);
    }
  }

  /**
   * Gives the domain's vCPU this processor; before the start of day is built.
   *
   * @param waker gets the vCPU's thread out of the guest or of its sleep; from any thread
   */
  public void attach(Runnable waker) {
    PvProcessor processor = new PvProcessor(vcpu, pvVcpu, memory.raw(), waker);
    vcpu.enterVmm(new PvEntry(vcpu, processor, pvVcpu));
    pvVcpu.attach(processor);
    processor.rflags(0);
    vcpu.stateLoaded();
  }

  /** What fires the machine's overdue timers. */
  public void onLook(Runnable fireOverdue) {
    vcpu.onLook(fireOverdue);
  }

  /** The vCPU, for the loop. */
  public Vcpu vcpu() {
    return vcpu;
  }

  /** Its registers. */
  public CpuState state() {
    return vcpu.state();
  }

  /** See {@link BtVcpu#startTicker}. */
  public ThreadTicker startTicker() {
    return vcpu.startTicker();
  }

  /** See {@link BtVcpu#sampleTlb}. */
  public void sampleTlb() {
    vcpu.sampleTlb();
  }

  /** What the translator counted. */
  public Statistics statistics() {
    return vcpu.statistics();
  }

  /** The registers and figures as text. */
  public String dump() {
    return vcpu.dump();
  }

  @Override
  public void close() {
    vcpu.close();
  }
}
