package io.ringside.xen;

import io.ringside.host.NativeMemory;
import io.ringside.xen.XenStatistics.Counter;
import java.util.ArrayList;
import java.util.List;

/**
 * Event channels by the 2-level ABI: one pending and one mask bit for each of 4096 ports in shared_info, a selector and
 * an upcall flag in each vCPU's vcpu_info. Source: {@code public/event_channel.h}; Xen's {@code event_channel.c} and
 * {@code event_2l.c} for what is checked in which order.
 *
 * <p>The other ends are the domain itself, virtual interrupts, and {@linkplain #connect services} of the VMM, which the
 * guest takes for domain 0. Hypercalls come with the machine's lock held.
 */
final class EventChannels {
  private static final int BIND_INTERDOMAIN = 0;
  private static final int BIND_VIRQ = 1;
  private static final int BIND_PIRQ = 2;
  private static final int CLOSE = 3;
  private static final int SEND = 4;
  private static final int STATUS = 5;
  private static final int ALLOC_UNBOUND = 6;
  private static final int BIND_IPI = 7;
  private static final int BIND_VCPU = 8;
  private static final int UNMASK = 9;
  private static final int RESET = 10;
  private static final int INIT_CONTROL = 11;
  private static final int EXPAND_ARRAY = 12;
  private static final int SET_PRIORITY = 13;
  private static final int RESET_CONTINUED = 14;

  /** VIRQ_TIMER, the one virtual interrupt that the VMM raises by itself. */
  static final int VIRQ_TIMER = 0;

  private static final int VIRQ_DEBUG = 1;
  private static final int VIRQ_XENOPROF = 7;
  private static final int VIRQ_XENPMU = 13;
  private static final int VIRQS = 24;

  /** Ports of the 2-level ABI with 64-bit words. */
  static final int PORTS = 4096;

  /** Xen makes channels in groups; asking for one in a group that isn't there yet is an error. */
  private static final int GROUP = 64;

  /** Physical interrupts that a domain without devices may name: of an I/O APIC, and 32 more. None is granted. */
  private static final int PIRQS = 24 + 32;

  private static final int SERVICE_DOMAIN = 0;

  private static final int PAGE = 4096;

  /** Bytes of {@code struct evtchn_fifo_control_block}. */
  private static final int CONTROL_BLOCK = 72;

  /** Bytes of the old hypercall's argument: the command (4), and the largest argument of one. */
  private static final int COMPAT_SIZE = 28;

  private static final int COMPAT_ARGUMENT = 4;

  private final Domain domain;
  private final NativeMemory raw;
  private final Channel[] channels = new Channel[PORTS];
  private final List<Service> services = new ArrayList<>();
  private final int[][] virqs;
  private int valid;

  EventChannels(Domain domain) {
    this.domain = domain;
    this.raw = domain.raw();
    this.virqs = new int[domain.vcpus()][VIRQS];
    grow();
    channels[0].state = State.RESERVED;
    for (int i = 0; i < domain.vcpus(); i++) {
      raw.putByte(domain.vcpu(i).infoAddress() + SharedInfo.UPCALL_MASK, 1);
    }
  }

  private enum State {
    FREE,
    RESERVED,
    UNBOUND,
    INTERDOMAIN,
    VIRQ,
    IPI
  }

  private static final class Channel {
    private State state = State.FREE;
    private int vcpu;

    /** Who may bind it, or has. */
    private int remoteDomain;

    /** The other end's port: in this domain, or of a service. */
    private int remotePort;

    private int virq;
  }

  /** One end of a channel that is the VMM's. */
  final class Service {
    private final int remotePort;
    private final Runnable notified;
    private int port;

    private Service(int remotePort, Runnable notified) {
      this.remotePort = remotePort;
      this.notified = notified;
    }

    /** The guest's port, 0 after it has closed it. */
    int port() {
      return port;
    }

    /** Sends an event to the guest. From any thread. */
    void raise() {
      domain.config().lock().lock();
      try {
        if (port != 0) {
          setPending(channels[port].vcpu, port);
        }
      } finally {
        domain.config().lock().unlock();
      }
    }
  }

  /**
   * Binds a new port to a service of the VMM.
   *
   * @param notified called with the machine's lock held, on a vCPU's thread, when the guest sends an event on its port
   */
  Service connect(Runnable notified) {
    int port = allocate();
    if (port < 0) {
      throw new IllegalStateException("no event channel is left for a service");
    }
    Service service = new Service(services.size() + 1, notified);
    services.add(service);
    service.port = port;
    Channel channel = channels[port];
    channel.state = State.INTERDOMAIN;
    channel.remoteDomain = SERVICE_DOMAIN;
    channel.remotePort = service.remotePort;
    return service;
  }

