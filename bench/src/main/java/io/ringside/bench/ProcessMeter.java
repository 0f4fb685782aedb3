package io.ringside.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads what a process of the host used, from proc(5). */
final class ProcessMeter {
  /** USER_HZ, which the kernel gives to user space as a constant. */
  private static final int TICKS_PER_SECOND = 100;

  private ProcessMeter() {}

  /**
   * Memory at one moment, in KiB.
   *
   * @param resident all pages of the process that are in memory
   * @param shared those of them that are of shared memory, such as a memfd
   */
  record Memory(long resident, long shared) {
    static final Memory NONE = new Memory(0, 0);

    /** The larger one in each figure; what is not shared counts as resident less shared. */
    static Memory peak(Memory x, Memory y) {
      long shared = Math.max(x.shared, y.shared);
      return new Memory(Math.max(x.resident - x.shared, y.resident - y.shared) + shared, shared);
    }
  }

  /** What the process has now; nothing if it is gone. */
  static Memory memory(long pid) {
    try {
      String status = read(pid, "status");
      return new Memory(field(status, "VmRSS:"), field(status, "RssShmem:"));
    } catch (IOException e) {
      return Memory.NONE;
    }
  }

  /** CPU time, user and system, of a process, its threads, its descendants and those it waited for; in seconds. */
  static double cpuSeconds(ProcessHandle process) {
    double sum = own(process.pid());
    for (ProcessHandle child : process.descendants().toList()) {
      sum += own(child.pid());
    }
    return sum;
  }

  private static double own(long pid) {
    try {
      String stat = read(pid, "stat");
      // The second field is the name in parentheses, which may hold blanks; utime is the 14th.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      long ticks = 0;
      for (int i = 11; i < 15; i++) {
        ticks += Long.parseLong(fields[i]);
      }
      return (double) ticks / TICKS_PER_SECOND;
    } catch (IOException e) {
      return 0;
    }
  }

  private static long field(String status, String name) {
    int at = status.indexOf(name);
    if (at < 0) {
      return 0;
    }
    int end = status.indexOf(" kB", at);
    return Long.parseLong(status.substring(at + name.length(), end).strip());
  }

  private static String read(long pid, String file) throws IOException {
    return Files.readString(Path.of("/proc/" + pid + "/" + file), StandardCharsets.UTF_8);
  }
}
