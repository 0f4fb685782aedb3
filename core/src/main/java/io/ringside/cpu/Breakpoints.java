package io.ringside.cpu;

/**
 * The breakpoints of DR0 to DR3 that DR7 enables (SDM vol. 3, 17.2.4 and 17.3.1): which accesses and which instructions
 * hit one. Those on I/O ports are left out. Hits of data are collected while an instruction executes, since their #DB
 * comes after it.
 */
public final class Breakpoints {
  private static final int MAX = 4;
  private static final int ENABLED = 3;
  private static final int CONTROL = 16;
  private static final int ON_EXECUTION = 0;
  private static final int ON_IO = 2;
  private static final int ON_ACCESS = 3;
  private static final int PAGE_SHIFT = 12;

  private final long[] addresses = new long[MAX];
  private final int[] sizes = new int[MAX];
  private final int[] kinds = new int[MAX];
  private final int[] numbers = new int[MAX];
  private int count;
  private boolean onData;
  private boolean onExecution;
  private int hits;

  Breakpoints() {}

  /** Takes over what the debug registers say. */
  public void update(CpuState state) {
    long control = state.get(CpuState.DEBUG_REGISTERS + 8 * 7);
    count = 0;
    onData = false;
    onExecution = false;
    for (int n = 0; n < MAX; n++) {
      int kind = (int) (control >>> CONTROL + 4 * n) & 3;
      if ((control >>> 2 * n & ENABLED) == 0 || kind == ON_IO) {
        continue;
      }
      int size = kind == ON_EXECUTION ? 1 : size((int) (control >>> CONTROL + 2 + 4 * n) & 3);
      addresses[count] = state.get(CpuState.DEBUG_REGISTERS + 8 * n) & -size;
      sizes[count] = size;
      kinds[count] = kind;
      numbers[count++] = n;
      onExecution |= kind == ON_EXECUTION;
      onData |= kind != ON_EXECUTION;
    }
  }

  private static int size(int code) {
    return switch (code) {
      case 0 -> 1;
      case 1 -> 2;
      case 2 -> 8;
      default -> 4;
    };
  }

  /** Whether any is on data. */
  public boolean onData() {
    return onData;
  }

  /** Whether any is on the execution of an instruction. */
  public boolean onExecution() {
    return onExecution;
  }

  /** How many there are. */
  public int count() {
    return count;
  }

  /** The address of one, the first being 0. */
  public long address(int index) {
    return addresses[index];
  }

  /** Whether one on data is in a page that {@code size} bytes at {@code gva} are in: that access needs a closer look. */
  public boolean isNear(long gva, int size) {
    if (onData) {
      for (int i = 0; i < count; i++) {
        long page = addresses[i] >>> PAGE_SHIFT;
        if (kinds[i] != ON_EXECUTION
            && (page == gva >>> PAGE_SHIFT || page == gva + size - 1 >>> PAGE_SHIFT)) {
          return true;
        }
      }
    }
    return false;
  }

  /** An instruction accesses {@code size} bytes at {@code gva}. */
  void access(long gva, int size, boolean write) {
    for (int i = 0; i < count; i++) {
      boolean kindFits = kinds[i] == ON_ACCESS || write && kinds[i] != ON_EXECUTION;
      if (kindFits && gva - addresses[i] < sizes[i] && addresses[i] - gva < size) {
        hits |= 1 << numbers[i];
      }
    }
  }

  /** The breakpoints on the instruction at {@code rip}, as the bits of DR6. */
  public int atInstruction(long rip) {
    int found = 0;
    for (int i = 0; i < count; i++) {
      if (kinds[i] == ON_EXECUTION && addresses[i] == rip) {
        found |= 1 << numbers[i];
      }
    }
    return found;
  }

  /** Whether accesses since {@link #takeHits} have hit any. */
  public boolean isHit() {
    return hits != 0;
  }

  /** What accesses have hit, as the bits of DR6, and forgets it. */
  public int takeHits() {
    int taken = hits;
    hits = 0;
    return taken;
  }
}
