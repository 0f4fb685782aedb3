package io.ringside.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Runs the contenders in turn and collects what they print. */
final class Runner {
  /** Longer than the slowest load takes anywhere, with the start of the guest. */
  private static final int SILENCE_SECONDS = 60;

  /** Any short one. */
  private static final String WARM_UP_LOAD = "syscall";

  private final Options options;
  private final BenchGuest guest;
  private final Measurements measurements = new Measurements();

  Runner(Options options, BenchGuest guest) {
    this.options = options;
    this.guest = guest;
  }

  /** Measures everything that the options ask for. */
  Measurements run() throws IOException {
    if (options.boot()) {
      boots();
    }
    if (!options.loads().isEmpty()) {
      for (int run = 1; run <= options.runs(); run++) {
        for (Contender contender : options.contenders()) {
          System.err.println(
              "bench: run " + run + " of " + options.runs() + ": " + contender.title());
          loads(contender);
        }
      }
    }
    return measurements;
  }

  /** The first start of each only warms caches up: the host's files, Ringside's kernel and AOT caches. */
  private void boots() throws IOException {
    for (int run = 0; run <= options.runs(); run++) {
      for (Contender contender : options.contenders()) {
        if (contender != Contender.NATIVE) {
          if (run == 0) {
            warmUp(contender);
          } else {
            boot(contender);
          }
        }
      }
    }
  }

  private void warmUp(Contender contender) throws IOException {
    System.err.println("bench: first start of " + contender.title());
    // The launcher makes its AOT cache when a guest ended by itself, which that of the loads does.
    new Session(contender.loads(options, guest, List.of(WARM_UP_LOAD)), SILENCE_SECONDS)
        .run(line -> false, false);
  }

  private void boot(Contender contender) throws IOException {
    Session.Outcome outcome =
        new Session(contender.boot(options, guest, guest.initrd(), ""), SILENCE_SECONDS)
            .run(line -> line.contains(BenchGuest.FIRST_LINE), false);
    if (!outcome.matched()) {
      System.err.println(
          "bench: " + contender.title() + " did not boot; its last line: " + outcome.lastLine());
      return;
    }
    System.err.println(
        "bench: boot, "
            + contender.title()
            + ": "
            + Report.figure(outcome.wallSeconds())
            + " s, CPU "
            + Report.figure(outcome.cpuSeconds())
            + " s");
    measurements.add(
        contender,
        new Measurements.Boot(outcome.wallSeconds(), outcome.cpuSeconds(), outcome.peak()));
  }

  /** Runs all loads; where a guest breaks down, the load at fault is told and the others go on in a new one. */
  private void loads(Contender contender) throws IOException {
    List<String> remaining = new ArrayList<>(options.loads());
    while (!remaining.isEmpty()) {
      Clock clock = new Clock();
      Session.Outcome outcome =
          new Session(contender.loads(options, guest, remaining), SILENCE_SECONDS)
              .run(
                  line -> {
                    Optional<Result> result = Result.parse(line);
                    if (result.isPresent() && remaining.remove(result.get().load())) {
                      measurements.add(contender, result.get());
                      System.err.println("  " + line.strip());
                    }
                    clock.line(line);
                    return Result.parseEnd(line).isPresent();
                  },
                  true);
      measurements.add(contender, outcome.peak());
      if (clock.ratio > 0) {
        measurements.addClock(contender, clock.ratio);
      }
      if (!remaining.isEmpty()) {
        String load = remaining.removeFirst();
        String reason = outcome.silent() ? "hangs" : "broke down: " + outcome.lastLine();
        System.err.println("bench: " + contender.title() + ", " + load + ": " + reason);
        measurements.add(contender, Result.failed(load, outcome.silent() ? "hangs" : "broke down"));
      }
    }
  }

  /** Compares the program's clock with the host's, from its first line to its last one. */
  private static final class Clock {
    private long hostBegan;
    private boolean began;
    private double ratio;

    void line(String line) {
      int at = line.indexOf(BenchProgram.PREFIX + "at ");
      Optional<Long> end = Result.parseEnd(line);
      if (at >= 0) {
        hostBegan = System.nanoTime();
        began = true;
      } else if (end.isPresent() && began) {
        ratio = end.get() / (double) (System.nanoTime() - hostBegan);
      }
    }
  }
}
