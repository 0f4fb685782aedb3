package io.ringside.oracle;

import io.ringside.x86.Instruction;

/** One piece of code and all that it starts with. */
final class Case {
  /** The code as the guest runs it; natively FS prefixes become GS, whose base the kernel does not need. */
  byte[] code = {};

  byte[] nativeCode = {};

  /** What {@link #code} begins with. */
  final Instruction instruction = new Instruction();

  final long[] gpr = new long[16];
  long flags;
  long segmentBase;

  /** Offset in the code arena. */
  int offset;

  boolean user;

  /** The guest runs with TF set, and returns from each #DB. */
  boolean stepped;

  /** Whether vector state is loaded and compared. */
  boolean vectors;

  /** Many instructions: RSP and memory at a fault are not known for the host's processor. */
  boolean sequence;

  /** Flags that the comparison leaves out. */
  long ignoredFlags;

  /** Where data lies that the comparison leaves out, and how long it is. */
  int ignoredData;

  int ignoredDataSize;

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    if (instruction.opcode != null) {
      text.append(instruction.opcode.mnemonic()).append(' ');
    }
    for (byte b : code) {
      text.append(Character.forDigit(b >> 4 & 15, 16))
          .append(Character.forDigit(b & 15, 16))
          .append(' ');
    }
    text.append(user ? "(ring 3)" : "(ring 0)");
    for (int r = 0; r < 16; r++) {
      text.append(r % 4 == 0 ? "\n    " : "  ")
          .append(Oracle.name(r))
          .append('=')
          .append(Long.toHexString(gpr[r]));
    }
    return text.append("\n    flags=")
        .append(Long.toHexString(flags))
        .append(" segment base=")
        .append(Long.toHexString(segmentBase))
        .toString();
  }
}
