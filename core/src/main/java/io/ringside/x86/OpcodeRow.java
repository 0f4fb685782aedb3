package io.ringside.x86;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * One row of the opcode table's text, as it is read. One line is one row: {@code opcode mnemonic operands
 * attributes...}.
 *
 * <p>Opcode: {@code [V][NP.|NF.|66.|F3.|F2.][0F|0F38|0F3A]hh[/r|:hh|+|+c]}. V is VEX-encoded. NP: no 66, F3 or F2; NF:
 * no F3 or F2; nothing (in legacy maps): these prefixes do not matter. /r: ModRM.reg extends the opcode; :hh is the
 * whole ModRM byte; + has a register in the low three bits; +c stands for the sixteen conditions.
 *
 * <p>Operands, in Intel's order: {@code [=|+]kind type[/memory type]}, = is written, + read and written. Kinds follow
 * appendix A of the SDM's volume 2: E G R B Z for general registers in rm (or memory), reg, rm, vvvv and the opcode;
 * W V U H L for vector registers in rm (or memory), reg, rm, vvvv and the immediate; Q P N for MMX registers; M and K
 * for memory and VSIB memory; S C D for segment, control and debug registers; T for ST(i); I J O X Y i for immediate,
 * relative target, moffs, the strings at RSI and RDI and XLAT's byte; a, c, d, f, g, s, x, 1 for the accumulator, CL,
 * DX, FS, GS, ST(0), XMM0 and the constant one. Types: b w d q o are 1 to 16 bytes, k 16 that AVX does not widen, t 10,
 * v the operand size, y 4 or 8, z the operand size but at most 4, x the vector length, h f e a half, a quarter and an
 * eighth of it, p far pointer, s descriptor table, N and S the x87 environment and state, X the FXSAVE area, n nothing.
 *
 * <p>Attributes: a {@link Kind}; {@code @}{@link Feature} (else that of the section); {@code r:}, {@code w:} and
 * {@code c:} with the status flags read, written, perhaps changed (* is all six); lock; d64 and f64 for operands of 64
 * bits by default and always; L0, L1, W0, W1, B0 (no REX.B) and o16 (66 prefix) as conditions; register (no memory
 * form); count: a shift count that leaves the flags alone where zero; fpu; segment and segmentload: ModRM.reg must name
 * a segment register. mmx adds the MMX form of an SSE instruction; vp (AVX), vi (256 bits need AVX2), vs (scalar) and
 * v0 (128 bits only) add its VEX form, in which a destination that was read becomes a separate source.
 */
final class OpcodeRow {
  /** {@link #prefix} where 66, F2 and F3 do not matter. */
  static final int ANY_PREFIX = -1;

  /** {@link #prefix} where only F2 and F3 are excluded. */
  static final int NO_REP = -2;

  static final int CF = 1;
  static final int PF = 1 << 2;
  static final int AF = 1 << 4;
  static final int ZF = 1 << 6;
  static final int SF = 1 << 7;
  static final int OF = 1 << 11;

  private static final int[] NO_OPERANDS = {};

  private final Map<String, Kind> kinds = new HashMap<>(512);
  private final Map<String, Feature> features = new HashMap<>(128);

  private byte[] text = {};
  private int position;

  boolean vex;

  /** As VEX.pp has it, or {@link #ANY_PREFIX} or {@link #NO_REP}. */
  int prefix;

  int map;
  int code;

  /** ModRM.reg, or -1. */
  int extension;

  /** The whole ModRM byte, or -1. */
  int exactModrm;

  boolean registerInOpcode;
  boolean conditional;
  String mnemonic = "";

  /** As {@link OpcodeForm#operand} packs them. */
  int[] operands = {};

  Kind kind = Kind.GENERIC;
  Feature feature = Feature.BASE;
  int flagsRead;
  int flagsWritten;
  int flagsChanged;
  boolean lockable;
  boolean usesFpu;

  /** The flags stay where the immediate count is zero. */
  boolean count;

  /** No memory form although no operand says so. */
  boolean registerOnly;

  /** Letter of the operand size rule, or 0 where it follows from the operands. */
  char size;

  /** Conditions on W, L, REX.B and the 66 prefix, as in {@link OpcodeForm}'s key. */
  int conditionMask;

  int conditionValue;
  int check;
  boolean mmx;

  /** Second letter of vp, vi, vs and v0, or 0. */
  char vexForm;

  OpcodeRow() {
    for (Kind value : Kind.values()) {
      kinds.put(value.name(), value);
    }
    for (Feature value : Feature.values()) {
      features.put(value.name(), value);
    }
  }

  /** Reads only the opcode at {@code offset}. */
  void parseOpcode(byte[] source, int offset) {
    text = source;
    position = offset;
    vex = false;
    prefix = ANY_PREFIX;
    map = 0;
    extension = -1;
    exactModrm = -1;
    registerInOpcode = false;
    conditional = false;
    parseOpcode();
  }

  /** The feature that the section header at {@code offset} names. */
  Feature parseSection(byte[] source, int offset) {
    text = source;
    int end = offset + 1;
    while (source[end] != ']') {
      end++;
    }
    return named(features, offset + 1, end);
  }

