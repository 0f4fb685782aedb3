package io.ringside.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Decodes the code of real programs where objdump says that instructions are, and compares length, mnemonic and
 * operands (and with them the sizes of memory operands).
 *
 * <p>The files come from the machine that the test runs on. {@code -Dringside.tests.elf=file:file} adds others, such as
 * an unpacked Linux kernel.
 */
class CorpusTest {
  private static final String[] LIBRARY_DIRECTORIES = {
    "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib"
  };

  /** objdump prints some 500,000 instructions a second; the first ones of a file are enough for every build. */
  private static final long SAMPLE = 250_000;

  private final Decoder decoder = new Decoder();
  private final Instruction instruction = new Instruction();
  private final byte[] window = new byte[64];
  private final Map<String, Integer> counts = new TreeMap<>();
  private final Map<String, String> examples = new HashMap<>();
  private long seen;
  private long data;

  @ParameterizedTest
  @ValueSource(strings = {"busybox", "libc.so.6", "libm.so.6", "libcrypto.so.3"})
  void programAgreesWithObjdump(String name) {
    assumeTrue(Objdump.isInstalled(), "objdump (package binutils) is not installed");
    Path file = find(name);
    assumeTrue(!file.toString().isEmpty(), name + " is not on this machine");
    check(file, SAMPLE);
  }

  @Tag("nightly")
  @ParameterizedTest
  @ValueSource(strings = {"busybox", "libc.so.6", "libm.so.6", "libcrypto.so.3", "libjvm.so"})
  void wholeProgramAgreesWithObjdump(String name) {
    assumeTrue(Objdump.isInstalled(), "objdump (package binutils) is not installed");
    Path file = find(name);
    assumeTrue(!file.toString().isEmpty(), name + " is not on this machine");
    check(file, Long.MAX_VALUE);
  }

  @Test
  void namedFilesAgreeWithObjdump() {
    assumeTrue(Objdump.isInstalled(), "objdump (package binutils) is not installed");
    String files = System.getProperty("ringside.tests.elf", "");
    assumeTrue(!files.isEmpty(), "no files named by -Dringside.tests.elf");
    for (String file : files.split(":", -1)) {
      check(Path.of(file), Long.MAX_VALUE);
    }
  }

  /** The file, or an empty path. */
  private static Path find(String name) {
    List<Path> places = new ArrayList<>();
    places.add(Path.of("/usr/bin", name));
    places.add(Path.of("/bin", name));
    for (String directory : LIBRARY_DIRECTORIES) {
      places.add(Path.of(directory, name));
    }
    places.add(Path.of(System.getProperty("java.home"), "lib", "server", name));
    for (Path place : places) {
      if (Files.isReadable(place)) {
        return place;
      }
    }
    return Path.of("");
  }

  private void check(Path file, long most) {
    Objdump.elf(file, most, this::compare);
    StringBuilder report = new StringBuilder();
    counts.forEach(
        (what, count) ->
            report
                .append(count)
                .append(" times ")
                .append(what)
                .append(": ")
                .append(examples.get(what))
                .append('\n'));
    assertThat(report.toString()).isEmpty();
    assertThat(seen).as("instructions in " + file).isGreaterThan(10_000);
    assertThat(data).as("bytes that are no instructions for objdump either").isLessThan(seen / 20);
  }

  private void compare(long address, byte[] bytes, String text) {
    seen++;
    if (IntelText.isBad(text) || IntelText.isPrefixesOnly(text)) {
      // Tables among the code; what objdump prints for them is no reference.
      data++;
      return;
    }
    String difference = difference(address, bytes, text);
    if (!difference.isEmpty()) {
      counts.merge(difference, 1, Integer::sum);
      examples.putIfAbsent(difference, Long.toHexString(address) + ' ' + text);
    }
  }

  private String difference(long address, byte[] bytes, String text) {
    String theirs = IntelText.normalise(text);
    String name = theirs.indexOf(' ') < 0 ? theirs : theirs.substring(0, theirs.indexOf(' '));
    Arrays.fill(window, (byte) 0);
    System.arraycopy(bytes, 0, window, 0, bytes.length);
    try {
      decoder.decode(window, 0, window.length, address, instruction);
    } catch (UndefinedInstructionException e) {
      boolean expected =
          BinutilsDeviations.undefinedIsRight(name)
              || IntelText.isOtherEncoding(bytes)
              || IntelText.isLocked(text)
              || IntelText.isRexBeforeVex(text)
              || bytes.length > Decoder.MAX_LENGTH;
      return expected ? "" : "undefined, but objdump has " + name;
    }
    if (instruction.length != bytes.length) {
      boolean expected =
          BinutilsDeviations.lengthMayDiffer(instruction) || (bytes[0] & 0xFF) == 0x9B;
      return expected
          ? ""
          : "length " + bytes.length + ", ours " + instruction.length + " of " + name;
    }
    String ours = IntelText.normalise(Disassembler.format(instruction));
    boolean same =
        theirs.equals(ours)
            || BinutilsDeviations.textMayDiffer(name)
            || BinutilsDeviations.isNeverShown(name);
    return same ? "" : "text " + theirs + ", ours " + ours;
  }
}
