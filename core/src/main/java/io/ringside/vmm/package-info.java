/**
 * The virtual machine monitor put together. {@link io.ringside.vmm.Machine} is the boot recipe: memory, devices, vCPU,
 * kernel, registers, top to bottom in its constructor. {@link io.ringside.vmm.VcpuLoop} is the vCPU loop: run, handle the
 * exit, account for it, repeat.
 */
package io.ringside.vmm;
