/**
 * The devices of a PC: each a small class that knows registers, lines and time, and neither the method that drives the
 * processor nor the other devices. {@link io.ringside.devices.PcDevices} wires them together. All of them are called with
 * the machine's lock held unless a method says otherwise.
 */
package io.ringside.devices;
