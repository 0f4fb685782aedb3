package io.ringside.x86;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Runs binutils' objdump, the reference for lengths and texts, and reads what it prints. */
final class Objdump {
  /** One instruction as objdump sees it. */
  interface Listener {
    void instruction(long address, byte[] bytes, String text);
  }

  private Objdump() {}

  static boolean isInstalled() {
    String path = System.getenv().getOrDefault("PATH", "");
    for (String directory : path.split(File.pathSeparator, -1)) {
      if (new File(directory, "objdump").canExecute()) {
        return true;
      }
    }
    return false;
  }

  /** Disassembles the executable sections of an ELF file, at most {@code most} instructions. */
  static void elf(Path file, long most, Listener listener) {
    run(listener, most, "objdump", "-d", "-w", "-M", "intel", "--insn-width=16", file.toString());
  }

  /** Disassembles a file that holds nothing but 64-bit code. */
  static void binary(Path file, Listener listener) {
    run(
        listener,
        Long.MAX_VALUE,
        "objdump",
        "-D",
        "-w",
        "-b",
        "binary",
        "-m",
        "i386:x86-64",
        "-M",
        "intel",
        "--insn-width=16",
        file.toString());
  }

  private static void run(Listener listener, long most, String... command) {
    List<String> arguments = new ArrayList<>(Arrays.asList(command));
    try {
      Process process =
          new ProcessBuilder(arguments).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      process.getOutputStream().close();
      boolean stopped;
      try (BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.ISO_8859_1),
              1 << 16)) {
        long count = 0;
        for (String line = lines.readLine();
            line != null && count < most;
            line = lines.readLine()) {
          count += parse(line, listener) ? 1 : 0;
        }
        stopped = count >= most;
      }
      if (stopped) {
        process.destroy();
      }
      int status = process.waitFor();
      if (status != 0 && !stopped) {
        throw new IllegalStateException(
            String.join(" ", arguments) + " ended with status " + status);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** A line is an address, a colon, a tab, the bytes, a tab and the text. */
  private static boolean parse(String line, Listener listener) {
    int colon = line.indexOf(":\t");
    int tab = colon < 0 ? -1 : line.indexOf('\t', colon + 2);
    if (tab < 0) {
      return false;
    }
    long address = 0;
    for (int i = 0; i < colon; i++) {
      int digit = Character.digit(line.charAt(i), 16);
      address = digit < 0 ? address : address << 4 | digit;
    }
    byte[] bytes = new byte[16];
    int length = 0;
    for (int i = colon + 2; i + 1 < tab && line.charAt(i) != ' '; i += 3) {
      bytes[length++] =
          (byte)
              (Character.digit(line.charAt(i), 16) << 4 | Character.digit(line.charAt(i + 1), 16));
    }
    listener.instruction(address, Arrays.copyOf(bytes, length), line.substring(tab + 1));
    return true;
  }
}
