package io.ringside.cli;

import io.ringside.hvm.KvmProbe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A host made of files below a directory. As it is made, binary translation works and there is no KVM. */
final class FakeHost {
  private static final KvmProbe.Answer GOOD = new KvmProbe.Answer.Answers(12, List.of());

  private final Path root;
  private String architecture = "Linux amd64";
  private String codeMemory = "";
  private Optional<DeviceNode> kvm = Optional.empty();
  private Optional<KvmProbe.Answer> answer = Optional.empty();

  FakeHost(Path root) {
    this.root = root;
    cpu("fpu sse2 avx2 bmi1 bmi2");
    file("sys/module/kernel/parameters/panic", "0");
  }

  /** The host; asking its KVM fails the test unless {@link #answers} or {@link #realKvm} was called. */
  Host host() {
    return new Host(
        new HostFacts(root),
        architecture,
        path -> path.equals("/dev/kvm") ? kvm : Optional.empty(),
        (device, makeVm) -> answer.orElseThrow(),
        () -> codeMemory);
  }

  FakeHost architecture(String name) {
    architecture = name;
    return this;
  }

  FakeHost withoutCodeMemory(String why) {
    codeMemory = why;
    return this;
  }

  FakeHost cpu(String flags) {
    return file(
        "proc/cpuinfo",
        "processor\t: 0\nmodel name\t: Test\nflags\t\t: " + flags + "\nbugs\t\t:\n");
  }

  FakeHost file(String path, String text) {
    Path file = root.resolve(path);
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  FakeHost without(String path) {
    try {
      Files.delete(root.resolve(path));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  FakeHost module(String name) {
    return file("sys/module/" + name + "/parameters/some", "1");
  }

  /** A device that this process may open. */
  FakeHost openKvm() {
    return kvm(new DeviceNode(true, "root", 108, "kvm", 0660));
  }

  FakeHost kvm(DeviceNode node) {
    kvm = Optional.of(node);
    return this;
  }

  /** What the API says when it is asked. */
  FakeHost answers(KvmProbe.Answer what) {
    answer = Optional.of(what);
    return this;
  }

  /** AMD-V with everything that Ringside needs. */
  FakeHost realKvm() {
    return cpu("fpu sse2 avx2 bmi1 bmi2 svm").module("kvm_amd").openKvm().answers(GOOD);
  }

  /** The emulation that answers just like a real KVM. */
  FakeHost emulatedKvm() {
    return cpu("fpu sse2 avx2 bmi1 bmi2 hypervisor").module("kvm_pvm").openKvm().answers(GOOD);
  }

  /** A session of a user with this number and these groups besides its own. */
  FakeHost session(int uid, int gid, String groups) {
    return file(
        "proc/self/status",
        "Name:\tjava\nUid:\t"
            + (uid + "\t").repeat(3)
            + uid
            + "\nGid:\t"
            + (gid + "\t").repeat(3)
            + gid
            + "\nGroups:\t"
            + groups
            + " \n");
  }
}
