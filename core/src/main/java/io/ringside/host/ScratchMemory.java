package io.ringside.host;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;

/**
 * Memory outside the Java heap that is needed for a while: everything that was handed out is given back at
 * {@link #close}, and can't be accessed any more. To be used by one thread.
 */
public final class ScratchMemory implements AutoCloseable {
  private final Arena arena = Arena.ofConfined();

  /** Starts with nothing handed out. */
  public ScratchMemory() {}

  /** New memory, all zero. */
  public MemorySegment allocate(long bytes) {
    return arena.allocate(bytes);
  }

  /** A whole file, to be read only. */
  public MemorySegment map(FileChannel file) throws IOException {
    return file.map(FileChannel.MapMode.READ_ONLY, 0, file.size(), arena);
  }

  @Override
  public void close() {
    arena.close();
  }
}
