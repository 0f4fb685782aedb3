package io.ringside.xen;

/** Where a vCPU's guest kernel is entered for what is no exception. Source: {@code public/callback.h}. */
final class Callbacks {
  private long event;
  private long failsafe;
  private boolean failsafeMasks;
  private long syscall;
  private long syscall32;
  private boolean syscallMasks;
  private boolean syscall32Masks;
  private long sysenter;
  private boolean sysenterMasks;

  Callbacks() {}

  void event(long address) {
    event = address;
  }

  void failsafe(long address, boolean masksEvents) {
    failsafe = address;
    failsafeMasks = masksEvents;
  }

  void syscall(long address, boolean masksEvents) {
    syscall = address;
    syscallMasks = masksEvents;
  }

  void syscall32(long address, boolean masksEvents) {
    syscall32 = address;
    syscall32Masks = masksEvents;
  }

  void sysenter(long address, boolean masksEvents) {
    sysenter = address;
    sysenterMasks = masksEvents;
  }

  /** The event upcall, 0 for none. */
  long event() {
    return event;
  }

  /** Where Xen reports segment registers that it can't load when it switches to a vCPU, which never happens here. */
  long failsafe() {
    return failsafe;
  }

  /** Whether events are masked on entry to {@link #failsafe()}. */
  boolean failsafeMasks() {
    return failsafeMasks;
  }

  /** SYSCALL from 64-bit user mode, 0 for none. */
  long syscall() {
    return syscall;
  }

  /** Whether events are masked on entry to {@link #syscall()}; Xen uses it for {@link #syscall32()} too. */
  boolean syscallMasks() {
    return syscallMasks;
  }

  /** SYSCALL from 32-bit user mode, 0 for none. */
  long syscall32() {
    return syscall32;
  }

  /** What was registered for {@link #syscall32()}, which has no effect on a 64-bit domain. */
  boolean syscall32Masks() {
    return syscall32Masks;
  }

  /** SYSENTER, 0 for none. */
  long sysenter() {
    return sysenter;
  }

  /** Whether events are masked on entry to {@link #sysenter()}. */
  boolean sysenterMasks() {
    return sysenterMasks;
  }
}
