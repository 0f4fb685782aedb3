package io.ringside.x86;

/**
 * Decodes instructions of 64-bit mode (Intel SDM volume 2, chapter 2; AMD APM volume 3, chapter 1). Where the two
 * vendors differ it follows Intel: a 66 prefix does not shorten near branches.
 *
 * <p>Not safe for use by several threads at once; several decoders can share one {@link OpcodeTable}.
 */
public final class Decoder {
  /** An instruction's greatest length in bytes; a longer one raises #GP(0). */
  public static final int MAX_LENGTH = 15;

  /**
   * Bytes that the decoder may look at before it notices that an instruction is too long: 14 prefixes, three opcode
   * bytes, ModRM, SIB, displacement and immediate, rounded up.
   */
  private static final int WINDOW = 40;

  private static final UndefinedInstructionException UNDEFINED =
      new UndefinedInstructionException(false);
  private static final UndefinedInstructionException TOO_LONG =
      new UndefinedInstructionException(true);

  private static final int REX_B = 1;
  private static final int REX_X = 2;
  private static final int REX_R = 4;
  private static final int REX_W = 8;

  private final OpcodeTable table;
  private final byte[] window = new byte[WINDOW];

  /** Makes a decoder with an opcode table of its own. */
  public Decoder() {
    this(new OpcodeTable());
  }

  /** Makes a decoder on a table that others may use too. */
  public Decoder(OpcodeTable table) {
    this.table = table;
  }

  /**
   * Decodes the instruction at {@code bytes[offset]}.
   *
   * @param available how many bytes from {@code offset} on may be read; where these are fewer than 15 and the
   *     instruction is longer, the answer is false and the caller comes again with more
   * @param rip guest-virtual address of the first byte
   * @param into is filled; means nothing after false or an exception
   * @return whether the instruction lies within the available bytes
   * @throws UndefinedInstructionException where the processor raises #UD, or #GP for more than 15 bytes
   */
  public boolean decode(byte[] bytes, int offset, int available, long rip, Instruction into)
      throws UndefinedInstructionException {
    boolean defined;
    if (available >= WINDOW) {
      defined = decode(bytes, offset, rip, into);
    } else {
      for (int i = 0; i < available; i++) {
        window[i] = bytes[offset + i];
      }
      for (int i = available; i < WINDOW; i++) {
        window[i] = 0;
      }
      defined = decode(window, 0, rip, into);
      if (into.length > available && available < MAX_LENGTH) {
        return false;
      }
    }
    if (into.length > MAX_LENGTH) {
      throw TOO_LONG;
    }
    if (!defined) {
      throw UNDEFINED;
    }
    return true;
  }

