package io.ringside.xen;

import io.ringside.host.NativeMemory;

/** A Xen PV domain: what its vCPUs share, and its hypercalls. */
public final class Domain {
  /** VMASST_TYPE_writable_pagetables: stores to level-1 tables are emulated. */
  static final int ASSIST_WRITABLE_PAGE_TABLES = 2;

  /** VMASST_TYPE_m2p_strict: no M2P table in user mode's page tables. */
  static final int ASSIST_M2P_STRICT = 32;

  private final DomainConfig config;
  private final NativeMemory raw;
  private final long epoch;
  private final XenStatistics statistics = new XenStatistics();
  private final PvVcpu[] vcpus;
  private final XenHeap heap;
  private final MachineToPhys m2p;
  private final FrameTable frames;
  private final PageTypes types;
  private final PageTables tables;
  private final MemoryMap memoryMap;
  private final long sharedInfo;
  private final WritablePageTables writablePageTables;
  private final SegmentDescriptors segments;
  private final ConsoleOutput consoleOutput;
  private final ConsoleRing console;
  private final XenStore store;
  private final EventChannels eventChannels;
  private final GrantTable grantTable;
  private final Hypercalls hypercalls;
  private long assists;
  private volatile boolean shutDown;
  private int shutdownReason = -1;

  /** Makes a domain without memory, whose vCPUs have no processors yet. */
  public Domain(DomainConfig config) {
    this.config = config;
    this.raw = config.memory().raw();
    this.epoch = config.timers().clock().nanos();
    this.vcpus = new PvVcpu[config.vcpus()];
    for (int i = 0; i < vcpus.length; i++) {
      vcpus[i] = new PvVcpu(this, i);
    }
    this.heap = new XenHeap(config.memory());
    this.m2p = new MachineToPhys(raw, heap);
    this.frames = new FrameTable(config.memory(), heap, m2p, config.domainFrames());
    this.types = new PageTypes(frames, statistics, this::flushTlbs);
    this.tables = new PageTables(this, frames, types, m2p);
    types.contents(tables);
    this.memoryMap = new MemoryMap(this);
    this.sharedInfo = heap.allocate(1) << 12;
    frames.share(sharedInfo >>> 12, true);
    for (int i = 0; i < vcpus.length; i++) {
      vcpus[i].infoAddress(sharedInfo + i * SharedInfo.VCPU_INFO_SIZE);
    }
    this.writablePageTables = new WritablePageTables(this);
    this.segments = new SegmentDescriptors(this);
    this.consoleOutput = new ConsoleOutput(config.host());
    this.console = new ConsoleRing(raw, consoleOutput, config.host());
    this.store = new XenStore(this);
    this.eventChannels = new EventChannels(this);
    this.grantTable = new GrantTable(this);
    this.hypercalls = new Hypercalls(this);
  }

  /** What it was made with. */
  public DomainConfig config() {
    return config;
  }

  /** Its identifier. */
  public int domid() {
    return config.domid();
  }

  /** Its UUID, 16 bytes: "ringsiDe" and the domain identifier, in the form of version 4. */
  byte[] handle() {
    byte[] handle = {'r', 'i', 'n', 'g', 's', 'i', 'D', 'e', (byte) 0x80, 0, 0, 0, 0, 0, 0, 0};
    handle[14] = (byte) (config.domid() >>> 8);
    handle[15] = (byte) config.domid();
    return handle;
  }

  /** All machine memory by machine address. */
  NativeMemory raw() {
    return raw;
  }

  /** One of its vCPUs. */
  public PvVcpu vcpu(int id) {
    return vcpus[id];
  }

  /** How many vCPUs it has. */
  public int vcpus() {
    return vcpus.length;
  }

  /** What the engine calls when the guest makes a hypercall. */
  public Hypercalls hypercalls() {
    return hypercalls;
  }

  /** How much machine memory a machine needs to have room for a domain of {@code domainBytes}. */
  public static long machineBytes(long domainBytes) {
    return XenHeap.machineBytes(domainBytes);
  }

  /** The frames that are Xen's. */
  XenHeap heap() {
    return heap;
  }

  /** The machine-to-phys table. */
  MachineToPhys m2p() {
    return m2p;
  }

  /** The owner of each frame. */
  FrameTable frames() {
    return frames;
  }

  /** What each frame is used as. */
  PageTypes types() {
    return types;
  }

  /** Its page tables. */
  PageTables tables() {
    return tables;
  }

  /** The memory map that the guest is told. */
  MemoryMap memoryMap() {
    return memoryMap;
  }

