package io.ringside.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;

/** Entry point of the {@code ringside} command. */
public final class Main {
  private Main() {}

  /** Runs the command line and ends the process with its exit status. */
  public static void main(String[] args) {
    // The streams themselves: System.in and System.out would buffer and encode the guest's bytes.
    Ringside command =
        new Ringside(
            MachineRunner::new,
            Host::ofThisProcess,
            new FileInputStream(FileDescriptor.in),
            new FileOutputStream(FileDescriptor.out),
            System.err);
    System.exit(command.execute(args));
  }
}
