package io.ringside.x86;

import io.ringside.x86.Opcode.Access;
import io.ringside.x86.Opcode.Operand;
import java.util.Arrays;

/** Makes the forms of one opcode byte of one map, legacy and VEX-encoded, from the rows that the table has on it. */
final class OpcodeFormBuilder {
  private static final String[] CONDITIONS = {
    "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"
  };

  private static final int[] CONDITION_FLAGS = {
    OpcodeRow.OF,
    OpcodeRow.CF,
    OpcodeRow.ZF,
    OpcodeRow.CF | OpcodeRow.ZF,
    OpcodeRow.SF,
    OpcodeRow.PF,
    OpcodeRow.SF | OpcodeRow.OF,
    OpcodeRow.SF | OpcodeRow.OF | OpcodeRow.ZF
  };

  private static final OpcodeForm[] NONE = {};

  private final OpcodeRow row;
  private OpcodeForm[] legacy = NONE;
  private OpcodeForm[] vex = NONE;

  // The form under construction.
  private Operand reg = Operand.NONE;
  private Operand rm = Operand.NONE;
  private Operand vvvv = Operand.NONE;
  private Access regAccess = Access.NONE;
  private Access rmAccess = Access.NONE;
  private Access vvvvAccess = Access.NONE;
  private boolean usesFpu;
  private boolean modrm;
  private char immediate;
  private boolean relative;
  private boolean secondImmediate;
  private char memory;
  private char rule;
  private int check;
  private int mask;
  private int value;

  OpcodeFormBuilder(OpcodeRow row) {
    this.row = row;
  }

  void clear() {
    legacy = NONE;
    vex = NONE;
  }

  OpcodeForm[] legacy() {
    return legacy;
  }

  OpcodeForm[] vex() {
    return vex;
  }

  /** Adds what the row says about opcode byte {@code code}; it is one of those that the row stands for. */
  void add(int code) {
    if (row.conditional) {
      int condition = code - row.code;
      row.mnemonic = row.mnemonic.concat(CONDITIONS[condition]);
      row.flagsRead = CONDITION_FLAGS[condition >> 1];
      row.code = code;
    }
    add(form());
    int[] operands = row.operands;
    if (row.mmx) {
      addMmx(operands);
    }
    if (row.vexForm != 0) {
      addVex(operands);
    }
  }

  private void add(OpcodeForm form) {
    if (row.vex) {
      vex = Arrays.copyOf(vex, vex.length + 1);
      vex[vex.length - 1] = form;
    } else {
      legacy = Arrays.copyOf(legacy, legacy.length + 1);
      legacy[legacy.length - 1] = form;
    }
  }

  private void addMmx(int[] sse) {
    int ssePrefix = row.prefix;
    row.prefix = 0;
    row.operands = sse.clone();
    for (int i = 0; i < row.operands.length; i++) {
      char what = OpcodeForm.kind(row.operands[i]);
      if (what != 'I') {
        char mmxKind =
            switch (what) {
              case 'V' -> 'P';
              case 'W' -> 'Q';
              default -> 'N';
            };
        row.operands[i] = OpcodeForm.operand(mmxKind, 'q', 'q', OpcodeForm.access(row.operands[i]));
      }
    }
    add(form());
    row.prefix = ssePrefix;
  }

  private void addVex(int[] sse) {
    row.vex = true;
    row.mnemonic = "v".concat(row.mnemonic);
    row.operands = vexOperands(sse, row.vexForm == 'p' || row.vexForm == 'i');
    row.feature = Feature.AVX;
    switch (row.vexForm) {
      case 'i' -> {
        row.conditionMask |= OpcodeForm.KEY_L;
        add(form());
        row.conditionValue |= OpcodeForm.KEY_L;
        row.feature = Feature.AVX2;
        add(form());
      }
      case '0' -> {
        row.conditionMask |= OpcodeForm.KEY_L;
        add(form());
      }
      default -> add(form());
    }
  }

