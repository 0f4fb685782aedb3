package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDX;
import static io.ringside.cpu.CpuState.RSI;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;

/** MSRs, CPUID and the time stamp counter. */
class MsrTest {
  @ForEachMethod
  void writtenAndReadBack(Method method) {
    long[][] msrs = {
      {0xc000_0081L, 0x0023_0010_0000_0000L},
      {0xc000_0082L, 0xffff_ffff_8100_0000L},
      {0xc000_0084L, 0x4_7700},
      {0xc000_0100L, 0x7fff_1234_5678L},
      {0xc000_0101L, 0xffff_8880_0000_0000L},
      {0xc000_0102L, 0x1234_5678L},
      {0xc000_0103L, 0x55},
      {0x277, 0x0007_0406_0007_0406L},
    };
    for (long[] msr : msrs) {
      try (Guest g = new Guest(method)) {
        g.kernel().wrmsr((int) msr[0], msr[1]).mov(RAX, 0).mov(RDX, 0).rdmsr((int) msr[0]).hlt();
        g.runToHalt();
        assertThat(g.gpr(RAX)).as("MSR 0x%x", msr[0]).isEqualTo(msr[1]);
      }
    }
  }

  @ForEachMethod
  void reservedAndUnknown(Method method) {
    for (long[] msr :
        new long[][] {
          {0xc000_0080L, 1L << 40},
          {0x1234_5678L, 0}
        }) {
      try (Guest g = new Guest(method)) {
        Program p = g.kernel().wrmsr((int) msr[0], msr[1]);
        g.runToHalt();
        assertThat(g.fault().vector()).as("MSR 0x%x", msr[0]).isEqualTo(13);
        assertThat(g.fault().rip()).isEqualTo(p.here() - 2);
      }
    }
    try (Guest g = new Guest(method)) {
      g.kernel().mov(RCX, 0x1234_5678L).bytes(0x0f, 0x32);
      g.expectFault(13, 0, Guest.KERNEL + 5);
    }
  }

