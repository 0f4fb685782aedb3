package io.ringside.x86;

import io.ringside.x86.Opcode.Access;
import io.ringside.x86.Opcode.Operand;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Reads the opcode table's text. One line is one row: {@code opcode mnemonic operands attributes...}.
 *
 * <p>Opcode: {@code [V][NP.|NF.|66.|F3.|F2.][0F|0F38|0F3A]hh[/r|:hh|+|+c]}. V is VEX-encoded. NP: no 66, F3 or F2; NF:
 * no F3 or F2; nothing (in legacy maps): these prefixes do not matter. /r: ModRM.reg extends the opcode; :hh is the
 * whole ModRM byte; + has a register in the low three bits; +c stands for the sixteen conditions.
 *
 * <p>Operands, in Intel's order: {@code [=|+]kind type[/memory type]}, = is written, + read and written. Kinds follow
 * appendix A of the SDM's volume 2: E G R B Z for general registers in rm (or memory), reg, rm, vvvv and the opcode;
 * W V U H L for vector registers in rm (or memory), reg, rm, vvvv and the immediate; Q P N for MMX registers; M and K
 * for memory and VSIB memory; S C D for segment, control and debug registers; T for ST(i); I J O X Y for immediate,
 * relative target, moffs and the strings at RSI and RDI; a, c, d, f, g, s, x, 1 for the accumulator, CL, DX, FS, GS,
 * ST(0), XMM0 and the constant one. Types: b w d q o are 1 to 16 bytes, k 16 that AVX does not widen, t 10, v the
 * operand size, y 4 or 8, z the operand size but at most 4, x the vector length, h f e a half, a quarter and an eighth of
 * it, p far pointer, s descriptor table, N and S the x87 environment and state, X the FXSAVE area, n nothing.
 *
 * <p>Attributes: a {@link Kind}; {@code @}{@link Feature} (else that of the section); {@code r:}, {@code w:} and
 * {@code c:} with the status flags read, written, perhaps changed (* is all six); lock; d64 and f64 for operands of 64
 * bits by default and always; L0, L1, W0, W1, B0 (no REX.B) and o16 (66 prefix) as conditions; register (no memory
 * form); count: a shift count that leaves the flags alone where zero; fpu; segment and segmentload: ModRM.reg must name
 * a segment register. mmx adds the MMX form of an SSE instruction; vp (AVX), vi (256 bits need AVX2), vs (scalar) and
 * v0 (128 bits only) add its VEX form, in which a destination that was read becomes a separate source.
 */
final class OpcodeTextParser {
  private static final String[] CONDITIONS = {
    "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"
  };

  private static final int CF = 1;
  private static final int PF = 1 << 2;
  private static final int AF = 1 << 4;
  private static final int ZF = 1 << 6;
  private static final int SF = 1 << 7;
  private static final int OF = 1 << 11;

  private static final int[] CONDITION_FLAGS = {OF, CF, ZF, CF | ZF, SF, PF, SF | OF, SF | OF | ZF};

  private static final int NO_PREFIX_RULE = -1;
  private static final int NO_REP = -2;

  private final OpcodeForm[][] slots;
  private final Map<String, Kind> kinds = new HashMap<>(512);
  private final Map<String, Feature> features = new HashMap<>(128);

  private byte[] text = {};
  private int position;

  // The row under construction.
  private Feature section = Feature.BASE;
  private boolean vex;
  private int prefix;
  private int map;
  private int code;
  private int extension;
  private int exactModrm;
  private boolean registerInOpcode;
  private boolean conditional;
  private String mnemonic = "";
  private int[] operands = {};
  private Kind kind = Kind.GENERIC;
  private Feature feature = Feature.BASE;
  private int flagsRead;
  private int flagsWritten;
  private int flagsChanged;
  private boolean lockable;
  private boolean usesFpu;
  private boolean count;
  private boolean registerOnly;
  private char size;
  private int conditionMask;
  private int conditionValue;
  private int check;
  private boolean mmx;
  private char vexForm;

  OpcodeTextParser(OpcodeForm[][] slots) {
    this.slots = slots;
    for (Kind value : Kind.values()) {
      kinds.put(value.name(), value);
    }
    for (Feature value : Feature.values()) {
      features.put(value.name(), value);
    }
  }

