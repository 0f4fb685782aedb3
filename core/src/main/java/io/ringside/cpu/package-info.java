/**
 * The guest's processor as far as it is emulated in Java: its state ({@link io.ringside.cpu.CpuState}), paging
 * ({@link io.ringside.cpu.Mmu}), delivery of exceptions and interrupts ({@link io.ringside.cpu.Interrupts}), system
 * instructions by family, MSRs and CPUID. {@link io.ringside.cpu.Processor} wires them together. It does not know how the
 * other instructions are executed: whoever does that implements {@link io.ringside.cpu.CpuHooks} and is told what changed.
 *
 * <p>Facts are Intel's (SDM, Software Developer's Manual) and AMD's (APM, Architecture Programmer's Manual), by volume
 * and section.
 */
package io.ringside.cpu;
