package io.ringside.cli;

import io.ringside.hvm.KvmProbe;
import java.util.Optional;

/**
 * Finds out what {@code /dev/kvm} is. Files in /proc and /sys tell whether VT-x or AMD-V is behind it; the API itself
 * tells whether it can be used, since an emulated KVM answers just like a real one.
 */
final class KvmDevice {
  static final String PATH = "/dev/kvm";

  /** A module that offers KVM's API without VT-x or AMD-V: it emulates ring 0 in software. */
  private static final String EMULATOR = "kvm_pvm";

  private static final int EPERM = 1;
  private static final int ENXIO = 6;
  private static final int EACCES = 13;
  private static final int EBUSY = 16;
  private static final int ENODEV = 19;
  private static final int ENFILE = 23;
  private static final int EMFILE = 24;

  private final Host host;
  private final HostFacts facts;

  KvmDevice(Host host) {
    this.host = host;
    this.facts = host.facts();
  }

  /** What files tell, without opening the device. */
  KvmState look() {
    if (!host.isSupported()) {
      return new KvmState.Unusable(
          KvmState.Cause.OTHER_HOST,
          "this host is " + host.architecture(),
          "x86 guests need an x86-64 Linux host");
    }
    Optional<DeviceNode> node = host.devices().find(PATH);
    if (node.isEmpty()) {
      return noDevice();
    }
    if (!node.get().accessible()) {
      return noPermission(node.get());
    }
    return extension().isPresent() && module().isPresent() && !emulatorIsThere()
        ? new KvmState.Real(extension().get(), module().get(), isVirtual())
        : new KvmState.Emulated(emulation());
  }

  /**
   * What files tell, and then the device.
   *
   * @param makeVm whether a VM is made and given back at once, to see if that works too
   */
  KvmState ask(boolean makeVm) {
    return ask(look(), makeVm);
  }

  /** {@link #ask(boolean)} after {@link #look}. */
  KvmState ask(KvmState seen, boolean makeVm) {
    if (seen instanceof KvmState.Unusable) {
      return seen;
    }
    return switch (host.probe().ask(PATH, makeVm)) {
      case KvmProbe.Answer.NotOpened(int errno) -> notOpened(errno);
      case KvmProbe.Answer.NotKvm(int errno) ->
          new KvmState.Unusable(
              KvmState.Cause.NOT_KVM,
              PATH + " is there, but it isn't KVM (" + errnoName(errno) + ")",
              "make it anew as root with 'rm /dev/kvm; mknod /dev/kvm c 10 232'");
      case KvmProbe.Answer.NoVm(int errno) -> noVm(errno);
      case KvmProbe.Answer.Answers answers -> judge(seen, answers);
    };
  }

  /** {@code VT-x} or {@code AMD-V} if the processor shows it. */
  Optional<String> extension() {
    return facts.hasCpuFlag("vmx")
        ? Optional.of("VT-x")
        : facts.hasCpuFlag("svm") ? Optional.of("AMD-V") : Optional.empty();
  }

  /**
   * The module that drives the processor's extension. One that is built into the host's kernel counts too: it has
   * parameters, so it shows in /sys/module, on processors of the other make as well.
   */
  Optional<String> module() {
    String fitting = fittingModule();
    return !fitting.isEmpty() && facts.hasModule(fitting) ? Optional.of(fitting) : Optional.empty();
  }

  /**
   * Whether the module is there that emulates. Where kvm_intel or kvm_amd is there as well, only one of them can be
   * behind the device, and nothing shows which; so it is taken for the emulator, which is safe.
   */
  boolean emulatorIsThere() {
    return facts.hasModule(EMULATOR);
  }

  /** Whether the host is a virtual machine itself. */
  boolean isVirtual() {
    return facts.hasCpuFlag("hypervisor");
  }

  /** The module for the extension that the processor shows, whether it is there or not; empty without one. */
  String fittingModule() {
    return facts.hasCpuFlag("vmx") ? "kvm_intel" : facts.hasCpuFlag("svm") ? "kvm_amd" : "";
  }

  /** Goes on after "/dev/kvm is there, but ". */
  private String emulation() {
    if (emulatorIsThere()) {
      return "emulated by "
          + EMULATOR
          + (extension().isEmpty()
              ? ": no VT-x or AMD-V behind it"
              : ", which makes no use of the processor's " + extension().get());
    }
    if (extension().isEmpty()) {
      return "emulated: the processor shows neither VT-x nor AMD-V";
    }
    return facts.exists("/sys/module")
        ? "emulated: " + fittingModule() + " is not there to drive " + extension().get()
        : "/sys/module is not there to tell if "
            + fittingModule()
            + " or an emulation is behind it";
  }

  private KvmState noDevice() {
    String why;
    String remedy;
    if (module().isPresent()) {
      why = ", though " + module().get() + " is there: this is a container without the device";
      remedy = "start the container with '--device /dev/kvm'";
    } else if (extension().isPresent()) {
      why = ": KVM is not loaded";
      remedy = "load it as root with 'modprobe " + fittingModule() + "'";
    } else if (isVirtual()) {
      why = ": this is a virtual machine to which neither VT-x nor AMD-V is shown";
      remedy = "turn nested virtualization on in the hypervisor below it";
    } else {
      why = ": the processor shows neither VT-x nor AMD-V";
      remedy = "turn it on in the firmware if the processor has it";
    }
    return new KvmState.Unusable(KvmState.Cause.NO_DEVICE, "there is no /dev/kvm" + why, remedy);
  }

