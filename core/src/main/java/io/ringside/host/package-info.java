/**
 * The host: mapped memory, emitted code and how to call it, signals, the terminal, what the processor is. The only package
 * that calls native functions. What the host refuses is a {@link io.ringside.host.HostException} whose message is the line
 * to show.
 */
package io.ringside.host;
