package io.ringside.cpu;

import io.ringside.x86.Instruction;

/**
 * Takes what would enter a guest's kernel by the processor's own tables, where the VMM stands in for ring 0: the guest's
 * kernel is deprivileged, all its code runs at CPL 3, and IDT and GDT are the VMM's. Called with all registers in the
 * {@link CpuState}; changes them as the entry does.
 */
public interface VmmEntry {
  /** An exception; RIP is what its handler returns to. */
  void exception(GuestFault fault);

  /**
   * A #DB of RFLAGS.TF or of breakpoints; RIP is what its handler returns to.
   *
   * @param causes the bits of DR6 that say why
   */
  void debugTrap(long causes);

  /** An interrupt that the controller handed out. */
  void interrupt(int vector);

  /**
   * INT n or INT3.
   *
   * @throws GuestFault with RIP still at the instruction
   */
  void software(int vector, long nextRip);

  /** SYSCALL; RIP is at the instruction. */
  Outcome systemCall(Instruction instruction);

  /** Whether the guest may run, after {@link #systemCall} gave {@link Outcome#HALT}. */
  boolean mayRun();

  /** The descriptor that a selector names, or 0 where there is none. */
  long descriptor(int selector);

  /**
   * Where a store goes that the page tables forbid, if the VMM makes it in the guest's stead.
   *
   * @param size 1, 2, 4 or 8 bytes
   * @return the gpa, or -1 where the guest is to get the page fault
   */
  long forbiddenStore(long gva, int size);

  /**
   * Makes such a store.
   *
   * @param gpa what {@link #forbiddenStore} said
   * @return false where the value is one that the guest may not store: it gets the page fault after all
   */
  boolean store(long gpa, int size, long value);

  /** CPUID: EAX, EBX, ECX, EDX. */
  int[] cpuid(int leaf, int subleaf);
}
