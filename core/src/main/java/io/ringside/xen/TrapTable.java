package io.ringside.xen;

import java.util.Arrays;

/** A vCPU's virtual IDT: the guest kernel's handler for each vector. Source: {@code public/arch-x86/xen.h}, trap_info. */
final class TrapTable {
  /** Bytes of an entry in guest memory: vector, flags, selector (2 bytes), padding, address. */
  static final int ENTRY_SIZE = 16;

  private static final int VECTORS = 256;
  private static final int DPL = 3;
  private static final int MASK_EVENTS = 4;

  private final long[] addresses = new long[VECTORS];
  private final byte[] flags = new byte[VECTORS];

  TrapTable() {}

  /** Takes all handlers away. */
  void clear() {
    Arrays.fill(addresses, 0);
    Arrays.fill(flags, (byte) 0);
  }

  /**
   * Sets a handler.
   *
   * @param flagBits the lowest privilege level that may use the vector by INT, and 4 for events masked on entry
   */
  void set(int vector, long address, int flagBits) {
    addresses[vector] = address;
    flags[vector] = (byte) flagBits;
  }

  /** Where the handler is, 0 for none. */
  long address(int vector) {
    return addresses[vector];
  }

  /** Whether events are masked when the handler is entered. */
  boolean masksEvents(int vector) {
    return (flags[vector] & MASK_EVENTS) != 0;
  }

  /** The least privileged level that may cause the vector by an INT instruction. */
  int privilege(int vector) {
    return flags[vector] & DPL;
  }

  /** Sets a handler that masks events. */
  void setMasking(int vector, long address) {
    set(vector, address, MASK_EVENTS);
  }
}
