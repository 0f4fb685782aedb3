package io.ringside.bt;

import io.ringside.x86.Instruction;

/** The instructions that were emulated last, decoded: most are emulated again and again. */
final class DecodedInstructions {
  private static final int ENTRIES = 512;

  /** One decoded instruction and where it is right. */
  static final class Entry {
    private final Instruction instruction = new Instruction();
    private boolean valid;
    private boolean everValid;
    private long rip;
    private int pageId;
    private long drops;

    /** Whether {@link #instruction} is the one asked for. */
    boolean valid() {
      return valid;
    }

    Instruction instruction() {
      return instruction;
    }

    /** Keeps the instruction until code is dropped. */
    void validate(long at, int page, long dropped) {
      everValid = true;
      rip = at;
      pageId = page;
      drops = dropped;
    }
  }

  private final Entry[] entries = new Entry[ENTRIES];

  DecodedInstructions() {
    for (int n = 0; n < ENTRIES; n++) {
      entries[n] = new Entry();
    }
  }

  /** The entry for an instruction; if it isn't valid its instruction is there to be decoded into. */
  Entry at(long rip, int pageId, long drops) {
    Entry e = entries[(int) (rip ^ rip >>> 9) & ENTRIES - 1];
    e.valid = e.everValid && e.rip == rip && e.pageId == pageId && e.drops == drops;
    if (!e.valid) {
      e.everValid = false;
    }
    return e;
  }
}
