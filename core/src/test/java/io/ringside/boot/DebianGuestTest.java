package io.ringside.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With stand-ins for apt and dpkg that are shell scripts; the real ones take part in the nightly test only. */
class DebianGuestTest {
  private static final String APT_CACHE =
      """
      #!/bin/sh
      echo "$@" >>"$0.calls"
      echo 'Package: linux-image-cloud-amd64'
      echo 'Version: 9.8.7'
      echo 'Depends: linux-image-9.8.7-cloud-amd64 (= 9.8.7-1)'
      echo 'Description: Linux'
      """;

  private static final String APT_GET =
      """
      #!/bin/sh
      echo "$@" >>"$0.calls"
      case "$*" in *download*) ;; *) exit 0 ;; esac
      while [ "$1" != download ]; do shift; done
      shift
      for package; do echo "$package" >"${package}_1_amd64.deb"; done
      """;

  /** A busybox that lists its applets, in a tar archive as the package has it. */
  private static final String DPKG_DEB =
      """
      #!/bin/sh
      tree=$(mktemp -d)
      mkdir -p "$tree/boot" "$tree/bin"
      case $2 in
        *linux-image*) echo kernel >"$tree/boot/vmlinuz-9.8.7-cloud-amd64" ;;
        *) printf '#!/bin/sh\\nprintf "bin/sh\\\\nbin/ls\\\\n"\\n' >"$tree/bin/busybox" ;;
      esac
      tar -C "$tree" -cf - .
      rm -r "$tree"
      """;

  @TempDir private Path directory;
  private final List<String> steps = new ArrayList<>();
  private CacheDirectory cache;

  @BeforeEach
  void makeTools() throws IOException {
    cache = new CacheDirectory(directory.resolve("cache"));
    Files.createDirectories(directory.resolve("tools"));
    tool("apt-cache", APT_CACHE);
    tool("apt-get", APT_GET);
    tool("dpkg-deb", DPKG_DEB);
  }

  @Test
  void downloadsOnceAndThenCallsNobody() throws IOException {
    GuestFiles first = guest().resolve(Optional.empty(), Optional.empty());
    assertThat(first.kernel()).hasContent("kernel\n");
    Map<String, CpioReader.Entry> initramfs = CpioReader.read(Files.readAllBytes(first.initrd()));
    assertThat(initramfs).containsKeys("bin/sh", "bin/ls", "bin/busybox", "init");
    assertThat(steps)
        .anyMatch(
            step -> step.contains("downloading linux-image-9.8.7-cloud-amd64 and busybox-static"));
    assertThat(calls("apt-get"))
        .isEqualTo("-q download linux-image-9.8.7-cloud-amd64 busybox-static\n");

    for (String name : List.of("apt-cache", "apt-get", "dpkg-deb")) {
      Files.delete(directory.resolve("tools").resolve(name));
    }
    steps.clear();
    assertThat(guest().resolve(Optional.empty(), Optional.empty())).isEqualTo(first);
    assertThat(steps).isEmpty();
  }

  @Test
  void leavesNothingBehind() throws IOException {
    guest().resolve(Optional.empty(), Optional.empty());
    try (Stream<Path> files = Files.list(cache.path())) {
      assertThat(files).hasSize(3);
    }
  }

  @Test
  void ownFilesAreTakenAsTheyAre() {
    Path kernel = Path.of("own-kernel");
    Path initrd = Path.of("own-initrd");
    assertThat(guest().resolve(Optional.of(kernel), Optional.of(initrd)))
        .isEqualTo(new GuestFiles(kernel, initrd));
    assertThat(cache.path()).doesNotExist();
  }

  @Test
  void withAnOwnKernelOnlyBusyboxIsFetched() throws IOException {
    guest().resolve(Optional.of(Path.of("own-kernel")), Optional.empty());
    assertThat(calls("apt-get")).isEqualTo("-q download busybox-static\n");
  }

  @Test
  void withoutAptItSaysWhatToGive() throws IOException {
    Files.delete(directory.resolve("tools/apt-cache"));
    Files.delete(directory.resolve("tools/apt-get"));
    assertRefused(Optional.empty(), "this host has no apt", "--kernel FILE --initrd FILE");
    assertRefused(Optional.of(Path.of("own-kernel")), "this host has no apt");
  }

