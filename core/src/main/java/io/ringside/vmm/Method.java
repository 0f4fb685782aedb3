package io.ringside.vmm;

/** How a machine's vCPUs are made. */
public enum Method {
  /** Binary translation. */
  BT,
  /** Hardware-assisted virtualization, by KVM. */
  HVM
}
