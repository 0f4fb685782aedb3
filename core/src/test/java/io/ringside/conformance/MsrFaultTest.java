package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDX;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;

/** MSRs and control registers: what may be written, what raises #GP and then leaves them as they were. */
class MsrFaultTest {
  private static final int EFER = 0xc000_0080;
  private static final int LSTAR = 0xc000_0082;
  private static final int CSTAR = 0xc000_0083;
  private static final int FS_BASE = 0xc000_0100;
  private static final int GS_BASE = 0xc000_0101;
  private static final int KERNEL_GS_BASE = 0xc000_0102;
  private static final int TSC_AUX = 0xc000_0103;
  private static final int PAT = 0x277;
  private static final int APIC_BASE = 0x1b;
  private static final long NOT_CANONICAL = 0x8000_0000_0000L;

  /** Reads the MSR to RBX, writes it, which faults; the handler reads it to RAX. */
  private static void refused(Method method, int msr, long value) {
    try (Guest g = new Guest(method)) {
      Program p = g.kernel().rdmsr(msr).bytes(0x48, 0x89, 0xc3);
      p.wrmsr(msr, value);
      long rip = p.here() - 2;
      g.handler(13, Guest.KERNEL + 0x400).rdmsr(msr).hlt();
      g.runToHalt();
      String what = "MSR 0x" + Integer.toHexString(msr) + " = 0x" + Long.toHexString(value);
      long frame = g.gpr(CpuState.RSP);
      assertThat(frame).as(what).isEqualTo(GuestTables.IST1_TOP - 48);
      assertThat(g.ram.getLong(frame)).as(what).isZero();
      assertThat(g.ram.getLong(frame + 8)).as(what).isEqualTo(rip);
      assertThat(g.gpr(RAX)).as(what).isEqualTo(g.gpr(RBX));
    }
  }