  /** Decodes without bounds; sets at least the length to what it looked at. False means undefined. */
  private boolean decode(byte[] b, int start, long rip, Instruction into) {
    int p = start;
    int rex = 0;
    int rep = 0;
    boolean operandSizePrefix = false;
    boolean addressSizePrefix = false;
    boolean lock = false;
    int segment = Instruction.NONE;
    int code;
    prefixes:
    while (true) {
      code = b[p++] & 0xFF;
      if (p - start > MAX_LENGTH) {
        into.length = p - start;
        return false;
      }
      switch (code) {
        case 0x26, 0x2E, 0x36, 0x3E -> {}
        case 0x64 -> segment = 4;
        case 0x65 -> segment = 5;
        case 0x66 -> operandSizePrefix = true;
        case 0x67 -> addressSizePrefix = true;
        case 0xF0 -> lock = true;
        case 0xF2, 0xF3 -> rep = code;
        case 0x40,
            0x41,
            0x42,
            0x43,
            0x44,
            0x45,
            0x46,
            0x47,
            0x48,
            0x49,
            0x4A,
            0x4B,
            0x4C,
            0x4D,
            0x4E,
            0x4F -> {
          rex = code;
          continue;
        }
        default -> {
          break prefixes;
        }
      }
      // A REX prefix that another prefix follows is ignored.
      rex = 0;
    }
    int extended = rex;
    int map = 0;
    int key;
    boolean vex = false;
    boolean w = (rex & REX_W) != 0;
    boolean vex256 = false;
    int vvvv = 0;
    if (code == 0xC4 || code == 0xC5) {
      if (rex != 0 || rep != 0 || operandSizePrefix || lock) {
        into.length = p - start;
        return false;
      }
      vex = true;
      int last = b[p++] & 0xFF;
      extended = (~last >> 5) & REX_R;
      int vexMap = 1;
      if (code == 0xC4) {
        extended = (~last >> 5) & 7;
        vexMap = last & 0x1F;
        last = b[p++] & 0xFF;
        w = (last & 0x80) != 0;
        if (vexMap == 0 || vexMap > 3) {
          into.length = p - start;
          return false;
        }
      }
      vvvv = (~last >> 3) & 15;
      vex256 = (last & 4) != 0;
      map = vexMap;
      key = last & 3 | (vex256 ? OpcodeForm.KEY_L : 0);
      code = b[p++] & 0xFF;
    } else {
      if (code == 0x0F) {
        code = b[p++] & 0xFF;
        map = 1;
        if (code == 0x38) {
          code = b[p++] & 0xFF;
          map = 2;
        } else if (code == 0x3A) {
          code = b[p++] & 0xFF;
          map = 3;
        }
      }
      key = rep != 0 ? 5 - (rep & 3) : operandSizePrefix ? 1 : 0;
      if (operandSizePrefix) {
        key |= OpcodeForm.KEY_OPERAND_SIZE;
      }
      if ((rex & REX_B) != 0) {
        key |= OpcodeForm.KEY_REX_B;
      }
    }
    if (w) {
      key |= OpcodeForm.KEY_W;
    }
    OpcodeTable.Slot slot = table.slot((vex ? OpcodeTable.VEX_MAPS + map : map) << 8 | code);
    int modrm = Instruction.NONE;
    if (slot.hasModrm) {
      modrm = b[p++] & 0xFF;
      key |=
          (modrm >> 3 & 7) << OpcodeForm.KEY_REG_SHIFT
              | (modrm & 7) << OpcodeForm.KEY_RM_SHIFT
              | (modrm >= 0xC0 ? OpcodeForm.KEY_REGISTER : 0);
    }
    OpcodeForm form = null;
    for (OpcodeForm candidate : slot.forms) {
      if ((key & candidate.mask) == candidate.value) {
        form = candidate;
        break;
      }
    }
    into.length = p - start;
    if (form == null) {
      return false;
    }

    into.rip = rip;
    into.opcode = form.opcode;
    into.form = form;
    into.code = code;
    into.lock = lock;
    into.rep = rep;
    into.operandSizePrefix = operandSizePrefix;
    into.addressSizePrefix = addressSizePrefix;
    into.segment = segment;
    into.rex = rex;
    into.w = w;
    into.vex = vex;
    into.vvvv = vvvv;
    into.vex256 = vex256;
    into.modrm = modrm;
    into.operandSize = operandSize(form.size, w, operandSizePrefix);
    into.memory = false;
    into.base = Instruction.NONE;
    into.index = Instruction.NONE;
    into.scale = 1;
    into.displacement = 0;
    into.reg = Instruction.NONE;
    into.rm = Instruction.NONE;

    if (modrm >= 0) {
      into.reg = (modrm >> 3 & 7 | (extended & REX_R) << 1) & form.regMask;
      if (modrm >= 0xC0
          || form.check == OpcodeForm.CHECK_CONTROL
          || form.check == OpcodeForm.CHECK_DEBUG) {
        into.rm = (modrm & 7 | (extended & REX_B) << 3) & form.rmMask;
      } else {
        p = memoryOperand(b, p, modrm, extended, form.check == OpcodeForm.CHECK_GATHER, into);
      }
    } else if (form.opcode.registerInOpcode()) {
      into.rm = code & 7 | (extended & REX_B) << 3;
    }
    into.memorySize = form.memory == 'n' ? 0 : memorySize(form.memory, into);

    if (form.opcode.kind() == Kind.MOV_MOFFS) {
      into.memory = true;
      into.reg = 0;
      into.rm = 0;
      into.displacement = addressSizePrefix ? read32(b, p) & 0xFFFF_FFFFL : read64(b, p);
      p += addressSizePrefix ? 4 : 8;
    }
    p = immediates(b, p, form, into);
    int length = p - start;
    into.length = length;
    if (form.relative) {
      into.immediate += rip + length;
    } else if (form.zeroCountOpcode != form.opcode
        && (into.immediate & (into.operandSize == 8 ? 63 : 31)) == 0) {
      into.opcode = form.zeroCountOpcode;
    }
    if (into.base == Instruction.BASE_RIP) {
      long address = into.displacement + rip + length;
      into.displacement = addressSizePrefix ? address & 0xFFFF_FFFFL : address;
    }
    if (lock && !(form.opcode.lockable() && into.memory)) {
      return false;
    }
    if (vex && !form.usesVvvv && vvvv != 0) {
      return false;
    }
    return form.check == OpcodeForm.CHECK_NONE || check(form.check, into);
  }