  /** Raises a virtual interrupt of one vCPU, if it has bound it. From any thread. */
  void raiseVirq(PvVcpu vcpu, int virq) {
    domain.config().lock().lock();
    try {
      int port = virqs[vcpu.id()][virq];
      if (port != 0) {
        setPending(vcpu.id(), port);
      }
    } finally {
      domain.config().lock().unlock();
    }
  }

  // Hypercalls. As in Xen, what was bound stays bound where its port can't be stored.

  /** event_channel_op. */
  long operation(PvVcpu caller, int command, long argument) {
    GuestAccess access = caller.access();
    return switch (command) {
      case ALLOC_UNBOUND -> allocateUnbound(access, argument);
      case BIND_INTERDOMAIN -> bindInterdomain(access, argument);
      case BIND_VIRQ -> bindVirq(access, argument);
      case BIND_IPI -> bindIpi(access, argument);
      case BIND_PIRQ -> bindPirq(access, argument);
      case CLOSE -> close(access.readInt(argument));
      case SEND -> send(access.readInt(argument));
      case STATUS -> status(access, argument);
      case BIND_VCPU -> bindVcpu(access.readInt(argument), access.readInt(argument + 4));
      case UNMASK -> unmask(access.readInt(argument));
      case RESET, RESET_CONTINUED -> reset(access.readShort(argument) & 0xffff);
      case SET_PRIORITY -> setPriority(access, argument);
      case INIT_CONTROL -> initControl(access, argument);
      case EXPAND_ARRAY -> expandArray(access, argument);
      default -> -Errno.ENOSYS;
    };
  }

  /** The old event_channel_op, whose argument holds the command too. */
  long compatOperation(PvVcpu caller, long argument) {
    byte[] copy = new byte[COMPAT_SIZE];
    caller.access().read(argument, copy, 0, COMPAT_SIZE);
    int command = caller.access().readInt(argument);
    return command >= BIND_INTERDOMAIN && command <= UNMASK
        ? operation(caller, command, argument + COMPAT_ARGUMENT)
        : -Errno.ENOSYS;
  }

  /** Who may own the port (2 bytes), who may bind it (2); the port (4) is written. */
  private long allocateUnbound(GuestAccess access, long argument) {
    int owner = access.readShort(argument) & 0xffff;
    int remote = access.readShort(argument + 2) & 0xffff;
    var unused = access.readInt(argument + 4);
    int error = domain.permission(owner);
    if (error != 0) {
      return error;
    }
    int port = allocate();
    if (port < 0) {
      return port;
    }
    Channel channel = channels[port];
    channel.state = State.UNBOUND;
    channel.remoteDomain = remote == Layout.DOMID_SELF ? domain.domid() : remote;
    access.writeInt(argument + 4, port);
    return 0;
  }

  /** The other domain (2 bytes), padding, its port (4); the own port (4) is written. */
  private long bindInterdomain(GuestAccess access, long argument) {
    int remoteDomain = access.readShort(argument) & 0xffff;
    int remotePort = access.readInt(argument + 4);
    var unused = access.readInt(argument + 8);
    int permission = domain.permission(remoteDomain);
    if (permission == -Errno.ESRCH) {
      return permission;
    }
    int port = allocate();
    if (port < 0) {
      return port;
    }
    Channel channel = channels[port];
    if (permission == 0) {
      if (!isValid(remotePort)) {
        return -Errno.EINVAL;
      }
      Channel remote = channels[remotePort];
      if (remote.state != State.UNBOUND || remote.remoteDomain != domain.domid()) {
        return -Errno.EINVAL;
      }
      remote.state = State.INTERDOMAIN;
      remote.remoteDomain = domain.domid();
      remote.remotePort = port;
      channel.remoteDomain = domain.domid();
    } else {
      // What a service had is unbound again once the guest has closed its end.
      if (remotePort < 1 || remotePort > services.size() || service(remotePort).port != 0) {
        return -Errno.EINVAL;
      }
      service(remotePort).port = port;
      channel.remoteDomain = SERVICE_DOMAIN;
    }
    channel.state = State.INTERDOMAIN;
    channel.remotePort = remotePort;
    // An event may have been sent before anyone listened.
    setPending(channel.vcpu, port);
    access.writeInt(argument + 8, port);
    return 0;
  }

  /** The virtual interrupt (4 bytes), the vCPU (4); the port (4) is written. */
  private long bindVirq(GuestAccess access, long argument) {
    int virq = access.readInt(argument);
    int vcpu = access.readInt(argument + 4);
    var unused = access.readInt(argument + 8);
    if (virq < 0 || virq >= VIRQS || isGlobal(virq) && vcpu != 0) {
      return -Errno.EINVAL;
    }
    if (!isVcpu(vcpu)) {
      return -Errno.ENOENT;
    }
    if (virqs[vcpu][virq] != 0) {
      return -Errno.EEXIST;
    }
    int port = allocate();
    if (port < 0) {
      return port;
    }
    Channel channel = channels[port];
    channel.state = State.VIRQ;
    channel.vcpu = vcpu;
    channel.virq = virq;
    virqs[vcpu][virq] = port;
    access.writeInt(argument + 8, port);
    return 0;
  }

