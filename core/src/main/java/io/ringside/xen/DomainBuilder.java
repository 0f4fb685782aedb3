package io.ringside.xen;

import io.ringside.boot.BootException;
import io.ringside.host.NativeMemory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The boot recipe of a PV guest: what Xen's tools do to a new domain before it runs. All memory is given to the domain, what
 * it starts with is put where {@link StartLayout} says, and its page tables go through the same checks as those that it
 * makes itself. Source: {@code tools/libs/guest/xg_dom_core.c}, {@code xg_dom_x86.c}, {@code xg_dom_boot.c}.
 */
public final class DomainBuilder {
  private static final byte[] MAGIC = "xen-3.0-x86_64".getBytes(StandardCharsets.US_ASCII);

  private static final int PAGE_SHIFT = 12;
  private static final int PAGE = 1 << PAGE_SHIFT;
  private static final int ENTRIES = PAGE / 8;

  /** How many vCPUs have their vcpu_info in shared_info. */
  private static final int LEGACY_MAX_VCPUS = 32;

  private final Domain domain;
  private final NativeMemory raw;
  private final PvKernel kernel;
  private final StartLayout layout;

  private DomainBuilder(Domain domain, PvKernel kernel, StartLayout layout) {
    this.domain = domain;
    this.raw = domain.raw();
    this.kernel = kernel;
    this.layout = layout;
  }

  /**
   * Builds a domain, once. Its memory is zero.
   *
   * @param domain a new domain; the first vCPU gets the page tables that it starts with
   * @param kernel what it runs
   * @param ramdisk its initial RAM disk's file
   * @param commandLine the kernel's parameters
   * @return how the first vCPU starts
   * @throws BootException where kernel, RAM disk, command line and memory don't go together, or a file can't be read
   */
  public static StartOfDay build(
      Domain domain, PvKernel kernel, Optional<Path> ramdisk, String commandLine) {
    byte[] parameters = check(commandLine);
    long pages = domain.frames().maximum();
    try (Ramdisk disk = Ramdisk.open(ramdisk, !kernel.notes().moduleUnmapped())) {
      StartLayout layout = new StartLayout(kernel, disk.size(), pages);
      check(kernel, layout, disk.size(), pages);
      return new DomainBuilder(domain, kernel, layout).build(disk, parameters, pages);
    }
  }

  private static byte[] check(String commandLine) {
    byte[] bytes = commandLine.getBytes(StandardCharsets.UTF_8);
    if (bytes.length >= StartInfo.MAX_CMD_LINE) {
      throw new BootException(
          "the kernel's command line is "
              + bytes.length
              + " bytes long, and a Xen PV guest takes "
              + (StartInfo.MAX_CMD_LINE - 1)
              + " at the most; shorten it (--append)");
    }
    if (commandLine.indexOf('\0') >= 0) {
      throw new BootException(
          "the kernel's command line has a zero character in it; leave it out (--append)");
    }
    return bytes;
  }

  private static void check(PvKernel kernel, StartLayout layout, long ramdisk, long pages) {
    if (layout.end() > pages) {
      throw new BootException(
          kernel.name()
              + ": the guest starts with "
              + megabytes(layout.end())
              + " MB in use ("
              + (ramdisk >> 20)
              + " of them for the initrd), and has "
              + (pages >> 20 - PAGE_SHIFT)
              + "; give it more memory (--memory)");
    }
    checkRange(kernel, "itself", kernel.virtualBase(), layout.mapped());
    if (layout.p2mMapping().isPresent()) {
      long listPages = pages * 8 + PAGE - 1 >>> PAGE_SHIFT;
      checkRange(kernel, "its P2M list", layout.p2mAddress(), listPages);
      long room = kernel.virtualBase() - layout.p2mAddress() >>> PAGE_SHIFT;
      if (listPages > room) {
        throw kernel.malformed(
            "it wants its P2M list at 0x"
                + Long.toHexString(layout.p2mAddress())
                + ", where there are "
                + room
                + " pages up to the kernel, and the list takes "
                + listPages);
      }
    }
    if (kernel.notes().hypercallPage().isPresent()) {
      long address = kernel.notes().hypercallPage().getAsLong();
      if (address - kernel.virtualBase() >>> PAGE_SHIFT >= layout.mapped()) {
        throw kernel.malformed(
            "it wants its hypercall page at 0x"
                + Long.toHexString(address)
                + ", where nothing is mapped");
      }
    }
  }

  private static long megabytes(long pages) {
    return pages + 255 >> 20 - PAGE_SHIFT;
  }

  /** Checks that a range is the guest's: in one half of the address space, and not Xen's. */
  private static void checkRange(PvKernel kernel, String what, long start, long pages) {
    long last = start + (pages << PAGE_SHIFT) - 1;
    boolean low = start >= 0 && last >= 0 && last < 1L << 47;
    boolean high =
        start < 0
            && last < 0
            && Long.compareUnsigned(last, start) >= 0
            && Long.compareUnsigned(start, Layout.HYPERVISOR_END) >= 0;
    if (!low && !high) {
      throw kernel.malformed(
          "it wants "
              + what
              + " at 0x"
              + Long.toHexString(start)
              + " to 0x"
              + Long.toHexString(last)
              + ", which is not all a guest's");
    }
  }