  @ForEachMethod
  void nonCanonicalAddresses(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.CANONICAL_MSRS);
    }
    for (int msr : new int[] {LSTAR, CSTAR, FS_BASE, GS_BASE, KERNEL_GS_BASE}) {
      refused(method, msr, NOT_CANONICAL);
      refused(method, msr, 0xffff_7fff_ffff_ffffL);
    }
  }

  @ForEachMethod
  void reservedBits(Method method) {
    refused(method, EFER, GuestTables.EFER | 1 << 1);
    refused(method, EFER, GuestTables.EFER | 1L << 63);
    refused(method, APIC_BASE, 0xfee0_0900L | 1L << 60);
  }

  /** Memory types 2, 3 and above 7 are reserved. */
  @ForEachMethod
  void pageAttributeTable(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.PAT_TYPES);
    }
    refused(method, PAT, 2);
    refused(method, PAT, 3L << 56);
    refused(method, PAT, 0x0007_0406_0007_0486L);
  }

  /** LME can't change while paging is on; LMA can't be written at all. */
  @ForEachMethod
  void longModeStaysOn(Method method) {
    refused(method, EFER, GuestTables.EFER & ~(1 << 8));
    try (Guest g = new Guest(method)) {
      Program p = g.kernel().wrmsr(EFER, GuestTables.EFER & ~(1 << 10)).rdmsr(EFER).hlt();
      g.runToHalt();
      if (GuestTables.vectorOf(g.state.rip()) == 13) {
        // AMD's manual lets a change of LMA raise #GP.
        assertThat(g.fault().rip()).isLessThan(p.here());
      } else {
        assertThat(g.gpr(RAX)).isEqualTo(GuestTables.EFER);
      }
    }
  }

  /** TSC_AUX has 32 bits: Intel's processors refuse more, AMD's may ignore it. */
  @ForEachMethod
  void tscAux(Method method) {
    try (Guest g = new Guest(method)) {
      g.needsFeature("RDTSCP", 0x8000_0001, 0, 3, 27);
      g.kernel().wrmsr(TSC_AUX, 0x1_0000_0007L).rdmsr(TSC_AUX).hlt();
      g.runToHalt();
      int vector = GuestTables.vectorOf(g.state.rip());
      if (vector == -1) {
        assertThat(g.isAmd()).isTrue();
        assertThat(g.gpr(RAX)).isEqualTo(7);
      } else {
        assertThat(vector).isEqualTo(13);
      }
    }
  }

  @ForEachMethod
  void unknownOnes(Method method) {
    for (int msr : new int[] {0x1234_5678, 0x4242, 0xc000_ffff, 0xdead_beef}) {
      for (int code : new int[] {0x30, 0x32}) {
        try (Guest g = new Guest(method)) {
          g.gpr(RAX, 0x11);
          g.gpr(RDX, 0x22);
          g.gpr(RCX, msr);
          g.kernel().bytes(0x0f, code);
          g.expectFault(13, 0, Guest.KERNEL);
          assertThat(g.gpr(RAX)).isEqualTo(0x11);
          assertThat(g.gpr(RDX)).isEqualTo(0x22);
        }
      }
    }
  }

  /** The upper half of RCX does not count; RDMSR clears those of RAX and RDX. */
  @ForEachMethod
  void upperHalves(Method method) {
    try (Guest g = new Guest(method)) {
      g.gpr(RCX, 0x5555_5555_0000_0000L | LSTAR & 0xffff_ffffL);
      g.gpr(RAX, 0x6666_6666_8123_4567L);
      g.gpr(RDX, 0x7777_7777_ffff_ffffL);
      g.kernel().bytes(0x0f, 0x30, 0x0f, 0x32).hlt();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0x8123_4567L);
      assertThat(g.gpr(RDX)).isEqualTo(0xffff_ffffL);
    }
  }

  /** The one vCPU is the bootstrap processor, its local APIC on and where it always is. */
  @ForEachMethod
  void apicBase(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel().rdmsr(APIC_BASE).hlt();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0xfee0_0900L);
    }
  }

  /** Without SCE SYSCALL is undefined. */
  @ForEachMethod
  void systemCallsSwitchedOff(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.SYSCALL_SWITCHED_OFF);
      g.kernel()
          .wrmsr(LSTAR, Guest.KERNEL + 0x100)
          .wrmsr(EFER, GuestTables.EFER & ~1)
          .rdmsr(EFER)
          .bytes(0x48, 0x89, 0xc3)
          .enterUser(Guest.USER, 2);
      g.user().syscall();
      g.expectFault(6, Guest.USER);
      assertThat(g.gpr(RBX)).isEqualTo(GuestTables.EFER & ~1);
    }
  }

  /** Without NXE bit 63 of page table entries is reserved. */
  @ForEachMethod
  void noExecuteSwitchedOff(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.RESERVED_BITS);
      g.pages.map(Guest.FREE, Guest.USER_DATA, GuestPages.ALL | GuestPages.NO_EXECUTE);
      Program p = g.kernel().load(RBX, Guest.FREE).wrmsr(EFER, GuestTables.EFER & ~(1 << 11));
      p.mov(15, Guest.FREE);
      long rip = p.here();
      p.bytes(0x49, 0x8b, 0x07);
      g.expectPageFault(9, Guest.FREE, rip);
    }
  }

  /** What MOV from a control register reads is what was written, with the bits that are fixed. */
  @ForEachMethod
  void controlRegisters(Method method) {
    try (Guest g = new Guest(method)) {
      // MOV CR2,RBX; MOV RSI,CR2; MOV RDI,CR0; MOV R8,CR4; MOV R9,CR3
      g.gpr(RBX, 0x1234_5678_9abc_def0L);
      g.kernel()
          .control(0, GuestTables.CR0 & ~(1L << 18) & ~0x10)
          .control(3, GuestTables.PML4 | 0x18)
          .bytes(0x0f, 0x22, 0xd3, 0x0f, 0x20, 0xd6, 0x0f, 0x20, 0xc7)
          .bytes(0x41, 0x0f, 0x20, 0xe0, 0x41, 0x0f, 0x20, 0xd9)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(CpuState.RSI)).isEqualTo(0x1234_5678_9abc_def0L);
      // ET is always set.
      assertThat(g.gpr(CpuState.RDI)).isEqualTo(GuestTables.CR0 & ~(1L << 18));
      assertThat(g.gpr(8)).isEqualTo(GuestTables.CR4);
      assertThat(g.gpr(9)).isEqualTo(GuestTables.PML4 | 0x18);
    }
  }

  @ForEachMethod
  void controlRegistersThatFault(Method method) {
    long[][] writes = {
      {0, GuestTables.CR0 & ~(1L << 31)}, // paging off in 64-bit mode
      {0, GuestTables.CR0 & ~1L},
      {0, GuestTables.CR0 | 1L << 29}, // NW without CD
      {4, GuestTables.CR4 & ~0x20L},
      {8, 0x10},
      {8, -1},
    };
    checkControlRegisters(method, writes);
  }

  @ForEachMethod
  void reservedBitsOfControlRegisters(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.RESERVED_CONTROL_BITS);
    }
    long[][] writes = {
      {0, GuestTables.CR0 | 1L << 40},
      {3, GuestTables.PML4 | 1L << 52},
      {4, GuestTables.CR4 | 1L << 31},
      {4, GuestTables.CR4 | 1L << 40},
    };
    checkControlRegisters(method, writes);
  }

  private static void checkControlRegisters(Method method, long[][] writes) {
    for (long[] write : writes) {
      try (Guest g = new Guest(method)) {
        Program p = g.kernel().mov(RAX, write[1]);
        long rip = p.here();
        if (write[0] == 8) {
          p.bytes(0x44, 0x0f, 0x22, 0xc0);
        } else {
          p.bytes(0x0f, 0x22, 0xc0 | (int) write[0] << 3);
        }
        g.runToHalt();
        assertThat(g.fault())
            .as("CR%d = 0x%x", write[0], write[1])
            .isEqualTo(Guest.Fault.of(13, 0, rip, g));
        assertThat(g.state.get(CpuState.CR0)).isEqualTo(GuestTables.CR0);
        assertThat(g.state.get(CpuState.CR4)).isEqualTo(GuestTables.CR4);
      }
    }
  }

  /** LMSW sets MP, EM, TS and can't clear PE; SMSW shows them; CLTS clears TS. */
  @ForEachMethod
  void machineStatusWord(Method method) {
    try (Guest g = new Guest(method)) {
      // LMSW AX; SMSW EBX; CLTS; SMSW ECX
      g.gpr(RAX, 0xffff_ffff_ffff_fff8L);
      g.kernel().bytes(0x0f, 0x01, 0xf0, 0x0f, 0x01, 0xe3, 0x0f, 0x06, 0x0f, 0x01, 0xe1).hlt();
      g.runToHalt();
      assertThat(g.gpr(RBX) & 0xf).isEqualTo(9);
      assertThat(g.gpr(RCX) & 0xf).isEqualTo(1);
      assertThat(g.state.get(CpuState.CR0)).isEqualTo(GuestTables.CR0 & ~2);
    }
  }

  /** XCR0 as XSETBV has set it; in ring 3 XGETBV works and XSETBV does not. */
  @ForEachMethod
  void extendedControlRegister(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.XGETBV_IN_RING_0, Need.XSETBV);
      // XSETBV of 3; XGETBV
      g.kernel()
          .mov(RCX, 0)
          .mov(RDX, 0)
          .mov(RAX, 3)
          .bytes(0x0f, 0x01, 0xd1)
          .mov(RAX, 0)
          .bytes(0x0f, 0x01, 0xd0)
          .bytes(0x89, 0xc3)
          .enterUser(Guest.USER, 2);
      g.user().bytes(0x0f, 0x01, 0xd0).bytes(0x0f, 0x01, 0xd1);
      g.expectFault(13, 0, Guest.USER + 3);
      assertThat(g.gpr(RBX)).isEqualTo(3);
      assertThat(g.gpr(RAX)).isEqualTo(3);
      assertThat(g.state.get(CpuState.XCR0)).isEqualTo(3);
    }
  }

  @ForEachMethod
  void debugRegisters(Method method) {
    try (Guest g = new Guest(method)) {
      // MOV DR0,RAX; MOV DR3,RBX; MOV RSI,DR0; MOV RDI,DR3; MOV DR6,RCX; MOV R8,DR6;
      // MOV DR7,RCX; MOV R9,DR7; MOV R10,DR4; MOV R11,DR5
      g.gpr(RAX, 0x1111_2222_3333L);
      g.gpr(RBX, 0x4444_5555_6666L);
      g.kernel()
          .bytes(0x0f, 0x23, 0xc0, 0x0f, 0x23, 0xdb, 0x0f, 0x21, 0xc6, 0x0f, 0x21, 0xdf)
          .bytes(0x0f, 0x23, 0xf1, 0x41, 0x0f, 0x21, 0xf0)
          .bytes(0x0f, 0x23, 0xf9, 0x41, 0x0f, 0x21, 0xf9)
          .bytes(0x41, 0x0f, 0x21, 0xe2, 0x41, 0x0f, 0x21, 0xeb)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(CpuState.RSI)).isEqualTo(0x1111_2222_3333L);
      assertThat(g.gpr(CpuState.RDI)).isEqualTo(0x4444_5555_6666L);
      // The fixed bits, without those that newer processors give a meaning by clearing them (11,
      // 16)
      assertThat(g.gpr(8) & ~0x1_0800L).isEqualTo(0xfffe_07f0L);
      assertThat(g.gpr(9)).isEqualTo(0x400);
      assertThat(g.gpr(10)).isEqualTo(g.gpr(8));
      assertThat(g.gpr(11)).isEqualTo(g.gpr(9));
    }
    // With CR4.DE they are undefined.
    try (Guest g = new Guest(method)) {
      Program p = g.kernel().control(4, GuestTables.CR4 | 8);
      p.bytes(0x0f, 0x21, 0xe0);
      g.expectFault(6, p.here() - 3);
    }
  }
}
