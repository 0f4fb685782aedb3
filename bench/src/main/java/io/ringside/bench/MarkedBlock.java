package io.ringside.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A part of a Markdown file that a program writes, between two comments that mark it.
 *
 * @param name what the marks begin with
 * @param command what writes it, for the reader
 */
public record MarkedBlock(String name, String command) {
  /** Puts the text into the place of what was between the marks; where they are missing, at the file's end. */
  public void write(Path file, String text) throws IOException {
    String begin = "<!-- " + name + ": " + command + " writes from here -->";
    String end = "<!-- " + name + ": to here -->";
    String block = begin + "\n" + text + end + "\n";
    String old = Files.exists(file) ? Files.readString(file, StandardCharsets.UTF_8) : "";
    int from = old.indexOf(begin);
    int to = old.indexOf(end, Math.max(from, 0));
    String contents =
        from < 0 || to < 0
            ? old + block
            : old.substring(0, from) + block.stripTrailing() + old.substring(to + end.length());
    Files.writeString(file, contents, StandardCharsets.UTF_8);
  }
}
