package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.hvm.KvmProbe;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorTest {
  @TempDir private Path root;
  private FakeHost fake;

  @BeforeEach
  void makeHost() {
    fake = new FakeHost(root);
  }

  @Test
  void bmi2IsEnoughForBinaryTranslation() {
    assertThat(doctor().anyMethodWorks()).isTrue();
    assertThat(report()).contains("bt: works on this host\n").contains("ok  BMI2");
  }

  @Test
  void tellsOfMissingBmi2() {
    fake.cpu("fpu sse2 bmi1");
    assertThat(doctor().anyMethodWorks()).isFalse();
    assertThat(report()).contains("bt: does not work on this host\n").contains("no  BMI2");
  }

  @Test
  void tellsOfAnotherArchitecture() {
    fake.architecture("Linux aarch64");
    assertThat(doctor().anyMethodWorks()).isFalse();
    assertThat(report())
        .contains(
            "no  x86-64 Linux      this host is Linux aarch64\n",
            "hvm: does not work on this host\n",
            "no  /dev/kvm          this host is Linux aarch64;");
  }

  @Test
  void tellsOfForbiddenExecutableMemory() {
    fake.withoutCodeMemory("mmap of 4096 bytes failed with errno 1");
    assertThat(doctor().anyMethodWorks()).isFalse();
    assertThat(report())
        .contains(
            "bt: does not work on this host\n",
            "no  executable memfd  mmap of 4096 bytes failed with errno 1\n");
  }

  @Test
  void knowsRealHardware() {
    fake.realKvm();
    assertThat(report())
        .contains(
            "hvm: works on this host\n",
            "ok  VT-x or AMD-V     the processor has AMD-V\n",
            "ok  /dev/kvm          you may open it\n",
            "ok  KVM's module      kvm_amd\n",
            "ok  KVM's API         version 12")
        .doesNotContain("nested");
  }

  @Test
  void realHardwareIsEnoughWithoutBinaryTranslation() {
    fake.realKvm().cpu("svm");
    assertThat(doctor().anyMethodWorks()).isTrue();
  }

  @Test
  void knowsNestedHardware() {
    fake.realKvm().cpu("bmi2 vmx hypervisor").module("kvm_intel");
    assertThat(report())
        .contains("hvm: works on this host\n", "--  nested", "VT-x comes from an outer hypervisor");
  }

  @Test
  void knowsAnEmulatedKvm() {
    fake.emulatedKvm();
    assertThat(report())
        .contains(
            "hvm: works, but emulated, slowly: tiny guests only\n",
            "nested virtualization is off",
            "ok  /dev/kvm",
            "no  KVM's module      kvm_pvm",
            "1.5 million instructions a second",
            "SSE, CMPXCHG16B",
            "a stock kernel can't run on it",
            "ok  KVM's API");
  }

  @Test
  void anEmulatedKvmAloneIsNotEnough() {
    fake.emulatedKvm().cpu("hypervisor");
    assertThat(doctor().anyMethodWorks()).isFalse();
  }

  @Test
  void knowsAHostWithoutKvm() {
    assertThat(report())
        .contains(
            "hvm: does not work on this host\n",
            "no  /dev/kvm          there is no /dev/kvm",
            "neither kvm_intel nor kvm_amd")
        .doesNotContain("KVM's API");
  }

  @Test
  void namesTheGroupOfADeviceThatTheUserMayNotOpen() {
    fake.realKvm().kvm(new DeviceNode(false, "root", 36, "virt", 0660)).session(1000, 1000, "1000");
    assertThat(report())
        .contains(
            "hvm: does not work on this host\n",
            "no  /dev/kvm",
            "the group virt",
            "usermod -aG virt",
            "ok  KVM's module      kvm_amd\n");
  }

  @Test
  void tellsWhatTheApiLacks() {
    fake.realKvm().answers(new KvmProbe.Answer.Answers(12, List.of("IMMEDIATE_EXIT")));
    assertThat(report())
        .contains(
            "hvm: does not work on this host\n",
            "ok  /dev/kvm",
            "no  KVM's API         this KVM lacks what Ringside needs: IMMEDIATE_EXIT");
  }

  @Test
  void tellsOfAnotherHypervisorThatHasTheProcessor() {
    fake.realKvm().answers(new KvmProbe.Answer.NoVm(16));
    assertThat(report())
        .contains("hvm: does not work on this host\n", "makes no VM (EBUSY)", "VirtualBox");
  }

  @Test
  void knowsWhatRestrictsCells() {
    fake.file("proc/sys/kernel/seccomp/actions_avail", "kill_process trap errno allow\n")
        .file("proc/sys/kernel/yama/ptrace_scope", "3\n");
    assertThat(report()).contains("ok  seccomp traps", "--  yama", "ptrace_scope is 3");
  }

  @Test
  void tellsWhatToGiveWhereThereIsNoApt() {
    assertThat(report()).contains("give --kernel and --initrd");
    for (String program : new String[] {"apt-get", "dpkg-deb"}) {
      fake.file("usr/bin/" + program, "");
      assertThat(root.resolve("usr/bin/" + program).toFile().setExecutable(true)).isTrue();
    }
    assertThat(report()).contains("ok  apt-get, dpkg-deb");
  }

  private Doctor doctor() {
    return new Doctor(fake.host());
  }

  private String report() {
    return doctor().report();
  }
}
