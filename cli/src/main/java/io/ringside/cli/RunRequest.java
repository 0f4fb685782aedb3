package io.ringside.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What the user asked {@code ringside run} for, checked.
 *
 * @param guest the known guest that supplies what {@code kernel} and {@code initrd} leave open; empty if a kernel was
 *     given and no guest was named
 * @param method the method that runs it, never {@link Method#AUTO}
 * @param kernel a readable file, instead of the guest's kernel
 * @param initrd a readable file, instead of the guest's initramfs
 * @param append what is added to the kernel's command line, empty for nothing
 * @param memory bytes of RAM, a multiple of 4096
 * @param timeoutNanos how long the guest may run
 * @param stats whether figures are wanted at the end
 */
record RunRequest(
    Optional<String> guest,
    Method method,
    Optional<Path> kernel,
    Optional<Path> initrd,
    String append,
    long memory,
    OptionalLong timeoutNanos,
    boolean stats) {
  /** The guest that runs if nothing else is said. */
  static final String DEFAULT_GUEST = "debian";

  private static final long NANOS_PER_SECOND = 1_000_000_000L;
  private static final long MAX_TIMEOUT_SECONDS = 365L * 24 * 3600;

  /** Checks everything that can be checked before a machine exists; throws {@link UsageException}. */
  static RunRequest of(RunArguments arguments, Method method) {
    Optional<Path> kernel = file(arguments, RunOption.KERNEL);
    return new RunRequest(
        guest(arguments.guest(), kernel.isPresent()),
        method,
        kernel,
        file(arguments, RunOption.INITRD),
        arguments.get(RunOption.APPEND, ""),
        MemorySize.parse(arguments.get(RunOption.MEMORY, "512M")),
        timeout(arguments),
        arguments.has(RunOption.STATS));
  }

  private static Optional<String> guest(String name, boolean kernelGiven) {
    if (name.isEmpty()) {
      return kernelGiven ? Optional.empty() : Optional.of(DEFAULT_GUEST);
    }
    if (!name.equals(DEFAULT_GUEST)) {
      throw new UsageException(
          "guest "
              + name
              + ": the only known guest is "
              + DEFAULT_GUEST
              + "; give any other by --kernel and --initrd");
    }
    return Optional.of(name);
  }

  private static Optional<Path> file(RunArguments arguments, RunOption option) {
    if (!arguments.has(option)) {
      return Optional.empty();
    }
    String given = arguments.get(option, "");
    Path path = Path.of(given);
    if (given.isEmpty() || !Files.exists(path)) {
      throw new UsageException(option.label() + " " + given + ": there is no such file");
    }
    if (Files.isDirectory(path)) {
      throw new UsageException(option.label() + " " + given + ": this is a directory; give a file");
    }
    if (!Files.isReadable(path)) {
      throw new UsageException(
          option.label()
              + " "
              + given
              + ": you may not read this file; copy it or change its mode");
    }
    return Optional.of(path);
  }

  /** Seconds with an optional fraction, in nanoseconds. */
  private static OptionalLong timeout(RunArguments arguments) {
    if (!arguments.has(RunOption.TIMEOUT)) {
      return OptionalLong.empty();
    }
    String text = arguments.get(RunOption.TIMEOUT, "");
    double seconds;
    try {
      seconds = Double.parseDouble(text);
    } catch (NumberFormatException e) {
      seconds = Double.NaN;
    }
    if (!(seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS)) {
      throw new UsageException(
          "--timeout "
              + text
              + ": not a number of seconds above 0 and up to "
              + MAX_TIMEOUT_SECONDS);
    }
    return OptionalLong.of(Math.max(1, (long) (seconds * NANOS_PER_SECOND)));
  }
}
