package io.ringside.xen;

/** A guest's bitmap of vCPUs: 64-bit words, as many as the domain's vCPUs need. */
final class CpuMask {
  private CpuMask() {}

  /** Whether the bitmap can be read: 0 or -EFAULT. */
  static int check(PvVcpu caller, long gva) {
    try {
      for (int i = 0; i < caller.domain().vcpus(); i += 64) {
        caller.access().readLong(gva + i / 8);
      }
      return 0;
    } catch (HypercallException e) {
      return -e.errno();
    }
  }
}
