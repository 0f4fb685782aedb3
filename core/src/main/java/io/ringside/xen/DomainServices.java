package io.ringside.xen;

/** Connects what the VMM does for a domain in the place of domain 0: its console and its XenStore. */
final class DomainServices {
  /**
   * The guest's ends, for start_info.
   *
   * @param console the event channel of the console
   * @param store the event channel of XenStore
   */
  record Ports(int console, int store) {}

  // The reserved grants of the rings: GNTTAB_RESERVED_CONSOLE and GNTTAB_RESERVED_XENSTORE.
  private static final int CONSOLE_GRANT = 0;
  private static final int STORE_GRANT = 1;

  private DomainServices() {}

  /**
   * Binds event channels, fills XenStore and connects the rings. Once, before the guest runs.
   *
   * @param consoleMfn the frame of the console ring, a page of zeros of the domain's
   * @param storeMfn the frame of the XenStore ring, likewise
   * @param memoryKib the domain's memory in KiB
   */
  static Ports connect(Domain domain, long consoleMfn, long storeMfn, long memoryKib) {
    keepWritable(domain, consoleMfn);
    keepWritable(domain, storeMfn);
    ConsoleRing console = domain.console();
    XenStoreRing ring = domain.store().ring();
    EventChannels.Service storeEvents = domain.eventChannels().connect(ring::run);
    EventChannels.Service consoleEvents = domain.eventChannels().connect(console::guestNotified);
    Ports ports = new Ports(consoleEvents.port(), storeEvents.port());
    new StoreContents(memoryKib, consoleMfn, ports.console, storeMfn, ports.store)
        .fill(domain.store(), domain);
    domain.grantTable().entries().seed(CONSOLE_GRANT, consoleMfn);
    domain.grantTable().entries().seed(STORE_GRANT, storeMfn);
    ring.connect(storeMfn << 12, storeEvents::raise);
    console.connect(consoleMfn << 12, consoleEvents::raise);
    return ports;
  }

  /** The VMM's own reference to a page that it writes to: the guest can neither free it nor make it a page table. */
  private static void keepWritable(Domain domain, long mfn) {
    if (domain.types().acquirePage(mfn, PageTypes.WRITABLE) != 0) {
      throw new IllegalArgumentException("frame " + mfn + " is no writable page of the domain's");
    }
  }
}
