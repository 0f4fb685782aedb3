package io.ringside.xen;

import io.ringside.devices.TscClock;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.MachineLock;
import io.ringside.machine.Timers;

/**
 * What a domain is made of.
 *
 * @param memory all machine memory: the domain's, and what Xen keeps ({@link FrameTable#reservedFrames})
 * @param domainFrames how many frames the domain may have at most (its maximum reservation); it starts with all of them
 * @param domid its domain identifier, 1 to 0x7fef
 * @param vcpus how many vCPUs it has, 1 to 32
 * @param lock the machine's lock
 * @param timers timers, and the clock that system time is read from
 * @param tsc the guest's time-stamp counter
 * @param host what the domain tells the VMM
 */
public record DomainConfig(
    GuestMemory memory,
    long domainFrames,
    int domid,
    int vcpus,
    MachineLock lock,
    Timers timers,
    TscClock tsc,
    DomainHost host) {}
