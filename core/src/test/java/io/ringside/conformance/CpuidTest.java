package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDX;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** What CPUID shows is consistent in itself, follows the control registers, and can be used (SDM vol. 2, CPUID). */
class CpuidTest {
  private static final int EAX = 0;
  private static final int EBX = 1;
  private static final int ECX = 2;
  private static final int EDX = 3;
  private static final int OSXSAVE = 1 << 27;

  private static String text(int... registers) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * registers.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int register : registers) {
      bytes.putInt(register);
    }
    return new String(bytes.array(), StandardCharsets.ISO_8859_1);
  }

  private static boolean bit(int value, int bit) {
    return (value >>> bit & 1) != 0;
  }

  @ForEachMethod
  void basicLeaves(Method method) {
    try (Guest g = new Guest(method)) {
      int[] first = g.cpuid(0, 0);
      assertThat(first[EAX]).isBetween(0xd, 0xff);
      assertThat(text(first[EBX], first[EDX], first[ECX]))
          .isIn("GenuineIntel", "AuthenticAMD", "HygonGenuine");
      int[] one = g.cpuid(1, 0);
      // FPU TSC MSR PAE CX8 APIC MTRR PGE CMOV PAT CLFSH MMX FXSR SSE SSE2
      int always =
          1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 12 | 1 << 13 | 1 << 15 | 1 << 16
              | 1 << 19 | 1 << 23 | 1 << 24 | 1 << 25 | 1 << 26;
      assertThat(one[EDX] & always).isEqualTo(always);
      // SSE3, CX16, XSAVE
      assertThat(one[ECX] & 0x400_2001).isEqualTo(0x400_2001);
      assertThat(one[EBX] >>> 24).as("APIC id").isZero();
      assertThat(one[EBX] >>> 8 & 0xff).as("CLFLUSH, in 8 bytes").isBetween(4, 16);
      if (first[EAX] >= 0xb && g.cpuid(0xb, 0)[EBX] != 0) {
        assertThat(g.cpuid(0xb, 0)[EDX]).as("x2APIC id").isZero();
        assertThat(g.cpuid(0xb, 0)[ECX]).isEqualTo(0x100);
        assertThat(g.cpuid(0xb, 1)[ECX] & 0xff).isOne();
      }
    }
  }

  /** The subleaf counts only where a leaf has any, and one beyond the last is empty. */
  @ForEachMethod
  void subleaves(Method method) {
    try (Guest g = new Guest(method)) {
      assertThat(g.cpuid(0, 77)).isEqualTo(g.cpuid(0, 0));
      assertThat(g.cpuid(0x8000_0008, 3)).isEqualTo(g.cpuid(0x8000_0008, 0));
      int last = g.cpuid(7, 0)[EAX];
      assertThat(last).isBetween(0, 2);
      assertThat(g.cpuid(7, last + 1)).containsOnly(0);
      assertThat(g.cpuid(0xd, 62)).containsOnly(0);
    }
  }

  /** Beyond the last leaf AMD's processors give zeros, Intel's the last basic leaf. */
  @ForEachMethod
  void outOfRange(Method method) {
    try (Guest g = new Guest(method)) {
      int[] lastBasic = g.cpuid(g.cpuid(0, 0)[EAX], 0);
      int lastExtended = g.cpuid(0x8000_0000, 0)[EAX];
      for (int leaf : new int[] {0x100, 0x0fff_ffff, lastExtended + 1, 0x8fff_ffff}) {
        int[] zeros = new int[4];
        if (g.isAmd()) {
          assertThat(g.cpuid(leaf, 0)).as("0x%x", leaf).isEqualTo(zeros);
        } else {
          assertThat(g.cpuid(leaf, 0)).as("0x%x", leaf).isIn(zeros, lastBasic);
        }
      }
    }
  }

  @ForEachMethod
  void extendedLeaves(Method method) {
    try (Guest g = new Guest(method)) {
      assertThat(g.cpuid(0x8000_0000, 0)[EAX]).isBetween(0x8000_0008, 0x8000_00ff);
      int[] one = g.cpuid(0x8000_0001, 0);
      // SYSCALL, NX, LM
      assertThat(one[EDX] & 0x2010_0800).isEqualTo(0x2010_0800);
      assertThat(one[ECX] & 1).as("LAHF").isOne();
      StringBuilder name = new StringBuilder();
      for (int leaf = 0x8000_0002; leaf <= 0x8000_0004; leaf++) {
        name.append(text(g.cpuid(leaf, 0)));
      }
      assertThat(name.toString().replace("\0", "")).matches("[ -~]*");
      int sizes = g.cpuid(0x8000_0008, 0)[EAX];
      assertThat(sizes & 0xff).as("physical address bits").isBetween(36, 52);
      assertThat(sizes >>> 8 & 0xff).as("linear address bits").isIn(48, 57);
    }
  }

  /** A hypervisor that shows itself has leaves of its own; one that does not has none. */
  @ForEachMethod
  void hypervisorBit(Method method) {
    try (Guest g = new Guest(method)) {
      int[] leaf = g.cpuid(0x4000_0000, 0);
      if (bit(g.cpuid(1, 0)[ECX], 31)) {
        assertThat(leaf[EAX] == 0 || leaf[EAX] >= 0x4000_0000 && leaf[EAX] < 0x4000_0100).isTrue();
        assertThat(text(leaf[EBX], leaf[ECX], leaf[EDX]).replace("\0", "")).matches("[ -~]{3,12}");
      } else {
        assertThat(leaf).isIn(new int[4], g.cpuid(g.cpuid(0, 0)[EAX], 0));
      }
    }
  }

  @ForEachMethod
  void osxsaveFollowsCr4(Method method) {
    try (Guest g = new Guest(method)) {
      Program p = g.kernel().mov(RAX, 1).bytes(0x0f, 0xa2).bytes(0x89, 0xce);
      p.control(4, GuestTables.CR4 & ~(1 << 18)).mov(RAX, 1).bytes(0x0f, 0xa2).bytes(0x89, 0xcf);
      p.control(4, GuestTables.CR4).mov(RAX, 1).bytes(0x0f, 0xa2).hlt();
      g.runToHalt();
      assertThat(g.gpr(CpuState.RSI) & OSXSAVE).isEqualTo(OSXSAVE);
      assertThat(g.gpr(CpuState.RDI) & OSXSAVE).isZero();
      assertThat(g.gpr(RCX) & OSXSAVE).isEqualTo(OSXSAVE);
    }
  }

  /** Leaf Dh: the components that XCR0 may have, and the size of all together. */
  @ForEachMethod
  void xsaveComponents(Method method) {
    try (Guest g = new Guest(method)) {
      int[] leaf = g.cpuid(0xd, 0);
      assertThat(leaf[EAX] & 3).isEqualTo(3);
      boolean avx = bit(leaf[EAX], 2);
      assertThat(avx).isEqualTo(bit(g.cpuid(1, 0)[ECX], 28));
      int largest = 576;
      for (int n = 2; n < 32; n++) {
        int[] component = g.cpuid(0xd, n);
        if (bit(leaf[EAX], n)) {
          assertThat(component[EAX]).as("component %d", n).isPositive();
          assertThat(component[ECX] & 1).as("component %d", n).isZero();
          largest = Math.max(largest, component[EAX] + component[EBX]);
        }
      }
      assertThat(leaf[ECX]).isEqualTo(largest);
      if (avx) {
        assertThat(g.cpuid(0xd, 2)).startsWith(256, 576);
      }
    }
  }

  /** And in EBX the size of those that it has now. */
  @ForEachMethod
  void xsaveSizeFollowsXcr0(Method method) {
    try (Guest g = new Guest(method)) {
      g.needs(Need.XSETBV);
      int[] leaf = g.cpuid(0xd, 0);
      assertThat(size(g, 1)).isEqualTo(576);
      assertThat(size(g, 3)).isEqualTo(576);
      if (bit(leaf[EAX], 2)) {
        assertThat(size(g, 7)).isEqualTo(832);
      }
      assertThat(size(g, leaf[EAX])).isEqualTo(leaf[ECX]);
    }
  }

  private static int size(Guest g, int xcr0) {
    g.state.rip(Guest.KERNEL);
    // XSETBV; CPUID of leaf Dh, 0
    g.kernel()
        .mov(RCX, 0)
        .mov(RDX, 0)
        .mov(RAX, xcr0)
        .bytes(0x0f, 0x01, 0xd1)
        .mov(RAX, 0xd)
        .bytes(0x0f, 0xa2)
        .hlt();
    g.runToHalt();
    return (int) g.gpr(RBX);
  }

  /** The upper halves of the four registers are cleared, in ring 3 too, and nothing else changes. */
  @ForEachMethod
  void upperHalvesAreCleared(Method method) {
    try (Guest g = new Guest(method)) {
      for (int r = 0; r < 16; r++) {
        if (r != CpuState.RSP) {
          g.gpr(r, -1L << 32 | r);
        }
      }
      g.gpr(RAX, 0xffff_ffff_0000_0000L);
      g.user().bytes(0x0f, 0xa2).hlt();
      g.startInUserMode();
      g.state.rflags(0xad7);
      g.runToHalt();
      for (int r : new int[] {RAX, RBX, RCX, RDX}) {
        assertThat(g.gpr(r) >>> 32).isZero();
      }
      for (int r = 5; r < 16; r++) {
        assertThat(g.gpr(r)).isEqualTo(-1L << 32 | r);
      }
      assertThat(g.fault().flags() & 0xfff).isEqualTo(0xad7);
    }
  }

  /** A feature, where CPUID shows it, and an instruction of it that must then not be undefined in ring 3. */
  private record Feature(String name, int leaf, int register, int bit, String code) {}

  // spotless:off
  private static final Feature[] FEATURES = {
    new Feature("SSE3", 1, ECX, 0, "f20fd0c1"),
    new Feature("PCLMULQDQ", 1, ECX, 1, "660f3a44c100"),
    new Feature("SSSE3", 1, ECX, 9, "660f3800c1"),
    new Feature("FMA", 1, ECX, 12, "c4e2f198c2"),
    new Feature("CMPXCHG16B", 1, ECX, 13, "480fc70f"),
    new Feature("SSE4.1", 1, ECX, 19, "660f3817c1"),
    new Feature("SSE4.2", 1, ECX, 20, "660f3837c1"),
    new Feature("MOVBE", 1, ECX, 22, "0f38f007"),
    new Feature("POPCNT", 1, ECX, 23, "f30fb8c3"),
    new Feature("AES", 1, ECX, 25, "660f38dcc1"),
    new Feature("XSAVE", 1, ECX, 26, "0f01d0"),
    new Feature("AVX", 1, ECX, 28, "c5f458c2"),
    new Feature("F16C", 1, ECX, 29, "c4e27913c1"),
    new Feature("RDRAND", 1, ECX, 30, "0fc7f0"),
    new Feature("FSGSBASE", 7, EBX, 0, "f3480faec0"),
    new Feature("BMI1", 7, EBX, 3, "c4e278f2c3"),
    new Feature("AVX2", 7, EBX, 5, "c5f5fec2"),
    new Feature("BMI2", 7, EBX, 8, "c4e2fbf5c3"),
    new Feature("RDSEED", 7, EBX, 18, "0fc7f8"),
    new Feature("ADX", 7, EBX, 19, "660f38f6c3"),
    new Feature("CLFLUSHOPT", 7, EBX, 23, "660fae3f"),
    new Feature("CLWB", 7, EBX, 24, "660fae37"),
    new Feature("SHA", 7, EBX, 29, "0f38c8c1"),
    new Feature("RDPID", 7, ECX, 22, "f30fc7f8"),
    new Feature("LAHF", 0x8000_0001, ECX, 0, "9f"),
    new Feature("LZCNT", 0x8000_0001, ECX, 5, "f30fbdc3"),
    new Feature("PREFETCHW", 0x8000_0001, ECX, 8, "0f0d0f"),
    new Feature("RDTSCP", 0x8000_0001, EDX, 27, "0f01f9"),
  };
  // spotless:on

  @ForEachMethod
  void whatIsShownWorks(Method method) {
    for (Feature feature : FEATURES) {
      try (Guest g = new Guest(method)) {
        if (!bit(g.cpuid(feature.leaf, 0)[feature.register], feature.bit)) {
          continue;
        }
        Program p = g.user();
        for (byte b : HexFormat.of().parseHex(feature.code)) {
          p.bytes(b & 0xff);
        }
        long end = p.here();
        p.hlt();
        g.gpr(CpuState.RDI, Guest.USER_DATA);
        g.gpr(RCX, 0);
        g.startInUserMode();
        g.runToHalt();
        assertThat(g.fault().vector()).as(feature.name).isEqualTo(13);
        assertThat(g.fault().rip()).as(feature.name).isEqualTo(end);
      }
    }
  }

  /** The control register bits of features that are shown can be set; those that are not, can't. */
  @ForEachMethod
  void controlRegisterBits(Method method) {
    int[][] bits = {
      {7, EBX, 0, 16}, // FSGSBASE
      {7, EBX, 7, 20}, // SMEP
      {7, EBX, 20, 21}, // SMAP
      {7, ECX, 2, 11}, // UMIP
      {7, ECX, 3, 22}, // PKE
      {7, ECX, 16, 12}, // LA57, which can't be changed in 64-bit mode anyway
      {1, ECX, 17, 17}, // PCIDE
      {1, ECX, 5, 13}, // VMXE
    };
    for (int[] b : bits) {
      try (Guest g = new Guest(method)) {
        g.needs(Need.RESERVED_CONTROL_BITS);
        boolean shown = bit(g.cpuid(b[0], 0)[b[1]], b[2]) && b[3] != 12;
        if (b[3] == 13 && (shown || !g.isAmd())) {
          continue;
        }
        Program p = g.kernel().control(4, GuestTables.CR4 & ~(1 << 16) | 1L << b[3]);
        // MOV RBX, CR4
        p.bytes(0x0f, 0x20, 0xe3).hlt();
        g.runToHalt();
        int vector = GuestTables.vectorOf(g.state.rip());
        assertThat(vector).as("CR4 bit %d", b[3]).isEqualTo(shown ? -1 : 13);
        if (shown) {
          assertThat(g.gpr(RBX)).isEqualTo(GuestTables.CR4 & ~(1 << 16) | 1L << b[3]);
        }
      }
    }
  }
}
