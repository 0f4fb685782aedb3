package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorTest {
  private static final String HOST = "Linux amd64";

  @TempDir private Path root;

  @BeforeEach
  void aHostWithBmi2() throws IOException {
    cpu("fpu sse2 avx2 bmi1 bmi2");
  }

  @Test
  void bmi2IsEnoughForBinaryTranslation() throws IOException {
    Doctor doctor = new Doctor(new HostFacts(root), HOST);
    assertThat(doctor.anyMethodWorks()).isTrue();
    assertThat(doctor.report()).contains("bt: works on this host\n").contains("ok  BMI2");
  }

  @Test
  void tellsOfMissingBmi2() throws IOException {
    cpu("fpu sse2 bmi1");
    Doctor doctor = new Doctor(new HostFacts(root), HOST);
    assertThat(doctor.anyMethodWorks()).isFalse();
    assertThat(doctor.report()).contains("bt: does not work on this host\n").contains("no  BMI2");
  }

  @Test
  void tellsOfAnotherArchitecture() {
    Doctor doctor = new Doctor(new HostFacts(root), "Linux aarch64");
    assertThat(doctor.anyMethodWorks()).isFalse();
    assertThat(doctor.report()).contains("this host is Linux aarch64");
  }

  @Test
  void tellsOfForbiddenExecutableMemfds() throws IOException {
    file("proc/sys/vm/memfd_noexec", "2\n");
    Doctor doctor = new Doctor(new HostFacts(root), HOST);
    assertThat(doctor.anyMethodWorks()).isFalse();
    assertThat(doctor.report()).contains("vm.memfd_noexec is 2");
  }

  @Test
  void knowsRealHardware() throws IOException {
    cpu("bmi2 svm");
    file("dev/kvm", "");
    file("sys/module/kvm_amd/version", "1");
    assertThat(report())
        .contains("has what it will need", "has AMD-V", "you may open it", "kvm_amd");
  }

  @Test
  void knowsAnEmulatedKvm() throws IOException {
    cpu("bmi2 hypervisor");
    file("dev/kvm", "");
    file("sys/module/kvm_pvm/version", "1");
    assertThat(report())
        .contains(
            "lacks what it will need",
            "nested virtualization is off",
            "no  KVM's module",
            "kvm_pvm");
  }

  @Test
  void knowsAHostWithoutKvm() {
    assertThat(report()).contains("no  /dev/kvm", "neither kvm_intel nor kvm_amd is loaded");
  }

  @Test
  void knowsWhatRestrictsCells() throws IOException {
    file("proc/sys/kernel/seccomp/actions_avail", "kill_process trap errno allow\n");
    file("proc/sys/kernel/yama/ptrace_scope", "3\n");
    assertThat(report()).contains("ok  seccomp traps", "--  yama", "ptrace_scope is 3");
  }

  @Test
  void tellsWhatToGiveWhereThereIsNoApt() throws IOException {
    assertThat(report()).contains("give --kernel and --initrd");
    for (String program : new String[] {"apt-get", "dpkg-deb"}) {
      file("usr/bin/" + program, "");
      assertThat(root.resolve("usr/bin/" + program).toFile().setExecutable(true)).isTrue();
    }
    assertThat(report()).contains("ok  apt-get, dpkg-deb");
  }

  private String report() {
    return new Doctor(new HostFacts(root), HOST).report();
  }

  private void cpu(String flags) throws IOException {
    file("proc/cpuinfo", "processor\t: 0\nflags\t\t: " + flags + "\nbugs\t\t:\n");
  }

  private void file(String path, String text) throws IOException {
    Path file = root.resolve(path);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
