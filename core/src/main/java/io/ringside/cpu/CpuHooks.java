package io.ringside.cpu;

/** What emulation tells the method that executes guest code (the translator), and asks of it. */
public interface CpuHooks {
  /** Drops every cached translation of guest-virtual addresses, global ones too. */
  void flushAll();

  /** Drops the cached translations of all address spaces that are not global. */
  void flushNonGlobal();

  /** Drops the cached translations of one process-context identifier (0 to 4095) that are not global. */
  void flushPcid(int pcid);

  /** Drops the cached translation, global or not, of the page at {@code gva} in the current address space. */
  void invalidatePage(long gva);

  /** CR3 has a new value. Called after the flush that goes with it; without one for a PCID switch that asks for none. */
  void addressSpaceChanged();

  /** CPL, CR0, CR4, EFER, XCR0, CS, or RFLAGS.TF or AC may have changed. */
  void modeChanged();

  /** As {@link #modeChanged} where only CPL, CS, or RFLAGS.TF or AC may have changed: the frequent case. */
  default void privilegeChanged() {
    modeChanged();
  }

  /** DR0 to DR3 or DR7 have new values. */
  default void breakpointsChanged() {}

  /** IRET has set RFLAGS.RF: no breakpoint on the next instruction counts. */
  default void resumed() {}

  /** Whether guest code was translated from the page of RAM at {@code gpa}. Asked for every store. */
  boolean isCodePage(long gpa);

  /** Emulation stored {@code length} bytes of RAM at {@code gpa}, in one page, for which {@link #isCodePage} is true. */
  void codeWritten(long gpa, int length);

  /** The host's time stamp counter. */
  long hostTsc();
}
