package io.ringside.bench;

import io.ringside.asm.Assembler;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A program for Linux on x86-64 that is assembled by Java: code with labels, data, zeroed memory, and system calls.
 * Addresses of labels are filled in by {@link #toElf}. All addresses are below 2 GiB, so that they fit into 32-bit
 * displacements and immediates.
 */
final class UserProgram {
  /** Prefix of packed-double and integer SSE2 instructions. */
  static final int P66 = 0x66;

  /** Prefix of scalar-double SSE2 instructions. */
  static final int PF2 = 0xf2;

  /** Prefix of MOVDQU among others. */
  static final int PF3 = 0xf3;

  /** A place in the program. */
  static final class Label {
    private Section section = Section.UNBOUND;
    private int offset;

    private Label() {}
  }

  private enum Section {
    UNBOUND,
    TEXT,
    DATA,
    ZEROES
  }

  private record Fixup(int at, Label target, boolean relative) {}

  private record DataFixup(int at, Label target) {}

  private record DataNumber(int at, long value) {}

  private final Assembler code = new Assembler();
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();
  private final List<Fixup> fixups = new ArrayList<>();
  private final List<DataFixup> dataFixups = new ArrayList<>();
  private final List<DataNumber> dataNumbers = new ArrayList<>();
  private int zeroes;

  UserProgram() {
    code.start(ElfWriter.textStart());
  }

  /** The assembler of the code, for all instructions that need no label. */
  Assembler code() {
    return code;
  }

  // ---- Labels and memory
  // --------------------------------------------------------------------------------------

  /** A label whose place is still to come. */
  Label label() {
    return new Label();
  }

  /** Puts a label at the next instruction. */
  void bind(Label label) {
    if (label.section != Section.UNBOUND) {
      throw new IllegalStateException("label bound twice");
    }
    label.section = Section.TEXT;
    label.offset = code.position();
  }

  /** A label at the next instruction. */
  Label here() {
    Label label = label();
    bind(label);
    return label;
  }

  /** Zeroed memory, aligned to 64 bytes. */
  Label zeroes(int size) {
    Label label = label();
    label.section = Section.ZEROES;
    label.offset = zeroes;
    zeroes += size + 63 & -64;
    return label;
  }

  /** Data, aligned to 64 bytes. */
  Label data(byte[] contents) {
    while ((data.size() & 63) != 0) {
      data.write(0);
    }
    Label label = label();
    label.section = Section.DATA;
    label.offset = data.size();
    data.writeBytes(contents);
    return label;
  }

  /** A string with its terminating zero. */
  Label string(String text) {
    return data((text + "\0").getBytes(StandardCharsets.US_ASCII));
  }

  /** 32-bit words. */
  Label words(int... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (int value : values) {
      bytes.putInt(value);
    }
    return data(bytes.array());
  }

  /** A table of addresses with a zero behind the last. */
  Label addresses(List<Label> targets) {
    Label label = data(new byte[targets.size() * 8 + 8]);
    for (int i = 0; i < targets.size(); i++) {
      point(label, i * 8, targets.get(i));
    }
    return label;
  }

  /** Puts the address of {@code target} into data that {@link #data} made, at an offset. */
  void point(Label data, int offset, Label target) {
    dataFixups.add(new DataFixup(data.offset + offset, target));
  }

  /** Puts 64 bits into data that {@link #data} made, at an offset. */
  void number(Label data, int offset, long value) {
    dataNumbers.add(new DataNumber(data.offset + offset, value));
  }

  // ---- Instructions with labels
  // -------------------------------------------------------------------------------

  void call(Label target) {
    code.byte1(0xe8);
    relative(target);
  }

  void jmp(Label target) {
    code.byte1(0xe9);
    relative(target);
  }

  void jcc(int condition, Label target) {
    code.byte1(0x0f);
    code.byte1(0x80 | condition);
    relative(target);
  }

  /** Loads the address of a label. */
  void address(int to, Label target) {
    code.movImmediate(to, 0);
    fixups.add(new Fixup(code.position() - 4, target, false));
  }

  /** One-byte opcode with a register and the memory at label + index * scale. */
  void op(boolean wide, int opcode, int reg, Label target, int index, int scale) {
    op(wide, opcode, reg, target, index, scale, 0);
  }

  /** One-byte opcode with a register and the memory at label + index * scale + displacement. */
  void op(boolean wide, int opcode, int reg, Label target, int index, int scale, int displacement) {
    code.opMemory(wide, opcode, reg, Assembler.NONE, index, scale, displacement);
    fixups.add(new Fixup(code.position() - 4, target, false));
  }

  /** MOV r64, [label]. */
  void load(int to, Label from) {
    op(true, 0x8b, to, from, Assembler.NONE, 1);
  }

  /** MOV [label], r64. */
  void store(Label to, int from) {
    op(true, 0x89, from, to, Assembler.NONE, 1);
  }

  private void relative(Label target) {
    code.byte4(0);
    fixups.add(new Fixup(code.position() - 4, target, true));
  }

  // ---- Instructions that the assembler has no method for
  // ------------------------------------------------------

  /** A system call by number; its arguments are in RDI, RSI, RDX, R10, R8 and R9. RCX and R11 are lost. */
  void systemCall(int number) {
    code.movImmediate(Assembler.RAX, number);
    code.byte2(0x050f);
  }

  /** IMUL r64, r64. */
  void multiply(int to, int from) {
    code.op0fRegister(true, 0xaf, to, from);
  }

  /** IMUL r64, r64, imm32. */
  void multiply(int to, int from, int by) {
    code.opRegister(true, 0x69, to, from);
    code.byte4(by);
  }

  /** INC r64. */
  void increment(int register) {
    code.opRegister(true, 0xff, 0, register);
  }

  /** DEC r64. */
  void decrement(int register) {
    code.opRegister(true, 0xff, 1, register);
  }

  /** SSE instruction of map 0F with two registers; prefix 0 for none. */
  void sse(int prefix, int opcode, int reg, int rm) {
    if (prefix != 0) {
      code.byte1(prefix);
    }
    code.op0fRegister(false, opcode, reg, rm);
  }

  /** SSE instruction of map 0F with a memory operand; prefix 0 for none. */
  void sseMemory(int prefix, int opcode, int reg, int base, int index, int scale, int disp) {
    if (prefix != 0) {
      code.byte1(prefix);
    }
    code.op0fMemory(false, opcode, reg, base, index, scale, disp);
  }

  /** SSE instruction of map 0F with a label's memory. */
  void sseMemory(int prefix, int opcode, int reg, Label target) {
    sseMemory(prefix, opcode, reg, Assembler.NONE, Assembler.NONE, 1, 0);
    fixups.add(new Fixup(code.position() - 4, target, false));
  }

  // ---- The file
  // -----------------------------------------------------------------------------------------------

  /** Fills in all addresses and makes the executable. */
  byte[] toElf(Label entry) {
    // Zeroes start 64-byte aligned, as labels in them promise.
    while ((data.size() & 63) != 0) {
      data.write(0);
    }
    int textLength = code.position();
    for (Fixup fixup : fixups) {
      long target = addressOf(fixup.target, textLength);
      if (fixup.relative) {
        code.patch4(fixup.at, (int) (target - (ElfWriter.textStart() + fixup.at + 4)));
      } else {
        byte[] buffer = code.buffer();
        int addend =
            buffer[fixup.at] & 255
                | (buffer[fixup.at + 1] & 255) << 8
                | (buffer[fixup.at + 2] & 255) << 16
                | buffer[fixup.at + 3] << 24;
        code.patch4(fixup.at, (int) target + addend);
      }
    }
    byte[] bytes = data.toByteArray();
    ByteBuffer words = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (DataNumber number : dataNumbers) {
      words.putLong(number.at, number.value);
    }
    for (DataFixup fixup : dataFixups) {
      words.putLong(fixup.at, addressOf(fixup.target, textLength));
    }
    return ElfWriter.write(code.toByteArray(), bytes, zeroes, addressOf(entry, textLength));
  }

  private long addressOf(Label label, int textLength) {
    long dataStart = ElfWriter.dataStart(textLength);
    return switch (label.section) {
      case TEXT -> ElfWriter.textStart() + label.offset;
      case DATA -> dataStart + label.offset;
      case ZEROES -> dataStart + data.size() + label.offset;
      case UNBOUND -> throw new IllegalStateException("label without a place");
    };
  }
}
