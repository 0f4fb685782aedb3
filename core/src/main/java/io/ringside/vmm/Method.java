package io.ringside.vmm;

/** How a machine's vCPUs are made. */
public enum Method {
  /** Binary translation. */
  BT,
  /** Paravirtualization, by the Xen PV ABI. */
  PV,
  /** Hardware-assisted virtualization, by KVM. */
  HVM
}
