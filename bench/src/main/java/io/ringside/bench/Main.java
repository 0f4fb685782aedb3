package io.ringside.bench;

import io.ringside.bench.exits.ExitBench;
import io.ringside.boot.BootException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Measures the same loads natively, in QEMU and in Ringside, alternating, and prints how they compare. The system
 * property {@code ringside.launcher} names Ringside's launcher. The command {@code exits} measures exits of KVM instead.
 *
 * <p>Exit status: 0, 1 if something can't be run or checksums differ, 2 for wrong usage.
 */
public final class Main {
  private static final MarkedBlock BLOCK = new MarkedBlock("measured", "bench/run --out");

  private Main() {}

  /** Runs the benchmark. */
  public static void main(String[] arguments) {
    System.exit(run(List.of(arguments)));
  }

  private static int run(List<String> arguments) {
    if (!arguments.isEmpty() && arguments.getFirst().equals("exits")) {
      return ExitBench.run(arguments.subList(1, arguments.size()));
    }
    if (arguments.contains("--help")) {
      System.out.println(Options.USAGE);
      return 0;
    }
    BenchProgram program = new BenchProgram();
    if (arguments.contains("--list")) {
      for (Load load : program.loads()) {
        System.out.println(load.name() + ": " + load.title() + ", " + load.unit().text());
      }
      return 0;
    }
    List<String> names = new ArrayList<>();
    for (Load load : program.loads()) {
      names.add(load.name());
    }
    Options options;
    try {
      options =
          Options.parse(
              arguments, names, Path.of(System.getProperty("ringside.launcher", "./ringside")));
    } catch (Options.UsageException e) {
      System.err.println("bench: " + e.getMessage());
      System.err.println(Options.USAGE);
      return 2;
    }
    try {
      return measure(program, options);
    } catch (IOException | BootException e) {
      System.err.println("bench: " + e.getMessage());
      return 1;
    }
  }

  private static int measure(BenchProgram program, Options wanted) throws IOException {
    Options options = wanted;
    String qemu = "none";
    if (options.contenders().contains(Contender.QEMU)) {
      qemu = firstLine(List.of(options.qemu(), "--version"));
      if (qemu.isEmpty()) {
        System.err.println(
            "bench: can't run "
                + options.qemu()
                + ", going on without QEMU; Debian has it in the package qemu-system-x86");
        options = options.without(Contender.QEMU);
      }
    }
    Path directory = Files.createTempDirectory("ringside-bench-");
    try {
      String conditions = conditions(options, qemu);
      BenchGuest guest = BenchGuest.prepare(program, directory, options.kernel());
      Report report = new Report(program.loads(), options, new Runner(options, guest).run());
      String text = conditions + "\n" + report.markdown();
      System.out.print(text);
      if (options.out().isPresent()) {
        BLOCK.write(options.out().get(), text);
      }
      return report.checksumsEqual() ? 0 : 1;
    } finally {
      delete(directory);
    }
  }

  private static String conditions(Options options, String qemu) throws IOException {
    String model = "an unknown processor";
    for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"), StandardCharsets.UTF_8)) {
      if (line.startsWith("model name")) {
        model = line.substring(line.indexOf(':') + 1).strip();
        break;
      }
    }
    String load = Files.readString(Path.of("/proc/loadavg"), StandardCharsets.UTF_8);
    return "Measured on "
        + java.time.LocalDate.now(java.time.ZoneOffset.UTC)
        + " on "
        + Runtime.getRuntime().availableProcessors()
        + " cores of "
        + model
        + ", JDK "
        + Runtime.version().feature()
        + "; QEMU: "
        + qemu
        + ".\nMedians of "
        + options.runs()
        + " runs of each contender, alternating; each load ran for "
        + options.milliseconds()
        + " ms or more.\nThe host's load average at the beginning was "
        + load.substring(0, load.indexOf(' '))
        + "; above 1, ratios and above all the times of the start are rough.\n";
  }

  /** The first line that a program prints; empty if it can't be run. */
  private static String firstLine(List<String> command) {
    List<String> lines = new ArrayList<>();
    try {
      new Session(command, 10)
          .run(
              line -> {
                lines.add(line.strip());
                return false;
              },
              false);
    } catch (IOException e) {
      return "";
    }
    return lines.isEmpty() ? "" : lines.getFirst();
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
