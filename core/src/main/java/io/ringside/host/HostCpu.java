package io.ringside.host;

import io.ringside.asm.Assembler;

/** What the host's processor says of itself, by emitted code: CPUID, the time stamp counter, XCR0. */
public final class HostCpu implements AutoCloseable {
  private static final int RESULT = 2048;

  private final HostMapping code = HostMapping.code(4096);
  private final HostMapping data = HostMapping.anonymous(4096, 0, 4096);
  private final NativeCode cpuid;
  private final NativeCode timestamp;
  private final NativeCode xgetbv;

  // For the counter's frequency: it and the monotonic clock, read together at the start.
  private final long startTicks;
  private final long startNanos;

  /** Emits the code. */
  public HostCpu() {
    Assembler a = new Assembler();
    a.start(code.executableAddress());
    final long cpuidEntry = a.address();
    a.push(Assembler.RBX);
    a.mov32(Assembler.RAX, Assembler.RDI);
    a.mov32(Assembler.RCX, Assembler.RSI);
    a.movImmediate(Assembler.RSI, data.memory().address() + RESULT);
    a.byte1(0x0f);
    a.byte1(0xa2);
    a.store32(Assembler.RSI, 0, Assembler.RAX);
    a.store32(Assembler.RSI, 4, Assembler.RBX);
    a.store32(Assembler.RSI, 8, Assembler.RCX);
    a.store32(Assembler.RSI, 12, Assembler.RDX);
    a.pop(Assembler.RBX);
    a.ret();
    final long timestampEntry = a.address();
    a.byte1(0x0f);
    a.byte1(0x31);
    combine(a);
    final long xgetbvEntry = a.address();
    a.movImmediate(Assembler.RCX, 0);
    a.byte1(0x0f);
    a.byte1(0x01);
    a.byte1(0xd0);
    combine(a);
    code.memory().write(0, a.buffer(), 0, a.position());
    cpuid = new NativeCode(cpuidEntry);
    timestamp = new NativeCode(timestampEntry);
    xgetbv = new NativeCode(xgetbvEntry);
    startTicks = timestamp();
    startNanos = System.nanoTime();
  }

  private static void combine(Assembler a) {
    a.shift(4, Assembler.RDX, 32);
    a.alu(Assembler.OR, Assembler.RAX, Assembler.RDX);
    a.ret();
  }

  /** CPUID: EAX, EBX, ECX, EDX for a leaf and a subleaf. */
  public synchronized int[] cpuid(int leaf, int subleaf) {
    cpuid.call(leaf, subleaf);
    NativeMemory m = data.memory();
    return new int[] {
      m.getInt(RESULT), m.getInt(RESULT + 4), m.getInt(RESULT + 8), m.getInt(RESULT + 12)
    };
  }

  /** RDTSC. */
  public long timestamp() {
    return timestamp.call(0, 0);
  }

  /** XCR0; only where CPUID shows OSXSAVE. */
  public long xcr0() {
    return xgetbv.call(0, 0);
  }

  /**
   * Ticks of the time stamp counter in a second, as measured against the monotonic clock since this object was made:
   * the later it is asked, the more exact. Waits until 20 ms have passed.
   */
  public double frequency() {
    long nanos = System.nanoTime() - startNanos;
    while (nanos < 20_000_000) {
      Thread.onSpinWait();
      nanos = System.nanoTime() - startNanos;
    }
    return (timestamp() - startTicks) * 1e9 / nanos;
  }

  @Override
  public void close() {
    code.close();
    data.close();
  }
}
