package io.ringside.x86;

/**
 * Writes decoded instructions in Intel's syntax, as {@code objdump -M intel} does: for diagnoses and for the pictures
 * of the flow of control. Prefixes that mean nothing are left out.
 */
public final class Disassembler {
  private static final String[] NAMES_64 = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15"
  };
  private static final String[] NAMES_32 = {
    "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi",
    "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d"
  };
  private static final String[] NAMES_16 = {
    "ax", "cx", "dx", "bx", "sp", "bp", "si", "di",
    "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w"
  };
  private static final String[] NAMES_8 = {
    "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil",
    "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b"
  };
  private static final String[] HIGH_BYTES = {"ah", "ch", "dh", "bh"};
  private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs", "?", "?"};

  private static final String[] COMPARISONS = {
    "eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord",
    "eq_uq", "nge", "ngt", "false", "neq_oq", "ge", "gt", "true",
    "eq_os", "lt_oq", "le_oq", "unord_s", "neq_us", "nlt_uq", "nle_uq", "ord_s",
    "eq_us", "nge_uq", "ngt_uq", "false_os", "neq_os", "ge_oq", "gt_oq", "true_us"
  };

  private final StringBuilder out = new StringBuilder();
  private final Instruction instruction;
  private final OpcodeForm form;

  private Disassembler(Instruction instruction) {
    this.instruction = instruction;
    this.form = instruction.form;
  }

  /**
   * The text of an instruction that {@link Decoder} has filled, such as {@code mov rax,QWORD PTR [rdi+0x10]}; relative
   * branches name the address that they go to.
   */
  public static String format(Instruction instruction) {
    return new Disassembler(instruction).text();
  }

  /**
   * A line with address and bytes before the text.
   *
   * @param bytes holds the instruction's bytes at {@code offset}
   */
  public static String format(Instruction instruction, byte[] bytes, int offset) {
    Disassembler line = new Disassembler(instruction);
    line.hex(instruction.rip);
    line.out.append(": ");
    for (int i = 0; i < instruction.length; i++) {
      int value = bytes[offset + i];
      line.out
          .append(Character.forDigit(value >> 4 & 15, 16))
          .append(Character.forDigit(value & 15, 16))
          .append(' ');
    }
    line.out.append(' ');
    return line.text();
  }

  private String text() {
    prefixes();
    int shown = mnemonic();
    char separator = ' ';
    for (int i = 0; i < shown; i++) {
      out.append(separator);
      separator = ',';
      operand(form.operands[i], i == shown - 1);
    }
    if (instruction.memory && instruction.base == Instruction.BASE_RIP) {
      out.append(" # 0x");
      hex(instruction.displacement);
    }
    return out.toString();
  }

  private void prefixes() {
    if (instruction.lock) {
      out.append("lock ");
    }
    switch (form.opcode.kind()) {
      case MOVS, STOS, LODS, INS, OUTS -> {
        if (instruction.rep != 0) {
          out.append(instruction.rep == 0xF3 ? "rep " : "repnz ");
        }
      }
      case CMPS, SCAS -> {
        if (instruction.rep != 0) {
          out.append(instruction.rep == 0xF3 ? "repz " : "repnz ");
        }
      }
      default -> {}
    }
  }

  /** Writes the mnemonic; returns how many of the operands follow, since some names stand for the last one. */
  private int mnemonic() {
    Opcode opcode = form.opcode;
    String name = opcode.mnemonic();
    int operands = form.operands.length;
    int immediate = (int) instruction.immediate & 0xFF;
    if (opcode.map() == 1 && opcode.code() == 0xC2 && immediate < (instruction.vex ? 32 : 8)) {
      int stem = name.length() - 2;
      out.append(name, 0, stem).append(COMPARISONS[immediate]).append(name, stem, stem + 2);
      return operands - 1;
    }
    if (opcode.map() == 3 && opcode.code() == 0x44 && (immediate & 0xEE) == 0) {
      out.append(instruction.vex ? "vpclmul" : "pclmul")
          .append((immediate & 1) == 0 ? "lq" : "hq")
          .append((immediate & 0x10) == 0 ? "lqdq" : "hqdq");
      return operands - 1;
    }
    if (opcode.map() == 0
        && opcode.code() == 0x90
        && opcode.kind() == Kind.NOP
        && instruction.operandSizePrefix
        && !instruction.w) {
      out.append("xchg ax,ax");
      return 0;
    }
    switch (opcode.kind()) {
      case MOV_MOFFS -> name = instruction.addressSizePrefix ? name : "movabs";
      case IRET, RET_FAR ->
          name = name.concat(instruction.w ? "q" : instruction.operandSizePrefix ? "w" : "");
      case SYSRET, SYSEXIT -> name = name.concat(instruction.w ? "q" : "d");
      case FXSAVE, FXRSTOR, XSAVE, XSAVEC, XSAVEOPT, XRSTOR ->
          name = name.concat(instruction.w ? "64" : "");
      case PUSHF, POPF, ENTER, LEAVE, PUSH_IMMEDIATE, PUSH_SEGMENT, POP_SEGMENT ->
          name = name.concat(instruction.operandSize == 2 ? "w" : "");
      case JRCXZ -> name = instruction.addressSizePrefix ? "jecxz" : name;
      case GENERIC -> name = instruction.immediateSize == 8 ? "movabs" : name;
      default -> {}
    }
    out.append(name);
    return operands;
  }

  private void operand(int operand, boolean last) {
    char type = OpcodeForm.type(operand);
    char kind = OpcodeForm.kind(operand);
    switch (kind) {
      case 'E', 'R', 'W', 'U', 'Q', 'N', 'M', 'K' -> {
        if (instruction.memory) {
          char memoryType = OpcodeForm.memoryType(operand);
          memory(
              type == 'n' ? 0 : bytes(memoryType == 'n' ? type : memoryType),
              kind == 'K' ? type : 0);
        } else {
          register(
              kind == 'W' || kind == 'U' ? 'V' : kind == 'Q' || kind == 'N' ? 'P' : 'G',
              type,
              instruction.rm);
        }
      }
      case 'G', 'V', 'P' -> register(kind, type, instruction.reg);
      case 'B' -> register('G', type, instruction.vvvv);
      case 'H' -> register('V', type, instruction.vvvv);
      case 'L' -> register('V', type, (int) instruction.immediate >> 4 & 15);
      case 'Z' -> register('G', type, instruction.rm);
      case 'a' -> register('G', type, 0);
      case 'S' -> out.append(SEGMENTS[instruction.reg & 7]);
      case 'C' -> out.append("cr").append(instruction.reg);
      case 'D' -> out.append("dr").append(instruction.reg);
      case 'T' -> out.append("st(").append(instruction.modrm & 7).append(')');
      case 's' -> out.append("st");
      case 'c' -> out.append("cl");
      case 'd' -> out.append("dx");
      case 'f' -> out.append("fs");
      case 'g' -> out.append("gs");
      case 'x' -> out.append("xmm0");
      case '1' -> out.append('1');
      case 'X', 'Y' -> string(kind, type);
      case 'O' -> moffs();
      case 'i' ->
          out.append("BYTE PTR ")
              .append(SEGMENTS[instruction.segment >= 0 ? instruction.segment : 3])
              .append(instruction.addressSizePrefix ? ":[ebx]" : ":[rbx]");
      case 'J' -> {
        out.append("0x");
        hex(instruction.immediate);
      }
      default -> immediate(last);
    }
  }

  private void register(char file, char type, int number) {
    switch (file) {
      case 'V' -> out.append(vectorBytes(type) == 32 ? "ymm" : "xmm").append(number);
      case 'P' -> out.append("mm").append(number);
      default -> {
        switch (bytes(type)) {
          case 1 ->
              out.append(instruction.isHighByte(number) ? HIGH_BYTES[number - 4] : NAMES_8[number]);
          case 2 -> out.append(NAMES_16[number]);
          case 4 -> out.append(NAMES_32[number]);
          default -> out.append(NAMES_64[number]);
        }
      }
    }
  }

  private int vectorBytes(char type) {
    return type == 'x' && instruction.vex256 ? 32 : 16;
  }

  /** Size in bytes of a general register or of memory, 0 where objdump shows none. */
  private int bytes(char type) {
    return switch (type) {
      case 'n', 's', 'N', 'S', 'X' -> 0;
      default -> Decoder.memorySize(type, instruction);
    };
  }

  private void memory(int bytes, char vectorIndex) {
    size(bytes);
    if (instruction.segment >= 0) {
      out.append(SEGMENTS[instruction.segment]).append(':');
    }
    int base = instruction.base;
    int index = instruction.index;
    boolean noIndexButScale = isNoIndexShown();
    if (base == Instruction.NONE && index == Instruction.NONE && !noIndexButScale) {
      out.append(instruction.segment >= 0 ? "0x" : "ds:0x");
      hex(
          instruction.addressSizePrefix
              ? instruction.displacement & 0xFFFF_FFFFL
              : instruction.displacement);
      return;
    }
    String[] names = instruction.addressSizePrefix ? NAMES_32 : NAMES_64;
    out.append('[');
    if (base == Instruction.BASE_RIP) {
      out.append(instruction.addressSizePrefix ? "eip" : "rip");
    } else if (base != Instruction.NONE) {
      out.append(names[base]);
    }
    if (index != Instruction.NONE || noIndexButScale) {
      if (base != Instruction.NONE) {
        out.append('+');
      }
      if (noIndexButScale) {
        out.append(instruction.addressSizePrefix ? "eiz" : "riz");
      } else if (vectorIndex != 0) {
        out.append(vectorBytes(vectorIndex) == 32 ? "ymm" : "xmm").append(index);
      } else {
        out.append(names[index]);
      }
      out.append('*').append(instruction.scale);
    }
    if (base == Instruction.BASE_RIP) {
      out.append("+0x");
      hex((int) (instruction.displacement - instruction.nextRip()));
    } else if (instruction.modrm >= 0x40 || base == Instruction.NONE) {
      signed(instruction.displacement);
    }
    out.append(']');
  }

  /** A SIB byte that names no index although the operand needs none, or that scales it: shown as riz. */
  private boolean isNoIndexShown() {
    if (instruction.index != Instruction.NONE || (instruction.modrm & 7) != 4) {
      return false;
    }
    boolean needsSib = instruction.base == Instruction.NONE || (instruction.base & 7) == 4;
    return instruction.scale != 1 || !needsSib;
  }

  private void size(int bytes) {
    switch (bytes) {
      case 1 -> out.append("BYTE PTR ");
      case 2 -> out.append("WORD PTR ");
      case 4 -> out.append("DWORD PTR ");
      case 6 -> out.append("FWORD PTR ");
      case 8 -> out.append("QWORD PTR ");
      case 10 -> out.append("TBYTE PTR ");
      case 16 ->
          out.append(form.opcode.kind() == Kind.CMPXCHG_PAIR ? "OWORD PTR " : "XMMWORD PTR ");
      case 32 -> out.append("YMMWORD PTR ");
      default -> {}
    }
  }

  private void string(char kind, char type) {
    size(bytes(type));
    boolean source = kind == 'X';
    out.append(source ? instruction.segment >= 0 ? SEGMENTS[instruction.segment] : "ds" : "es");
    String[] names = instruction.addressSizePrefix ? NAMES_32 : NAMES_64;
    out.append(":[").append(names[source ? 6 : 7]).append(']');
  }

  private void moffs() {
    out.append(instruction.segment >= 0 ? SEGMENTS[instruction.segment] : "ds").append(":0x");
    hex(instruction.displacement);
  }

  private void immediate(boolean last) {
    out.append("0x");
    if (form.secondImmediate && last) {
      hex(instruction.immediate2);
      return;
    }
    int code = instruction.code;
    boolean signExtended =
        instruction.immediateSize > 1
            || form.opcode.map() == 0 && (code == 0x83 || code == 0x6A || code == 0x6B);
    int bytes = form.immediate == 'w' ? 2 : signExtended ? instruction.operandSize : 1;
    hex(
        switch (bytes) {
          case 1 -> instruction.immediate & 0xFF;
          case 2 -> instruction.immediate & 0xFFFF;
          case 4 -> instruction.immediate & 0xFFFF_FFFFL;
          default -> instruction.immediate;
        });
  }

  private void signed(long value) {
    out.append(value < 0 ? "-0x" : "+0x");
    hex(value < 0 ? -value : value);
  }

  private void hex(long value) {
    out.append(Long.toHexString(value));
  }
}
