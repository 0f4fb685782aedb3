/**
 * Hardware-assisted virtualization: the guest runs in non-root mode by VT-x or AMD-V, through the Linux kernel's KVM
 * ({@code /dev/kvm}). {@link io.ringside.hvm.KvmVm} is the VM with its memory and interrupt chips, {@link
 * io.ringside.hvm.HvmVcpu} a vCPU. Facts of the API: Documentation/virt/kvm/api.rst and include/uapi/linux/kvm.h.
 */
package io.ringside.hvm;
