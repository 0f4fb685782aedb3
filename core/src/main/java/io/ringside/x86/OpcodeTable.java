package io.ringside.x86;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The instructions of 64-bit mode: for every opcode byte of the maps one-byte, 0F, 0F38 and 0F3A, legacy and
 * VEX-encoded, the forms that it may mean, told apart by prefixes, VEX.L, W and ModRM.
 *
 * <p>The facts are text ({@link OpcodeRow}). Making the table only finds where the rows of each opcode byte are; they
 * are read when the byte is first decoded, because reading all of them takes some 15 ms in a virtual machine that has
 * just started and a guest uses a small part. Safe for use by several threads; an {@link Opcode} of one table is always
 * the same object.
 */
public final class OpcodeTable {
  /** Index of the first VEX-encoded map; {@code map << 8 | code} is the slot. */
  static final int VEX_MAPS = 4;

  private static final int GROUPS = VEX_MAPS << 8;
  private static final int SLOTS = 2 * GROUPS;
  private static final int CONDITIONS = 16;
  private static final int REGISTERS = 8;
  private static final int OFFSET_BITS = 24;

  /** The forms of one opcode byte, in the order in which they are to be tried. */
  static final class Slot {
    final OpcodeForm[] forms;

    /** Whether a ModRM byte follows the opcode. */
    final boolean hasModrm;

    Slot(OpcodeForm[] forms) {
      this.forms = forms;
      this.hasModrm = forms.length > 0 && forms[0].hasModrm;
    }
  }

  private final byte[][] texts;

  /** First and last row of each group, which is the rows for one opcode byte of one map; 0 for none. */
  private final int[] firstRow = new int[GROUPS];

  private final int[] lastRow = new int[GROUPS];

  /** The row that follows in its group; entry 0 is unused. */
  private int[] nextRow = new int[2048];

  /** Index of the text and offset of the row in it. */
  private int[] rowPlace = new int[2048];

  private Feature[] rowFeature = new Feature[2048];
  private int rows;

  private final OpcodeRow row = new OpcodeRow();
  private final OpcodeFormBuilder builder = new OpcodeFormBuilder(row);

  /**
   * Slots that were asked for. Reading one without a lock is safe, since a slot and its forms have only final fields.
   */
  private final Slot[] slots = new Slot[SLOTS];

  /** Makes the table. */
  public OpcodeTable() {
    String[] sources = {
      IntegerOpcodes.TEXT, SystemOpcodes.TEXT, X87Opcodes.TEXT, SseOpcodes.TEXT, AvxOpcodes.TEXT
    };
    texts = new byte[sources.length][];
    for (int i = 0; i < sources.length; i++) {
      texts[i] = sources[i].getBytes(StandardCharsets.ISO_8859_1);
      index(i, texts[i]);
    }
  }

  private void index(int textNumber, byte[] text) {
    Feature section = Feature.BASE;
    int at = 0;
    while (at < text.length) {
      if (text[at] == '[') {
        section = row.parseSection(text, at);
      } else {
        row.parseOpcode(text, at);
        int codes = row.conditional ? CONDITIONS : row.registerInOpcode ? REGISTERS : 1;
        for (int i = 0; i < codes; i++) {
          addToGroup(row.map << 8 | row.code + i, textNumber << OFFSET_BITS | at, section);
        }
      }
      while (text[at] != '\n') {
        at++;
      }
      at++;
    }
  }

  private void addToGroup(int group, int place, Feature section) {
    int number = ++rows;
    if (number == nextRow.length) {
      nextRow = Arrays.copyOf(nextRow, 2 * number);
      rowPlace = Arrays.copyOf(rowPlace, 2 * number);
      rowFeature = Arrays.copyOf(rowFeature, 2 * number);
    }
    rowPlace[number] = place;
    rowFeature[number] = section;
    if (firstRow[group] == 0) {
      firstRow[group] = number;
    } else {
      nextRow[lastRow[group]] = number;
    }
    lastRow[group] = number;
  }

  /**
   * The forms of an opcode byte.
   *
   * @param slot {@code map << 8 | code}, and {@link #VEX_MAPS} maps further for VEX
   */
  Slot slot(int slot) {
    Slot found = slots[slot];
    return found != null ? found : load(slot);
  }

  private synchronized Slot load(int slot) {
    if (slots[slot] == null) {
      int group = slot & GROUPS - 1;
      builder.clear();
      for (int number = firstRow[group]; number != 0; number = nextRow[number]) {
        int place = rowPlace[number];
        row.parse(texts[place >> OFFSET_BITS], place & (1 << OFFSET_BITS) - 1, rowFeature[number]);
        builder.add(group & 0xFF);
      }
      slots[group] = new Slot(builder.legacy());
      slots[GROUPS + group] = new Slot(builder.vex());
    }
    return slots[slot];
  }

  /** All instructions, each once, in the order of maps and opcodes, legacy before VEX-encoded ones. */
  public List<Opcode> opcodes() {
    List<Opcode> result = new ArrayList<>();
    for (int i = 0; i < SLOTS; i++) {
      for (OpcodeForm form : slot(i).forms) {
        if ((i & 0xFF) == form.opcode.code()) {
          result.add(form.opcode);
        }
      }
    }
    return result;
  }
}
