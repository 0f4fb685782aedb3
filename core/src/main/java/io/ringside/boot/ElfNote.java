package io.ringside.boot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A note in an ELF file (gABI chapter 5, "Note Section") without its owner's name.
 *
 * @param type what it is; each owner has its own numbering
 * @param description what it says, from position 0 to the limit; read-only
 */
public record ElfNote(int type, ByteBuffer description) {
  /** Makes a note whose description can't be changed. */
  public ElfNote {
    description = description.slice().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }
}
