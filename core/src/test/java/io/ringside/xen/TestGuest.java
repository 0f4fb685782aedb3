package io.ringside.xen;

import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.MachineLock;
import java.lang.foreign.MemorySegment;

/**
 * A domain of 1024 pages whose kernel has its first 512 pages mapped at {@link #BASE}: pfn n at BASE + n * 4096, its
 * four page tables read-only, all others writable.
 */
final class TestGuest {
  /** Where the pages are mapped. */
  static final long BASE = 0xffff_ffff_8000_0000L;

  /** The domain's identifier. */
  static final int DOMID = 7;

  static final int PAGES = 1024;

  /** pfns of the page tables. */
  static final int L4 = 511;

  static final int L3 = 510;
  static final int L2 = 509;
  static final int L1 = 508;

  /** A page for arguments of hypercalls, and one that follows it. */
  static final int ARGUMENTS = 500;

  final FakeHost host = new FakeHost();
  final FakeTimers timers = new FakeTimers();
  final NativeMemory raw;
  final Domain domain;
  final PvVcpu vcpu;
  final FakeCpu cpu;

  private final long[] mfns = new long[PAGES];

  TestGuest() {
    this(PAGES);
  }

  /** A guest that may have more than its pages. */
  TestGuest(long maximum) {
    int size = (int) Domain.machineBytes(maximum * 4096);
    raw = new NativeMemory(MemorySegment.ofArray(new long[size / 8]));
    GuestMemory memory = new GuestMemory(raw, size);
    domain =
        new Domain(
            new DomainConfig(memory, maximum, DOMID, 1, new MachineLock(), timers, timers, host));
    vcpu = domain.vcpu(0);
    cpu = new FakeCpu(raw);
    cpu.attach(vcpu);
    for (int pfn = 0; pfn < PAGES; pfn++) {
      mfns[pfn] = domain.frames().allocate(0, 0);
      domain.m2p().set(mfns[pfn], pfn);
    }
    put(L4, Pte.index(4, BASE), entry(L3, true));
    put(L3, Pte.index(3, BASE), entry(L2, true));
    put(L2, Pte.index(2, BASE), entry(L1, true));
    for (int pfn = 0; pfn < 512; pfn++) {
      put(L1, pfn, entry(pfn, pfn < L1));
    }
    if (domain.types().acquirePage(mfn(L4), PageTypes.L4) != 0) {
      throw new IllegalStateException("the page tables are wrong");
    }
    domain.tables().mapM2p(mfn(L4));
    vcpu.kernelRoot(mfn(L4));
    cpu.kernelRoot(mfn(L4));
    cpu.calls.clear();
    cpu.stores.clear();
  }

  /** The frame of a page. */
  long mfn(int pfn) {
    return mfns[pfn];
  }

  /** Where a page is in machine memory. */
  long maddr(int pfn) {
    return mfns[pfn] << 12;
  }

  /** Where a page is mapped. */
  static long gva(int pfn) {
    return BASE + pfn * 4096L;
  }

  /** An entry that maps a page. */
  long entry(int pfn, boolean writable) {
    return maddr(pfn) | Pte.PRESENT | Pte.USER | (writable ? Pte.WRITABLE : 0);
  }

  /** Stores an entry in a page, unchecked. */
  void put(int pfn, int index, long value) {
    raw.putLong(maddr(pfn) + 8L * index, value);
  }

  /** Reads an entry of a page. */
  long get(int pfn, int index) {
    return raw.getLong(maddr(pfn) + 8L * index);
  }

  /** Where the arguments are. */
  static long arguments() {
    return gva(ARGUMENTS);
  }

  /** Stores 64-bit words as arguments; gives their address. */
  long arguments(long... words) {
    for (int i = 0; i < words.length; i++) {
      raw.putLong(maddr(ARGUMENTS) + 8L * i, words[i]);
    }
    return arguments();
  }

  /** Makes a hypercall. */
  long call(int number, long... arguments) {
    long[] all = new long[5];
    System.arraycopy(arguments, 0, all, 0, arguments.length);
    return domain.hypercalls().call(vcpu, number, all[0], all[1], all[2], all[3], all[4]);
  }

  /** One mmu_update request for this domain. */
  long mmuUpdate(long pointer, long value) {
    return call(HypercallNumber.MMU_UPDATE, arguments(pointer, value), 1, 0, Layout.DOMID_SELF);
  }

  /** One mmuext_op for this domain. */
  long mmuExtended(int command, long first, long second) {
    return call(
        HypercallNumber.MMUEXT_OP, arguments(command, first, second), 1, 0, Layout.DOMID_SELF);
  }

  /** Takes the mapping of a page away, so that it can be used otherwise. */
  void unmap(int pfn) {
    map(pfn, 0);
  }

  /** Changes the level-1 entry of a page. */
  void map(int pfn, long entry) {
    long result = call(HypercallNumber.UPDATE_VA_MAPPING, gva(pfn), entry, 0);
    if (result != 0) {
      throw new IllegalStateException("update_va_mapping: " + result);
    }
  }

  /** Makes a page read-only. */
  void protect(int pfn) {
    map(pfn, entry(pfn, false));
  }
}
