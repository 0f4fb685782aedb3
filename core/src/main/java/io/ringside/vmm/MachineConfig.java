package io.ringside.vmm;

import io.ringside.boot.CacheDirectory;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.IntConsumer;

/**
 * What a machine is made of.
 *
 * @param method how its vCPU is made
 * @param kernel the file of the kernel to boot
 * @param cache where the unpacked kernel is kept
 * @param initrd the initial RAM disk's file
 * @param commandLine the kernel's parameters; a {@link Method#PV} machine tells Linux its console too
 * @param memoryBytes guest RAM, a multiple of 4096
 * @param serialOutput gets each byte that the guest sends to its serial console; must not block for long
 * @param serialRoom runs when the serial console can take input that it refused
 * @param debugOutput gets each byte of the debug console at port E9h
 * @param cacheBytes size of the translation cache, for {@link Method#BT}
 */
public record MachineConfig(
    Method method,
    Path kernel,
    CacheDirectory cache,
    Optional<Path> initrd,
    String commandLine,
    long memoryBytes,
    IntConsumer serialOutput,
    Runnable serialRoom,
    IntConsumer debugOutput,
    int cacheBytes) {}
