package io.ringside.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * An open file of the KVM API: the device, a VM or a vCPU, all of which are driven by {@code ioctl(2)}
 * (Documentation/virt/kvm/api.rst). To be used by one thread at a time.
 */
public final class KvmFile implements AutoCloseable {
  /** EINTR: a signal came. */
  public static final int EINTR = 4;

  /** EAGAIN: try again. */
  public static final int EAGAIN = 11;

  private static final int O_RDWR = 2;
  private static final int O_CLOEXEC = 0x8_0000;

  private static final CFunction OPEN = CFunction.of("open");
  private static final CFunction IOCTL = CFunction.of("ioctl");

  /** A signature of its own, linked by whoever needs it first. */
  private static final class Quick {
    static final MethodHandle IOCTL = CFunction.withoutErrno("ioctl");

    private Quick() {}

    static int ioctl(int fd, long request, long argument) {
      try {
        return (int) (long) IOCTL.invokeExact((long) fd, request, argument);
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Makes a call, since the JDK does a part of its work at the first one; there is no such file. */
  private static final class Preparation implements Runnable {
    @Override
    public void run() {
      int result = Quick.ioctl(-1, 0, 0);
      if (result != -1) {
        throw new IllegalStateException("ioctl of no file gave " + result);
      }
    }
  }

  private final String name;
  private final int fd;
  private final MemorySegment errno = CFunction.errnoState(Arena.ofAuto());
  private boolean open = true;

  private KvmFile(String name, int fd) {
    this.name = name;
    this.fd = fd;
  }

  /**
   * Opens a device such as {@code /dev/kvm}.
   *
   * @throws HostException that says why it can't be opened
   */
  public static KvmFile open(String device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = CFunction.errnoState(arena);
      int fd = (int) OPEN.call(state, arena.allocateFrom(device).address(), O_RDWR | O_CLOEXEC);
      if (fd < 0) {
        int errno = CFunction.errno(state);
        throw new HostException(
            device + " can't be opened: " + explain(errno) + "; use --method bt", errno);
      }
      return new KvmFile(device, fd);
    }
  }

  private static String explain(int errno) {
    return switch (errno) {
      case 1, 13 -> "permission denied";
      case 2 -> "there is no such device";
      case 6, 19 -> "no driver is behind it";
      case 16 -> "another hypervisor uses it";
      default -> "errno " + errno;
    };
  }

  /** The file's descriptor, for calls that other code makes. Valid until {@link #close}. */
  public int descriptor() {
    return fd;
  }

  /** An ioctl: its result, or where it fails the negative errno. */
  public int ioctl(long request, long argument) {
    int result = (int) IOCTL.call(errno, fd, request, argument);
    return result == -1 ? -CFunction.errno(errno) : result;
  }

  /**
   * Gets {@link #ioctlQuickly} ready, in a thread of its own: the JDK takes 6 to 9 ms for it, in which whoever makes a vCPU
   * has a kernel to load.
   */
  public static void prepareQuickCalls() {
    Thread.ofPlatform().daemon().name("ringside-link").start(new Preparation());
  }

  /**
   * An ioctl that is made often and seldom fails, such as KVM_RUN: as {@link #ioctl}, and faster. Where it fails it is
   * made once more, for errno, so it must be one that may be repeated.
   */
  public int ioctlQuickly(long request, long argument) {
    int result = Quick.ioctl(fd, request, argument);
    return result == -1 ? ioctl(request, argument) : result;
  }

  /**
   * An ioctl that must succeed.
   *
   * @param what its name, for the message
   * @throws HostException if it fails
   */
  public int must(String what, long request, long argument) {
    return succeeded(what, ioctl(request, argument));
  }

  private int succeeded(String what, int result) {
    if (result < 0) {
      throw new HostException(what + " on " + name + " failed: " + explain(-result), -result);
    }
    return result;
  }

  /** An ioctl whose result is another such file. Where a signal interrupts it, it is done again. */
  public KvmFile create(String what, long request, long argument) {
    int result;
    do {
      result = ioctl(request, argument);
    } while (result == -EINTR);
    return new KvmFile(what, succeeded(what, result));
  }

  /** Maps the file's first {@code size} bytes. */
  public HostMapping map(long size) {
    return HostMapping.file(fd, size);
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      Libc.close(fd);
    }
  }
}
