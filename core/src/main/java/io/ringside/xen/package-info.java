/**
 * The Xen ABI for one 64-bit paravirtualized (PV) guest, as Xen 4.17 gives it. Everything here is plain Java on guest
 * memory; what only the method of execution can do is behind {@link io.ringside.xen.PvCpu}. Sources of facts: Xen's
 * public headers ({@code xen/include/public}), the behaviour of Xen 4.17, Linux's {@code arch/x86/xen}.
 *
 * <p>A machine frame number (mfn) is the index of a 4 KiB page of guest RAM, a machine address (maddr) the offset in it;
 * a pseudo-physical frame number (pfn) is the guest's own numbering. The lowest frames are Xen's (M2P table,
 * shared_info), then come the domain's.
 *
 * <p>Who is responsible for what:
 *
 * <ul>
 *   <li>Entry: {@link io.ringside.xen.Hypercalls} (dispatch by number), {@code HypercallNumber}, {@link
 *       io.ringside.xen.Errno}, {@code HypercallException} (leaves a hypercall with an error), {@code GuestAccess}
 *       (copies from and to guest-virtual memory), {@code Multicall}, {@link io.ringside.xen.XenStatistics}.
 *   <li>State: {@link io.ringside.xen.Domain} (what all vCPUs share), {@link io.ringside.xen.PvVcpu} (one virtual CPU),
 *       {@code DomainConfig}, {@code DomainHost} (what the domain tells the VMM).
 *   <li>Memory: {@code FrameTable} (owner, reference and type counts of each frame), {@code FreeFrames} (allocation),
 *       {@code Pte} (bits of entries), {@code PageTypes} (a frame's type while it is used as such), {@code PageTables}
 *       (validation and update of page-table entries), {@code MmuUpdate}, {@code MmuExtended} (mmuext_op), {@code
 *       MemoryOp} with {@code Reservations}, {@code MemoryExchange} and {@code MemoryMap}, {@code MachineToPhys},
 *       {@code WritablePageTables} (emulated writes to page tables), {@code SegmentDescriptors} (pages of descriptors).
 *   <li>Events, time, CPU: {@code SharedInfo} (layout), {@code EventChannels}, {@code PvClock}, {@code VcpuTimers},
 *       {@code RunState}, {@code SchedOp}, {@code VcpuOp}, {@code CallbackOp}, {@link
 *       io.ringside.xen.Traps} (bounce frames, IRET) with {@code TrapTable}, {@code Callbacks} and {@code
 *       VirtualRegisters}, {@code CpuHypercalls} (stack_switch, set_gdt, update_descriptor, segment bases, debug
 *       registers, fpu_taskswitch), {@code VmAssist}, {@link io.ringside.xen.PrivilegedInstructions} (what is emulated
 *       after #GP) with {@code PvPorts} and {@link io.ringside.xen.PvControls}.
 *   <li>Console: {@link io.ringside.xen.ConsoleRing} (the guest's console), {@code ConsoleIo} (the hypervisor's), {@code
 *       ConsoleOutput} (both on the host's).
 *   <li>XenStore: {@link io.ringside.xen.XenStore} (what the VMM does with it), {@code XenStoreRing} (the guest's way to it),
 *       {@code StoreProtocol} (requests), {@code StoreOperations} (what they do to nodes, rights and quotas), {@code
 *       StoreDatabase} and {@code StoreTransaction} (nodes as all see them, and as a transaction does), {@code
 *       StoreClient} and {@code StoreConnection} (watches, what waits to be sent), {@code StoreContents} (the tree at the
 *       start). {@code DomainServices} connects console and store.
 *   <li>Grants: {@code GrantTable} (the hypercall), {@code GrantEntries}, {@code GrantMappings}, {@code GrantCopy}.
 *   <li>What a guest asks about its processor and its hypervisor: {@link io.ringside.xen.PvCpuid}, {@link
 *       io.ringside.xen.PvMsrs}, {@code XenVersion}; {@code PhysdevOp}; {@code PrivilegedOps} (what it may not).
 *   <li>Start of day: {@link io.ringside.xen.PvKernel} (kernel files) with {@code PvNotes}, {@code KernelContents} and
 *       {@code BsdSymbols}; {@link io.ringside.xen.DomainBuilder} with {@code Ramdisk}, {@code StartLayout} (what is
 *       where), {@code PhysToMachine}, {@code InitialMapping} (page tables), {@code StartInfo}, {@code HypercallPage};
 *       {@link io.ringside.xen.StartOfDay} (registers).
 * </ul>
 */
package io.ringside.xen;
