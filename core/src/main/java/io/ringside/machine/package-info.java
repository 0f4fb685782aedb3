/**
 * What the parts of a machine agree on: guest-physical memory, buses, interrupt lines, timers, and the contract between a
 * vCPU and the VMM ({@link io.ringside.machine.Vcpu}, {@link io.ringside.machine.Exit}). It knows no method of
 * virtualization and no device.
 */
package io.ringside.machine;