  /** The vCPU (4 bytes); the port (4) is written. */
  private long bindIpi(GuestAccess access, long argument) {
    int vcpu = access.readInt(argument);
    var unused = access.readInt(argument + 4);
    if (!isVcpu(vcpu)) {
      return -Errno.ENOENT;
    }
    int port = allocate();
    if (port < 0) {
      return port;
    }
    channels[port].state = State.IPI;
    channels[port].vcpu = vcpu;
    access.writeInt(argument + 4, port);
    return 0;
  }

  /** The physical interrupt (4 bytes), flags (4), the port (4): a domain without devices has none. */
  private static long bindPirq(GuestAccess access, long argument) {
    int pirq = access.readInt(argument);
    var unused = access.readLong(argument + 4);
    return Integer.compareUnsigned(pirq, PIRQS) >= 0 ? -Errno.EINVAL : -Errno.EPERM;
  }

  private long close(int port) {
    if (!isValid(port)) {
      return -Errno.EINVAL;
    }
    Channel channel = channels[port];
    switch (channel.state) {
      case FREE, RESERVED -> {
        return -Errno.EINVAL;
      }
      case VIRQ -> virqs[isGlobal(channel.virq) ? 0 : channel.vcpu][channel.virq] = 0;
      case INTERDOMAIN -> {
        if (channel.remoteDomain == SERVICE_DOMAIN) {
          service(channel.remotePort).port = 0;
        } else {
          Channel remote = channels[channel.remotePort];
          remote.state = State.UNBOUND;
          remote.remoteDomain = domain.domid();
        }
      }
      case UNBOUND, IPI -> {}
    }
    free(port);
    return 0;
  }

  private void free(int port) {
    var unused = clearBit(domain.sharedInfo() + SharedInfo.EVTCHN_PENDING, port);
    channels[port].state = State.FREE;
    channels[port].vcpu = 0;
  }

  private long send(int port) {
    if (!isValid(port)) {
      return -Errno.EINVAL;
    }
    Channel channel = channels[port];
    switch (channel.state) {
      case INTERDOMAIN -> {
        if (channel.remoteDomain == SERVICE_DOMAIN) {
          domain.statistics().count(Counter.EVENTS_SENT);
          service(channel.remotePort).notified.run();
        } else {
          setPending(channels[channel.remotePort].vcpu, channel.remotePort);
        }
      }
      case IPI -> setPending(channel.vcpu, port);
      // Nobody listens.
      case UNBOUND -> {}
      case FREE, RESERVED, VIRQ -> {
        return -Errno.EINVAL;
      }
    }
    return 0;
  }

  /** The domain (2 bytes), padding, its port (4); written are status (4), vCPU (4), and what the status says (8). */
  private long status(GuestAccess access, long argument) {
    int owner = access.readShort(argument) & 0xffff;
    int port = access.readInt(argument + 4);
    var unused = access.readLong(argument + 8);
    long second = access.readLong(argument + 16);
    int permission = domain.permission(owner);
    if (permission == -Errno.ESRCH) {
      return permission;
    }
    if (permission != 0) {
      return Integer.compareUnsigned(port, PORTS) >= 0 ? -Errno.EINVAL : permission;
    }
    if (!isValid(port)) {
      return -Errno.EINVAL;
    }
    Channel channel = channels[port];
    int status =
        switch (channel.state) {
          case FREE, RESERVED -> 0;
          case UNBOUND -> 1;
          case INTERDOMAIN -> 2;
          case VIRQ -> 4;
          case IPI -> 5;
        };
    second =
        switch (channel.state) {
          case FREE, RESERVED, IPI -> second;
          case UNBOUND -> second & ~0xffffL | channel.remoteDomain;
          case INTERDOMAIN ->
              second & 0xffff_0000L | channel.remoteDomain | (long) channel.remotePort << 32;
          case VIRQ -> second & ~0xffff_ffffL | channel.virq;
        };
    access.writeLong(argument + 8, status | (long) channel.vcpu << 32);
    access.writeLong(argument + 16, second);
    return 0;
  }

  private long bindVcpu(int port, int vcpu) {
    if (!isVcpu(vcpu)) {
      return -Errno.ENOENT;
    }
    if (!isValid(port)) {
      return -Errno.EINVAL;
    }
    Channel channel = channels[port];
    boolean movable =
        switch (channel.state) {
          case VIRQ -> isGlobal(channel.virq);
          case UNBOUND, INTERDOMAIN -> true;
          case FREE, RESERVED, IPI -> false;
        };
    if (!movable) {
      return -Errno.EINVAL;
    }
    channel.vcpu = vcpu;
    return 0;
  }

