package io.ringside.bt;

import io.ringside.cpu.Mmu;
import io.ringside.cpu.UnsupportedGuestException;
import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import java.util.Arrays;

/**
 * Which page of RAM each guest-virtual page of code is, as of now: the TLB for instruction fetches. A page of code has
 * an identity, a number that stands for one guest-virtual page mapped to one page of RAM and executable at one
 * privilege. The table of identities by slot is in the context block, where units entered from elsewhere compare it
 * with their own: that is how they survive changes of the address space without being looked up again.
 */
final class CodePages {
  private static final int HALF = Context.EXEC_TLB_ENTRIES;

  /** One half for each privilege: a program and the kernel must not drive out each other's pages. */
  private static final int SLOTS = 2 * HALF;

  private final Mmu mmu;
  private final GuestMemory ram;
  private final NativeMemory context;
  private final long[] virtualPage = new long[SLOTS];
  private final long[] physicalPage = new long[SLOTS];
  private final boolean[] userPage = new boolean[SLOTS];
  private final boolean[] localSlot = new boolean[SLOTS];
  private final int[] locals = new int[SLOTS];
  private int localCount;
  private final boolean[] sharedSlot = new boolean[SLOTS];
  private final int[] shareds = new int[SLOTS];
  private int sharedCount;

  /** Whether parts of a larger page may have been put in, by hash of its number. */
  private final boolean[] large = new boolean[256];

  // Identities: an open hash table from page pair to number.
  private long[] keyVirtual = new long[4096];
  private long[] keyPhysical = new long[4096];
  private int[] number = new int[4096];
  private int identities;

  private int id;
  private long page;
  private int secondId;

  CodePages(Mmu mmu, GuestMemory ram, NativeMemory context) {
    this.mmu = mmu;
    this.ram = ram;
    this.context = context;
    flushAll();
  }

  /** The slot of the context block's table that is responsible for a guest-virtual address. */
  static int slot(long gva, boolean user) {
    return (user ? HALF : 0) + ((int) (gva >>> 12) & HALF - 1);
  }

  /**
   * Makes the page of {@code rip} current; throws the guest's fault where it can't be fetched from.
   *
   * @return false where it is not RAM
   */
  boolean select(long rip, boolean user) {
    int slot = slot(rip, user);
    int known = context.getInt(Context.EXEC_TLB + 4L * slot);
    if (known != 0 && virtualPage[slot] == rip >> 12 && userPage[slot] == user) {
      id = known;
      page = physicalPage[slot];
      return true;
    }
    long gpa = mmu.translate(rip, Mmu.EXECUTE, user, false);
    if (!ram.isRam(gpa & -4096, 4096)) {
      return false;
    }
    page = gpa >>> 12;
    id = identity(rip >> 12, page, user);
    virtualPage[slot] = rip >> 12;
    physicalPage[slot] = page;
    userPage[slot] = user;
    context.putInt(Context.EXEC_TLB + 4L * slot, id);
    if (mmu.global()) {
      if (!sharedSlot[slot]) {
        sharedSlot[slot] = true;
        shareds[sharedCount++] = slot;
      }
    } else if (!localSlot[slot]) {
      localSlot[slot] = true;
      locals[localCount++] = slot;
    }
    if (mmu.pageShift() != 12) {
      large[regionHash(rip >> mmu.pageShift(), mmu.pageShift())] = true;
    }
    return true;
  }

  /** The current page's identity. */
  int id() {
    return id;
  }

  /** The current page's number in RAM. */
  long page() {
    return page;
  }

  /** The page of RAM into which an instruction reaches; the current page stays current. */
  long second(long address, boolean user) {
    int firstId = id;
    long firstPage = page;
    try {
      if (!select(address, user)) {
        throw new UnsupportedGuestException(
            "the guest executes memory that is not RAM, at 0x" + Long.toHexString(address));
      }
      secondId = id;
      return page;
    } finally {
      id = firstId;
      page = firstPage;
    }
  }

  int secondId() {
    return secondId;
  }

  void flushAll() {
    flushNonGlobal();
    for (int n = 0; n < sharedCount; n++) {
      sharedSlot[shareds[n]] = false;
      context.putInt(Context.EXEC_TLB + 4L * shareds[n], 0);
    }
    sharedCount = 0;
    Arrays.fill(large, false);
  }

  private static int regionHash(long region, int shift) {
    return (int) (region ^ region >>> 8 ^ shift) & 255;
  }

  /** Forgets pages that are not global. */
  void flushNonGlobal() {
    for (int n = 0; n < localCount; n++) {
      localSlot[locals[n]] = false;
      context.putInt(Context.EXEC_TLB + 4L * locals[n], 0);
    }
    localCount = 0;
  }

  /** Forgets the page at {@code gva}, and all around it that may be parts of one larger page. */
  void invalidate(long gva) {
    if (large[regionHash(gva >> 21, 21)] || large[regionHash(gva >> 30, 30)]) {
      for (int slot = 0; slot < SLOTS; slot++) {
        if (virtualPage[slot] >> 18 == gva >> 30) {
          context.putInt(Context.EXEC_TLB + 4L * slot, 0);
        }
      }
    } else {
      int slot = slot(gva, false);
      for (int half = 0; half < 2; half++, slot += HALF) {
        if (virtualPage[slot] == gva >> 12) {
          context.putInt(Context.EXEC_TLB + 4L * slot, 0);
        }
      }
    }
  }

  /** How many identities there are: they only grow in number, with every page that is mapped somewhere else. */
  int identities() {
    return identities;
  }

  /** Forgets all identities; their units must be gone. */
  void forgetIdentities() {
    Arrays.fill(number, 0);
    identities = 0;
    flushAll();
  }

  private int identity(long virtual, long physical, boolean user) {
    long key = virtual << 1 | (user ? 1 : 0);
    int mask = number.length - 1;
    int at = (int) ((key * 0x9e3779b97f4a7c15L ^ physical * 0xc2b2ae3d27d4eb4fL) >>> 40) & mask;
    while (number[at] != 0) {
      if (keyVirtual[at] == key && keyPhysical[at] == physical) {
        return number[at];
      }
      at = at + 1 & mask;
    }
    if (identities * 2 > mask) {
      grow();
      return identity(virtual, physical, user);
    }
    keyVirtual[at] = key;
    keyPhysical[at] = physical;
    number[at] = ++identities;
    return identities;
  }

  private void grow() {
    long[] oldVirtual = keyVirtual;
    long[] oldPhysical = keyPhysical;
    int[] oldNumber = number;
    int size = number.length * 2;
    keyVirtual = new long[size];
    keyPhysical = new long[size];
    number = new int[size];
    for (int n = 0; n < oldNumber.length; n++) {
      if (oldNumber[n] != 0) {
        int at =
            (int)
                    ((oldVirtual[n] * 0x9e3779b97f4a7c15L ^ oldPhysical[n] * 0xc2b2ae3d27d4eb4fL)
                        >>> 40)
                & size - 1;
        while (number[at] != 0) {
          at = at + 1 & size - 1;
        }
        keyVirtual[at] = oldVirtual[n];
        keyPhysical[at] = oldPhysical[n];
        number[at] = oldNumber[n];
      }
    }
  }
}
