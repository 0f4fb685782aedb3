package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RSI;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;
import io.ringside.machine.Exit;
import java.util.concurrent.locks.LockSupport;

/** The time stamp counter: it grows with the host's time, at a rate that does not change, and can be set. */
class TscTest {
  private static final int TSC = 0x10;
  private static final int TSC_ADJUST = 0x3b;

  /** RDTSC to RAX, upper half shifted in; clobbers RDX. */
  private static Program rdtsc(Program p) {
    return p.bytes(0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0);
  }

  /** Guest ticks per nanosecond of the host's time over a pause: between the least and the most it can have been. */
  private static double[] rate(Guest g, long pauseNanos) {
    long before = System.nanoTime();
    g.expect(new Exit.PortWrite(0x80, 1, 0));
    long between = System.nanoTime();
    long first = g.gpr(RSI);
    LockSupport.parkNanos(pauseNanos);
    long later = System.nanoTime();
    g.expect(new Exit.PortWrite(0x80, 1, 0));
    long after = System.nanoTime();
    double ticks = g.gpr(RSI) - first;
    return new double[] {ticks / (after - before), ticks / Math.max(1, later - between)};
  }

  /**
   * Two pauses of different length give the same rate, each within what the host's clock allows, and it is that of a
   * processor: 100 MHz to 10 GHz.
   */
  @ForEachMethod
  void growsWithTime(Method method) {
    try (Guest g = new Guest(method)) {
      Program p = g.kernel();
      // RDTSC; MOV RSI,RAX; MOV AL,0; OUT 80h,AL; JMP
      rdtsc(p).bytes(0x48, 0x89, 0xc6, 0xb0, 0x00, 0xe6, 0x80);
      p.jmp(Guest.KERNEL);
      g.expect(new Exit.PortWrite(0x80, 1, 0));
      double[] shorter = rate(g, 20_000_000);
      double[] longer = rate(g, 100_000_000);
      for (double[] rate : new double[][] {shorter, longer}) {
        assertThat(rate[1]).isGreaterThan(0.1);
        assertThat(rate[0]).isLessThan(10);
      }
      assertThat(longer[0] * 0.98).isLessThan(shorter[1]);
      assertThat(shorter[0] * 0.98).isLessThan(longer[1]);
    }
  }

  /** It never goes back: within a loop, over exits, and between the ways to read it. */
  @ForEachMethod
  void neverGoesBack(Method method) {
    try (Guest g = new Guest(method)) {
      Program p = g.kernel().mov(RCX, 300).mov(RSI, 0).mov(RBX, 0);
      long top = p.here();
      // RDTSC; CMP RAX,RSI; ADC EBX,0; MOV RSI,RAX; OUT 80h,AL; LOOP
      rdtsc(p).bytes(0x48, 0x39, 0xf0, 0x83, 0xd3, 0x00, 0x48, 0x89, 0xc6, 0xe6, 0x80);
      p.bytes(0xe2, (int) (top - (p.here() + 2))).hlt();
      for (int n = 0; n < 300; n++) {
        assertThat(g.run()).isInstanceOf(Exit.PortWrite.class);
      }
      g.runToHalt();
      assertThat(g.gpr(RBX)).isZero();
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  @ForEachMethod
  void msrAndInstructionsAgree(Method method) {
    try (Guest g = new Guest(method)) {
      g.needsFeature("RDTSCP", 0x8000_0001, 0, 3, 27);
      Program p = g.kernel();
      rdtsc(p).bytes(0x48, 0x89, 0xc3).rdmsr(TSC).bytes(0x48, 0x89, 0xc6);
      // RDTSCP; SHL RDX,32; OR RAX,RDX
      p.bytes(0x0f, 0x01, 0xf9, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0).hlt();
      g.runToHalt();
      assertThat(g.gpr(RSI)).isGreaterThan(g.gpr(RBX));
      assertThat(g.gpr(RAX)).isGreaterThan(g.gpr(RSI));
      assertThat(g.gpr(RAX) - g.gpr(RBX)).isLessThan(100_000_000_000L);
    }
  }

  /** A value written by the guest is where it goes on from, and TSC_ADJUST moves with it. */
  @ForEachMethod
  void written(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.TSC_WRITES);
      g.needsFeature("TSC_ADJUST", 7, 0, 1, 1);
      long value = 0x1000_0000_0000L;
      // MOV R8,RAX and MOV RBX,RAX keep what was read.
      Program p = rdtsc(g.kernel()).bytes(0x49, 0x89, 0xc0).wrmsr(TSC, value);
      rdtsc(p).bytes(0x48, 0x89, 0xc3).wrmsr(TSC_ADJUST, 0);
      rdtsc(p).hlt();
      g.runToHalt();
      assertThat(g.gpr(RBX) - value).isBetween(0L, 100_000_000_000L);
      assertThat(g.gpr(RAX) - g.gpr(8)).isBetween(1L, 100_000_000_000L);
    }
  }

  /** RDTSC and RDTSCP in ring 3 with CR4.TSD; ring 0 may. */
  @ForEachMethod
  void disabledForUsers(Method method) {
    for (int[] code : new int[][] {{0x0f, 0x31}, {0x0f, 0x01, 0xf9}}) {
      try (Guest g = new Guest(method)) {
        g.needs(Need.RING_3_TRAPS);
        if (code.length == 3) {
          g.needsFeature("RDTSCP", 0x8000_0001, 0, 3, 27);
        }
        g.state.set(CpuState.CR4, GuestTables.CR4 | 1 << 2);
        g.kernel().bytes(code).enterUser(Guest.USER, 2);
        g.user().bytes(code);
        g.expectFault(13, 0, Guest.USER);
      }
    }
  }
}
