package io.ringside.bt;

import io.ringside.host.HostMapping;
import io.ringside.host.NativeMemory;

/**
 * The memory that translated code is in: mapped twice, writable here and executable for the processor. Space is handed
 * out upwards and taken back all at once. Offsets are in bytes from the start and the same in both views.
 */
final class TranslationCache implements AutoCloseable {
  private final HostMapping mapping;
  private final NativeMemory memory;
  private final long executable;
  private int keep;
  private int top;

  TranslationCache(int size) {
    mapping = HostMapping.code(size);
    memory = mapping.memory();
    executable = mapping.executableAddress();
  }

  /** Where the processor sees {@code offset}. */
  long address(int offset) {
    return executable + offset;
  }

  /** The offset of an address in the executable view. */
  int offset(long address) {
    return (int) (address - executable);
  }

  long end() {
    return executable + memory.size();
  }

  /** The next free offset. */
  int top() {
    return top;
  }

  /** Bytes still free. */
  int free() {
    return (int) memory.size() - top;
  }

  /** Appends code that was assembled for {@code address(top())}; returns its offset. */
  int append(byte[] code, int length) {
    int at = top;
    memory.write(at, code, 0, length);
    // Units start on 16 bytes: the fetch window of the processors of interest.
    top = at + length + 15 & -16;
    return at;
  }

  /** What is there now outlives {@link #clear}. */
  void keep() {
    keep = top;
  }

  /** Forgets all that came after {@link #keep}. */
  void clear() {
    top = keep;
  }

  /** Makes the rel32 at {@code at} point at {@code target} (both offsets). */
  void patchRelative(int at, int target) {
    memory.putInt(at, target - (at + 4));
  }

  int readInt(int at) {
    return memory.getInt(at);
  }

  int readByte(int at) {
    return memory.getByte(at);
  }

  void read(int at, byte[] into, int length) {
    memory.read(at, into, 0, length);
  }

  @Override
  public void close() {
    mapping.close();
  }
}
