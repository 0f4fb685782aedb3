package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDX;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;

/** Privileged and sensitive instructions in user mode: they fault, or show nothing, and change nothing. */
class PrivilegeTest {
  private static final int[][] GENERAL_PROTECTION = {
    {0xf4}, // HLT
    {0xfa}, // CLI
    {0xfb}, // STI
    {0x0f, 0x06}, // CLTS
    {0x0f, 0x08}, // INVD
    {0x0f, 0x09}, // WBINVD
    {0x0f, 0x20, 0xc0}, // MOV RAX, CR0
    {0x0f, 0x20, 0xd8}, // MOV RAX, CR3
    {0x0f, 0x22, 0xd8}, // MOV CR3, RAX
    {0x44, 0x0f, 0x20, 0xc0}, // MOV RAX, CR8
    {0x0f, 0x21, 0xf8}, // MOV RAX, DR7
    {0x0f, 0x23, 0xf8}, // MOV DR7, RAX
    {0x0f, 0x30}, // WRMSR
    {0x0f, 0x32}, // RDMSR
    {0x0f, 0x33}, // RDPMC
    {0x0f, 0x01, 0x13}, // LGDT [RBX]
    {0x0f, 0x01, 0x1b}, // LIDT [RBX]
    {0x0f, 0x01, 0x3b}, // INVLPG [RBX]
    {0x0f, 0x01, 0xf0}, // LMSW AX
    {0x0f, 0x00, 0xd0}, // LLDT AX
    {0x0f, 0x00, 0xd8}, // LTR AX
    {0x0f, 0x01, 0xf8}, // SWAPGS
    {0x48, 0x0f, 0x07}, // SYSRET
    {0x0f, 0x01, 0xd1}, // XSETBV
    {0xe4, 0x80}, // IN AL, 80h
    {0xe7, 0x80}, // OUT 80h, EAX
    {0xec}, // IN AL, DX
    {0x6e}, // OUTSB
    {0x6c}, // INSB
  };

  private static final int[][] UNDEFINED = {
    {0x0f, 0x0b}, // UD2
    {0x0f, 0x01, 0xca}, // CLAC
    {0x0f, 0x01, 0xcb}, // STAC
    {0x0f, 0xaa}, // RSM
    {0x06}, // PUSH ES
    {0x27}, // DAA
    {0x62}, // EVEX or BOUND
    {0xd6}, // SALC
    {0xf0, 0x90}, // LOCK NOP
    {0xf0, 0x01, 0xc0}, // LOCK ADD EAX, EAX
    {0x8d, 0xc0}, // LEA EAX, EAX
    {0x8e, 0xc8}, // MOV CS, EAX
  };

  @ForEachMethod
  void generalProtection(Method method) {
    for (int[] code : GENERAL_PROTECTION) {
      expect(method, code, 13);
    }
  }

  @ForEachMethod
  void undefined(Method method) {
    for (int[] code : UNDEFINED) {
      expect(method, code, 6);
    }
  }

