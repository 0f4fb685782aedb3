package io.ringside.hvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.ringside.hvm.KvmProbe.Answer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a probe makes of real files. */
class KvmProbeTest {
  private static final int ENOENT = 2;
  private static final int EISDIR = 21;
  private static final int ENOTTY = 25;

  @TempDir private Path directory;

  @Test
  void thisHostsKvmAnswers() {
    Path kvm = Path.of("/dev/kvm");
    assumeTrue(
        Files.isReadable(kvm) && Files.isWritable(kvm), "this host has no /dev/kvm for this user");
    assertThat(ask(kvm, false)).isEqualTo(new Answer.Answers(12, List.of()));
    assertThat(ask(kvm, true)).isEqualTo(new Answer.Answers(12, List.of()));
  }

  @Test
  void aMissingFileIsNotOpened() {
    assertThat(ask(directory.resolve("none"), true)).isEqualTo(new Answer.NotOpened(ENOENT));
  }

  @Test
  void aDirectoryIsNotOpened() {
    assertThat(ask(directory, true)).isEqualTo(new Answer.NotOpened(EISDIR));
  }

  @Test
  void anotherFileIsNotKvm() throws IOException {
    Path file = Files.writeString(directory.resolve("kvm"), "");
    assertThat(ask(file, true)).isEqualTo(new Answer.NotKvm(ENOTTY));
    assertThat(ask(Path.of("/dev/null"), true)).isEqualTo(new Answer.NotKvm(ENOTTY));
  }

  private static Answer ask(Path device, boolean makeVm) {
    return KvmProbe.ofHost().ask(device.toString(), makeVm);
  }
}
