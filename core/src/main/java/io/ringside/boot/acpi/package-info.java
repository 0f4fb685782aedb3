/**
 * The ACPI tables by which the guest learns of its processors, interrupt controllers and power switch. They describe what
 * {@link io.ringside.devices.PcDevices} wires up, and nothing else.
 */
package io.ringside.boot.acpi;