  @Test
  void withoutListsItGetsItsOwn() throws IOException {
    // As in containers: the host's lists are gone, those that apt-get update brings have the
    // package.
    tool(
        "apt-cache",
        """
        #!/bin/sh
        case "$*" in
          *Dir::State::lists=*/lists*) echo 'Depends: linux-image-9.8.7-cloud-amd64 (= 9.8.7-1)' ;;
          *) echo 'E: No packages found' >&2; exit 100 ;;
        esac
        """);
    assertThat(guest().resolve(Optional.empty(), Optional.empty()).kernel()).hasContent("kernel\n");
    String[] calls = calls("apt-get").split("\n", -1);
    assertThat(calls[0]).startsWith("-q -o Dir::State::lists=").endsWith(" update");
    assertThat(calls[1]).contains("-o Dir::Cache=").endsWith(" busybox-static");
    try (Stream<Path> files = Files.list(cache.path())) {
      assertThat(files).hasSize(3);
    }
  }

  @Test
  void oldListsAreReplaced() throws IOException {
    String failsAtFirst =
        "#!/bin/sh\ncase \"$*\" in *Dir::State*) ;; *) echo 'E: 404  Not Found' >&2; exit 100 ;; esac\n";
    tool("apt-get", failsAtFirst + APT_GET.substring(APT_GET.indexOf('\n') + 1));
    assertThat(guest().resolve(Optional.empty(), Optional.empty()).kernel()).hasContent("kernel\n");
    assertThat(steps)
        .anyMatch(step -> step.contains("getting current package lists") && step.contains("404"));
  }

  @Test
  void anUnknownPackageIsExplained() throws IOException {
    tool("apt-cache", "#!/bin/sh\necho 'E: No packages found' >&2\nexit 100\n");
    assertRefused(
        Optional.empty(), "apt knows no package linux-image-cloud-amd64", "--kernel FILE");
    tool("apt-cache", "#!/bin/sh\nprintf 'Depends: something\\nDescription: linux-image-x\\n'\n");
    assertRefused(Optional.empty(), "apt knows no package");
  }

  @Test
  void aFailedDownloadGivesAptsReason() throws IOException {
    tool(
        "apt-get",
        "#!/bin/sh\necho 'E: Temporary failure resolving deb.debian.org' >&2\necho 'W: more' >&2\nexit 100\n");
    assertRefused(
        Optional.empty(), "(E: Temporary failure resolving deb.debian.org)", "check the network");
    try (Stream<Path> files = Files.list(cache.path())) {
      assertThat(files).isEmpty();
    }
  }

  @Test
  void aPackageThatCantBeUnpackedIsExplained() throws IOException {
    tool("dpkg-deb", "#!/bin/sh\nexit 2\n");
    assertRefused(Optional.empty(), "can't unpack the package", "--kernel FILE --initrd FILE");
    tool("dpkg-deb", "#!/bin/sh\nhead -c 700 /dev/zero | tr '\\0' x\n");
    assertRefused(Optional.empty(), "can't unpack the package", "not a tar header");
  }

  @Test
  void aBusyboxThatDoesNotRunIsExplained() throws IOException {
    tool("dpkg-deb", DPKG_DEB.replace("printf \"bin/sh", "exit 3; printf \"bin/sh"));
    assertRefused(Optional.empty(), "doesn't run on this host (status 3)");
  }

  @Test
  void aCacheThatCantBeWrittenIsExplained() throws IOException {
    Files.createFile(cache.path());
    assertRefused(Optional.empty(), "XDG_CACHE_HOME");
  }

  @Test
  @Tag("nightly")
  void theRealPackages() {
    org.junit.jupiter.api.Assumptions.assumeTrue(
        HostTools.find("apt-get").isPresent(), "apt-get is not installed on this host");
    GuestFiles files =
        new DebianGuest(cache, steps::add).resolve(Optional.empty(), Optional.empty());
    try (KernelImage image = KernelImage.open(files.kernel(), cache)) {
      image.load(KernelFiles.memory(256 << 20));
      assertThat(image.entry()).isEqualTo(0x100_0000);
    }
  }

  private void assertRefused(Optional<Path> kernel, String... parts) {
    assertThatThrownBy(() -> guest().resolve(kernel, Optional.empty()))
        .isInstanceOf(BootException.class)
        .hasMessageContainingAll(parts)
        .hasMessageNotContaining("\n");
  }

  private DebianGuest guest() {
    return new DebianGuest(cache, steps::add, directory.resolve("tools") + "/");
  }

  private void tool(String name, String script) throws IOException {
    Path file = directory.resolve("tools").resolve(name);
    Files.writeString(file, script, StandardCharsets.UTF_8);
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  private String calls(String tool) throws IOException {
    return Files.readString(directory.resolve("tools").resolve(tool + ".calls"));
  }
}
