package io.ringside.xen;

import java.util.Optional;

/**
 * Where everything is in a domain's pseudo-physical memory when it starts. From pfn 0 on, which is mapped at the kernel's
 * base: kernel, initial RAM disk, P2M list, start_info, XenStore ring, console ring, page tables, boot stack, and at least
 * 512 KiB of nothing, up to an address that is a multiple of 4 MiB. Behind that, not mapped there, a RAM disk and P2M
 * list of kernels that want them so. Source: {@code public/xen.h}, "Start-of-day memory layout"; {@code
 * tools/libs/guest/xg_dom_core.c}, {@code xg_dom_x86.c}.
 */
final class StartLayout {
  private static final long PAGE = 4096;
  private static final int PAGE_SHIFT = 12;

  /** The mapping ends at a multiple of this. */
  private static final long END_ALIGNMENT = 4 << 20;

  /** Pages behind the last thing mapped. */
  private static final long PADDING = (512 << 10) / PAGE;

  private final long virtualBase;
  private final InitialMapping mapping;
  private long ramdisk;
  private final boolean ramdiskMapped;
  private long p2m;
  private final Optional<InitialMapping> p2mMapping;
  private final long p2mAddress;
  private final long p2mPages;
  private final long startInfo;
  private final long tables;
  private final long stack;
  private final long mapped;
  private final long end;

  /**
   * Lays out a domain.
   *
   * @param kernel the kernel
   * @param ramdiskBytes the RAM disk's size, 0 for none
   * @param pages how many pages the domain has, for which the layout may be too large
   */
  StartLayout(PvKernel kernel, long ramdiskBytes, long pages) {
    virtualBase = kernel.virtualBase();
    ramdiskMapped = !kernel.notes().moduleUnmapped();
    long next = pages(kernel.virtualEnd() - virtualBase);
    if (ramdiskMapped) {
      ramdisk = next;
      next += pages(ramdiskBytes);
    }
    long listPages = pages(pages * 8);
    boolean p2mInside = p2mInside(kernel);
    if (p2mInside) {
      p2m = next;
      next += listPages;
    }
    startInfo = next;
    tables = next + 3;
    // How many tables there are depends on the end, and the end on the tables.
    InitialMapping plan;
    long extra = 1 + PADDING;
    long wanted = extra;
    long after;
    do {
      after = virtualBase + (tables + wanted << PAGE_SHIFT) | END_ALIGNMENT - 1;
      plan = new InitialMapping(virtualBase, after + 1);
      wanted = plan.tableCount() + extra;
    } while (tables + wanted > after + 1 - virtualBase >>> PAGE_SHIFT);
    mapping = plan;
    mapping.place(0, tables);
    stack = tables + mapping.tableCount();
    mapped = after + 1 - virtualBase >>> PAGE_SHIFT;
    next = mapped;
    if (!ramdiskMapped) {
      ramdisk = next;
      next += pages(ramdiskBytes);
    }
    if (p2mInside) {
      p2mAddress = address(p2m);
      p2mPages = 0;
      p2mMapping = Optional.empty();
    } else {
      p2m = next;
      p2mAddress = kernel.notes().initialP2m().orElseThrow();
      InitialMapping list = new InitialMapping(p2mAddress, p2mAddress + listPages * PAGE, mapping);
      list.place(p2m, p2m + listPages);
      p2mPages = listPages + list.tableCount();
      p2mMapping = Optional.of(list);
      next += p2mPages;
    }
    end = next;
  }

  /** A P2M list that belongs elsewhere must be below the rest, and start with a page. */
  private static boolean p2mInside(PvKernel kernel) {
    long address = kernel.notes().initialP2m().orElse(-1);
    return (address & PAGE - 1) != 0 || Long.compareUnsigned(address, kernel.virtualBase()) >= 0;
  }

  private static long pages(long bytes) {
    return bytes + PAGE - 1 >>> PAGE_SHIFT;
  }

  /** The virtual address of a page that is mapped with the kernel. */
  long address(long pfn) {
    return virtualBase + (pfn << PAGE_SHIFT);
  }

  /** What is mapped with the kernel. */
  InitialMapping mapping() {
    return mapping;
  }

  /** The first page of the RAM disk. */
  long ramdisk() {
    return ramdisk;
  }

  /** Whether it is mapped. */
  boolean ramdiskMapped() {
    return ramdiskMapped;
  }

  /** The first page of the P2M list. */
  long p2m() {
    return p2m;
  }

  /** Its virtual address. */
  long p2mAddress() {
    return p2mAddress;
  }

  /** Its mapping where it has one of its own. */
  Optional<InitialMapping> p2mMapping() {
    return p2mMapping;
  }

  /** How many pages list and tables of such a mapping take, 0 where there is none. */
  long p2mPages() {
    return p2mPages;
  }

  /** The page of start_info. */
  long startInfo() {
    return startInfo;
  }

  /** The page of the XenStore ring. */
  long store() {
    return startInfo + 1;
  }

  /** The page of the console ring. */
  long console() {
    return startInfo + 2;
  }

  /** The first page of the page tables, the root. */
  long tables() {
    return tables;
  }

  /** The page of the boot stack. */
  long stack() {
    return stack;
  }

  /** How many pages are mapped with the kernel. */
  long mapped() {
    return mapped;
  }

  /** How many pages the domain must have. */
  long end() {
    return end;
  }
}
