package io.ringside.xen;

/**
 * What the Xen ABI needs of the method that executes a PV guest: one virtual processor, its registers, and its cached
 * translations. Called on the vCPU's own thread while the guest is out of translated code, except {@link #kick}.
 *
 * <p>The guest's kernel and user mode both run at CPL 3 of the page tables in force: those of {@link #kernelRoot} in
 * kernel mode, of {@link #userRoot} in user mode. Every entry that the guest can use has U/S set.
 */
public interface PvCpu {
  /** {@link #segmentBase(int)}: the base of FS. */
  int FS = 0;

  /** {@link #segmentBase(int)}: the base of GS in user mode. */
  int GS_USER = 1;

  /** {@link #segmentBase(int)}: the base of GS in kernel mode. */
  int GS_KERNEL = 2;

  // Memory.

  /**
   * Translates a guest-virtual address by the page tables in force, as an access of the guest would: with its rights,
   * setting accessed and, for a write, dirty bits. Raises nothing.
   *
   * @return the machine address, or -1 where the access would fault or does not hit RAM
   */
  long translate(long gva, boolean write);

  /**
   * Tells that the VMM stored {@code length} bytes at {@code maddr}, within one page: translated code made from them
   * is void.
   */
  void stored(long maddr, int length);

  // Address spaces.

  /** The L4 table of kernel mode; takes effect at once in kernel mode. Includes a flush of what is not global. */
  void kernelRoot(long mfn);

  /** The L4 table of user mode, 0 for none. Takes effect when the mode changes. */
  void userRoot(long mfn);

  /**
   * An entry that was present has changed in a page table in use: until the next flush cached translations may be old.
   * While this was not called since the last flush, none is, and a flush has nothing to do.
   *
   * @param upperHalf whether translations of addresses in the upper half may be among them
   */
  default void translationChanged(boolean upperHalf) {}

  /** Drops all cached translations, global ones too. */
  void flushTlb();

  /** Drops the cached translation of one page in the current address space. */
  void invalidatePage(long gva);

  // Mode and registers.

  /** Whether the guest is in kernel mode: the bit that a PV guest has in place of a CPL. */
  boolean kernelMode();

  /**
   * Switches between kernel and user mode: page tables, the base of GS (each mode has its own), and whether SYSCALL is
   * a hypercall. Does nothing if it is that mode already.
   */
  void kernelMode(boolean kernel);

  /** A general register by its number in instructions: RAX is 0, RSP 4, R15 15. */
  long register(int number);

  /** Sets a general register. */
  void register(int number, long value);

  /** The address of the next instruction. */
  long rip();

  /** Sets RIP; must be canonical. */
  void rip(long value);

  /** RFLAGS as the processor has it: IF set, IOPL 0. */
  long rflags();

  /** Sets RFLAGS; IF stays set and IOPL 0 whatever the value says. */
  void rflags(long value);

  /**
   * A segment register's selector, by its number in instructions: ES CS SS DS FS GS.
   *
   * @param segment 0 to 5
   */
  int selector(int segment);

  /**
   * Loads a segment register at CPL 3, its hidden part out of {@link PvVcpu#descriptor}. CS and SS take any value that
   * names a suitable descriptor.
   *
   * @return false, and nothing changed, where the load would fault
   */
  boolean loadSelector(int segment, int selector);

  /** {@link #FS}, {@link #GS_USER} or {@link #GS_KERNEL}. */
  long segmentBase(int which);

  /** Sets a base; must be canonical. */
  void segmentBase(int which, long base);

  /** The GDT or LDT ({@link PvVcpu#descriptor}) changed in whole or in part. */
  void descriptorsChanged();

  /** DR0 to DR3, DR6 or DR7. */
  long debugRegister(int number);

  /** Sets a debug register to a value that was checked. */
  void debugRegister(int number, long value);

  /** CR0.TS: whether the next x87, SSE or AVX instruction raises #NM. */
  void taskSwitched(boolean set);

  /** What CR2 reads, which a page fault sets. */
  void cr2(long value);

  /** The address of the instruction at RIP, with its bytes and text where it can be read: for messages. */
  String describeInstruction();

  // Scheduling.

  /** Makes the vCPU look at {@link PvVcpu#upcallPending} soon, and wakes it if it is blocked. From any thread. */
  void kick();
}