  private static int[] vexOperands(int[] sse, boolean widen) {
    int n = sse.length;
    int first = n > 0 ? sse[0] : 0;
    boolean separateSource = OpcodeForm.access(first) == '+';
    int[] result = new int[separateSource ? n + 1 : n];
    for (int i = 0, to = 0; i < n; i++) {
      char type = OpcodeForm.type(sse[i]);
      char memoryType = OpcodeForm.memoryType(sse[i]);
      if (widen && type == 'o') {
        type = 'x';
        memoryType = 'x';
      }
      char what = OpcodeForm.kind(sse[i]);
      char access = OpcodeForm.access(sse[i]);
      if (i > 0 || !separateSource) {
        result[to++] = OpcodeForm.operand(what, type, memoryType, access);
      } else if (OpcodeForm.kind(sse[1]) == 'I') {
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

  private OpcodeForm form() {
    startForm();
    for (int operand : row.operands) {
      addOperand(
          OpcodeForm.kind(operand),
          OpcodeForm.type(operand),
          OpcodeForm.memoryType(operand),
          access(OpcodeForm.access(operand)));
    }
    addConditions();
    Opcode opcode = opcode(row.flagsWritten);
    Opcode zeroCount = row.count ? opcode(0) : opcode;
    return new OpcodeForm(
        opcode,
        zeroCount,
        mask,
        value,
        row.operands,
        immediate,
        relative,
        secondImmediate,
        rule,
        memory,
        check,
        modrm);
  }

  private void startForm() {
    reg = Operand.NONE;
    rm = Operand.NONE;
    vvvv = Operand.NONE;
    regAccess = Access.NONE;
    rmAccess = Access.NONE;
    vvvvAccess = Access.NONE;
    usesFpu = row.usesFpu;
    modrm = row.extension >= 0;
    immediate = 0;
    relative = false;
    secondImmediate = false;
    memory = 'n';
    check = row.check;
    mask = row.conditionMask;
    value = row.conditionValue;
    rule = row.size != 0 ? row.size : sizeRule();
  }

  private void addOperand(char kind, char type, char memoryType, Access access) {
    switch (kind) {
      case 'E', 'W', 'Q', 'M', 'K' -> {
        modrm = true;
        memory = memoryType;
        rm = rmOperand(kind, type);
        rmAccess = memoryType == 'n' && access == Access.READ ? Access.NONE : access;
        if (rm == Operand.MEMORY) {
          mask |= OpcodeForm.KEY_REGISTER;
        }
        if (kind == 'K') {
          check = OpcodeForm.CHECK_GATHER;
        }
        usesFpu |= kind == 'W' || kind == 'Q';
      }
      case 'R', 'U', 'N', 'T' -> {
        modrm = true;
        rm = rmOperand(kind, type);
        rmAccess = rm == Operand.NONE ? Access.NONE : access;
        requireRegister();
        usesFpu |= kind != 'R';
      }
      case 'G', 'V', 'P', 'S', 'C', 'D' -> {
        modrm = true;
        reg =
            switch (kind) {
              case 'G' -> general(type, rule);
              case 'V' -> Operand.VECTOR;
              case 'P' -> Operand.MMX;
              default -> Operand.SYSTEM;
            };
        regAccess = access;
        usesFpu |= kind == 'V' || kind == 'P';
        if (kind == 'C' || kind == 'D') {
          check = kind == 'C' ? OpcodeForm.CHECK_CONTROL : OpcodeForm.CHECK_DEBUG;
        }
      }
      case 'B', 'H' -> {
        vvvv = kind == 'B' ? general(type, rule) : Operand.VECTOR;
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
        if (row.kind == Kind.MOV_MOFFS) {
          reg = Operand.GPR;
          regAccess = access;
        }
      }
      case 'X', 'Y', 'i' -> memory = type;
      case 'I' -> {
        secondImmediate = immediate != 0;
        immediate = secondImmediate ? immediate : type;
      }
      case 'J' -> {
        immediate = type;
        relative = true;
      }
      case 'L' -> immediate = 'b';
      default -> {}
    }
  }

  private Operand rmOperand(char kind, char type) {
    return switch (kind) {
      case 'E', 'R' -> general(type, rule);
      case 'W', 'U' -> Operand.VECTOR;
      case 'Q', 'N' -> Operand.MMX;
      case 'T' -> Operand.NONE;
      default -> Operand.MEMORY;
    };
  }

  private void requireRegister() {
    mask |= OpcodeForm.KEY_REGISTER;
    value |= OpcodeForm.KEY_REGISTER;
  }

  private void addConditions() {
    if (row.registerOnly) {
      requireRegister();
    }
    if (check == OpcodeForm.CHECK_CONTROL || check == OpcodeForm.CHECK_DEBUG) {
      // ModRM.mod is ignored: the operand is a register whatever it says.
      mask &= ~OpcodeForm.KEY_REGISTER;
      value &= ~OpcodeForm.KEY_REGISTER;
    }
    if (row.extension >= 0) {
      mask |= OpcodeForm.KEY_REG;
      value |= row.extension << OpcodeForm.KEY_REG_SHIFT;
    }
    if (row.exactModrm >= 0) {
      requireRegister();
      mask |= OpcodeForm.KEY_RM;
      value |= (row.exactModrm & 7) << OpcodeForm.KEY_RM_SHIFT;
    }
    if (row.prefix == OpcodeRow.NO_REP) {
      mask |= OpcodeForm.KEY_REP;
    } else if (row.prefix != OpcodeRow.ANY_PREFIX) {
      mask |= OpcodeForm.KEY_PREFIX;
      value |= row.prefix;
    }
  }

  private Opcode opcode(int flagsWritten) {
    int prefix =
        switch (row.prefix) {
          case 1 -> 0x66;
          case 2 -> 0xF3;
          case 3 -> 0xF2;
          default -> 0;
        };
    return new Opcode(
        row.mnemonic,
        row.map,
        row.code,
        row.extension,
        prefix,
        row.vex,
        row.kind,
        row.registerInOpcode,
        reg,
        regAccess,
        rm,
        rmAccess,
        vvvv,
        vvvvAccess,
        row.flagsRead,
        flagsWritten,
        row.flagsChanged,
        usesFpu,
        row.lockable,
        row.feature);
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
    for (int operand : row.operands) {
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
        default -> {}
      }
    }
    return rule == 'y' || rule == 'z' ? rule : rule == 'b' && !other ? 'b' : 'v';
  }
}
