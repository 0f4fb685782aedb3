package io.ringside.bt;

/** One translation unit: a run of guest instructions in one page, entered at its first only. */
final class Unit {
  /** Guest-virtual address of the first instruction. */
  final long rip;

  /** Guest-physical page number of it, and of the next page where the unit reaches into that, else -1. */
  final long page;

  final long secondPage;

  /** Identity of the code page, see {@link CodePages}. */
  final int pageId;

  final int mode;

  /** Bytes of guest code. */
  final int length;

  /** Look-ups in the software TLB if it runs to its end. */
  int lookups;

  /** Offsets in the translation cache: the whole code. */
  int start;

  int end;

  /** Entry for indirect branches: target RIP in S0, checks that it is this unit's. */
  int indirectEntry;

  /** Entry from another page: checks that the page is still mapped. */
  int crossPageEntry;

  /** Entry that looks for a pending interrupt. */
  int checkedEntry;

  /** Entry without any check. */
  int bodyEntry;

  /** Head of the list of link slots that lead here, -1 for none. */
  int incoming = -1;

  /** Next unit of the same page. */
  Unit nextInPage;

  /** Dropped: no longer found, no longer linked to. */
  boolean dropped;

  Unit(long rip, long page, long secondPage, int pageId, int mode, int length) {
    this.rip = rip;
    this.page = page;
    this.secondPage = secondPage;
    this.pageId = pageId;
    this.mode = mode;
    this.length = length;
  }

  /** Whether it reaches into a second page: then every entry must check both. */
  boolean spansPages() {
    return secondPage >= 0;
  }
}