  private long unmask(int port) {
    if (!isValid(port)) {
      return -Errno.EINVAL;
    }
    long info = domain.sharedInfo();
    if (isUsable(port)
        && clearBit(info + SharedInfo.EVTCHN_MASK, port)
        && testBit(info + SharedInfo.EVTCHN_PENDING, port)) {
      select(domain.vcpu(channels[port].vcpu), port);
    }
    return 0;
  }

  private long reset(int owner) {
    int error = domain.permission(owner);
    if (error != 0) {
      return error;
    }
    for (int port = 1; port < valid; port++) {
      var unused = close(port);
    }
    return 0;
  }

  /** The FIFO ABI, which isn't there: the frame (8 bytes), the offset in it (4), the vCPU (4), what Xen tells (8). */
  private long initControl(GuestAccess access, long argument) {
    long mfn = access.readLong(argument);
    int offset = access.readInt(argument + 8);
    int vcpu = access.readInt(argument + 12);
    var unused = access.readLong(argument + 16);
    if (!isVcpu(vcpu)) {
      return -Errno.ENOENT;
    }
    if (Integer.compareUnsigned(offset, PAGE - CONTROL_BLOCK) > 0
        || (offset & 7) != 0
        || domain.types().acquirePage(mfn, PageTypes.WRITABLE) != 0) {
      return -Errno.EINVAL;
    }
    domain.types().releasePage(mfn);
    return -Errno.ENOSYS;
  }

  /** The FIFO ABI again: as Xen answers while it is not in use. */
  private static long expandArray(GuestAccess access, long argument) {
    var unused = access.readLong(argument);
    return -Errno.EOPNOTSUPP;
  }

  /** Only the FIFO ABI has priorities. */
  private long setPriority(GuestAccess access, long argument) {
    int port = access.readInt(argument);
    var unused = access.readInt(argument + 4);
    return isValid(port) ? -Errno.ENOSYS : -Errno.EINVAL;
  }

  // Ports.

  private int allocate() {
    for (int port = 0; port < PORTS; port++) {
      if (port == valid) {
        grow();
      }
      if (channels[port].state == State.FREE) {
        return port;
      }
    }
    return -Errno.ENOSPC;
  }

  private void grow() {
    for (int i = 0; i < GROUP; i++) {
      channels[valid++] = new Channel();
    }
  }

  private boolean isValid(int port) {
    return port >= 0 && port < valid;
  }

  private boolean isUsable(int port) {
    State state = channels[port].state;
    return state != State.FREE && state != State.RESERVED;
  }

  private boolean isVcpu(int id) {
    return id >= 0 && id < domain.vcpus();
  }

  private Service service(int remotePort) {
    return services.get(remotePort - 1);
  }

  private static boolean isGlobal(int virq) {
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
  }

  /**
   * Whether an event is pending on a port.
   *
   * @return 1 or 0, or -EINVAL where the port is not in use
   */
  int poll(int port) {
    if (!isValid(port) || !isUsable(port)) {
      return -Errno.EINVAL;
    }
    return testBit(domain.sharedInfo() + SharedInfo.EVTCHN_PENDING, port) ? 1 : 0;
  }

  // Bits that the guest changes at the same time.

  private void setPending(int vcpuId, int port) {
    domain.statistics().count(Counter.EVENTS_SENT);
    long info = domain.sharedInfo();
    if (setBit(info + SharedInfo.EVTCHN_PENDING, port)) {
      return;
    }
    if (!testBit(info + SharedInfo.EVTCHN_MASK, port)) {
      select(domain.vcpu(vcpuId), port);
    }
    for (int i = 0; i < domain.vcpus(); i++) {
      domain.vcpu(i).runState().polled(port);
    }
  }

  private void select(PvVcpu vcpu, int port) {
    if (!setBit(vcpu.infoAddress() + SharedInfo.PENDING_SELECTOR, port >> 6)) {
      vcpu.markPending();
    }
  }

  private boolean testBit(long words, int bit) {
    return (raw.getLong(words + 8L * (bit >> 6)) >>> (bit & 63) & 1) != 0;
  }

  private boolean setBit(long words, int bit) {
    return (raw.getAndOr(words + 8L * (bit >> 6), 1L << (bit & 63)) >>> (bit & 63) & 1) != 0;
  }

  private boolean clearBit(long words, int bit) {
    return (raw.getAndAnd(words + 8L * (bit >> 6), ~(1L << (bit & 63))) >>> (bit & 63) & 1) != 0;
  }
}