  /** The machine address of {@code struct shared_info}; {@link SharedInfo} has the offsets in it. */
  public long sharedInfo() {
    return sharedInfo;
  }

  /** How many pfns the guest says that it has. */
  long maxPfn() {
    return raw.getLong(sharedInfo + SharedInfo.MAX_PFN);
  }

  /** What does the guest's stores to its page tables. */
  public WritablePageTables writablePageTables() {
    return writablePageTables;
  }

  /** GDTs and LDTs. */
  SegmentDescriptors segments() {
    return segments;
  }

  /** Whether the guest has asked for a VMASST type (0 to 63). */
  boolean assists(int type) {
    return (assists >>> type & 1) != 0;
  }

  /** Notes what the guest asks for. */
  void assist(int type, boolean enabled) {
    assists = enabled ? assists | 1L << type : assists & ~(1L << type);
  }

  /** Xen stored to {@code length} bytes of the domain's memory, in one page. */
  void stored(long maddr, int length) {
    for (PvVcpu vcpu : vcpus) {
      if (vcpu.isAttached()) {
        vcpu.cpu().stored(maddr, length);
      }
    }
  }

  /** Zeroes adjoining frames. */
  void clear(long mfn, int count) {
    raw.fill(mfn << 12, (long) count << 12, 0);
    for (int i = 0; i < count; i++) {
      stored(mfn + i << 12, 4096);
    }
  }

  /** A present entry of a page table has changed. */
  void translationChanged(boolean upperHalf) {
    for (PvVcpu vcpu : vcpus) {
      if (vcpu.isAttached()) {
        vcpu.cpu().translationChanged(upperHalf);
      }
    }
  }

  /** Drops all translations that its vCPUs have cached. */
  void flushTlbs() {
    for (PvVcpu vcpu : vcpus) {
      if (vcpu.isAttached()) {
        vcpu.cpu().flushTlb();
      }
    }
    types.flushed();
    statistics.count(XenStatistics.Counter.TLB_FLUSHES);
  }

  /** Drops the translation of one page that its vCPUs have cached. */
  void invalidatePage(long gva) {
    for (PvVcpu vcpu : vcpus) {
      if (vcpu.isAttached()) {
        vcpu.cpu().invalidatePage(gva);
      }
    }
    statistics.count(XenStatistics.Counter.TLB_INVALIDATIONS);
  }

  /**
   * The domain that a domain identifier names.
   *
   * @return 0 for this one, or the negative error that Xen gives to an unprivileged domain: EPERM for one that exists
   */
  int permission(int id) {
    if (id == Layout.DOMID_SELF || id == config.domid()) {
      return 0;
    }
    return id == 0 ? -Errno.EPERM : -Errno.ESRCH;
  }

  /** Its console. */
  public ConsoleRing console() {
    return console;
  }

  /** Its XenStore. */
  public XenStore store() {
    return store;
  }

  /** The host has room for console output again. The caller holds the lock. */
  public void consoleHasRoom() {
    console.outputRoom();
  }

  /** What it prints. */
  ConsoleOutput consoleOutput() {
    return consoleOutput;
  }

  /** Its event channels. */
  EventChannels eventChannels() {
    return eventChannels;
  }

  /** Its grant table. */
  GrantTable grantTable() {
    return grantTable;
  }

  /** What was counted. */
  public XenStatistics statistics() {
    return statistics;
  }

  /** Ends the domain as Xen does when a guest is beyond help: one line for the user. The first end counts. */
  void crash(String why) {
    config.lock().lock();
    try {
      if (!shutDown) {
        shutDown = true;
        store.released();
        config.host().crash(why);
      }
    } finally {
      config.lock().unlock();
    }
  }

  /** Ends the domain for a reason of {@code public/sched.h}, or for the one that was announced; the first end counts. */
  void shutdown(int reason) {
    announceShutdown(reason);
    if (!shutDown) {
      shutDown = true;
      store.released();
      config.host().shutdown(shutdownReason);
    }
  }

  /** Sets the reason of the end to come, if none is set yet. */
  void announceShutdown(int reason) {
    if (shutdownReason < 0) {
      shutdownReason = reason & 0xff;
    }
  }

  /** Whether it has ended: no vCPU may run. From any thread. */
  public boolean isShutDown() {
    return shutDown;
  }

  /** System time: nanoseconds since the domain was made. */
  long now() {
    return config.timers().clock().nanos() - epoch;
  }

  /** When system time is {@code time}, by the machine's clock. */
  long deadline(long time) {
    long deadline = time + epoch;
    return time > 0 && epoch > 0 && deadline < 0 ? Long.MAX_VALUE : deadline;
  }
}
