package io.ringside.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TarReaderTest {
  @ParameterizedTest
  @ValueSource(strings = {"gnu", "ustar", "v7"})
  void readsWhatTarWrites(String format, @TempDir Path directory) throws Exception {
    assumeTrue(HostTools.find("tar").isPresent(), "tar is not installed on this host");
    Map<String, Integer> sizes = Map.of("a", 0, "b", 1, "c/d", 511, "c/e", 512, "c/f", 100_000);
    for (Map.Entry<String, Integer> file : sizes.entrySet()) {
      Path path = directory.resolve("tree").resolve(file.getKey());
      Files.createDirectories(path.getParent());
      Files.write(path, contents(file.getValue()));
    }
    Files.createSymbolicLink(directory.resolve("tree/link"), Path.of("a"));
    byte[] archive = tar(directory.resolve("tree"), format);
    Map<String, byte[]> files = readAll(archive);
    assertThat(files.keySet()).containsExactlyInAnyOrderElementsOf(sizes.keySet());
    for (Map.Entry<String, Integer> file : sizes.entrySet()) {
      assertThat(files.get(file.getKey())).isEqualTo(contents(file.getValue()));
    }
  }

  @Test
  void longPathsAreSplitInUstar(@TempDir Path directory) throws Exception {
    assumeTrue(HostTools.find("tar").isPresent(), "tar is not installed on this host");
    String path = "x".repeat(90) + "/" + "y".repeat(90);
    Files.createDirectories(directory.resolve("tree").resolve(path).getParent());
    Files.write(directory.resolve("tree").resolve(path), contents(3));
    assertThat(readAll(tar(directory.resolve("tree"), "ustar"))).containsOnlyKeys(path);
  }

  @Test
  void contentsMayBePassedOver(@TempDir Path directory) throws Exception {
    assumeTrue(HostTools.find("tar").isPresent(), "tar is not installed on this host");
    Files.createDirectories(directory.resolve("tree"));
    Files.write(directory.resolve("tree/a"), contents(700));
    Files.write(directory.resolve("tree/b"), contents(700));
    TarReader reader =
        new TarReader(new ByteArrayInputStream(tar(directory.resolve("tree"), "gnu")));
    assertThat(reader.nextFile()).isNotEmpty();
    assertThat(reader.nextFile()).isNotEmpty();
    assertThat(reader.nextFile()).isEmpty();
    assertThat(reader.nextFile()).isEmpty();
  }

  @Test
  void anEndInTheMiddleIsAnError(@TempDir Path directory) throws Exception {
    assumeTrue(HostTools.find("tar").isPresent(), "tar is not installed on this host");
    Files.createDirectories(directory.resolve("tree"));
    Files.write(directory.resolve("tree/a"), contents(5000));
    byte[] archive = tar(directory.resolve("tree"), "gnu");
    // The directory's header, the file's header, its contents.
    for (int length : new int[] {1, 511, 513, 1023, 1025, 5000, 1024 + 4999}) {
      assertThatThrownBy(() -> readAll(Arrays.copyOf(archive, length)))
          .as("%d bytes", length)
          .isInstanceOf(IOException.class);
    }
    archive[512 + 124] = 'x';
    assertThatThrownBy(() -> readAll(archive)).hasMessageContaining("not a tar header");
  }

  private static Map<String, byte[]> readAll(byte[] archive) throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    TarReader reader = new TarReader(new ByteArrayInputStream(archive));
    for (String path = reader.nextFile(); !path.isEmpty(); path = reader.nextFile()) {
      files.put(path, reader.read());
    }
    return files;
  }

  private static byte[] tar(Path tree, String format) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder("tar", "-C", tree.toString(), "--format", format, "-cf", "-", ".")
            .start();
    byte[] archive = process.getInputStream().readAllBytes();
    assertThat(process.waitFor()).isZero();
    return archive;
  }

  private static byte[] contents(int size) {
    byte[] contents = new byte[size];
    for (int i = 0; i < size; i++) {
      contents[i] = (byte) (i * 7 + size);
    }
    return contents;
  }
}
