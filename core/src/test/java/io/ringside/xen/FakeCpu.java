package io.ringside.xen;

import io.ringside.host.NativeMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A processor that executes nothing: page tables are walked, everything else is remembered. */
final class FakeCpu implements PvCpu {
  final long[] registers = new long[16];
  final int[] selectors = {0, Layout.FLAT_CS64, Layout.FLAT_SS, 0, 0, 0};
  final long[] bases = new long[3];
  final long[] debugRegisters = new long[8];

  /** What changed translations, in order: {@code flush}, {@code invalidate GVA}, {@code kernel MFN}, ... */
  final List<String> calls = new ArrayList<>();

  /** Machine addresses that Xen stored to. */
  final List<Long> stores = new ArrayList<>();

  long rip;
  long rflags = 0x202;
  long kernelRoot;
  long userRoot;
  boolean kernelMode = true;
  boolean taskSwitched;
  long cr2;
  final AtomicInteger kicks = new AtomicInteger();

  private final NativeMemory raw;
  private PvVcpu vcpu;

  FakeCpu(NativeMemory raw) {
    this.raw = raw;
  }

  void attach(PvVcpu target) {
    vcpu = target;
    target.attach(this);
  }

  @Override
  public long translate(long gva, boolean write) {
    long table = kernelMode ? kernelRoot : userRoot;
    long rights = -1;
    for (int level = 4; level >= 1; level--) {
      if (table == 0) {
        return -1;
      }
      long entry = raw.getLong((table << 12) + 8L * Pte.index(level, gva));
      if (!Pte.isPresent(entry)) {
        return -1;
      }
      rights &= entry;
      table = Pte.mfn(entry);
    }
    boolean allowed = (rights & Pte.USER) != 0 && (!write || (rights & Pte.WRITABLE) != 0);
    return allowed ? table << 12 | gva & 4095 : -1;
  }

  @Override
  public void stored(long maddr, int length) {
    stores.add(maddr);
  }

  @Override
  public void kernelRoot(long mfn) {
    kernelRoot = mfn;
    calls.add("kernel " + mfn);
  }

  @Override
  public void userRoot(long mfn) {
    userRoot = mfn;
    calls.add("user " + mfn);
  }

  @Override
  public void flushTlb() {
    calls.add("flush");
  }

  @Override
  public void invalidatePage(long gva) {
    calls.add("invalidate " + Long.toHexString(gva));
  }

  @Override
  public boolean kernelMode() {
    return kernelMode;
  }

  @Override
  public void kernelMode(boolean kernel) {
    kernelMode = kernel;
  }

  @Override
  public long register(int number) {
    return registers[number];
  }

  @Override
  public void register(int number, long value) {
    registers[number] = value;
  }

  @Override
  public long rip() {
    return rip;
  }

  @Override
  public void rip(long value) {
    rip = value;
  }

  @Override
  public long rflags() {
    return rflags;
  }

  @Override
  public void rflags(long value) {
    rflags = value & ~0x3000L | 0x202;
  }

  @Override
  public int selector(int segment) {
    return selectors[segment];
  }

  @Override
  public boolean loadSelector(int segment, int selector) {
    if ((selector & ~3) != 0 && vcpu.descriptor(selector) == 0) {
      return false;
    }
    selectors[segment] = selector;
    return true;
  }

  @Override
  public long segmentBase(int which) {
    return bases[which];
  }

  @Override
  public void segmentBase(int which, long base) {
    bases[which] = base;
  }

  @Override
  public void descriptorsChanged() {
    calls.add("descriptors");
  }

  @Override
  public long debugRegister(int number) {
    return debugRegisters[number];
  }

  @Override
  public void debugRegister(int number, long value) {
    debugRegisters[number] = value;
  }

  @Override
  public void taskSwitched(boolean set) {
    taskSwitched = set;
  }

  @Override
  public void cr2(long value) {
    cr2 = value;
  }

  @Override
  public String describeInstruction() {
    return "0x" + Long.toHexString(rip);
  }

  @Override
  public void kick() {
    kicks.incrementAndGet();
  }
}
