package io.ringside.conformance;

import io.ringside.cpu.CpuState;
import io.ringside.host.NativeMemory;
import io.ringside.machine.Exit;
import io.ringside.machine.Vcpu;
import java.util.Set;

/**
 * RAM and one vCPU of some method, with {@link GuestTables} in its first 64 KiB: what every test of the conformance
 * suite runs on. Registers are set and read through a {@link CpuState}, whatever the method keeps them in.
 */
public interface TestMachine extends AutoCloseable {
  /** Bytes of RAM; every gpa above is MMIO. */
  int RAM_SIZE = 16 << 20;

  /** The method's name as the command line has it, for the tests' names. */
  String method();

  /** What runs the guest, for the reasons of skipped tests: the method, and what is known of the processor behind it. */
  default String processor() {
    return method();
  }

  /** What this machine's processor can't do although others can. */
  default Set<Need> lacks() {
    return Set.of();
  }

  /** RAM by gpa. A method may have cached code of it: see {@link #codeChanged}. */
  NativeMemory ram();

  /** The registers between runs. */
  CpuState state();

  /** To be called after RFLAGS, CPL, a segment, control register or EFER was changed from outside. */
  void stateChanged();

  /** To be called after page tables were changed from outside while paging was on. */
  void flushTlb();

  /** To be called after a page with code was changed from outside. */
  void codeChanged(long gpa, int length);

  /** The interrupt controller. */
  FakeInterrupts interrupts();

  /** The vCPU, to complete reads and to kick. */
  Vcpu vcpu();

  /** Runs until the next exit. */
  default Exit run() {
    return vcpu().run();
  }

  @Override
  void close();
}
