package io.ringside.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.x86.Feature;
import org.junit.jupiter.api.Test;

class CpuidModelTest {
  private final TestProcessor amd = new TestProcessor();
  private final TestProcessor intel = new TestProcessor(HostCpuidFake.intel());

  private static int[] leaf(TestProcessor cpu, int leaf, int subleaf) {
    return cpu.cpuid.read(leaf, subleaf, cpu.state.get(CpuState.CR4), cpu.state.get(CpuState.XCR0));
  }

  @Test
  void theInstructionZeroExtends() {
    amd.state.gpr(CpuState.RAX, 0x1_0000_0000L);
    amd.state.gpr(CpuState.RDX, -1);
    amd.execute("0f a2");
    assertThat(amd.state.gpr(CpuState.RAX)).isEqualTo(0xd);
    assertThat(amd.state.gpr(CpuState.RBX)).isEqualTo(0x6874_7541L);
    assertThat(amd.state.gpr(CpuState.RDX)).isEqualTo(0x6974_6e65L);
    assertThat(leaf(intel, 0, 0)[0]).isEqualTo(0x16);
  }

  @Test
  void leaf1() {
    int[] r = leaf(amd, 1, 0);
    assertThat(r[0]).isEqualTo(0x00a2_0f10);
    assertThat(r[1]).as("APIC id 0, one processor, 64-byte lines").isEqualTo(0x1_0800);
    assertThat(r[2]).as("no MONITOR, VMX, OSXSAVE, hypervisor").isEqualTo(0x77fa_3203);
    assertThat(r[3]).as("no VME, MCE, SEP, PSE-36, HTT").isEqualTo(0x0789_b37d);
    assertThat(leaf(intel, 1, 0)[3]).isEqualTo(0x0789_bb7d);
    amd.state.set(CpuState.CR4, amd.state.get(CpuState.CR4) | RegisterBits.CR4_OSXSAVE);
    amd.apicBase = 0xfee0_0100L;
    assertThat(leaf(amd, 1, 0)[2] & 1 << 27).isNotZero();
    assertThat(leaf(amd, 1, 0)[3] & 1 << 9).isZero();
  }

  @Test
  void leaf7() {
    int[] r = leaf(amd, 7, 0);
    assertThat(r[0]).isZero();
    assertThat(r[1]).as("no SGX, HLE, RTM, MPX, AVX-512").isEqualTo(0x219c_07ab);
    assertThat(r[2]).as("UMIP and RDPID").isEqualTo(0x40_0004);
    assertThat(r[3]).as("FSRM and SERIALIZE").isEqualTo(0x4010);
    assertThat(leaf(intel, 7, 0)[3]).as("and IBRS, ARCH_CAPABILITIES").isEqualTo(0x2400_4010);
    assertThat(leaf(amd, 7, 1)).containsOnly(0);
    assertThat(leaf(amd, 7, 2)).containsOnly(0);
    assertThat(leaf(intel, 7, 0)[0]).as("highest subleaf").isEqualTo(2);
    assertThat(leaf(intel, 7, 2)).as("BHI_CTRL").containsExactly(0, 0, 0, 0x10);
  }

  @Test
  void extendedFeatures() {
    int[] r = leaf(amd, 0x8000_0001, 0);
    assertThat(r[2]).as("LAHF ABM SSE4A PREFETCHW TOPOEXT").isEqualTo(0x40_0161);
    assertThat(r[3] & 0x2c10_0800).as("SYSCALL NX 1GB RDTSCP LM").isEqualTo(0x2c10_0800);
    assertThat(r[3] & 1 << 31).as("3DNow!").isZero();
    assertThat(leaf(intel, 0x8000_0001, 0)[2]).isEqualTo(0x121);
    assertThat(leaf(intel, 0x8000_0001, 0)[3]).isEqualTo(0x2c10_0800);
    assertThat(leaf(amd, 0x8000_0007, 0)[3]).isEqualTo(0x100);
    assertThat(leaf(amd, 0x8000_0008, 0)).containsExactly(0x3028, 0x2000_0004, 0, 0);
    assertThat(leaf(amd, 0x8000_0000, 0)[0]).isEqualTo(0x8000_0021);
    assertThat(leaf(intel, 0x8000_0008, 0)[1]).isZero();
    assertThat(leaf(intel, 0x8000_0000, 0)[0]).isEqualTo(0x8000_0008);
  }

