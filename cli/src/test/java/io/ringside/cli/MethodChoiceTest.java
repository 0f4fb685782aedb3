package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ringside.host.HostException;
import io.ringside.hvm.KvmProbe;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MethodChoiceTest {
  @TempDir private Path root;
  private FakeHost fake;

  @BeforeEach
  void makeHost() {
    fake = new FakeHost(root);
  }

  @Test
  void autoTakesRealHardware() {
    fake.realKvm();
    assertThat(choose(Method.AUTO))
        .isEqualTo(new MethodChoice(Method.HVM, "auto: AMD-V by kvm_amd", ""));
  }

  @Test
  void autoTakesNestedHardware() {
    fake.realKvm().cpu("bmi2 vmx hypervisor").module("kvm_intel");
    assertThat(choose(Method.AUTO))
        .isEqualTo(
            new MethodChoice(
                Method.HVM,
                "auto: VT-x by kvm_intel, nested: this machine is a virtual one itself",
                ""));
  }

  @Test
  void autoLeavesAnEmulatedKvmWithoutOpeningIt() {
    fake.emulatedKvm().answers(new KvmProbe.Answer.NotOpened(19));
    assertThat(choose(Method.AUTO))
        .isEqualTo(
            new MethodChoice(
                Method.BT,
                "auto: /dev/kvm is there, but emulated by kvm_pvm: no VT-x or AMD-V behind it",
                ""));
  }

  @Test
  void autoTakesTranslationWhereThereIsNoKvm() {
    assertThat(choose(Method.AUTO))
        .isEqualTo(
            new MethodChoice(
                Method.BT,
                "auto: there is no /dev/kvm: the processor shows neither VT-x nor AMD-V",
                ""));
  }

  @Test
  void autoTakesTranslationWhereRealHardwareCantBeUsed() {
    fake.realKvm().answers(new KvmProbe.Answer.NotOpened(16));
    MethodChoice choice = choose(Method.AUTO);
    assertThat(choice.method()).isEqualTo(Method.BT);
    assertThat(choice.reason())
        .startsWith("auto: /dev/kvm is there, but opening it fails with EBUSY");
  }

  @Test
  void autoTakesRealHardwareWhereTranslationLacksBmi2() {
    fake.realKvm().cpu("svm");
    assertThat(choose(Method.AUTO).method()).isEqualTo(Method.HVM);
  }

  @Test
  void autoSaysWhenNothingWorks() {
    fake.emulatedKvm().cpu("fpu hypervisor");
    assertThatThrownBy(() -> choose(Method.AUTO))
        .isInstanceOf(HostException.class)
        .hasMessageContaining("no method works on this host")
        .hasMessageContaining("bt lacks BMI2")
        .hasMessageContaining("hvm: /dev/kvm is there, but emulated by kvm_pvm")
        .hasMessageNotContaining("\n");
  }

  @Test
  void translationIsTakenAsAskedWhateverElseThereIs() {
    fake.realKvm();
    assertThat(choose(Method.BT)).isEqualTo(new MethodChoice(Method.BT, "as asked", ""));
  }

  @Test
  void translationIsRefusedWithWhatItLacks() {
    fake.cpu("fpu");
    assertThatThrownBy(() -> choose(Method.BT))
        .isInstanceOf(HostException.class)
        .hasMessageStartingWith("--method bt: this host lacks BMI2: the processor lacks it");
    fake.cpu("bmi2").architecture("Linux aarch64");
    assertThatThrownBy(() -> choose(Method.BT)).hasMessageContaining("Linux aarch64");
  }

  @Test
  void aSandboxWithoutProcIsGivenTheBenefitOfTheDoubt() {
    fake.without("proc/cpuinfo");
    assertThat(choose(Method.BT).method()).isEqualTo(Method.BT);
  }

  @Test
  void realHardwareIsTakenAsAsked() {
    fake.realKvm();
    assertThat(choose(Method.HVM))
        .isEqualTo(new MethodChoice(Method.HVM, "as asked; AMD-V by kvm_amd", ""));
  }

  @Test
  void anEmulatedKvmIsTakenAsAskedWithAWarning() {
    fake.emulatedKvm();
    MethodChoice choice = choose(Method.HVM);
    assertThat(choice.method()).isEqualTo(Method.HVM);
    assertThat(choice.reason()).isEqualTo("as asked");
    assertThat(choice.warning())
        .contains("emulated by kvm_pvm", "a stock kernel can't", "--method bt")
        .doesNotContain("\n");
  }

  @Test
  void hardwareThatIsNotThereIsRefusedAndTheMethodNotChanged() {
    assertThatThrownBy(() -> choose(Method.HVM))
        .isInstanceOf(HostException.class)
        .hasMessageStartingWith("--method hvm: there is no /dev/kvm")
        .hasMessageEndingWith(", or use --method bt");
  }

  @Test
  void anotherArchitecturesKvmIsRefused() {
    fake.realKvm().architecture("Linux aarch64");
    assertThatThrownBy(() -> choose(Method.HVM))
        .hasMessage(
            "--method hvm: this host is Linux aarch64; x86 guests need an x86-64 Linux host");
    assertThatThrownBy(() -> choose(Method.AUTO)).hasMessageContaining("no method works");
  }

  @Test
  void translationIsNotRecommendedWhereItDoesNotWork() {
    fake.cpu("fpu");
    assertThatThrownBy(() -> choose(Method.HVM)).hasMessageNotContaining("--method bt");
  }

  @Test
  void paravirtualizationNeedsWhatTranslationNeeds() {
    fake.cpu("fpu");
    assertThatThrownBy(() -> choose(Method.PV)).hasMessageContaining("--method pv", "BMI2");
    fake.cpu("fpu bmi2");
    assertThat(choose(Method.PV)).isEqualTo(new MethodChoice(Method.PV, "as asked", ""));
  }

  private MethodChoice choose(Method wanted) {
    return MethodChoice.of(wanted, fake.host());
  }
}
