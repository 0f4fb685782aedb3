package io.ringside.host;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Calls emitted machine code that follows the System V ABI. */
@SuppressWarnings("restricted") // FFM is what this class is for
public final class NativeCode {
  private static final MethodHandle CALL =
      Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG));

  private final MemorySegment entry;

  /** Wraps a function {@code long f(long, long)} at {@code address}. */
  public NativeCode(long address) {
    this.entry = MemorySegment.ofAddress(address);
  }

  /**
   * The address of a function of the C library, for emitted code to call.
   *
   * @throws java.util.NoSuchElementException if it has none of that name
   */
  public static long libraryFunction(String name) {
    return CFunction.address(name);
  }

  /** Calls it; the JVM treats the thread as being in native code meanwhile. */
  public long call(long first, long second) {
    try {
      return (long) CALL.invokeExact(entry, first, second);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
