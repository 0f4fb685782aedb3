package io.ringside.boot;

import io.ringside.machine.GuestMemory;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The boot recipe of a Linux kernel that is entered in 64-bit mode: what a boot loader and the kernel's own unpacking
 * code do on a real PC. It follows Documentation/arch/x86/boot.rst, "64-bit Boot Protocol", with the unpacked kernel's
 * entry in place of the bzImage's.
 */
public final class LinuxBoot {
  private LinuxBoot() {}

  /**
   * Puts kernel, initrd, command line and boot parameters into guest memory.
   *
   * @param memory new memory, all zero
   * @param kernel the kernel
   * @param initrd the initial RAM disk's file
   * @param commandLine the kernel's parameters
   * @param rsdp gpa of the ACPI root pointer, or 0 to let the kernel search for it
   * @return the registers to start the boot processor with
   * @throws BootException where something doesn't fit or can't be read
   */
  public static EntryState load(
      GuestMemory memory,
      KernelImage kernel,
      Optional<Path> initrd,
      String commandLine,
      long rsdp) {
    kernel.load(memory);
    Initrd disk = initrd.isPresent() ? Initrd.load(initrd.get(), kernel, memory) : Initrd.NONE;
    BootParams.writeCommandLine(memory, kernel.header(), commandLine);
    BootParams.write(memory, kernel.header(), disk, rsdp);
    BootTables.write(memory);
    return EntryState.at(kernel.entry());
  }
}
