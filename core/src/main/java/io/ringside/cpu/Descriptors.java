package io.ringside.cpu;

import java.util.Optional;

/**
 * Reads descriptors from the guest's GDT and LDT (SDM vol. 3, 3.4.5 and 3.5). {@link #fetch} leaves the descriptor in
 * the accessors until the next call.
 */
final class Descriptors {
  static final int TYPE_LDT = 2;
  static final int TYPE_TSS_AVAILABLE = 9;
  static final int TYPE_TSS_BUSY = 11;
  static final int TYPE_CALL_GATE = 12;

  private final CpuState state;
  private final VirtualMemory memory;
  private Optional<VmmEntry> entry = Optional.empty();
  private long address;
  private long low;

  Descriptors(CpuState state, VirtualMemory memory) {
    this.state = state;
    this.memory = memory;
  }

  /** Takes descriptors from the VMM; those have their accessed flags set, and none has 16 bytes. */
  void enterVmm(VmmEntry vmm) {
    entry = Optional.of(vmm);
  }

  /**
   * Refuses code that is not 64-bit: the VM ends, or a deprivileged guest gets a #GP, so that its programs can't end it.
   *
   * @param message one line for the user
   */
  RuntimeException unsupportedCode(int selector, String message) {
    return entry.isPresent()
        ? GuestFault.gp(selector & 0xfffc)
        : new UnsupportedGuestException(message);
  }

  /** Whether a selector is null: index 0 of the GDT, any RPL. */
  static boolean isNull(int selector) {
    return (selector & 0xfffc) == 0;
  }

  /** Loads the first 8 bytes of a descriptor; false if the selector is outside its table. */
  boolean fetch(int selector) {
    return fetch(selector, 8);
  }

  /** As {@link #fetch(int)} for a descriptor of {@code size} (8 or 16) bytes. */
  boolean fetch(int selector, int size) {
    if (entry.isPresent()) {
      low = entry.get().descriptor(selector);
      if (isCodeOrData()) {
        low |= 1L << 40;
      }
      return size == 8 && low != 0;
    }
    int index = selector & 0xfff8;
    long base;
    long limit;
    if ((selector & 4) == 0) {
      base = state.get(CpuState.GDTR_BASE);
      limit = state.get(CpuState.GDTR_LIMIT);
    } else {
      if (isNull(state.selector(CpuState.LDTR))) {
        return false;
      }
      base = state.base(CpuState.LDTR);
      limit = state.limit(CpuState.LDTR);
    }
    if (index + size - 1 > limit) {
      return false;
    }
    address = base + index;
    low = memory.readSystem(address, 8);
    return true;
  }

  /** The upper half of a 16-byte system descriptor. */
  long high() {
    return memory.readSystem(address + 8, 8);
  }

  /** The first 8 bytes. */
  long low() {
    return low;
  }

  int type() {
    return (int) (low >>> 40) & 15;
  }

  /** S: a code or data segment rather than a system segment. */
  boolean isCodeOrData() {
    return (low & 1L << 44) != 0;
  }

  boolean isCode() {
    return (low & (1L << 44 | 1L << 43)) == (1L << 44 | 1L << 43);
  }

  boolean isConforming() {
    return (type() & 4) != 0;
  }

  /** For a data segment: writable. */
  boolean isWritableData() {
    return (low & (1L << 44 | 1L << 43 | 1L << 41)) == (1L << 44 | 1L << 41);
  }

  /** A data segment, or code that may be read. */
  boolean isReadable() {
    return isCodeOrData() && ((low & 1L << 43) == 0 || (low & 1L << 41) != 0);
  }

  int dpl() {
    return (int) (low >>> 45) & 3;
  }

  boolean isPresent() {
    return (low & 1L << 47) != 0;
  }

  /** L: 64-bit code. */
  boolean isLong() {
    return (low & 1L << 53) != 0;
  }

  /** D: 32-bit code. */
  boolean isDefault32() {
    return (low & 1L << 54) != 0;
  }

  /** Access rights in the form that {@link CpuState} keeps. */
  int accessRights() {
    return (int) (low >>> 40) & 0xf0ff;
  }

  /** The limit in bytes, granularity applied. */
  long limit() {
    long limit = low & 0xffff | low >>> 32 & 0xf0000;
    return (low & 1L << 55) != 0 ? limit << 12 | 0xfff : limit;
  }

  /** Bits 31 to 0 of the base. */
  long base() {
    return low >>> 16 & 0xff_ffff | low >>> 32 & 0xff00_0000L;
  }

  /** Sets the accessed flag of a code or data segment in the table, if it is not yet set. */
  void markAccessed() {
    if ((low & 1L << 40) == 0) {
      low |= 1L << 40;
      memory.writeSystem(address + 5, 1, low >>> 40);
    }
  }

  /** Makes an available TSS busy in the table. */
  void markBusy() {
    low |= 1L << 41;
    memory.writeSystem(address + 5, 1, low >>> 40);
  }
}