  @ForEachMethod
  void segmentBasesAreUsed(Method method) {
    try (Guest g = new Guest(method)) {
      g.ram.putLong(Guest.KERNEL_DATA + 0x10, 0x1111);
      g.ram.putLong(Guest.KERNEL_DATA + 0x1010, 0x2222);
      // MOV RBX, FS:[10h]; MOV RSI, GS:[10h]; WRGSBASE; RDFSBASE RDX
      g.kernel()
          .wrmsr(0xc000_0100, Guest.KERNEL_DATA)
          .wrmsr(0xc000_0101, Guest.KERNEL_DATA + 0x1000)
          .bytes(0x64, 0x48, 0x8b, 0x1c, 0x25, 0x10, 0, 0, 0)
          .bytes(0x65, 0x48, 0x8b, 0x34, 0x25, 0x10, 0, 0, 0)
          .bytes(0xf3, 0x48, 0x0f, 0xae, 0xc2)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RBX)).isEqualTo(0x1111);
      assertThat(g.gpr(RSI)).isEqualTo(0x2222);
      assertThat(g.gpr(RDX)).isEqualTo(Guest.KERNEL_DATA);
    }
  }

  @ForEachMethod
  void fsgsbaseSwitchedOff(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.RING_3_TRAPS);
      g.needsFeature("FSGSBASE", 7, 0, 1, 0);
      g.state.set(CpuState.CR4, GuestTables.CR4 & ~(1 << 16));
      g.user().bytes(0xf3, 0x48, 0x0f, 0xae, 0xc2);
      g.startInUserMode();
      g.expectFault(6, Guest.USER);
    }
  }

  /** Loading a null selector into FS or GS in 64-bit mode. */
  @ForEachMethod
  void selectors(Method method) {
    try (Guest g = new Guest(method)) {
      // MOV EAX, user data; MOV GS, EAX; MOV EBX, GS; MOV DS, EAX; MOV ECX, DS
      g.kernel()
          .mov(RAX, GuestTables.USER_DATA)
          .bytes(0x8e, 0xe8, 0x8c, 0xeb, 0x8e, 0xd8, 0x8c, 0xd9)
          .mov(RAX, 0x38)
          .bytes(0x8e, 0xe0);
      g.expectFault(13, 0x38, Guest.KERNEL + 18);
      assertThat(g.gpr(RBX)).isEqualTo(GuestTables.USER_DATA);
      assertThat(g.gpr(RCX)).isEqualTo(GuestTables.USER_DATA);
    }
  }

  @ForEachMethod
  void rdtscGrows(Method method) {
    try (Guest g = new Guest(method)) {
      Program p = g.kernel().mov(RCX, 1000).mov(RSI, 0);
      long top = p.here();
      // RDTSC; SHL RDX,32; OR RAX,RDX; CMP RAX,RSI; JBE out; MOV RSI,RAX; LOOP
      p.bytes(
          0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0x48, 0x39, 0xf0, 0x76, 5, 0x48,
          0x89, 0xc6);
      p.bytes(0xe2, (int) (top - (p.here() + 2))).hlt();
      g.runToHalt();
      assertThat(g.gpr(RCX)).isZero();
    }
  }

  @ForEachMethod
  void rdtscpAndRdpidShowTscAux(Method method) {
    try (Guest g = new Guest(method)) {
      g.needsFeature("RDPID", 7, 0, 2, 22);
      g.kernel()
          .wrmsr(0xc000_0103, 0x7788)
          .bytes(0x0f, 0x01, 0xf9)
          .bytes(0xf3, 0x0f, 0xc7, 0xfb)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RCX)).isEqualTo(0x7788);
      assertThat(g.gpr(RBX)).isEqualTo(0x7788);
    }
  }

  @ForEachMethod
  void cpuid(Method method) {
    try (Guest g = new Guest(method)) {
      Program p =
          g.user()
              .mov(RAX, -1)
              .mov(RBX, -1)
              .mov(RCX, -1)
              .mov(RDX, -1)
              .mov(RAX, 0)
              .bytes(0x0f, 0xa2);
      p.store(Guest.USER_DATA, RBX)
          .store(Guest.USER_DATA + 8, RDX)
          .store(Guest.USER_DATA + 16, RCX)
          .mov(RAX, 1)
          .bytes(0x0f, 0xa2)
          .hlt();
      g.startInUserMode();
      g.runToHalt();
      byte[] vendor = new byte[12];
      for (int n = 0; n < 12; n++) {
        vendor[n] = (byte) g.ram.getByte(Guest.USER_DATA + 8L * (n / 4) + n % 4);
      }
      assertThat(new String(vendor, java.nio.charset.StandardCharsets.US_ASCII))
          .isIn("GenuineIntel", "AuthenticAMD", "HygonGenuine");
      assertThat(g.ram.getInt(Guest.USER_DATA + 4)).isZero();
      // FPU, TSC, MSR, PAE, APIC, CMOV, FXSR, SSE, SSE2; OSXSAVE as CR4 has it.
      int always = 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 9 | 1 << 15 | 1 << 24 | 1 << 25 | 1 << 26;
      assertThat(g.gpr(RDX) & always).isEqualTo(always);
      assertThat(g.gpr(RCX) >> 27 & 1).isOne();
    }
  }

  /** Changes of CR4 and XCR0 that are not allowed. */
  @ForEachMethod
  void controlRegistersThatFault(Method method) {
    long[][] writes = {
      {4, GuestTables.CR4 & ~0x20},
      {0, GuestTables.CR0 & ~1},
      {0, GuestTables.CR0 & ~(1L << 31)}
    };
    for (long[] write : writes) {
      try (Guest g = new Guest(method)) {
        Program p = g.kernel().control((int) write[0], write[1]);
        g.runToHalt();
        assertThat(g.fault().vector()).as("CR%d = 0x%x", write[0], write[1]).isEqualTo(13);
        assertThat(g.fault().rip()).isEqualTo(p.here() - 3);
      }
    }
    for (int xcr0 : new int[] {0, 2, 4, 5, 1 << 9}) {
      try (Guest g = new Guest(method)) {
        g.kernel().mov(RCX, 0).mov(RDX, 0).mov(RAX, xcr0).bytes(0x0f, 0x01, 0xd1);
        g.expectFault(13, 0, Guest.KERNEL + 15);
      }
    }
  }
}
