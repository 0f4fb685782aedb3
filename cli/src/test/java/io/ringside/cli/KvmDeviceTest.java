package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.hvm.KvmProbe;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvmDeviceTest {
  @TempDir private Path root;
  private FakeHost fake;

  @BeforeEach
  void makeHost() {
    fake = new FakeHost(root);
  }

  @Test
  void amdsExtensionWithItsModuleIsReal() {
    fake.realKvm();
    assertThat(look()).isEqualTo(new KvmState.Real("AMD-V", "kvm_amd", false));
    assertThat(ask()).isEqualTo(look());
  }

  @Test
  void intelsExtensionWithItsModuleIsReal() {
    fake.realKvm().cpu("vmx bmi2").module("kvm_intel");
    assertThat(look()).isEqualTo(new KvmState.Real("VT-x", "kvm_intel", false));
  }

  @Test
  void aVirtualMachineWithAnExtensionIsRealAndNested() {
    fake.realKvm().cpu("svm bmi2 hypervisor");
    assertThat(look()).isEqualTo(new KvmState.Real("AMD-V", "kvm_amd", true));
    assertThat(((KvmState.Real) look()).what())
        .isEqualTo("AMD-V by kvm_amd, nested: this machine is a virtual one itself");
  }

  @Test
  void kvmPvmIsAnEmulation() {
    fake.emulatedKvm();
    assertThat(look())
        .isEqualTo(new KvmState.Emulated("emulated by kvm_pvm: no VT-x or AMD-V behind it"));
    assertThat(ask()).isEqualTo(look());
  }

  @Test
  void kvmPvmIsAnEmulationWhateverTheProcessorHas() {
    fake.realKvm().module("kvm_pvm");
    assertThat(look())
        .isEqualTo(
            new KvmState.Emulated(
                "emulated by kvm_pvm, which makes no use of the processor's AMD-V"));
  }

  @Test
  void aBuiltInModuleOfTheOtherMakeDoesNotCount() {
    fake.realKvm().cpu("vmx bmi2");
    assertThat(look())
        .isEqualTo(new KvmState.Emulated("emulated: kvm_intel is not there to drive VT-x"));
  }

  @Test
  void aModuleWithoutItsExtensionDoesNotCount() {
    fake.realKvm().cpu("bmi2");
    assertThat(look())
        .isEqualTo(new KvmState.Emulated("emulated: the processor shows neither VT-x nor AMD-V"));
  }

  @Test
  void withoutSysNothingShowsThatItIsReal() {
    fake.cpu("svm").openKvm().without("sys/module/kernel/parameters/panic");
    fake.without("sys/module/kernel/parameters").without("sys/module/kernel").without("sys/module");
    assertThat(look())
        .isEqualTo(
            new KvmState.Emulated(
                "/sys/module is not there to tell if kvm_amd or an emulation is behind it"));
  }

  @ParameterizedTest
  @CsvSource({
    "svm, kvm_amd, container without the device, --device /dev/kvm",
    "svm, none, KVM is not loaded, modprobe kvm_amd",
    "vmx, none, KVM is not loaded, modprobe kvm_intel",
    "vmx, kvm_amd, KVM is not loaded, modprobe kvm_intel",
    "hypervisor, none, this is a virtual machine, nested virtualization",
    "hypervisor, kvm_amd, this is a virtual machine, nested virtualization",
    "fpu, none, neither VT-x nor AMD-V, firmware"
  })
  void tellsWhyThereIsNoDevice(String flags, String module, String why, String remedy) {
    fake.cpu(flags).module(module);
    assertUnusable(look(), KvmState.Cause.NO_DEVICE, "there is no /dev/kvm", why, remedy);
    assertThat(ask()).as("nothing to open").isEqualTo(look());
  }

  @Test
  void namesTheGroupThatTheUserIsToJoin() {
    closedTo(108, "kvm", 0660);
    assertUnusable(
        look(),
        KvmState.Cause.NO_PERMISSION,
        "/dev/kvm belongs to the group kvm, and alice is not a member",
        "join with 'sudo usermod -aG kvm alice' and log in anew");
    assertThat(ask()).as("not opened").isEqualTo(look());
  }

  @Test
  void whoMayNotOpenItIsToldThatItIsOnlyEmulated() {
    closedTo(108, "kvm", 0660).cpu("bmi2 hypervisor").module("kvm_pvm");
    assertUnusable(
        look(),
        KvmState.Cause.NO_PERMISSION,
        "is not a member (and it is emulated by kvm_pvm: no VT-x or AMD-V behind it)");
  }

  @Test
  void aMemberOfOldSessionIsToldToLogInAnew() {
    closedTo(108, "kvm", 0660).file("etc/group", "root:x:0:\nkvm:x:108:bob,alice\n");
    assertUnusable(
        look(),
        KvmState.Cause.NO_PERMISSION,
        "the group kvm, which alice joined, but not for this session",
        "log in anew, or run 'newgrp kvm' first");
  }

  @Test
  void aPrimaryGroupIsAMembershipToo() {
    closedTo(108, "kvm", 0660).file("etc/passwd", "alice:x:1000:108::/home/alice:/bin/sh\n");
    assertUnusable(look(), KvmState.Cause.NO_PERMISSION, "which alice joined");
  }

  @Test
  void anotherUsersMembershipDoesNotCount() {
    closedTo(108, "kvm", 0660).file("etc/group", "kvm:x:108:malice,alice2\n");
    assertUnusable(look(), KvmState.Cause.NO_PERMISSION, "alice is not a member");
  }

  @Test
  void aGroupWithoutANameIsAHostsSeenFromAContainer() {
    closedTo(994, "994", 0660);
    assertUnusable(
        look(),
        KvmState.Cause.NO_PERMISSION,
        "the group 994, which has no name",
        "--group-add 994");
  }

  @Test
  void aDeviceForItsOwnerAloneIsTheAdministratorsToOpen() {
    closedTo(0, "root", 0600);
    assertUnusable(
        look(),
        KvmState.Cause.NO_PERMISSION,
        "/dev/kvm may be opened by its owner root only",
        "chgrp GROUP /dev/kvm; chmod 660 /dev/kvm");
  }

  @Test
  void aDeviceThatGroupsMayOnlyReadIsForItsOwnerToo() {
    closedTo(108, "kvm", 0640);
    assertUnusable(look(), KvmState.Cause.NO_PERMISSION, "its owner root only");
  }

  @Test
  void aMemberWhoIsRefusedLooksFurther() {
    closedTo(108, "kvm", 0660).session(1000, 1000, "27 108");
    assertUnusable(
        look(), KvmState.Cause.NO_PERMISSION, "though you are in its group kvm", "getfacl");
  }

  @ParameterizedTest
  @CsvSource({
    "1, EPERM, device rules, --device /dev/kvm",
    "6, ENXIO, no KVM answers, modprobe kvm_amd",
    "13, EACCES, security module, AppArmor",
    "16, EBUSY, another hypervisor, VirtualBox",
    "19, ENODEV, no KVM answers, modprobe kvm_amd",
    "24, EMFILE, too many files, ulimit -n",
    "77, errno 77, kernel refuses, dmesg"
  })
  void tellsWhyItCantBeOpened(int errno, String name, String why, String remedy) {
    fake.realKvm().answers(new KvmProbe.Answer.NotOpened(errno));
    assertUnusable(
        ask(), KvmState.Cause.CANNOT_OPEN, "opening it fails with " + name + ": ", why, remedy);
  }

  @Test
  void withoutAnExtensionThereIsNoModuleToLoad() {
    fake.emulatedKvm().answers(new KvmProbe.Answer.NotOpened(19));
    assertUnusable(ask(), KvmState.Cause.CANNOT_OPEN, "ENODEV", "firmware");
    assertThat(((KvmState.Unusable) ask()).remedy()).doesNotContain("modprobe");
  }

  @Test
  void aFileThatIsNoKvmIsToldApart() {
    fake.realKvm().answers(new KvmProbe.Answer.NotKvm(25));
    assertUnusable(ask(), KvmState.Cause.NOT_KVM, "isn't KVM (ENOTTY)", "mknod /dev/kvm c 10 232");
  }

  @Test
  void anotherVersionOfTheApiIsRefused() {
    fake.realKvm().answers(new KvmProbe.Answer.Answers(11, List.of()));
    assertUnusable(ask(), KvmState.Cause.WRONG_VERSION, "version 11", "needs 12", "2.6.22");
  }

  @Test
  void namesTheCapabilitiesThatLack() {
    fake.emulatedKvm().answers(new KvmProbe.Answer.Answers(12, List.of("IRQCHIP", "PIT2")));
    assertUnusable(
        ask(), KvmState.Cause.LACKS_CAPABILITIES, "lacks what Ringside needs: IRQCHIP, PIT2");
  }

  @ParameterizedTest
  @CsvSource({"16, EBUSY, VirtualBox", "12, ENOMEM, dmesg"})
  void tellsWhyNoVmCanBeMade(int errno, String name, String remedy) {
    fake.realKvm().answers(new KvmProbe.Answer.NoVm(errno));
    assertUnusable(ask(), KvmState.Cause.NO_VM, "makes no VM (" + name + ")", remedy);
  }

  @Test
  void processorsFlagsAreFoundInALongFileAndTheRestIsLeft() {
    String many = "vmx_flags\t: none\nbugs\t: many\n".repeat(1000);
    fake.file(
        "proc/cpuinfo",
        "processor\t: 0\nx\t: " + "y".repeat(5000) + "\nflags\t\t: fpu bmi2\n" + many);
    HostFacts facts = fake.host().facts();
    assertThat(facts.hasCpuFlag("bmi2")).isTrue();
    assertThat(facts.hasCpuFlag("fpu")).isTrue();
    assertThat(facts.hasCpuFlag("bmi")).isFalse();
    assertThat(facts.hasCpuFlag("many")).isFalse();
  }

  private FakeHost closedTo(int gid, String group, int mode) {
    return fake.realKvm()
        .kvm(new DeviceNode(false, "root", gid, group, mode))
        .session(1000, 1000, "27 1000")
        .file("etc/passwd", "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n")
        .file("etc/group", "root:x:0:\nkvm:x:108:bob\n");
  }

  private KvmState look() {
    return new KvmDevice(fake.host()).look();
  }

  private KvmState ask() {
    return new KvmDevice(fake.host()).ask(true);
  }

  private static void assertUnusable(KvmState state, KvmState.Cause cause, String... words) {
    assertThat(state).isInstanceOf(KvmState.Unusable.class);
    KvmState.Unusable unusable = (KvmState.Unusable) state;
    assertThat(unusable.cause()).isEqualTo(cause);
    assertThat(unusable.why() + "; " + unusable.remedy()).contains(words).doesNotContain("\n");
  }
}
