package io.ringside.xen;

import io.ringside.host.NativeMemory;

/** One virtual CPU of a domain: what Xen keeps about it beside its registers. */
public final class PvVcpu {
  /** The most frames that a guest's GDT has: entries 0 to 7167; the rest of the 64 KiB are Xen's. */
  static final int GDT_FRAMES = 14;

  private final Domain domain;
  private final int id;
  private final NativeMemory raw;
  private final Traps traps;
  private final RunState runState;
  private final VcpuTimers timers;
  private final PvClock clock;
  private PvCpu cpu;
  private GuestAccess access;

  private long kernelRoot;
  private long userRoot;
  private long infoAddress;
  private boolean ownInfo;

  private final long[] gdt = new long[GDT_FRAMES];
  private int gdtEntries;
  private final long[] ldt = new long[16];
  private long ldtBase;
  private int ldtEntries;

  PvVcpu(Domain domain, int id) {
    this.domain = domain;
    this.id = id;
    this.raw = domain.raw();
    this.traps = new Traps(this, domain);
    this.clock = new PvClock(this, domain);
    this.timers = new VcpuTimers(this, domain);
    this.runState = new RunState(this, domain);
  }

  /** Gives it the processor that executes it; once, before the guest runs. */
  public void attach(PvCpu processor) {
    cpu = processor;
    access = new GuestAccess(processor, domain.config().memory());
  }

  /** How it enters and leaves its guest kernel. */
  public Traps traps() {
    return traps;
  }

  /** Whether it runs, and for how long it has. */
  RunState runState() {
    return runState;
  }

  /**
   * To be called by its thread before it enters the guest: whether it may. Where not, it is blocked or down, and the
   * thread sleeps until {@link PvCpu#kick} and asks again; a domain that has shut down says no for good.
   */
  public boolean mayRun() {
    return runState.mayRun();
  }

  /** Its timers. */
  VcpuTimers timers() {
    return timers;
  }

  /** What it tells the guest about time. */
  PvClock clock() {
    return clock;
  }

  /** Switches between kernel and user mode. */
  void kernelMode(boolean kernel) {
    cpu.kernelMode(kernel);
    if (kernel) {
      runState.kernelEntered();
    }
  }

  /** An event was selected for it: it has an upcall to take as soon as it does not mask them. */
  void markPending() {
    if (raw.getByte(infoAddress + SharedInfo.UPCALL_PENDING) == 0) {
      raw.putByte(infoAddress + SharedInfo.UPCALL_PENDING, 1);
      wake();
    }
  }

  /** Ends what it is blocked in, and has its processor look for what there is to deliver. */
  void wake() {
    runState.unblock();
    if (cpu != null) {
      cpu.kick();
    }
  }

  /** Whether it has a processor yet. */
  boolean isAttached() {
    return cpu != null;
  }

  /** Its number in the domain. */
  public int id() {
    return id;
  }

  /** The domain that it belongs to. */
  public Domain domain() {
    return domain;
  }

  /** The processor that executes it. */
  public PvCpu cpu() {
    return cpu;
  }

  /** The guest's memory by its virtual addresses. */
  GuestAccess access() {
    return access;
  }

  /** The machine address of its {@code struct vcpu_info}, 64 bytes. */
  public long infoAddress() {
    return infoAddress;
  }

  /** Whether the guest has chosen a place for it (VCPUOP_register_vcpu_info). */
  boolean hasOwnInfo() {
    return ownInfo;
  }

  /** The guest has chosen a place for it. */
  void ownInfo(long maddr) {
    ownInfo = true;
    infoAddress = maddr;
  }

  /** Whether it has registers to start with: the first vCPU has, the others get them by VCPUOP_initialise. */
  boolean isInitialised() {
    return id == 0;
  }

  void infoAddress(long maddr) {
    infoAddress = maddr;
  }

  /** Whether an event is to be delivered as soon as the guest runs: pending and not masked. From any thread. */
  public boolean upcallPending() {
    return raw.getByte(infoAddress + SharedInfo.UPCALL_PENDING) != 0
        && raw.getByte(infoAddress + SharedInfo.UPCALL_MASK) == 0;
  }

  /** The frame of the L4 table of kernel mode, 0 for none. */
  long kernelRoot() {
    return kernelRoot;
  }

  void kernelRoot(long mfn) {
    kernelRoot = mfn;
  }

  /** The frame of the L4 table of user mode, 0 for none. */
  long userRoot() {
    return userRoot;
  }

  void userRoot(long mfn) {
    userRoot = mfn;
  }

  /** The frames of the GDT; those behind {@link #gdtEntries} are 0. */
  long[] gdt() {
    return gdt;
  }

  /** How many entries the guest's GDT has. */
  int gdtEntries() {
    return gdtEntries;
  }

  void gdtEntries(int entries) {
    gdtEntries = entries;
  }

  /** The guest-virtual address of the LDT. */
  long ldtBase() {
    return ldtBase;
  }

  /** How many entries the LDT has. */
  int ldtEntries() {
    return ldtEntries;
  }

  /** The frames of the LDT as far as they were needed, else 0. */
  long[] ldtFrames() {
    return ldt;
  }

  /**
   * The descriptor that a selector names, out of the GDT, the LDT, or Xen's flat segments: 8 bytes as in memory, 0 for
   * none. All code and data segments have DPL 3.
   */
  public long descriptor(int selector) {
    return domain.segments().find(this, selector);
  }

  void ldt(long base, int entries) {
    ldtBase = base;
    ldtEntries = entries;
  }
}
