package io.ringside.x86;

import java.util.ArrayList;
import java.util.List;

/**
 * The instructions of 64-bit mode: for every opcode byte of the maps one-byte, 0F, 0F38 and 0F3A, legacy and VEX-encoded,
 * the rows that it may mean, told apart by prefixes, VEX.L, W and ModRM. Immutable.
 */
public final class OpcodeTable {
  /** Index of the first VEX-encoded map; {@code map << 8 | code} is the slot. */
  static final int VEX_MAPS = 4;

  private static final int SLOTS = 8 << 8;

  /** Rows by slot; an empty array where there are none. */
  private final OpcodeForm[][] slots = new OpcodeForm[SLOTS][];

  /** Whether a ModRM byte follows the opcode. */
  private final boolean[] modrm = new boolean[SLOTS];

  private OpcodeTable() {
    OpcodeTextParser parser = new OpcodeTextParser(slots);
    parser.parse(IntegerOpcodes.TEXT);
    parser.parse(SystemOpcodes.TEXT);
    parser.parse(X87Opcodes.TEXT);
    parser.parse(SseOpcodes.TEXT);
    parser.parse(AvxOpcodes.TEXT);
    OpcodeForm[] none = {};
    for (int i = 0; i < SLOTS; i++) {
      if (slots[i] == null) {
        slots[i] = none;
      } else {
        modrm[i] = slots[i][0].hasModrm;
      }
    }
  }

  /** The table, made when it is first asked for. */
  public static OpcodeTable get() {
    return Holder.TABLE;
  }

  OpcodeForm[] forms(int slot) {
    return slots[slot];
  }

  boolean hasModrm(int slot) {
    return modrm[slot];
  }

  /** All instructions, each once, in the order of maps and opcodes. */
  public List<Opcode> opcodes() {
    List<Opcode> result = new ArrayList<>();
    for (int i = 0; i < SLOTS; i++) {
      for (OpcodeForm form : slots[i]) {
        if ((i & 0xFF) == form.opcode.code()) {
          result.add(form.opcode);
        }
      }
    }
    return result;
  }

  private static final class Holder {
    static final OpcodeTable TABLE = new OpcodeTable();

    private Holder() {}
  }
}
