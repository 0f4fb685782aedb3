package io.ringside.host;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * A function of the C library whose arguments are integers and pointers.
 *
 * <p>All are bound by one signature, six {@code long}s and a {@code long} result. The JDK generates code for each
 * signature that a program links, about 6 ms of start-up time each even with an AOT cache, while another function of a
 * known signature costs 0.2 ms. In the System V calling convention (AMD64 psABI, 3.2.3) a register argument that the
 * callee doesn't expect is ignored, and an {@code int} is passed in the low half of its register.
 */
@SuppressWarnings("restricted") // FFM is what this package is for
final class CFunction {
  private static final FunctionDescriptor SIGNATURE =
      FunctionDescriptor.of(
          JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option CAPTURE_ERRNO = Linker.Option.captureCallState("errno");
  private static final VarHandle ERRNO =
      Linker.Option.captureStateLayout().varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private final MethodHandle handle;

  private CFunction(MethodHandle handle) {
    this.handle = handle;
  }

  /** Binds the function of that name in the C library. */
  static CFunction of(String name) {
    return new CFunction(
        LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), SIGNATURE, CAPTURE_ERRNO));
  }

  /**
   * The function of that name, with three {@code long} arguments and a {@code long} result, to be called without errno
   * being kept: what the JDK does to keep it takes 150 to 300 ns right after a long system call, when it is in no cache.
   */
  static MethodHandle withoutErrno(String name) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
  }

  /** Where the function of that name is in the C library, for those that are called by others. */
  static long address(String name) {
    return LINKER.defaultLookup().findOrThrow(name).address();
  }

  /** Memory for {@link #errno}, to be passed to the calls. */
  static MemorySegment errnoState(Arena arena) {
    return arena.allocate(Linker.Option.captureStateLayout());
  }

  /** What errno was after the last call with that memory; means something only if the call failed. */
  static int errno(MemorySegment state) {
    return (int) ERRNO.get(state, 0L);
  }

  /** Calls the function with two arguments. The upper half of the result is undefined where C has an int. */
  long call(MemorySegment state, long first, long second) {
    return call(state, first, second, 0, 0, 0, 0);
  }

  /** Calls the function with three arguments. The upper half of the result is undefined where C has an int. */
  long call(MemorySegment state, long first, long second, long third) {
    return call(state, first, second, third, 0, 0, 0);
  }

  /** Calls the function with all six arguments. The upper half of the result is undefined where C has an int. */
  long call(
      MemorySegment state,
      long first,
      long second,
      long third,
      long fourth,
      long fifth,
      long sixth) {
    try {
      return (long) handle.invokeExact(state, first, second, third, fourth, fifth, sixth);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