  private KvmState noPermission(DeviceNode node) {
    String why;
    String remedy;
    String group = node.group();
    String user = facts.userName();
    boolean named = !isNumber(group);
    if (!node.isForGroup()) {
      why = "may be opened by its owner " + node.owner() + " only";
      remedy = "as root, give it to a group of yours: 'chgrp GROUP /dev/kvm; chmod 660 /dev/kvm'";
    } else if (facts.hasGroup(node.gid())) {
      why = "is closed to you, though you are in its group " + group;
      remedy = "look at its access list ('getfacl /dev/kvm') and at the host's security modules";
    } else if (named && facts.isMember(user, node.gid())) {
      why =
          "belongs to the group " + group + ", which " + user + " joined, but not for this session";
      remedy = "log in anew, or run 'newgrp " + group + "' first";
    } else if (named) {
      why = "belongs to the group " + group + ", and " + user + " is not a member";
      remedy = "join with 'sudo usermod -aG " + group + " " + user + "' and log in anew";
    } else {
      why = "belongs to the group " + group + ", which has no name here and isn't yours";
      remedy = "in a container, start that with '--group-add " + group + "'";
    }
    // Who is allowed in should know beforehand if there is nothing to be had.
    String anyway =
        emulatorIsThere() || extension().isEmpty() ? " (and it is " + emulation() + ")" : "";
    return new KvmState.Unusable(KvmState.Cause.NO_PERMISSION, PATH + " " + why + anyway, remedy);
  }

  private KvmState notOpened(int errno) {
    String why = PATH + " is there, but opening it fails with " + errnoName(errno) + ": ";
    String remedy =
        switch (errno) {
          case EPERM -> {
            why += "a container's device rules or a seccomp profile forbid it";
            yield "start the container with '--device /dev/kvm'";
          }
          case EACCES -> {
            why += "a security module or a mount without devices forbids it";
            yield "look at what AppArmor or SELinux logs, and at the options of the mount ('findmnt -T /dev/kvm')";
          }
          case ENXIO, ENODEV -> {
            why += "no KVM answers behind it";
            yield loadIt();
          }
          case EBUSY -> {
            why += "another hypervisor has the processor's virtualization";
            yield "stop the other one (VirtualBox, VMware and the like)";
          }
          case EMFILE, ENFILE -> {
            why += "too many files are open";
            yield "raise the limit ('ulimit -n')";
          }
          default -> {
            why += "the host's kernel refuses";
            yield "look at what it logs ('dmesg')";
          }
        };
    return new KvmState.Unusable(KvmState.Cause.CANNOT_OPEN, why, remedy);
  }

  private KvmState noVm(int errno) {
    String why = PATH + " answers, but makes no VM (" + errnoName(errno) + ")";
    return errno == EBUSY
        ? new KvmState.Unusable(
            KvmState.Cause.NO_VM,
            why + ": another hypervisor has the processor's virtualization",
            "stop the other one (VirtualBox, VMware and the like)")
        : new KvmState.Unusable(
            KvmState.Cause.NO_VM, why, "look at what the host's kernel logs ('dmesg')");
  }

  private String loadIt() {
    return fittingModule().isEmpty()
        ? "the processor shows neither VT-x nor AMD-V: turn it on in the firmware or in the hypervisor below"
        : "load it as root with 'modprobe " + fittingModule() + "'";
  }

  private static KvmState judge(KvmState seen, KvmProbe.Answer.Answers answers) {
    if (answers.version() != KvmProbe.API_VERSION) {
      return new KvmState.Unusable(
          KvmState.Cause.WRONG_VERSION,
          "KVM's API has the version "
              + answers.version()
              + ", and Ringside needs "
              + KvmProbe.API_VERSION,
          "boot a host kernel that has it, as all since 2.6.22");
    }
    if (!answers.lacking().isEmpty()) {
      return new KvmState.Unusable(
          KvmState.Cause.LACKS_CAPABILITIES,
          "this KVM lacks what Ringside needs: " + String.join(", ", answers.lacking()),
          "boot a newer host kernel; the youngest of these came with Linux 4.11");
    }
    return seen;
  }

  private static boolean isNumber(String group) {
    return !group.isEmpty() && group.chars().allMatch(Character::isDigit);
  }

  private static String errnoName(int errno) {
    return switch (errno) {
      case EPERM -> "EPERM";
      case 2 -> "ENOENT";
      case ENXIO -> "ENXIO";
      case 12 -> "ENOMEM";
      case EACCES -> "EACCES";
      case EBUSY -> "EBUSY";
      case ENODEV -> "ENODEV";
      case 22 -> "EINVAL";
      case ENFILE -> "ENFILE";
      case EMFILE -> "EMFILE";
      case 25 -> "ENOTTY";
      case 95 -> "EOPNOTSUPP";
      default -> "errno " + errno;
    };
  }
}
