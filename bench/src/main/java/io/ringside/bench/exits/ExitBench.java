package io.ringside.bench.exits;

import io.ringside.bench.MarkedBlock;
import io.ringside.host.HostException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;

/** The command {@code exits}: what an exit of KVM costs from Java, beside the same loop in C. */
public final class ExitBench {
  private static final MarkedBlock BLOCK = new MarkedBlock("exits", "bench/run exits --out");

  private ExitBench() {}

  /**
   * Runs the command.
   *
   * @param arguments what follows the command's name
   * @return the exit status: 0, 1 if KVM can't be used, 2 for wrong usage
   */
  public static int run(List<String> arguments) {
    if (arguments.contains("--help")) {
      System.out.println(ExitOptions.USAGE);
      return 0;
    }
    ExitOptions options;
    try {
      options = ExitOptions.parse(arguments);
    } catch (ExitOptions.UsageException e) {
      System.err.println("bench: " + e.getMessage());
      System.err.println(ExitOptions.USAGE);
      return 2;
    }
    try {
      String conditions = conditions(options);
      String text =
          conditions + "\n" + new ExitReport(new ExitMeter(options).measureAll()).markdown();
      System.out.print(text);
      if (options.out().isPresent()) {
        BLOCK.write(options.out().get(), text);
      }
      return 0;
    } catch (IOException | HostException | IllegalStateException e) {
      System.err.println("bench: " + e.getMessage());
      return 1;
    }
  }

  private static String conditions(ExitOptions options) throws IOException {
    KvmBackend backend = new KvmBackend(Path.of("/"));
    String load = Files.readString(Path.of("/proc/loadavg"), StandardCharsets.UTF_8);
    return "Measured on "
        + LocalDate.now(ZoneOffset.UTC)
        + " on "
        + backend.processor()
        + ", JDK "
        + Runtime.version().feature()
        + ". KVM is "
        + backend.describe()
        + ".\nMedians over "
        + options.rounds()
        + " rounds of "
        + options.exits()
        + " exits by each loop in turn. The host's load average at the beginning was "
        + load.substring(0, load.indexOf(' '))
        + ".\n";
  }
}
