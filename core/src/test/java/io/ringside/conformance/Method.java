package io.ringside.conformance;

import io.ringside.hvm.KvmVm;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** The methods of virtualization that the suite runs on; a test's name says which one it was. */
public enum Method {
  BT {
    @Override
    TestMachine machine() {
      return new BtMachine();
    }
  },
  HVM {
    @Override
    TestMachine machine() {
      assumeKvm();
      return new HvmMachine();
    }
  };

  /** The machine, or an assumption that fails with the reason why there can't be one here. */
  abstract TestMachine machine();

  /** Skips the test where KVM can't be used. */
  static void assumeKvm() {
    Path device = Path.of(KvmVm.DEVICE);
    Assumptions.assumeTrue(Files.exists(device), "there is no " + KvmVm.DEVICE);
    Assumptions.assumeTrue(
        Files.isReadable(device) && Files.isWritable(device), "no access to " + KvmVm.DEVICE);
  }

  /** As the command line has it. */
  @Override
  public String toString() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
