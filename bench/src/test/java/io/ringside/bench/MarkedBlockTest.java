package io.ringside.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MarkedBlockTest {
  private final MarkedBlock block = new MarkedBlock("figures", "some/program");

  @Test
  void replacesItsOwnPartOnly(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("page.md");
    block.write(file, "one\n");
    String first = Files.readString(file);
    assertThat(first)
        .isEqualTo(
            """
            <!-- figures: some/program writes from here -->
            one
            <!-- figures: to here -->
            """);
    Files.writeString(file, "before\n" + first + "after\n");
    new MarkedBlock("others", "some/program").write(file, "else\n");
    block.write(file, "two\n");
    assertThat(Files.readString(file))
        .startsWith("before\n<!-- figures")
        .contains("\ntwo\n<!-- figures: to here -->\nafter\n")
        .contains("\nelse\n")
        .doesNotContain("one");
  }
}
