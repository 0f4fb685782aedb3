package io.ringside.xen;

import io.ringside.host.NativeMemory;

/** A Xen PV domain: what its vCPUs share, and its hypercalls. */
public final class Domain {
  private final DomainConfig config;
  private final NativeMemory raw;
  private final XenStatistics statistics = new XenStatistics();
  private final PvVcpu[] vcpus;
  private final EventChannels eventChannels;
  private final GrantTable grantTable;
  private final Hypercalls hypercalls;

  /** Makes a domain without memory, whose vCPUs have no processors yet. */
  public Domain(DomainConfig config) {
    this.config = config;
    this.raw = config.memory().raw();
    this.vcpus = new PvVcpu[config.vcpus()];
    for (int i = 0; i < vcpus.length; i++) {
      vcpus[i] = new PvVcpu(this, i);
    }
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

  /** Its event channels. */
  EventChannels eventChannels() {
    return eventChannels;
  }

  /** Its grant table. */
  GrantTable grantTable() {
    return grantTable;
  }

  /** The error of a group that is yet to be written. */
  int unimplemented() {
    return Errno.ENOSYS;
  }

  /** What was counted. */
  public XenStatistics statistics() {
    return statistics;
  }

  /** Ends the domain as Xen does when a guest is beyond help: one line for the user. */
  void crash(String why) {
    config.host().crash(why);
  }

  /** System time: nanoseconds of the machine's clock. */
  long now() {
    return config.timers().clock().nanos();
  }
}
