package io.ringside.bench.exits;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Measures one kind of exit. All loops run the same vCPU in turn, a round each, so that whatever makes the host slow for a
 * while slows all of them down; every second round goes the other way round.
 */
final class ExitMeter {
  /** In pieces of which each is a call, so that the JIT compiler has methods to count calls of. */
  private static final int WARM_UP_PIECE = 50;

  private final ExitOptions options;

  ExitMeter(ExitOptions options) {
    this.options = options;
  }

  /**
   * Measures all kinds, in their order.
   *
   * @throws io.ringside.host.HostException if KVM can't be used
   * @throws IllegalStateException if a guest made other exits than it should
   */
  List<ExitFigures> measureAll() {
    // What the JIT compiler compiles for the first kind must be good for the others too: with their
    // classes loaded.
    for (ExitKind kind : ExitKind.values()) {
      try (ExitMachine machine = new ExitMachine(kind)) {
        time(kind, new JavaLoop(machine.vcpu()), 1);
      }
    }
    List<ExitFigures> figures = new ArrayList<>();
    for (ExitKind kind : ExitKind.values()) {
      figures.add(measure(kind));
    }
    return figures;
  }

  private ExitFigures measure(ExitKind kind) {
    try (ExitMachine machine = new ExitMachine(kind);
        CLoop c = new CLoop(machine.vcpu())) {
      List<ExitLoop> loops = new ArrayList<>();
      loops.add(c::run);
      loops.add(new JavaLoop(machine.vcpu()));
      if (kind != ExitKind.HLT) { // there it would wait for an interrupt
        loops.add(new MachineLoop(machine.vcpu()));
      }
      // Java first: its first run gives the vCPU the registers.
      for (int done = 0; done < options.warmUp(); done += WARM_UP_PIECE) {
        for (ExitLoop loop : loops.reversed()) {
          time(kind, loop, WARM_UP_PIECE);
        }
      }
      List<ExitFigures.Round> rounds = new ArrayList<>();
      for (int round = 0; round < options.rounds(); round++) {
        double[] nanos = new double[loops.size()];
        for (int i = 0; i < nanos.length; i++) {
          int which = round % 2 == 0 ? i : nanos.length - 1 - i;
          nanos[which] = time(kind, loops.get(which), options.exits());
        }
        rounds.add(
            new ExitFigures.Round(
                nanos[0], nanos[1], nanos.length > 2 ? Optional.of(nanos[2]) : Optional.empty()));
      }
      return new ExitFigures(kind, rounds);
    }
  }

  /** Nanoseconds per exit. */
  private static double time(ExitKind kind, ExitLoop loop, int exits) {
    long start = System.nanoTime();
    long sum = loop.run(exits);
    long nanos = System.nanoTime() - start;
    if (sum != exits * kind.mark()) {
      throw new IllegalStateException(
          "the guest of " + kind.title() + " made other exits than it should: KVM can't run it");
    }
    return (double) nanos / exits;
  }
}
