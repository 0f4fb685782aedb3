package io.ringside.host;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/** The C library's memory and signal functions, with their errors turned into {@link HostException}. */
@SuppressWarnings("restricted") // FFM is what this class is for
final class Libc {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
  private static final VarHandle ERRNO_VALUE =
      Linker.Option.captureStateLayout().varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private static final MethodHandle MMAP =
      handle("mmap", FunctionDescriptor.of(ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MUNMAP = handle("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle MEMFD_CREATE =
      handle("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle FTRUNCATE = handle("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle CLOSE = handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle SIGACTION =
      handle("sigaction", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));

  private Libc() {}

  private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor, ERRNO);
  }

  /** mmap(2). */
  static long mmap(long address, long length, int protection, int flags, int fd, long offset) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Linker.Option.captureStateLayout());
      MemorySegment result = (MemorySegment) MMAP.invokeExact(state, address, length, protection, flags, fd, offset);
      if (result.address() == -1) {
        throw failure("mmap of " + length + " bytes", state);
      }
      return result.address();
    } catch (HostException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** munmap(2). */
  static void munmap(long address, long length) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Linker.Option.captureStateLayout());
      if ((int) MUNMAP.invokeExact(state, address, length) != 0) {
        throw failure("munmap", state);
      }
    } catch (HostException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** memfd_create(2) and ftruncate(2). */
  static int memfd(String name, long size) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Linker.Option.captureStateLayout());
      int fd = (int) MEMFD_CREATE.invokeExact(state, arena.allocateFrom(name), 1 /* MFD_CLOEXEC */);
      if (fd < 0) {
        throw failure("memfd_create", state);
      }
      if ((int) FTRUNCATE.invokeExact(state, fd, size) != 0) {
        throw failure("ftruncate of a memfd to " + size + " bytes", state);
      }
      return fd;
    } catch (HostException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** close(2). */
  static void close(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Linker.Option.captureStateLayout());
      if ((int) CLOSE.invokeExact(state, fd) != 0) {
        throw failure("close", state);
      }
    } catch (HostException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** sigaction(2); either pointer may be {@link MemorySegment#NULL}. */
  static void sigaction(int signal, MemorySegment action, MemorySegment previous) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(Linker.Option.captureStateLayout());
      if ((int) SIGACTION.invokeExact(state, signal, action, previous) != 0) {
        throw failure("sigaction", state);
      }
    } catch (HostException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static HostException failure(String what, MemorySegment state) {
    int errno = (int) ERRNO_VALUE.get(state, 0L);
    String hint =
        switch (errno) {
          case 1, 13 -> ": the host forbids it (a seccomp profile or a security module?)";
          case 12 -> ": out of memory (or over the limit of address space or mappings); give the guest less --memory";
          default -> "";
        };
    return new HostException(what + " failed with errno " + errno + hint);
  }
}