  private static boolean check(int check, Instruction into) {
    return switch (check) {
      case OpcodeForm.CHECK_SEGMENT -> into.reg < 6;
      case OpcodeForm.CHECK_SEGMENT_LOAD -> into.reg < 6 && into.reg != 1;
      case OpcodeForm.CHECK_CONTROL ->
          into.reg == 0 || into.reg >= 2 && into.reg <= 4 || into.reg == 8;
      case OpcodeForm.CHECK_DEBUG -> into.reg < 8;
      default ->
          (into.modrm & 7) == 4
              && into.reg != into.index
              && into.reg != into.vvvv
              && into.index != into.vvvv;
    };
  }

  private static int memoryOperand(
      byte[] b, int at, int modrm, int extended, boolean vectorIndex, Instruction into) {
    int p = at;
    into.memory = true;
    int mod = modrm >> 6;
    int base = modrm & 7;
    if (base == 4) {
      int sib = b[p++] & 0xFF;
      int index = sib >> 3 & 7 | (extended & REX_X) << 2;
      into.index = index == 4 && !vectorIndex ? Instruction.NONE : index;
      into.scale = 1 << (sib >> 6);
      base = sib & 7;
      if (base == 5 && mod == 0) {
        into.displacement = read32(b, p);
        return p + 4;
      }
    } else if (base == 5 && mod == 0) {
      into.base = Instruction.BASE_RIP;
      into.displacement = read32(b, p);
      return p + 4;
    }
    into.base = base | (extended & REX_B) << 3;
    switch (mod) {
      case 1 -> into.displacement = b[p++];
      case 2 -> {
        into.displacement = read32(b, p);
        p += 4;
      }
      default -> {}
    }
    return p;
  }

  private static int immediates(byte[] b, int at, OpcodeForm form, Instruction into) {
    into.immediate2 = 0;
    int size =
        switch (form.immediate) {
          case 'b' -> 1;
          case 'w' -> 2;
          case 'v' -> into.operandSize;
          // Near branches and pushes have four bytes although their operand size is eight.
          case 'z' -> into.operandSize == 2 ? 2 : 4;
          default -> 0;
        };
    into.immediateSize = size;
    switch (size) {
      case 1 -> into.immediate = b[at];
      case 2 -> into.immediate = (short) (b[at] & 0xFF | b[at + 1] << 8);
      case 4 -> into.immediate = read32(b, at);
      case 8 -> into.immediate = read64(b, at);
      default -> into.immediate = 0;
    }
    if (form.secondImmediate) {
      into.immediate2 = b[at + size] & 0xFF;
      return at + size + 1;
    }
    return at + size;
  }

  private static int operandSize(char rule, boolean w, boolean operandSizePrefix) {
    return switch (rule) {
      case 'b' -> 1;
      case 'y' -> w ? 8 : 4;
      case 'z' -> operandSizePrefix && !w ? 2 : 4;
      case 'd' -> operandSizePrefix && !w ? 2 : 8;
      case 'f' -> 8;
      default -> w ? 8 : operandSizePrefix ? 2 : 4;
    };
  }

  static int memorySize(char type, Instruction into) {
    return switch (type) {
      case 'b' -> 1;
      case 'w' -> 2;
      case 'd' -> 4;
      case 'q' -> 8;
      case 't', 's' -> 10;
      case 'o', 'k' -> 16;
      case 'v', 'y', 'z' -> into.operandSize;
      case 'x' -> into.vex256 ? 32 : 16;
      case 'h' -> into.vex256 ? 16 : 8;
      case 'f' -> into.vex256 ? 8 : 4;
      case 'e' -> into.vex256 ? 4 : 2;
      case 'p' -> 2 + into.operandSize;
      case 'N' -> into.operandSize == 2 ? 14 : 28;
      case 'S' -> into.operandSize == 2 ? 94 : 108;
      case 'X' -> 512;
      default -> 0;
    };
  }

  private static int read32(byte[] b, int at) {
    return b[at] & 0xFF | (b[at + 1] & 0xFF) << 8 | (b[at + 2] & 0xFF) << 16 | b[at + 3] << 24;
  }

  private static long read64(byte[] b, int at) {
    return read32(b, at) & 0xFFFF_FFFFL | (long) read32(b, at + 4) << 32;
  }
}
