package io.ringside.cpu;

import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Guest-virtual memory as emulated instructions see it. A small cache of translations of its own keeps page walks off
 * the frequent paths; whoever flushes the vCPU's TLB flushes this too ({@link #flush()}).
 *
 * <p>Loads from where there is no RAM throw {@link MmioAccess}; when the VMM has the value it calls
 * {@link #completeRead} and executes the instruction again, which then finds its values in order. Stores to where
 * there is no RAM are recorded and handed to the VMM after the instruction ({@link #pendingWrites()}).
 */
public final class VirtualMemory {
  /** Mode bit: a user-mode access. */
  public static final int USER = 1;

  /** Mode bit: a supervisor-mode access that SMAP lets through (RFLAGS.AC set). */
  public static final int SMAP_OVERRIDE = 2;

  /** Mode of accesses to system data structures (GDT, LDT, IDT, TSS), whatever the CPL: SDM vol. 3, 4.6. */
  public static final int IMPLICIT = 0;

  private static final int PAGE = 4096;
  private static final int OFFSET_MASK = PAGE - 1;
  private static final int VALID = 8;
  private static final int SLOTS = 64;
  private static final int MAX_MMIO = 128;

  private final CpuState state;
  private final Mmu mmu;
  private final GuestMemory ram;
  private final NativeMemory raw;
  private final CpuHooks hooks;
  private final Breakpoints breakpoints;

  // Tags are page address | mode | VALID; only pages of RAM get in.
  private final long[] readTags = new long[SLOTS];
  private final long[] readPages = new long[SLOTS];
  private final long[] writeTags = new long[SLOTS];
  private final long[] writePages = new long[SLOTS];

  private final long[] supplied = new long[MAX_MMIO];
  private final long[] suppliedGpa = new long[MAX_MMIO];
  private int suppliedCount;
  private int suppliedNext;
  private long askedGpa;
  private final long[] pendingGpa = new long[MAX_MMIO];
  private final long[] pendingValue = new long[MAX_MMIO];
  private final int[] pendingSize = new int[MAX_MMIO];
  private int pendingCount;

  /** Makes the view of one vCPU. */
  public VirtualMemory(CpuState state, Mmu mmu, GuestMemory ram, CpuHooks hooks) {
    this(state, mmu, ram, hooks, new Breakpoints());
  }

  /** As above, telling {@code breakpoints} of accesses. */
  VirtualMemory(CpuState state, Mmu mmu, GuestMemory ram, CpuHooks hooks, Breakpoints breakpoints) {
    this.state = state;
    this.mmu = mmu;
    this.ram = ram;
    this.raw = ram.raw();
    this.hooks = hooks;
    this.breakpoints = breakpoints;
  }

  /** Forgets all cached translations. */
  public void flush() {
    Arrays.fill(readTags, 0);
    Arrays.fill(writeTags, 0);
  }

  /** Whether accesses must be made one by one, for breakpoints on data. */
  boolean isWatched() {
    return breakpoints.onData();
  }

  /** The mode of ordinary accesses at the current CPL and RFLAGS.AC. */
  public int mode() {
    if (state.cpl() == 3) {
      return USER;
    }
    return (state.get(CpuState.SYSTEM_FLAGS) & RegisterBits.FLAG_AC) != 0 ? SMAP_OVERRIDE : 0;
  }

  /** Loads 1, 2, 4 or 8 bytes (zero-extended) with the privilege of the running code. */
  public long read(long gva, int size) {
    return read(gva, size, mode());
  }

  /** Stores the low 1, 2, 4 or 8 bytes with the privilege of the running code. */
  public void write(long gva, int size, long value) {
    write(gva, size, value, mode());
  }

  /** As {@link #read(long, int)} with #SS(0) for an address that is not canonical. */
  public long readStack(long gva, int size) {
    checkStack(gva, size);
    return read(gva, size, mode());
  }

  /** As {@link #write(long, int, long)} with #SS(0) for an address that is not canonical. */
  public void writeStack(long gva, int size, long value) {
    checkStack(gva, size);
    write(gva, size, value, mode());
  }

  /** Loads from a system data structure. */
  public long readSystem(long gva, int size) {
    return read(gva, size, IMPLICIT);
  }

  /** Stores to a system data structure. */
  public void writeSystem(long gva, int size, long value) {
    write(gva, size, value, IMPLICIT);
  }

  /** Throws #SS(0) if not all of the range is canonical. */
  public void checkStack(long gva, int size) {
    if (!RegisterBits.isCanonical(gva) || !RegisterBits.isCanonical(gva + size - 1)) {
      throw GuestFault.SS0;
    }
  }

  /** Loads 1 to 8 bytes in a mode made of {@link #USER} and {@link #SMAP_OVERRIDE}; zero-extended. */
  public long read(long gva, int size, int mode) {
    if (breakpoints.onData()) {
      breakpoints.access(gva, size, false);
    }
    int slot = (int) (gva >>> 12) & SLOTS - 1;
    int offset = (int) gva & OFFSET_MASK;
    if (readTags[slot] == (gva - offset | mode | VALID) && offset <= PAGE - size) {
      return readRam(readPages[slot] + offset, size);
    }
    if (offset <= PAGE - size) {
      return readPhysical(translateRead(gva, mode), size);
    }
    int first = PAGE - offset;
    long firstGpa = translateRead(gva, mode);
    long secondGpa = translateRead(gva + first, mode);
    long low = readPhysical(firstGpa, first);
    return low | readPhysical(secondGpa, size - first) << 8 * first;
  }

  /** Stores the low 1 to 8 bytes of {@code value}; both pages are checked before either changes. */
  public void write(long gva, int size, long value, int mode) {
    if (breakpoints.onData()) {
      breakpoints.access(gva, size, true);
    }
    int slot = (int) (gva >>> 12) & SLOTS - 1;
    int offset = (int) gva & OFFSET_MASK;
    if (writeTags[slot] == (gva - offset | mode | VALID) && offset <= PAGE - size) {
      writeRam(writePages[slot] + offset, size, value);
      return;
    }
    if (offset <= PAGE - size) {
      writePhysical(translateWrite(gva, mode), size, value);
      return;
    }
    int first = PAGE - offset;
    long firstGpa = translateWrite(gva, mode);
    long secondGpa = translateWrite(gva + first, mode);
    writePhysical(firstGpa, first, value);
    writePhysical(secondGpa, size - first, value >>> 8 * first);
  }

  /** Checks that all of 1 to 4096 bytes may be stored to. */
  public void probeWrite(long gva, int length, int mode) {
    translateWrite(gva, mode);
    if (((int) gva & OFFSET_MASK) + length > PAGE) {
      translateWrite(gva + length - 1 & -PAGE, mode);
    }
  }

  /** Checks that all of 1 to 4096 bytes may be loaded from. */
  public void probeRead(long gva, int length, int mode) {
    translateRead(gva, mode);
    if (((int) gva & OFFSET_MASK) + length > PAGE) {
      translateRead(gva + length - 1 & -PAGE, mode);
    }
  }

  /** The gpa for a load, by the cache or a walk. */
  public long translateRead(long gva, int mode) {
    int slot = (int) (gva >>> 12) & SLOTS - 1;
    int offset = (int) gva & OFFSET_MASK;
    long tag = gva - offset | mode | VALID;
    if (readTags[slot] == tag) {
      return readPages[slot] + offset;
    }
    long gpa = mmu.translate(gva, Mmu.READ, (mode & USER) != 0, (mode & SMAP_OVERRIDE) != 0);
    if (ram.isRam(gpa - offset, PAGE)) {
      readTags[slot] = tag;
      readPages[slot] = gpa - offset;
    }
    return gpa;
  }

  /** The gpa for a store, by the cache or a walk; the page's dirty flag is set. */
  public long translateWrite(long gva, int mode) {
    int slot = (int) (gva >>> 12) & SLOTS - 1;
    int offset = (int) gva & OFFSET_MASK;
    long tag = gva - offset | mode | VALID;
    if (writeTags[slot] == tag) {
      return writePages[slot] + offset;
    }
    long gpa = mmu.translate(gva, Mmu.WRITE, (mode & USER) != 0, (mode & SMAP_OVERRIDE) != 0);
    if (ram.isRam(gpa - offset, PAGE)) {
      writeTags[slot] = tag;
      writePages[slot] = gpa - offset;
    }
    return gpa;
  }

  /** The gpa of {@code length} bytes that may be loaded, if they are RAM and in one page; else -1, both pages checked. */
  public long ramForRead(long gva, int length, int mode) {
    if (breakpoints.onData()) {
      breakpoints.access(gva, length, false);
    }
    long gpa = translateRead(gva, mode);
    if (((int) gva & OFFSET_MASK) + length > PAGE) {
      translateRead(gva + length - 1 & -PAGE, mode);
      return -1;
    }
    return ram.isRam(gpa, length) ? gpa : -1;
  }

  /** The gpa of {@code length} bytes that may be stored, if they are RAM and in one page; else -1, both pages checked. */
  public long ramForWrite(long gva, int length, int mode) {
    if (breakpoints.onData()) {
      breakpoints.access(gva, length, true);
    }
    long gpa = translateWrite(gva, mode);
    if (((int) gva & OFFSET_MASK) + length > PAGE) {
      translateWrite(gva + length - 1 & -PAGE, mode);
      return -1;
    }
    return ram.isRam(gpa, length) ? gpa : -1;
  }

  /** RAM by gpa, for callers that have a gpa from {@link #ramForRead} or {@link #ramForWrite}. */
  public NativeMemory raw() {
    return raw;
  }

  /** Whether a range of gpas is RAM. */
  public boolean isRam(long gpa, long length) {
    return ram.isRam(gpa, length);
  }

  /** To be called after storing RAM by gpa, for at most the rest of one page. */
  public void written(long gpa, int length) {
    if (hooks.isCodePage(gpa)) {
      hooks.codeWritten(gpa, length);
    }
  }

  /** Copies up to 4096 guest bytes into native memory; the whole range is checked first. */
  public void copyFromGuest(long gva, NativeMemory into, long offset, int length, int mode) {
    long gpa = ramForRead(gva, length, mode);
    if (gpa >= 0) {
      MemorySegment.copy(raw.segment(), gpa, into.segment(), offset, length);
      return;
    }
    int done = 0;
    while (done < length) {
      int size = chunk(gva + done, length - done);
      put(into, offset + done, size, read(gva + done, size, mode));
      done += size;
    }
  }

  /** Copies up to 4096 bytes of native memory to the guest; the whole range is checked first. */
  public void copyToGuest(long gva, NativeMemory from, long offset, int length, int mode) {
    long gpa = ramForWrite(gva, length, mode);
    if (gpa >= 0) {
      MemorySegment.copy(from.segment(), offset, raw.segment(), gpa, length);
      written(gpa, length);
      return;
    }
    int done = 0;
    while (done < length) {
      int size = chunk(gva + done, length - done);
      write(gva + done, size, get(from, offset + done, size), mode);
      done += size;
    }
  }

  /** The largest power of two up to 8 that divides the address and fits. */
  private static int chunk(long address, int left) {
    int size = 8;
    while (size > left || (address & size - 1) != 0) {
      size >>= 1;
    }
    return size;
  }

  /** Starts an instruction, or starts one again after {@link #completeRead}. */
  public void beginInstruction() {
    suppliedNext = 0;
    pendingCount = 0;
  }

  /** Whether the instruction so far has used a supplied value or made a pending store. */
  boolean usedMmio() {
    return suppliedNext > 0 || pendingCount > 0;
  }

  /** Ends an instruction or one iteration of it: the values supplied for it have been used. */
  public void endInstruction() {
    suppliedCount = 0;
    suppliedNext = 0;
  }

  /** Supplies the value that {@link MmioAccess} asked for. */
  public void completeRead(long value) {
    if (suppliedCount == MAX_MMIO) {
      throw new UnsupportedGuestException(
          "the guest used one instruction for more than " + MAX_MMIO + " MMIO reads");
    }
    suppliedGpa[suppliedCount] = askedGpa;
    supplied[suppliedCount++] = value;
  }

  /** How many stores outside RAM the last instruction made. */
  public int pendingWrites() {
    return pendingCount;
  }

  /** The gpa of a pending store, the first being 0. */
  public long pendingGpa(int index) {
    return pendingGpa[index];
  }

  /** The size of a pending store: 1, 2, 4 or 8 bytes. */
  public int pendingSize(int index) {
    return pendingSize[index];
  }

  /** The value of a pending store. */
  public long pendingValue(int index) {
    return pendingValue[index];
  }

  /** Forgets the pending stores. */
  public void clearPendingWrites() {
    pendingCount = 0;
  }

  /** Loads 1 to 8 bytes by gpa. */
  long readPhysical(long gpa, int size) {
    if (ram.isRam(gpa, size)) {
      return readRam(gpa, size);
    }
    if (Integer.bitCount(size) == 1) {
      return readMmio(gpa, size);
    }
    long value = 0;
    int done = 0;
    while (done < size) {
      int part = chunk(gpa + done, size - done);
      value |= readMmio(gpa + done, part) << 8 * done;
      done += part;
    }
    return value;
  }

  /** Stores 1 to 8 bytes by gpa. */
  void writePhysical(long gpa, int size, long value) {
    if (ram.isRam(gpa, size)) {
      writeRam(gpa, size, value);
      return;
    }
    int done = 0;
    while (done < size) {
      int part = Integer.bitCount(size) == 1 ? size : chunk(gpa + done, size - done);
      writeMmio(gpa + done, part, value >>> 8 * done);
      done += part;
    }
  }

  private long readMmio(long gpa, int size) {
    if (suppliedNext < suppliedCount && suppliedGpa[suppliedNext] == gpa) {
      long value = supplied[suppliedNext++];
      return size == 8 ? value : value & (1L << 8 * size) - 1;
    }
    // A value for another address was meant for an instruction that an interrupt kept from running
    // again.
    suppliedCount = suppliedNext;
    askedGpa = gpa;
    throw new MmioAccess(gpa, size);
  }

  private void writeMmio(long gpa, int size, long value) {
    if (pendingCount == MAX_MMIO) {
      throw new UnsupportedGuestException(
          "the guest used one instruction for more than " + MAX_MMIO + " MMIO writes");
    }
    pendingGpa[pendingCount] = gpa;
    pendingSize[pendingCount] = size;
    pendingValue[pendingCount++] = size == 8 ? value : value & (1L << 8 * size) - 1;
  }

  private long readRam(long gpa, int size) {
    return get(raw, gpa, size);
  }

  private void writeRam(long gpa, int size, long value) {
    put(raw, gpa, size, value);
    if (hooks.isCodePage(gpa)) {
      hooks.codeWritten(gpa, size);
    }
  }

  private static long get(NativeMemory memory, long offset, int size) {
    return switch (size) {
      case 1 -> memory.getByte(offset);
      case 2 -> memory.getShort(offset);
      case 4 -> memory.getInt(offset) & 0xffff_ffffL;
      case 8 -> memory.getLong(offset);
      default -> {
        long value = 0;
        for (int i = size - 1; i >= 0; i--) {
          value = value << 8 | memory.getByte(offset + i);
        }
        yield value;
      }
    };
  }

  private static void put(NativeMemory memory, long offset, int size, long value) {
    switch (size) {
      case 1 -> memory.putByte(offset, (int) value);
      case 2 -> memory.putShort(offset, (int) value);
      case 4 -> memory.putInt(offset, (int) value);
      case 8 -> memory.putLong(offset, value);
      default -> {
        for (int i = 0; i < size; i++) {
          memory.putByte(offset + i, (int) (value >>> 8 * i));
        }
      }
    }
  }
}
