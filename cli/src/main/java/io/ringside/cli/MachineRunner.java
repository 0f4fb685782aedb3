package io.ringside.cli;

/** Runs guests on Ringside's own machine. */
final class MachineRunner implements GuestRunner {
  @Override
  public End run(RunRequest request, Console console, Messages messages) {
    return End.failed("this build has no machine to run a guest on");
  }

  @Override
  public void stop() {
    // Nothing runs.
  }
}
