package io.ringside.guest;

import io.ringside.boot.CacheDirectory;
import io.ringside.boot.GuestFiles;
import io.ringside.vmm.Machine;
import io.ringside.vmm.MachineConfig;
import io.ringside.vmm.VcpuLoop;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The default guest on a machine in this JVM, with a person's side of its console. */
final class RunningGuest implements AutoCloseable {
  /** What the interactive shell shows when it waits. */
  static final String PROMPT = "ringside:~# ";

  /** Enough for a boot on a machine that does much else. */
  static final double BOOT_SECONDS = 120;

  private static final double COMMAND_SECONDS = 60;
  private static final int CACHE_BYTES = 32 << 20;
  private static final long MEMORY_BYTES = 512L << 20;

  private final GuestMethod method;
  private final Machine machine;
  private final Thread thread;
  private final SerialLog log = new SerialLog();
  private final CompletableFuture<VcpuLoop.End> end = new CompletableFuture<>();
  private int seen;
  private boolean plain;

  /** What a command wrote, and its exit status. */
  record Result(int status, String output) {}

  /** Starts the guest with {@code parameters} added to the kernel's command line. */
  RunningGuest(GuestMethod method, GuestFiles files, String parameters, long memoryBytes) {
    this.method = method;
    machine =
        Machine.of(
            new MachineConfig(
                method.method(),
                files.kernel(),
                CacheDirectory.ofUser(),
                Optional.of(files.initrd()),
                ("console=" + method.console() + " " + parameters).strip(),
                memoryBytes,
                log::append,
                () -> {},
                ignored -> {},
                CACHE_BYTES));
    thread = new Thread(this::run, "guest");
    thread.start();
  }

  private void run() {
    try {
      end.complete(machine.run());
    } catch (RuntimeException | Error e) {
      end.completeExceptionally(e);
    } finally {
      log.end();
    }
  }

  /** Starts the guest and waits for its shell. */
  static RunningGuest booted(GuestMethod method, String parameters) throws InterruptedException {
    return booted(method, parameters, MEMORY_BYTES);
  }

  /** Starts a guest with so much memory and waits for its shell. */
  static RunningGuest booted(GuestMethod method, String parameters, long memoryBytes)
      throws InterruptedException {
    RunningGuest guest = new RunningGuest(method, DefaultGuest.files(), parameters, memoryBytes);
    try {
      guest.await(PROMPT, BOOT_SECONDS);
    } catch (InterruptedException | AssertionError e) {
      guest.close();
      throw e;
    }
    return guest;
  }

  /** How it is virtualized. */
  GuestMethod method() {
    return method;
  }

  /** What the method has counted so far; the newest counts may be missing. */
  String statistics() {
    return machine.methodReport();
  }

  /** Everything on the console so far. */
  String console() {
    return log.all();
  }

  /** Types {@code text}, no faster than the guest takes it. */
  void type(String text) throws InterruptedException {
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      while (!machine.consoleInput(b & 0xff)) {
        if (end.isDone()) {
          throw new AssertionError("the guest ended before it took \"" + text + "\"");
        }
        Thread.sleep(1);
      }
    }
  }

  /** Waits for {@code wanted} behind what was awaited before; returns what came before it. */
  String await(String wanted, double seconds) throws InterruptedException {
    int from = seen;
    seen = log.await(wanted, from, seconds);
    return log.slice(from, seen - wanted.length());
  }

  /** Types at the interactive shell and waits for its next prompt; what the console shows between. */
  String interact(String line) throws InterruptedException {
    type(line + "\n");
    await("\n", COMMAND_SECONDS); // The echo.
    return await(PROMPT, COMMAND_SECONDS);
  }

  /** Runs shell commands without echo, prompt and line editing; the output is that of both streams. */
  Result command(String commands) throws InterruptedException {
    if (!plain) {
      plain = true;
      // A shell whose output is no terminal isn't interactive.
      type("stty -echo -onlcr; sh 2>&1 | cat; poweroff\n");
      type("echo re\"\"ady\n");
      await("ready\n", COMMAND_SECONDS);
    }
    type("{\n" + commands + "\n} 2>&1\necho \"<<$?>>\"\n");
    String output = await("<<", COMMAND_SECONDS);
    return new Result(Integer.parseInt(await(">>\n", COMMAND_SECONDS)), output);
  }

  /** The output of commands that must succeed. */
  String output(String commands) throws InterruptedException {
    Result result = command(commands);
    if (result.status() != 0) {
      throw new AssertionError(commands + ": status " + result.status() + "\n" + result.output());
    }
    return result.output();
  }

  /** Waits for the machine's end. */
  VcpuLoop.End end(double seconds) throws InterruptedException {
    try {
      return end.get((long) (seconds * 1000), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw new AssertionError("the VMM failed; the guest's console:\n" + log.all(), e.getCause());
    } catch (TimeoutException e) {
      throw new AssertionError("the guest still runs; its console:\n" + log.all(), e);
    }
  }

  @Override
  public void close() {
    machine.loop().end(new VcpuLoop.End(VcpuLoop.Reason.STOPPED, "the test is over", 0));
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    machine.close();
  }
}