  /** Adds every row of {@code source} to the slots, after those that are there. */
  void parse(String source) {
    text = source.getBytes(StandardCharsets.ISO_8859_1);
    position = 0;
    while (position < text.length) {
      if (text[position] == '[') {
        int start = ++position;
        while (text[position] != ']') {
          position++;
        }
        section = named(features, start, position);
        position += 2;
      } else {
        parseRow();
      }
    }
  }

  private <T> T named(Map<String, T> names, int start, int end) {
    String name = string(start, end);
    T value = names.get(name);
    if (value == null) {
      throw new IllegalStateException("opcode table: unknown name " + name);
    }
    return value;
  }

  @SuppressWarnings("deprecation") // the constructor that only widens bytes: the fastest one while interpreted
  private String string(int start, int end) {
    return new String(text, 0, start, end - start);
  }

  private void parseRow() {
    reset();
    parseOpcode();
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
    position++;
    flagsChanged |= flagsWritten;
    emitRow();
  }

  private void reset() {
    vex = false;
    prefix = NO_PREFIX_RULE;
    map = 0;
    extension = -1;
    exactModrm = -1;
    registerInOpcode = false;
    conditional = false;
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
  }

  private static final int[] NO_OPERANDS = {};

  private void parseOpcode() {
    byte[] t = text;
    int p = position;
    if (t[p] == 'V') {
      vex = true;
      prefix = 0;
      p++;
    }
    if (t[p + 2] == '.') {
      prefix = switch (t[p + 1]) {
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
      default -> { }
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
        case '0' -> condition(first == 'L' ? OpcodeForm.KEY_L
            : first == 'W' ? OpcodeForm.KEY_W : OpcodeForm.KEY_REX_B, false);
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
      case 's' -> check =
          position - start > 7 ? OpcodeForm.CHECK_SEGMENT_LOAD : OpcodeForm.CHECK_SEGMENT;
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
      default -> throw new IllegalStateException("opcode table: unknown word " + string(start, position));
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
      mask |= switch (text[i]) {
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

  private void emitRow() {
    if (conditional) {
      String stem = mnemonic;
      int first = code;
      for (int i = 0; i < 16; i++) {
        mnemonic = stem.concat(CONDITIONS[i]);
        code = first + i;
        flagsRead = CONDITION_FLAGS[i >> 1];
        add(form());
      }
      return;
    }
    OpcodeForm form = form();
    if (registerInOpcode) {
      int first = code;
      for (int i = 0; i < 8; i++) {
        code = first + i;
        add(form);
      }
      return;
    }
    add(form);
    int[] legacyOperands = operands;
    if (mmx) {
      emitMmx(legacyOperands);
    }
    if (vexForm != 0) {
      emitVex(legacyOperands);
    }
  }

  private void emitMmx(int[] legacy) {
    int legacyPrefix = prefix;
    prefix = 0;
    operands = legacy.clone();
    for (int i = 0; i < operands.length; i++) {
      char what = OpcodeForm.kind(operands[i]);
      if (what != 'I') {
        char mmxKind = switch (what) {
          case 'V' -> 'P';
          case 'W' -> 'Q';
          default -> 'N';
        };
        operands[i] = OpcodeForm.operand(mmxKind, 'q', 'q', OpcodeForm.access(operands[i]));
      }
    }
    add(form());
    prefix = legacyPrefix;
  }

  private void emitVex(int[] legacy) {
    vex = true;
    mnemonic = "v".concat(mnemonic);
    operands = vexOperands(legacy, vexForm == 'p' || vexForm == 'i');
    feature = Feature.AVX;
    switch (vexForm) {
      case 'i' -> {
        conditionMask |= OpcodeForm.KEY_L;
        add(form());
        conditionValue |= OpcodeForm.KEY_L;
        feature = Feature.AVX2;
        add(form());
      }
      case '0' -> {
        conditionMask |= OpcodeForm.KEY_L;
        add(form());
      }
      default -> add(form());
    }
  }

  private static int[] vexOperands(int[] legacy, boolean widen) {
    int n = legacy.length;
    int first = n > 0 ? legacy[0] : 0;
    boolean separateSource = OpcodeForm.access(first) == '+';
    int[] result = new int[separateSource ? n + 1 : n];
    for (int i = 0, to = 0; i < n; i++) {
      char type = OpcodeForm.type(legacy[i]);
      char memoryType = OpcodeForm.memoryType(legacy[i]);
      if (widen && type == 'o') {
        type = 'x';
        memoryType = 'x';
      }
      char what = OpcodeForm.kind(legacy[i]);
      char access = OpcodeForm.access(legacy[i]);
      if (i > 0 || !separateSource) {
        result[to++] = OpcodeForm.operand(what, type, memoryType, access);
      } else if (OpcodeForm.kind(legacy[1]) == 'I') {
        // Shifts by an immediate: VEX.vvvv is the destination.
        result[to++] = OpcodeForm.operand('H', type, type, '=');
        result[to++] = OpcodeForm.operand(what, type, type, ' ');
      } else {
        result[to++] = OpcodeForm.operand(what, type, memoryType, '=');
        result[to++] = OpcodeForm.operand('H', type, type, ' ');
      }
    }
    return result;
  }

  private void add(OpcodeForm form) {
    int slot = ((vex ? 4 : 0) + map) << 8 | code;
    OpcodeForm[] old = slots[slot];
    if (old == null) {
      slots[slot] = new OpcodeForm[] {form};
      return;
    }
    OpcodeForm[] longer = new OpcodeForm[old.length + 1];
    System.arraycopy(old, 0, longer, 0, old.length);
    longer[old.length] = form;
    slots[slot] = longer;
  }

  private OpcodeForm form() {
    Operand reg = Operand.NONE;
    Operand rm = Operand.NONE;
    Operand vvvv = Operand.NONE;
    Access regAccess = Access.NONE;
    Access rmAccess = Access.NONE;
    Access vvvvAccess = Access.NONE;
    boolean fpu = usesFpu;
    boolean modrm = extension >= 0;
    char immediate = 0;
    boolean relative = false;
    boolean second = false;
    char memory = 'n';
    int rowCheck = check;
    int mask = conditionMask;
    int value = conditionValue;
    if (registerOnly) {
      mask |= OpcodeForm.KEY_REGISTER;
      value |= OpcodeForm.KEY_REGISTER;
    }
    char rule = size != 0 ? size : sizeRule();
    for (int operand : operands) {
      char what = OpcodeForm.kind(operand);
      char type = OpcodeForm.type(operand);
      Access access = access(OpcodeForm.access(operand));
      switch (what) {
        case 'E', 'W', 'Q', 'M', 'K' -> {
          modrm = true;
          memory = OpcodeForm.memoryType(operand);
          rm = switch (what) {
            case 'E' -> general(type, rule);
            case 'W' -> Operand.VECTOR;
            case 'Q' -> Operand.MMX;
            default -> Operand.MEMORY;
          };
          rmAccess = memory == 'n' && access == Access.READ ? Access.NONE : access;
          if (rm == Operand.MEMORY) {
            mask |= OpcodeForm.KEY_REGISTER;
          }
          if (what == 'K') {
            rowCheck = OpcodeForm.CHECK_GATHER;
          }
          fpu |= what == 'W' || what == 'Q';
        }
        case 'R', 'U', 'N', 'T' -> {
          modrm = true;
          rm = switch (what) {
            case 'R' -> general(type, rule);
            case 'U' -> Operand.VECTOR;
            case 'N' -> Operand.MMX;
            default -> Operand.NONE;
          };
          rmAccess = rm == Operand.NONE ? Access.NONE : access;
          mask |= OpcodeForm.KEY_REGISTER;
          value |= OpcodeForm.KEY_REGISTER;
          fpu |= what != 'R';
        }
        case 'G', 'V', 'P', 'S', 'C', 'D' -> {
          modrm = true;
          reg = switch (what) {
            case 'G' -> general(type, rule);
            case 'V' -> Operand.VECTOR;
            case 'P' -> Operand.MMX;
            default -> Operand.SYSTEM;
          };
          regAccess = access;
          fpu |= what == 'V' || what == 'P';
          if (what == 'C' || what == 'D') {
            rowCheck = what == 'C' ? OpcodeForm.CHECK_CONTROL : OpcodeForm.CHECK_DEBUG;
          }
        }
        case 'B', 'H' -> {
          vvvv = what == 'B' ? general(type, rule) : Operand.VECTOR;
          vvvvAccess = access;
        }
        case 'Z' -> {
          rm = general(type, rule);
          rmAccess = access;
        }
        case 'O' -> {
          memory = type;
          rm = Operand.MEMORY;
          rmAccess = access;
        }
        case 'a' -> {
          if (kind == Kind.MOV_MOFFS) {
            reg = Operand.GPR;
            regAccess = access;
          }
        }
        case 'X', 'Y' -> memory = type;
        case 'I' -> {
          second = immediate != 0;
          immediate = second ? immediate : type;
        }
        case 'J' -> {
          immediate = type;
          relative = true;
        }
        case 'L' -> immediate = 'b';
        default -> { }
      }
    }
    if (rowCheck == OpcodeForm.CHECK_CONTROL || rowCheck == OpcodeForm.CHECK_DEBUG) {
      // ModRM.mod is ignored: the operand is a register whatever it says.
      mask &= ~OpcodeForm.KEY_REGISTER;
      value &= ~OpcodeForm.KEY_REGISTER;
    }
    if (extension >= 0) {
      mask |= OpcodeForm.KEY_REG;
      value |= extension << OpcodeForm.KEY_REG_SHIFT;
    }
    if (exactModrm >= 0) {
      mask |= OpcodeForm.KEY_RM | OpcodeForm.KEY_REGISTER;
      value |= (exactModrm & 7) << OpcodeForm.KEY_RM_SHIFT | OpcodeForm.KEY_REGISTER;
    }
    if (prefix == NO_REP) {
      mask |= OpcodeForm.KEY_REP;
    } else if (prefix >= 0) {
      mask |= OpcodeForm.KEY_PREFIX;
      value |= prefix;
    }
    int mandatory = prefix == 1 ? 0x66 : prefix == 2 ? 0xF3 : prefix == 3 ? 0xF2 : 0;
    Opcode opcode = new Opcode(mnemonic, map, code, extension, mandatory, vex, kind, registerInOpcode, reg, regAccess,
        rm, rmAccess, vvvv, vvvvAccess, flagsRead, flagsWritten, flagsChanged, fpu, lockable, feature);
    Opcode zero = !count ? opcode
        : new Opcode(mnemonic, map, code, extension, mandatory, vex, kind, registerInOpcode, reg, regAccess,
            rm, rmAccess, vvvv, vvvvAccess, flagsRead, 0, flagsChanged, fpu, lockable, feature);
    return new OpcodeForm(opcode, zero, mask, value, operands, immediate, relative, second, rule, memory, rowCheck,
        modrm);
  }

  private static Access access(char sign) {
    return switch (sign) {
      case '=' -> Access.WRITE;
      case '+' -> Access.READ_WRITE;
      default -> Access.READ;
    };
  }

  private static Operand general(char type, char rule) {
    return switch (type) {
      case 'b' -> rule == 'b' ? Operand.GPR : Operand.GPR8;
      case 'w' -> Operand.GPR16;
      case 'd' -> Operand.GPR32;
      case 'q' -> Operand.GPR64;
      default -> Operand.GPR;
    };
  }

  /** The operand size follows from the widest kind of general operand: v, else y, else z, else b. */
  private char sizeRule() {
    char rule = 0;
    boolean other = false;
    for (int operand : operands) {
      char type = OpcodeForm.type(operand);
      switch (OpcodeForm.kind(operand)) {
        case 'E', 'G', 'R', 'B', 'Z', 'M', 'O', 'X', 'Y', 'a' -> {
          switch (type) {
            case 'v' -> {
              return 'v';
            }
            case 'y', 'z' -> rule = type;
            case 'b' -> rule = rule == 0 ? 'b' : rule;
            default -> other = true;
          }
        }
        case 'V', 'P', 'W', 'Q', 'U', 'N' -> rule = 'y';
        default -> { }
      }
    }
    return rule == 'y' || rule == 'z' ? rule : rule == 'b' && !other ? 'b' : 'v';
  }
}
