package io.ringside.bt;

/** What translated code returns to Java: a kind in the low five bits, a detail above. */
final class ExitCode {
  /** A direct branch not chained yet; detail is the link slot. */
  static final int LINK = 0;

  /** An indirect branch whose target is in RIP. */
  static final int INDIRECT = 1;

  /** {@code PENDING} was set; RIP is where to go on. */
  static final int PENDING = 2;

  /** The instruction at RIP is emulated in Java. */
  static final int EMULATE = 3;

  /** The instruction at RIP raises #UD. */
  static final int UNDEFINED = 4;

  /** The instruction at RIP raises #NM. */
  static final int DEVICE_NOT_AVAILABLE = 5;

  /** A memory access missed the software TLB; detail is size and kind, see {@link #miss}. */
  static final int MISS = 6;

  /** A fault in translated code, as the host's signal told. */
  static final int FAULT = 7;

  /** A single-stepped or bounced instruction is done; RIP is the next. */
  static final int STEPPED = 8;

  /** A range of grouped accesses missed; detail as for {@link #MISS}. */
  static final int GROUP_MISS = 9;

  private ExitCode() {}

  static int kind(long code) {
    return (int) code & 31;
  }

  static int detail(long code) {
    return (int) code >>> 5;
  }

  static int make(int kind, int detail) {
    return kind | detail << 5;
  }

  /** The code of a miss, whose detail is 0 for a read or 1 for a write in bit 0, and the size in bytes above. */
  static int miss(int size, boolean write) {
    return make(MISS, size << 1 | (write ? 1 : 0));
  }
}
