package io.ringside.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.ringside.cpu.CpuState;
import io.ringside.host.NativeMemory;
import io.ringside.machine.Exit;
import java.util.ArrayList;
import java.util.List;

/**
 * A tiny guest: programs put into a {@link TestMachine}, started in ring 0, and what became of it. The kernel's pages
 * are for the supervisor only, the user's for both.
 */
final class Guest implements AutoCloseable {
  /** Where ring 0 code starts, where its stack ends, and where it has some data. */
  static final long KERNEL = 0x8_0000;

  static final long KERNEL_STACK = 0x9_0000;
  static final long KERNEL_DATA = 0xa_0000;

  /** The same for ring 3. */
  static final long USER = 0x10_0000;

  static final long USER_STACK = 0x12_0000;
  static final long USER_DATA = 0x14_0000;

  /** A page-aligned gva above all RAM, free to be mapped. */
  static final long FREE = 0x4000_0000;

  /** Where {@link #cpuid} puts its code. */
  private static final long PROBE = 0xf_0000;

  /** A gpa where there is no RAM. */
  static final long MMIO = TestMachine.RAM_SIZE + 0x1000L;

  /** An exception that no handler of the guest took. */
  record Fault(int vector, long error, long rip, long flags, long rsp) {
    /** Without an error code. */
    static Fault of(int vector, long rip, Guest guest) {
      return of(vector, 0, rip, guest);
    }

    /** At RIP, with the flags and RSP that the guest has in the exception's frame. */
    static Fault of(int vector, long error, long rip, Guest guest) {
      Fault is = guest.fault();
      return new Fault(vector, error, rip, is.flags, is.rsp);
    }
  }

  final TestMachine machine;
  final CpuState state;
  final NativeMemory ram;
  final GuestPages pages;
  private final List<Program> programs = new ArrayList<>();

  Guest(Method method) {
    machine = method.machine();
    state = machine.state();
    ram = machine.ram();
    pages = new GuestPages(ram);
    state.rip(KERNEL);
    state.gpr(CpuState.RSP, KERNEL_STACK);
  }

  /** A program that is written to RAM at its address before the first run. */
  Program at(long address) {
    Program program = new Program(address);
    programs.add(program);
    return program;
  }

  Program kernel() {
    return at(KERNEL);
  }

  Program user() {
    return at(USER);
  }

  /** Makes a program at {@code address} the handler of an exception or interrupt, on IST1 as all others. */
  Program handler(int vector, long address) {
    return handler(vector, address, 0, 1);
  }

  /** The same with a DPL and an IST number. */
  Program handler(int vector, long address, int dpl, int ist) {
    GuestTables.gate(ram, vector, address, dpl, ist, false);
    return at(address);
  }

  /** Starts in ring 3, at {@link #USER}. */
  void startInUserMode() {
    GuestTables.ring(state, 3);
    state.rip(USER);
    state.gpr(CpuState.RSP, USER_STACK);
  }

  /** Runs to the next exit. */
  Exit run() {
    for (Program program : programs) {
      byte[] code = program.a.toByteArray();
      ram.write(program.address, code, 0, code.length);
      // What runs on behind its program ends there, so that a test fails at once.
      long end = program.address + code.length;
      if (ram.getByte(end) == 0) {
        ram.putByte(end, 0xf4);
      }
      machine.codeChanged(program.address, code.length + 1);
    }
    if (!programs.isEmpty()) {
      programs.clear();
      machine.stateChanged();
    }
    return machine.run();
  }

  /** Skips the test if the machine's processor lacks something. */
  void needs(Need... all) {
    for (Need need : all) {
      assumeFalse(machine.lacks().contains(need), () -> machine.processor() + " lacks " + need);
    }
  }

  /** What CPUID shows, in EAX, EBX, ECX and EDX. To be called in ring 0 between runs; nothing else changes. */
  int[] cpuid(int leaf, int subleaf) {
    long rip = state.rip();
    int[] used = {CpuState.RAX, CpuState.RBX, CpuState.RCX, CpuState.RDX};
    long[] saved = new long[4];
    for (int n = 0; n < 4; n++) {
      saved[n] = gpr(used[n]);
    }
    ram.putInt(PROBE, 0x00f4_a20f);
    state.rip(PROBE);
    gpr(CpuState.RAX, leaf);
    gpr(CpuState.RCX, subleaf);
    machine.stateChanged();
    assertThat(machine.run()).isInstanceOf(Exit.Halt.class);
    int[] result = new int[4];
    for (int n = 0; n < 4; n++) {
      result[n] = (int) gpr(used[n]);
      gpr(used[n], saved[n]);
    }
    state.rip(rip);
    machine.stateChanged();
    return result;
  }

  /** Skips the test unless CPUID shows a feature: its leaf, subleaf, register (0 EAX to 3 EDX) and bit. */
  void needsFeature(String name, int leaf, int subleaf, int register, int bit) {
    assumeTrue(
        (cpuid(leaf, subleaf)[register] >>> bit & 1) != 0,
        () -> "CPUID shows no " + name + " (" + machine.processor() + ")");
  }

  /** Whether CPUID's vendor is AMD, or one that made its processors after AMD's. */
  boolean isAmd() {
    int vendor = cpuid(0, 0)[1];
    return vendor == 0x6874_7541 || vendor == 0x6f67_7948;
  }

  /** Runs to a read of a port or of device memory, and answers it. */
  void answer(Exit expected, long value) {
    assertThat(run()).isEqualTo(expected);
    machine.vcpu().completeRead(value);
  }

  /** Runs to an exit that must be as given. */
  void expect(Exit expected) {
    assertThat(run()).isEqualTo(expected);
  }

  /** Runs to a HLT, which must be the next exit. */
  void runToHalt() {
    assertThat(run()).isInstanceOf(Exit.Halt.class);
  }

  /** The exception that ended the run. */
  Fault fault() {
    int vector = GuestTables.vectorOf(state.rip());
    assertThat(vector).as("vector, RIP is 0x%x", state.rip()).isNotNegative();
    boolean hasCode = vector == 8 || vector >= 10 && vector <= 14 || vector == 17;
    long frame = gpr(CpuState.RSP) + (hasCode ? 8 : 0);
    return new Fault(
        vector,
        hasCode ? ram.getLong(frame - 8) : 0,
        ram.getLong(frame),
        ram.getLong(frame + 16),
        ram.getLong(frame + 24));
  }

  /** Runs and expects an exception without an error code that no handler takes. */
  void expectFault(int vector, long rip) {
    runToHalt();
    assertThat(fault()).isEqualTo(Fault.of(vector, rip, this));
  }

  /** Runs and expects an exception with an error code that no handler takes. */
  void expectFault(int vector, long error, long rip) {
    runToHalt();
    assertThat(fault()).isEqualTo(Fault.of(vector, error, rip, this));
  }

  /** Runs and expects a page fault that no handler takes. */
  void expectPageFault(long error, long address, long rip) {
    expectFault(14, error, rip);
    assertThat(state.get(CpuState.CR2)).isEqualTo(address);
  }

  long gpr(int number) {
    return state.gpr(number);
  }

  void gpr(int number, long value) {
    state.gpr(number, value);
  }

  @Override
  public void close() {
    machine.close();
  }
}
