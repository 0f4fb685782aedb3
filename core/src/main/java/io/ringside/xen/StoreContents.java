package io.ringside.xen;

/**
 * What XenStore holds when a domain starts: the tree that {@code xl} makes for a PV guest without disks and network. Source:
 * {@code libxl_create.c}, {@code libxl_dom.c} and {@code libxl_console.c} of Xen 4.17.
 *
 * @param memoryKib the domain's memory in KiB
 * @param consoleMfn the frame of its console ring
 * @param consolePort the event channel of its console
 * @param storeMfn the frame of its XenStore ring
 * @param storePort the event channel of XenStore
 */
record StoreContents(
    long memoryKib, long consoleMfn, int consolePort, long storeMfn, int storePort) {
  private static final String NAME = "ringside";

  /** The most bytes of output that xenconsoled keeps. */
  private static final String CONSOLE_LIMIT = "1048576";

  /** Nodes in the domain's directory that the guest owns. */
  private static final String[] GUESTS = {
    "device/suspend/event-channel",
    "control/shutdown",
    "control/feature-poweroff",
    "control/feature-reboot",
    "control/feature-suspend",
    "control/sysrq",
    "data",
    "drivers",
    "feature",
    "attr",
    "error",
  };

  /** Directories in it that the guest may only read. */
  private static final String[] DIRECTORIES = {"cpu", "memory", "device", "control", "console"};

  /** Fills a store that has only its root. */
  void fill(XenStore store, Domain domain) {
    int domid = domain.domid();
    String path = StorePath.ofDomain(domid);
    String uuid = uuid(domain.handle());
    String vm = "/vm/" + uuid;
    StorePermission tools = new StorePermission(0, StorePermission.NONE);
    StorePermission reads = new StorePermission(domid, StorePermission.READ);
    StorePermission owns = new StorePermission(domid, StorePermission.NONE);

    store.write("/tool/xenstored", "");
    store.write("/local/domain/0/domid", "0");
    store.write("/local/domain/0/name", "Domain-0");
    store.create(path, tools, reads);
    store.create(vm, tools, reads);
    store.write(path + "/vm", vm);
    store.write(path + "/name", NAME);
    for (String directory : DIRECTORIES) {
      store.create(path + '/' + directory, tools, reads);
    }
    for (String node : GUESTS) {
      store.create(path + '/' + node, owns);
    }
    store.write(vm + "/uuid", uuid);
    store.write(vm + "/name", NAME);
    store.write(vm + "/image/ostype", "linux");
    store.write(vm + "/start_time", startTime(domain.config().host().wallClockNanos()));
    store.write(path + "/control/platform-feature-multiprocessor-suspend", "1");
    store.write(path + "/control/platform-feature-xs_reset_watches", "1");

    store.write(path + "/memory/static-max", Long.toString(memoryKib));
    store.write(path + "/memory/target", Long.toString(memoryKib));
    store.write(path + "/memory/videoram", "0");
    store.write(path + "/domid", Integer.toString(domid));
    store.write(path + "/store/port", Integer.toString(storePort));
    store.write(path + "/store/ring-ref", Long.toString(storeMfn));
    for (int i = 0; i < domain.vcpus(); i++) {
      store.write(path + "/cpu/" + i + "/availability", "online");
    }
    console(store, path, domid);
    store.introduced();
  }

  private void console(XenStore store, String path, int domid) {
    String frontend = path + "/console";
    String backend = "/local/domain/0/backend/console/" + domid + "/0";
    store.create(
        backend,
        new StorePermission(0, StorePermission.NONE),
        new StorePermission(domid, StorePermission.READ));
    store.write(backend + "/frontend", frontend);
    store.write(backend + "/frontend-id", Integer.toString(domid));
    store.write(backend + "/online", "1");
    store.write(backend + "/state", "1");
    store.write(backend + "/protocol", "vt100");
    store.write(frontend + "/backend", backend);
    store.write(frontend + "/backend-id", "0");
    store.write(frontend + "/limit", CONSOLE_LIMIT);
    store.write(frontend + "/type", "xenconsoled");
    store.write(frontend + "/output", "pty");
    store.write(frontend + "/tty", "/dev/pts/0");
    store.write(frontend + "/port", Integer.toString(consolePort));
    store.write(frontend + "/ring-ref", Long.toString(consoleMfn));
  }

  /** Seconds with two decimals. */
  private static String startTime(long wallClockNanos) {
    long hundredths = wallClockNanos / 10_000_000;
    long fraction = hundredths % 100;
    return hundredths / 100 + (fraction < 10 ? ".0" : ".") + fraction;
  }

  private static String uuid(byte[] handle) {
    String digits = "0123456789abcdef";
    StringBuilder text = new StringBuilder(36);
    for (int i = 0; i < handle.length; i++) {
      if (i == 4 || i == 6 || i == 8 || i == 10) {
        text.append('-');
      }
      text.append(digits.charAt(handle[i] >>> 4 & 0xf)).append(digits.charAt(handle[i] & 0xf));
    }
    return text.toString();
  }
}