  /** Reads the row at {@code offset} of a section for {@code section}. */
  void parse(byte[] source, int offset, Feature section) {
    parseOpcode(source, offset);
    kind = Kind.GENERIC;
    feature = section;
    flagsRead = 0;
    flagsWritten = 0;
    flagsChanged = 0;
    lockable = false;
    usesFpu = false;
    count = false;
    registerOnly = false;
    size = 0;
    conditionMask = 0;
    conditionValue = 0;
    check = OpcodeForm.CHECK_NONE;
    mmx = false;
    vexForm = 0;
    operands = NO_OPERANDS;
    int start = position;
    while (text[position] > ' ') {
      position++;
    }
    mnemonic = string(start, position);
    if (text[position] == ' ') {
      position++;
      parseOperands();
    }
    while (text[position] == ' ') {
      position++;
      parseAttribute();
    }
    flagsChanged |= flagsWritten;
  }

  private <T> T named(Map<String, T> names, int start, int end) {
    String name = string(start, end);
    T value = names.get(name);
    if (value == null) {
      throw new IllegalStateException("opcode table: unknown name " + name);
    }
    return value;
  }

  @SuppressWarnings(
      "deprecation") // the constructor that only widens bytes: the fastest one while interpreted
  private String string(int start, int end) {
    return new String(text, 0, start, end - start);
  }

  private void parseOpcode() {
    byte[] t = text;
    int p = position;
    if (t[p] == 'V') {
      vex = true;
      prefix = 0;
      p++;
    }
    if (t[p + 2] == '.') {
      prefix =
          switch (t[p + 1]) {
            case 'P' -> 0;
            case '6' -> 1;
            case '3' -> 2;
            case '2' -> 3;
            default -> NO_REP;
          };
      p += 3;
    }
    int end = p;
    while (isHex(t[end])) {
      end++;
    }
    code = hex(t[end - 2]) << 4 | hex(t[end - 1]);
    if (end - p > 2) {
      map = end - p == 4 ? 1 : t[p + 2] == '3' && t[p + 3] == '8' ? 2 : 3;
    }
    p = end;
    switch (t[p]) {
      case '/' -> {
        extension = t[p + 1] - '0';
        p += 2;
      }
      case ':' -> {
        exactModrm = hex(t[p + 1]) << 4 | hex(t[p + 2]);
        extension = exactModrm >> 3 & 7;
        p += 3;
      }
      case '+' -> {
        conditional = t[p + 1] == 'c';
        registerInOpcode = !conditional;
        p += conditional ? 2 : 1;
      }
      default -> {}
    }
    position = p + 1;
  }

  private static boolean isHex(byte c) {
    return c >= '0' && c <= '9' || c >= 'A' && c <= 'F';
  }

  private static int hex(byte c) {
    return c <= '9' ? c - '0' : c - 'A' + 10;
  }

  private void parseOperands() {
    byte[] t = text;
    if (t[position] == '-') {
      position++;
      return;
    }
    int[] list = new int[5];
    int n = 0;
    while (true) {
      char access = ' ';
      if (t[position] == '=' || t[position] == '+') {
        access = (char) t[position++];
      }
      char type = (char) t[position + 1];
      char memoryType = type;
      char what = (char) t[position];
      position += 2;
      if (t[position] == '/') {
        memoryType = (char) t[position + 1];
        position += 2;
      }
      list[n++] = OpcodeForm.operand(what, type, memoryType, access);
      if (t[position] != ',') {
        break;
      }
      position++;
    }
    operands = Arrays.copyOf(list, n);
  }

  private void parseAttribute() {
    byte[] t = text;
    int start = position;
    while (t[position] > ' ') {
      position++;
    }
    byte first = t[start];
    byte second = t[start + 1];
    if (first == '@') {
      feature = named(features, start + 1, position);
    } else if (second == ':') {
      parseFlags(first, start + 2);
    } else if (first >= 'A' && first <= 'Z') {
      switch (second) {
        case '0' ->
            condition(
                first == 'L'
                    ? OpcodeForm.KEY_L
                    : first == 'W' ? OpcodeForm.KEY_W : OpcodeForm.KEY_REX_B,
                false);
        case '1' -> condition(first == 'L' ? OpcodeForm.KEY_L : OpcodeForm.KEY_W, true);
        default -> kind = named(kinds, start, position);
      }
    } else {
      parseWord(start);
    }
  }

  private void parseWord(int start) {
    byte second = text[start + 1];
    switch (text[start]) {
      case 'l' -> lockable = true;
      case 'd' -> size = 'd';
      case 'o' -> condition(OpcodeForm.KEY_OPERAND_SIZE, true);
      case 'c' -> count = true;
      case 'r' -> registerOnly = true;
      case 'm' -> mmx = true;
      case 's' ->
          check = position - start > 7 ? OpcodeForm.CHECK_SEGMENT_LOAD : OpcodeForm.CHECK_SEGMENT;
      case 'v' -> {
        vexForm = (char) second;
        usesFpu = true;
      }
      case 'f' -> {
        if (second == 'p') {
          usesFpu = true;
        } else {
          size = 'f';
        }
      }
      default ->
          throw new IllegalStateException("opcode table: unknown word " + string(start, position));
    }
  }

  private void condition(int bit, boolean set) {
    conditionMask |= bit;
    if (set) {
      conditionValue |= bit;
    }
  }

  private void parseFlags(byte what, int start) {
    int mask = 0;
    for (int i = start; i < position; i++) {
      mask |=
          switch (text[i]) {
            case 'o' -> OF;
            case 's' -> SF;
            case 'z' -> ZF;
            case 'a' -> AF;
            case 'p' -> PF;
            case 'c' -> CF;
            default -> OF | SF | ZF | AF | PF | CF;
          };
    }
    switch (what) {
      case 'r' -> flagsRead |= mask;
      case 'w' -> flagsWritten |= mask;
      default -> flagsChanged |= mask;
    }
  }
}
