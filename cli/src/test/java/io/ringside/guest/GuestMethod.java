package io.ringside.guest;

import io.ringside.vmm.Method;
import java.util.List;

/** The methods of virtualization that whole guests are tested on. */
enum GuestMethod {
  BT(Method.BT, "ttyS0", List.of("Booting paravirtualized kernel on bare hardware"), List.of()),
  PV(
      Method.PV,
      "hvc0",
      List.of("Booting kernel on Xen", "Hypervisor detected: Xen PV"),
      List.of(
          "ACPI: MPS support code is not built-in, using acpi=off or acpi=noirq or pci=noacpi may"
              + " have problem",
          "PMU not available due to virtualization, using software events only."));

  private final Method method;
  private final String console;
  private final List<String> log;
  private final List<String> harmless;

  GuestMethod(Method method, String console, List<String> log, List<String> harmless) {
    this.method = method;
    this.console = console;
    this.log = log;
    this.harmless = harmless;
  }

  /** As a machine is told. */
  Method method() {
    return method;
  }

  /** The guest's name for its console. */
  String console() {
    return console;
  }

  /** What the kernel's log says of the method. */
  List<String> log() {
    return log;
  }

  /** Warnings of the kernel that say no more than that the machine is no PC. */
  List<String> harmless() {
    return harmless;
  }

  /** As the command line has it. */
  @Override
  public String toString() {
    return method.name().toLowerCase(java.util.Locale.ROOT);
  }
}
