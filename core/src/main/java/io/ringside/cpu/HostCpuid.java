package io.ringside.cpu;

/** The CPUID instruction of the host. */
@FunctionalInterface
public interface HostCpuid {
  /** Executes CPUID with EAX = leaf and ECX = subleaf: EAX, EBX, ECX, EDX. */
  int[] read(int leaf, int subleaf);
}
