package io.ringside.conformance;

/** The methods of virtualization that the suite runs on; a test's name says which one it was. */
public enum Method {
  BT {
    @Override
    TestMachine machine() {
      return new BtMachine();
    }
  };

  abstract TestMachine machine();

  /** As the command line has it. */
  @Override
  public String toString() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
