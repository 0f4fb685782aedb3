/** The virtual machine monitor: machine model, devices, boot, and the methods that run a guest. */
module io.ringside.core {
  exports io.ringside.cpu;
  exports io.ringside.host;
  exports io.ringside.machine;
  exports io.ringside.x86;
}
