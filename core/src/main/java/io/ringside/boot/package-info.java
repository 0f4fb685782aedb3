/**
 * From files to a guest that can start: kernels (bzImage and ELF, with what they are packed by), the initial RAM disk,
 * boot parameters and tables, and the default guest from Debian's archive. {@link io.ringside.boot.LinuxBoot} has the
 * order of things, {@link io.ringside.boot.MemoryLayout} the addresses. A mistake of the user's is a
 * {@link io.ringside.boot.BootException} whose message is the line to show.
 */
package io.ringside.boot;