  @Test
  void indirectBranchesAndReturnsNeedNoMitigation() {
    assertThat(leaf(amd, 0x8000_0021, 0))
        .as("AUTOIBRS, SRSO_NO, TSA_NO")
        .containsExactly(0x2000_0145, 0, 6, 0);
    TestProcessor old =
        new TestProcessor(
            (leaf, subleaf) ->
                leaf == 0x8000_0000
                    ? new int[] {0x8000_001e, 0, 0, 0}
                    : HostCpuidFake.amd().read(leaf, subleaf));
    assertThat(leaf(old, 0x8000_0021, 0))
        .as("nothing of the host's")
        .containsExactly(0x2000_0140, 0, 0, 0);
    assertThat(leaf(intel, 0x8000_0021, 0)).containsOnly(0);
  }

  @Test
  void noPerformanceMonitoringLeaf() {
    assertThat(leaf(intel, 0xa, 0)).containsOnly(0);
    assertThat(leaf(amd, 0x8000_0001, 0)[2] & 1 << 23).as("PERFCTR_CORE").isZero();
    assertThat(leaf(amd, 0x8000_0022, 0)).containsOnly(0);
  }

  @Test
  void noHypervisorLeaves() {
    assertThat(leaf(amd, 0x4000_0000, 0)).containsOnly(0);
    assertThat(leaf(amd, 0x8000_000a, 0)).containsOnly(0);
    assertThat(leaf(amd, 0x8000_001f, 0)).containsOnly(0);
    assertThat(leaf(intel, 0x14, 0)).containsOnly(0);
  }

  @Test
  void oneCore() {
    assertThat(leaf(amd, 0xb, 0)).containsExactly(0, 1, 0x100, 0);
    assertThat(leaf(amd, 0xb, 1)).containsExactly(0, 1, 0x201, 0);
    assertThat(leaf(amd, 0xb, 2)).containsExactly(0, 0, 2, 0);
    assertThat(leaf(intel, 4, 0)[0]).as("shared by one").isEqualTo(0x121);
    assertThat(leaf(intel, 4, 4)).containsOnly(0);
    assertThat(leaf(amd, 4, 0)).containsOnly(0);
    assertThat(leaf(amd, 0x8000_001d, 3)[0]).isEqualTo(0x121);
    assertThat(leaf(amd, 0x8000_001e, 0)).containsOnly(0);
  }

  @Test
  void xsaveSizesFollowXcr0() {
    amd.state.set(CpuState.XCR0, 3);
    assertThat(leaf(amd, 0xd, 0)).containsExactly(7, 576, 832, 0);
    assertThat(leaf(amd, 0xd, 1))
        .as("XSAVEOPT, XSAVEC, XGETBV 1; no XSAVES")
        .containsExactly(7, 576, 0, 0);
    amd.state.set(CpuState.XCR0, 7);
    assertThat(leaf(amd, 0xd, 0)).containsExactly(7, 832, 832, 0);
    assertThat(leaf(amd, 0xd, 2)).containsExactly(256, 576, 0, 0);
    assertThat(leaf(amd, 0xd, 3)).containsOnly(0);
  }

  @Test
  void frequencies() {
    int[] r = leaf(intel, 0x15, 0);
    assertThat((long) r[2] * r[1] / r[0]).isEqualTo(2_000_000_000L);
    assertThat(leaf(intel, 0x16, 0)).containsExactly(2000, 2000, 0, 0);
    assertThat(leaf(amd, 0x15, 0)).containsOnly(0);
  }

  @Test
  void featuresFollowTheLeaves() {
    assertThat(amd.cpuid.features())
        .contains(
            Feature.BASE, Feature.AVX2, Feature.BMI2, Feature.XSAVEC, Feature.SHA, Feature.SSE4A)
        .doesNotContain(Feature.NEVER, Feature.VAES, Feature.GFNI);
    assertThat(intel.cpuid.features()).doesNotContain(Feature.SSE4A);
  }

  @Test
  void withoutAvxNothingThatNeedsIt() {
    HostCpuid old =
        (leaf, subleaf) -> {
          int[] r = HostCpuidFake.intel().read(leaf, subleaf).clone();
          if (leaf == 1) {
            r[2] &= ~(1 << 28);
          }
          return r;
        };
    TestProcessor cpu = new TestProcessor(old);
    assertThat(cpu.cpuid.features())
        .doesNotContain(Feature.AVX, Feature.AVX2, Feature.FMA, Feature.F16C);
    assertThat(cpu.cpuid.allowedXcr0()).isEqualTo(3);
    assertThat(leaf(cpu, 0xd, 0)).containsExactly(3, 576, 576, 0);
    assertThat(leaf(cpu, 0xd, 2)).containsOnly(0);
  }
}
