package io.ringside.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The C library's memory and signal functions, with their errors turned into {@link HostException}. */
final class Libc {
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_NOEXEC_SEAL = 8;
  private static final int EINVAL = 22;

  private static final CFunction MMAP = CFunction.of("mmap");
  private static final CFunction MUNMAP = CFunction.of("munmap");
  private static final CFunction MEMFD_CREATE = CFunction.of("memfd_create");
  private static final CFunction FTRUNCATE = CFunction.of("ftruncate");
  private static final CFunction CLOSE = CFunction.of("close");
  private static final CFunction SIGACTION = CFunction.of("sigaction");

  private Libc() {}

  /** The functions that only a running vCPU needs, bound when the first one runs. */
  private static final class Timers {
    static final CFunction GETTID = CFunction.of("gettid");
    static final CFunction GETPID = CFunction.of("getpid");
    static final CFunction TGKILL = CFunction.of("tgkill");
    static final CFunction TIMER_CREATE = CFunction.of("timer_create");
    static final CFunction TIMER_SETTIME = CFunction.of("timer_settime");
    static final CFunction TIMER_DELETE = CFunction.of("timer_delete");

    private Timers() {}
  }

  /** gettid(2). */
  static int gettid() {
    try (Arena arena = Arena.ofConfined()) {
      return (int) Timers.GETTID.call(CFunction.errnoState(arena), 0, 0);
    }
  }

  /** getpid(2). */
  static int getpid() {
    try (Arena arena = Arena.ofConfined()) {
      return (int) Timers.GETPID.call(CFunction.errnoState(arena), 0, 0);
    }
  }

  /** tgkill(2); false if there is no such thread any more. */
  static boolean tgkill(int process, int thread, int signal) {
    try (Arena arena = Arena.ofConfined()) {
      return (int) Timers.TGKILL.call(CFunction.errnoState(arena), process, thread, signal) == 0;
    }
  }

  /** timer_create(2). */
  static void timerCreate(int clock, MemorySegment event, MemorySegment id) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = CFunction.errnoState(arena);
      if ((int) Timers.TIMER_CREATE.call(state, clock, event.address(), id.address()) != 0) {
        throw failure("timer_create", state);
      }
    }
  }

  /** timer_settime(2), relative. */
  static void timerSettime(long timer, MemorySegment times) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = CFunction.errnoState(arena);
      if ((int) Timers.TIMER_SETTIME.call(state, timer, 0, times.address(), 0, 0, 0) != 0) {
        throw failure("timer_settime", state);
      }
    }
  }

  /** timer_delete(2). */
  static void timerDelete(long timer) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = CFunction.errnoState(arena);
      if ((int) Timers.TIMER_DELETE.call(state, timer, 0) != 0) {
        throw failure("timer_delete", state);
      }
    }
  }

  /** mmap(2). */
  static long mmap(long address, long length, int protection, int flags, int fd, long offset) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = CFunction.errnoState(arena);
      long result = MMAP.call(state, address, length, protection, flags, fd, offset);
      if (result == -1) {
        throw failure("mmap of " + length + " bytes", state);
      }
      return result;
    }
  }

  /** munmap(2). */
  static void munmap(long address, long length) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = CFunction.errnoState(arena);
      if ((int) MUNMAP.call(state, address, length) != 0) {
        throw failure("munmap", state);
      }
    }
  }

  /**
   * memfd_create(2) and ftruncate(2). The file can't be executed as a program, which the sysctl vm.memfd_noexec may
   * demand since Linux 6.3; it can be mapped executable all the same.
   */
  static int memfd(String name, long size) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = CFunction.errnoState(arena);
      long text = arena.allocateFrom(name).address();
      int fd = (int) MEMFD_CREATE.call(state, text, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
      if (fd < 0 && CFunction.errno(state) == EINVAL) {
        // Linux before 6.3 doesn't know the flag.
        fd = (int) MEMFD_CREATE.call(state, text, MFD_CLOEXEC);
      }
      if (fd < 0) {
        throw failure("memfd_create", state);
      }
      if ((int) FTRUNCATE.call(state, fd, size) != 0) {
        throw failure("ftruncate of a memfd to " + size + " bytes", state);
      }
      return fd;
    }
  }

  /** close(2). */
  static void close(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = CFunction.errnoState(arena);
      if ((int) CLOSE.call(state, fd, 0) != 0) {
        throw failure("close", state);
      }
    }
  }

  /** sigaction(2); either pointer may be {@link MemorySegment#NULL}. */
  static void sigaction(int signal, MemorySegment action, MemorySegment previous) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = CFunction.errnoState(arena);
      if ((int) SIGACTION.call(state, signal, action.address(), previous.address()) != 0) {
        throw failure("sigaction", state);
      }
    }
  }

  private static HostException failure(String what, MemorySegment state) {
    int errno = CFunction.errno(state);
    String hint =
        switch (errno) {
          case 1, 13 -> ": the host forbids it (a seccomp profile or a security module?)";
          case 12 ->
              ": out of memory (or over the limit of address space or mappings);"
                  + " give the guest less --memory";
          default -> "";
        };
    return new HostException(what + " failed with errno " + errno + hint);
  }
}
