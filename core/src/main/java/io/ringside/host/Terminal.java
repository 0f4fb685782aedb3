package io.ringside.host;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A terminal's line settings, as {@code termios(3)} has them. {@link #enterRaw} turns off everything that the kernel's
 * line discipline would do to the bytes; {@link #close} puts back what was there, however often it is called, so that a
 * shutdown hook may call it as well.
 */
public final class Terminal implements AutoCloseable {
  /** sizeof(struct termios) of glibc and musl on x86-64 is 60 bytes; more is harmless. */
  private static final long TERMIOS_SIZE = 64;

  /** {@code TCSANOW}: waiting for output to drain could hang on a terminal that Ctrl-S has stopped. */
  private static final int TCSANOW = 0;

  private final int fd;
  private final byte[] saved;
  private boolean raw;

  private Terminal(int fd, byte[] saved) {
    this.fd = fd;
    this.saved = saved;
  }

  /** Whether the file descriptor is a terminal. */
  public static boolean isTerminal(int fd) {
    return mayBeTerminal(fd) && settings(fd).length != 0;
  }

  /**
   * Opens the settings of the terminal behind a file descriptor.
   *
   * @throws HostException if it is not a terminal
   */
  public static Terminal of(int fd) {
    byte[] settings = settings(fd);
    if (settings.length == 0) {
      throw new HostException("file descriptor " + fd + " is not a terminal");
    }
    return new Terminal(fd, settings);
  }

  /**
   * Raw mode as {@code cfmakeraw(3)} defines it: bytes one by one, no echo, no signals from keys, no output processing.
   *
   * @throws HostException if the terminal refuses, for instance because it was hung up
   */
  public synchronized void enterRaw() {
    raw = true;
    if (!apply(true)) {
      throw new HostException("the terminal can't be put into raw mode; it may have been closed");
    }
  }

  /** Puts back the settings that {@link #of} found. Does nothing where they were not changed. */
  @Override
  public synchronized void close() {
    if (raw) {
      raw = false;
      // A terminal that is gone needs no settings, and there is nobody to tell.
      apply(false);
    }
  }

  /** A pipe, a file or /dev/null shows by its link in /proc, which is far cheaper than the first native call. */
  private static boolean mayBeTerminal(int fd) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
      return target.startsWith("/dev/") && !target.equals("/dev/null");
    } catch (IOException e) {
      return true;
    }
  }

  /** The settings of {@code fd}, of length 0 if it is not a terminal. */
  private static byte[] settings(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment termios = arena.allocate(TERMIOS_SIZE, Integer.BYTES);
      CFunction tcgetattr = CFunction.of("tcgetattr");
      int result = (int) tcgetattr.call(CFunction.errnoState(arena), fd, termios.address());
      return result == 0 ? termios.toArray(ValueLayout.JAVA_BYTE) : new byte[0];
    }
  }

  /** Applies the saved settings, made raw first if so wanted; false if the terminal refuses. */
  private boolean apply(boolean makeRaw) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = CFunction.errnoState(arena);
      MemorySegment termios = arena.allocate(TERMIOS_SIZE, Integer.BYTES);
      termios.copyFrom(MemorySegment.ofArray(saved));
      if (makeRaw) {
        CFunction.of("cfmakeraw").call(state, termios.address(), 0);
      }
      return (int) CFunction.of("tcsetattr").call(state, fd, TCSANOW, termios.address()) == 0;
    }
  }
}