  private StartOfDay build(Ramdisk disk, byte[] commandLine, long pages) {
    // 1. Memory: pfn and mfn differ, so that who mixes them up finds out.
    PhysToMachine map = PhysToMachine.allocate(domain.frames(), domain.m2p(), pages);
    domain.memoryMap().setRam(pages << PAGE_SHIFT);

    // 2. What comes from files.
    kernel.load(map, domain.config().memory());
    disk.load(layout.ramdisk() << PAGE_SHIFT, map, domain.config().memory());
    if (kernel.notes().hypercallPage().isPresent()) {
      long address = kernel.notes().hypercallPage().getAsLong() - kernel.virtualBase();
      HypercallPage.write(raw, map.maddr(address & -PAGE));
    }

    // 3. What the guest is told.
    writeP2m(map);
    writeSharedInfo();
    StartOfDay start = connect(map);
    writeStartInfo(map, start, disk.size(), commandLine);

    // 4. The page tables, which become the domain's by being checked.
    layout.mapping().write(raw, map);
    if (layout.p2mMapping().isPresent()) {
      layout.p2mMapping().get().write(raw, map);
    }
    use(start.root(), PageTypes.L4);
    domain.types().pin(start.root());
    use(start.root(), PageTypes.L4);
    domain.tables().mapM2p(start.root());
    PvVcpu vcpu = domain.vcpu(0);
    vcpu.kernelRoot(start.root());
    vcpu.traps().kernelStack(start.rsp());
    return start;
  }

  /** Takes a reference that stays. */
  private void use(long mfn, int type) {
    int error = domain.types().acquirePage(mfn, type);
    if (error != 0) {
      throw new IllegalStateException("frame " + mfn + " can't be of type " + type + ": " + error);
    }
  }

  /** Connects the store and the console: the first event channels, in the order in which xl makes them. */
  private StartOfDay connect(PhysToMachine map) {
    domain.config().lock().lock();
    try {
      long storeMfn = map.mfn(layout.store());
      long consoleMfn = map.mfn(layout.console());
      long memoryKib = map.count() << PAGE_SHIFT - 10;
      DomainServices.Ports ports = DomainServices.connect(domain, consoleMfn, storeMfn, memoryKib);
      return new StartOfDay(
          kernel.entry(),
          layout.address(layout.stack() + 1),
          layout.address(layout.startInfo()),
          map.mfn(layout.tables()),
          storeMfn,
          ports.store(),
          consoleMfn,
          ports.console());
    } finally {
      domain.config().lock().unlock();
    }
  }

  private void writeP2m(PhysToMachine map) {
    long[] entries = new long[ENTRIES];
    for (long pfn = 0; pfn < map.count(); pfn += ENTRIES) {
      int count = (int) Math.min(ENTRIES, map.count() - pfn);
      map.mfns(pfn, entries, count);
      long at = map.mfn(layout.p2m() + pfn / ENTRIES) << PAGE_SHIFT;
      raw.write(at, entries, 0, count);
    }
  }

  /** No vCPU takes events until its kernel says so. */
  private void writeSharedInfo() {
    for (int i = 0; i < LEGACY_MAX_VCPUS; i++) {
      raw.putByte(domain.sharedInfo() + i * SharedInfo.VCPU_INFO_SIZE + SharedInfo.UPCALL_MASK, 1);
    }
  }

  private void writeStartInfo(PhysToMachine map, StartOfDay start, long diskSize, byte[] text) {
    long page = map.mfn(layout.startInfo()) << PAGE_SHIFT;
    raw.write(page + StartInfo.MAGIC, MAGIC, 0, MAGIC.length);
    raw.putLong(page + StartInfo.NR_PAGES, map.count());
    raw.putLong(page + StartInfo.SHARED_INFO, domain.sharedInfo());
    raw.putLong(page + StartInfo.STORE_MFN, start.storeMfn());
    raw.putInt(page + StartInfo.STORE_EVTCHN, start.storePort());
    raw.putLong(page + StartInfo.CONSOLE_MFN, start.consoleMfn());
    raw.putInt(page + StartInfo.CONSOLE_EVTCHN, start.consolePort());
    raw.putLong(page + StartInfo.PT_BASE, layout.address(layout.tables()));
    raw.putLong(page + StartInfo.NR_PT_FRAMES, layout.mapping().tableCount());
    raw.putLong(page + StartInfo.MFN_LIST, layout.p2mAddress());
    int flags = StartInfo.SIF_VIRT_P2M_4TOOLS;
    if (diskSize > 0) {
      boolean mapped = layout.ramdiskMapped();
      flags |= mapped ? 0 : StartInfo.SIF_MOD_START_PFN;
      raw.putLong(
          page + StartInfo.MOD_START, mapped ? layout.address(layout.ramdisk()) : layout.ramdisk());
      raw.putLong(page + StartInfo.MOD_LEN, diskSize);
    }
    raw.putInt(page + StartInfo.FLAGS, flags);
    raw.write(page + StartInfo.CMD_LINE, text, 0, text.length);
    if (layout.p2mMapping().isPresent()) {
      raw.putLong(page + StartInfo.FIRST_P2M_PFN, layout.p2m());
      raw.putLong(page + StartInfo.NR_P2M_FRAMES, layout.p2mPages());
    }
  }
}