  @ForEachMethod
  void lockOfALoad(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.LOCK_PREFIX);
    }
    // LOCK MOV EAX, [RBX]
    expect(method, new int[] {0xf0, 0x8b, 0x03}, 6);
  }

  /** A control register that there is not is undefined before it is privileged. */
  @ForEachMethod
  void controlRegisterThatIsNot(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.UNDEFINED_CONTROL_REGISTERS);
    }
    // MOV RAX, CR1
    expect(method, new int[] {0x0f, 0x20, 0xc8}, 6);
  }

  /** The instructions that call a hypervisor, where there is none that the guest knows of. */
  @ForEachMethod
  void hypercalls(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.UNDEFINED_VMCALL);
    }
    expect(method, new int[] {0x0f, 0x01, 0xc1}, 6);
    expect(method, new int[] {0x0f, 0x01, 0xd9}, 6);
  }

  @ForEachMethod
  void invpcid(Method method) {
    try (Guest g = new Guest(method)) {
      g.needsFeature("INVPCID", 7, 0, 1, 10);
    }
    expect(method, new int[] {0x66, 0x0f, 0x38, 0x82, 0x03}, 13);
  }

  private static void expect(Method method, int[] code, int vector) {
    try (Guest g = new Guest(method)) {
      g.user().nop().bytes(code).nop();
      g.startInUserMode();
      g.state.rflags(0x202);
      for (int r : new int[] {RAX, RCX, RDX}) {
        g.gpr(r, 0x1000 + r);
      }
      g.gpr(RBX, Guest.USER_DATA);
      g.runToHalt();
      Guest.Fault fault = g.fault();
      String what = java.util.HexFormat.ofDelimiter(" ").formatHex(toBytes(code));
      assertThat(fault.vector()).as(what).isEqualTo(vector);
      assertThat(fault.error()).as(what).isZero();
      assertThat(fault.rip()).as(what).isEqualTo(Guest.USER + 1);
      assertThat(fault.rsp()).as(what).isEqualTo(Guest.USER_STACK);
      assertThat(fault.flags() & ~0x1_0000L).as(what).isEqualTo(0x202);
      for (int r : new int[] {RAX, RCX, RDX}) {
        assertThat(g.gpr(r)).as(what).isEqualTo(0x1000 + r);
      }
      assertThat(g.state.get(CpuState.CR3)).as(what).isEqualTo(GuestTables.PML4);
    }
  }

  private static byte[] toBytes(int[] code) {
    byte[] bytes = new byte[code.length];
    for (int n = 0; n < code.length; n++) {
      bytes[n] = (byte) code[n];
    }
    return bytes;
  }

  /** POPF in user mode drops IF and IOPL silently, and PUSHF shows what is. */
  @ForEachMethod
  void popfInUserMode(Method method) {
    try (Guest g = new Guest(method)) {
      g.user().push(0x3cd7).popf().pushf().bytes(0x58).hlt();
      g.startInUserMode();
      g.state.rflags(0x202);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0x0ed7);
    }
  }

  /** Bits that POPF takes at CPL 0, and those that are always as they are. */
  @ForEachMethod
  void popfInKernelMode(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel()
          .push(-1L & ~0x100L)
          .popf()
          .pushf()
          .bytes(0x58)
          .push(2)
          .popf()
          .pushf()
          .bytes(0x5b)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0x24_7ed7);
      assertThat(g.gpr(RBX)).isEqualTo(2);
    }
  }

  @ForEachMethod
  void popf16LeavesTheUpperFlags(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel()
          .push(0x24_0002)
          .popf()
          .bytes(0x66, 0x68, 0xd7, 0x0c)
          .bytes(0x66, 0x9d)
          .pushf()
          .bytes(0x58)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(0x24_0cd7);
      assertThat(g.gpr(CpuState.RSP)).isEqualTo(Guest.KERNEL_STACK);
    }
  }

  /** Without UMIP user mode sees the guest's own tables; with it, it faults. */
  @ForEachMethod
  void userModeInstructionPrevention(Method method) {
    int[][] codes = {
      {0x0f, 0x01, 0x03},
      {0x0f, 0x01, 0x0b},
      {0x0f, 0x00, 0x03},
      {0x0f, 0x00, 0x0b},
      {0x0f, 0x01, 0x23}
    };
    try (Guest g = new Guest(method)) {
      g.needsFeature("UMIP", 7, 0, 2, 2);
      g.gpr(RBX, Guest.USER_DATA);
      g.user()
          .bytes(0x0f, 0x01, 0x03)
          .bytes(0x0f, 0x01, 0x4b, 0x10)
          .bytes(0x0f, 0x00, 0x4b, 0x20)
          .hlt();
      g.startInUserMode();
      g.runToHalt();
      assertThat(g.ram.getShort(Guest.USER_DATA)).isEqualTo(0x37);
      assertThat(g.ram.getLong(Guest.USER_DATA + 2)).isEqualTo(GuestTables.GDT);
      assertThat(g.ram.getLong(Guest.USER_DATA + 0x12)).isEqualTo(GuestTables.IDT);
      assertThat(g.ram.getShort(Guest.USER_DATA + 0x20)).isEqualTo(GuestTables.TSS_SELECTOR);
    }
    for (int[] code : codes) {
      try (Guest g = new Guest(method)) {
        g.state.set(CpuState.CR4, GuestTables.CR4 | 1 << 11);
        g.gpr(RBX, Guest.USER_DATA);
        g.user().bytes(code);
        g.startInUserMode();
        g.expectFault(13, 0, Guest.USER);
      }
    }
  }

  @ForEachMethod
  void timeStampDisable(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.RING_3_TRAPS);
      g.state.set(CpuState.CR4, GuestTables.CR4 | 1 << 2);
      g.user().bytes(0x0f, 0x31);
      g.startInUserMode();
      g.expectFault(13, 0, Guest.USER);
    }
  }

  /** An instruction of 16 bytes, and one of 15. */
  @ForEachMethod
  void longInstructions(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel();
      for (int n = 0; n < 14; n++) {
        k.bytes(0x66);
      }
      k.nop();
      for (int n = 0; n < 15; n++) {
        k.bytes(0x2e);
      }
      k.nop();
      g.expectFault(13, 0, Guest.KERNEL + 15);
    }
  }
}
