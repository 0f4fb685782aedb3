/** The virtual machine monitor: machine model, devices, boot, and the methods that run a guest. */
module io.ringside.core {
  requires org.tukaani.xz;

  exports io.ringside.asm;
  exports io.ringside.boot;
  exports io.ringside.boot.acpi;
  exports io.ringside.bt;
  exports io.ringside.cpu;
  exports io.ringside.devices;
  exports io.ringside.host;
  exports io.ringside.hvm;
  exports io.ringside.machine;
  exports io.ringside.vmm;
  exports io.ringside.x86;
}
