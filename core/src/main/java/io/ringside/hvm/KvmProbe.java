package io.ringside.hvm;

import io.ringside.host.HostException;
import io.ringside.host.KvmFile;
import java.util.ArrayList;
import java.util.List;

/** Asks a KVM device what it can do, by its API (the host kernel's Documentation/virt/kvm/api.rst). */
@FunctionalInterface
public interface KvmProbe {
  /** The one stable version of the API, since Linux 2.6.22. */
  int API_VERSION = KvmApi.VERSION;

  /**
   * Opens the device, asks, and closes it.
   *
   * @param device its path
   * @param makeVm whether to try as well if a VM can be made, which can take the host's kernel many milliseconds
   */
  Answer ask(String device, boolean makeVm);

  /** What came of it. */
  sealed interface Answer {
    /** It could not be opened, for the reason that {@code errno} tells. */
    record NotOpened(int errno) implements Answer {}

    /** It was opened, but doesn't know KVM_GET_API_VERSION. */
    record NotKvm(int errno) implements Answer {}

    /** It answers, but KVM_CREATE_VM fails. */
    record NoVm(int errno) implements Answer {}

    /**
     * It answers.
     *
     * @param version of the API
     * @param lacking the capabilities that Ringside needs and that it hasn't, by their names without {@code KVM_CAP_}
     */
    record Answers(int version, List<String> lacking) implements Answer {
      /** Copies the list. */
      public Answers {
        lacking = List.copyOf(lacking);
      }
    }
  }

  /** The probe that really opens devices. */
  static KvmProbe ofHost() {
    return KvmProbe::open;
  }

  private static Answer open(String path, boolean makeVm) {
    KvmFile device;
    try {
      device = KvmFile.open(path);
    } catch (HostException e) {
      return new Answer.NotOpened(e.errno());
    }
    try (device) {
      int version = device.ioctl(KvmApi.GET_API_VERSION, 0);
      if (version < 0) {
        return new Answer.NotKvm(-version);
      }
      List<String> lacking = new ArrayList<>();
      need(device, KvmApi.CAP_USER_MEMORY, "USER_MEMORY", lacking);
      need(device, KvmApi.CAP_IRQCHIP, "IRQCHIP", lacking);
      need(device, KvmApi.CAP_PIT2, "PIT2", lacking);
      need(device, KvmApi.CAP_EXT_CPUID, "EXT_CPUID", lacking);
      need(device, KvmApi.CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT", lacking);
      if (makeVm && version == API_VERSION && lacking.isEmpty()) {
        device.create("KVM_CREATE_VM", KvmApi.CREATE_VM, 0).close();
      }
      return new Answer.Answers(version, lacking);
    } catch (HostException e) {
      return new Answer.NoVm(e.errno());
    }
  }

  private static void need(KvmFile device, int capability, String name, List<String> lacking) {
    if (device.ioctl(KvmApi.CHECK_EXTENSION, capability) <= 0) {
      lacking.add(name);
    }
  }
}
