package io.ringside.oracle;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;
import io.ringside.x86.Decoder;
import io.ringside.x86.Instruction;
import io.ringside.x86.Kind;
import io.ringside.x86.Opcode;
import io.ringside.x86.OpcodeTable;
import io.ringside.x86.UndefinedInstructionException;
import java.util.SplittableRandom;

/**
 * Makes cases from the opcode table: encodes an opcode with given operands, asks the decoder what it became, and gives
 * the registers values such that the memory operand, if there is one, lies in the oracle's data.
 */
final class CaseGenerator {
  static final int NONE = Assembler.NONE;
  static final int RIP = Instruction.BASE_RIP;

  private static final long[] EDGES = {
    0,
    1,
    2,
    -1,
    -2,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffffL,
    0x8000_0000L,
    0xffff_ffffL,
    0x1_0000_0000L,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    0x5555_5555_5555_5555L,
    31,
    32,
    63,
    64
  };

  /** How an instruction is to be encoded. */
  static final class Encoding {
    boolean prefix66;
    boolean wide;
    boolean forceRex;
    boolean lock;
    int repeat;
    int segment;
    boolean address32;
    int reg;
    int rm;
    int vvvv;
    boolean l256;
    boolean memory;
    int base;
    int index;
    int scale;
    int displacementSize;

    void clear() {
      prefix66 = false;
      wide = false;
      forceRex = false;
      lock = false;
      repeat = 0;
      segment = 0;
      address32 = false;
      reg = 0;
      rm = 0;
      vvvv = 0;
      l256 = false;
      memory = false;
      base = NONE;
      index = NONE;
      scale = 1;
      displacementSize = 0;
    }
  }

  final Encoding how = new Encoding();
  final Case made = new Case();
  private final Assembler a = new Assembler();
  private final Decoder decoder;
  private final SplittableRandom random;
  private final Oracle oracle;
  private int displacementAt;

  /** Offset of the memory operand in the data. */
  private int operandAt;

  CaseGenerator(Oracle oracle, OpcodeTable table, SplittableRandom random) {
    this.oracle = oracle;
    this.decoder = new Decoder(table);
    this.random = random;
  }

  /** A value as tests like them: an edge, a small one or any. */
  long value() {
    return switch (random.nextInt(4)) {
      case 0 -> EDGES[random.nextInt(EDGES.length)];
      case 1 -> EDGES[random.nextInt(EDGES.length)] << random.nextInt(64);
      default -> random.nextLong();
    };
  }

  /** Fills the data with values of that kind. */
  void fillImage() {
    byte[] image = oracle.image();
    for (int n = 0; n < image.length; n += 8) {
      long value = value();
      for (int k = 0; k < 8; k++) {
        image[n + k] = (byte) (value >> 8 * k);
      }
    }
  }

  /**
   * Makes a case of {@link #how}; false if that is not an encoding of {@code op}.
   *
   * @param crossPage the memory operand is to reach into a second page
   * @param suffix code behind the instruction
   */
  boolean make(Opcode op, boolean crossPage, byte[] suffix) {
    encode(op);
    byte[] bytes = a.toByteArray();
    boolean splitCode = random.nextInt(200) == 0;
    made.offset = oracle.place(splitCode, 1 + random.nextInt(3));
    long rip = oracle.host.codeAddress(made.offset);
    Instruction i = made.instruction;
    try {
      if (!decoder.decode(bytes, 0, bytes.length, rip, i)) {
        return false;
      }
    } catch (UndefinedInstructionException e) {
      return false;
    }
    if (!same(i.opcode, op) || i.memory != how.memory && op.kind() != Kind.MOV_MOFFS) {
      return false;
    }
    for (int r = 0; r < 16; r++) {
      made.gpr[r] = value();
    }
    made.gpr[CpuState.RSP] = oracle.dataAddress() + 0x1800 + random.nextInt(0x1000);
    made.flags = random.nextInt() & CpuState.STATUS_MASK;
    made.segmentBase = random.nextInt(1 << 30);
    // The sequence before a memory access clobbers flags that are dead, undefined ones among them.
    made.ignoredFlags = i.memory ? UndefinedFlags.of(i.opcode.mnemonic()) : 0;
    made.ignoredDataSize = 0;
    if ((i.memory || op.kind() == Kind.XLAT) && !placeOperand(bytes, i, rip, crossPage)) {
      return false;
    }
    implicitOperands(i);
    made.code = new byte[i.length + suffix.length];
    System.arraycopy(bytes, 0, made.code, 0, i.length);
    System.arraycopy(suffix, 0, made.code, i.length, suffix.length);
    made.nativeCode = made.code.clone();
    for (int n = 0; n < i.length && isPrefix(made.nativeCode[n]); n++) {
      if (made.nativeCode[n] == 0x64) {
        made.nativeCode[n] = 0x65;
      }
    }
    return true;
  }

  /**
   * One instruction for a sequence, of {@link #how}; null if that is none, or one that writes a register whose bit is in
   * {@code reserved}. Its memory operand is near its base register or RIP-relative, at {@code target}. Where flags are left undefined, an instruction follows that sets them.
   */
  Sequence.Leaf leaf(Opcode op, long target, int reserved) {
    encode(op);
    byte[] bytes = a.toByteArray();
    if (how.memory && how.base == CpuState.RSP) {
      // Return addresses and saved flags above RSP must stay.
      bytes[displacementAt] =
          (byte) (op.rmAccess().writes() ? -128 + random.nextInt(64) : random.nextInt());
    } else if (how.memory && how.base != RIP) {
      int displacement =
          how.displacementSize == 4 ? random.nextInt(0x1000) - 0x800 : random.nextInt(256) - 128;
      if (op.usesFpu() && random.nextInt(40) != 0) {
        displacement &= -32;
      }
      for (int k = 0; k < how.displacementSize; k++) {
        bytes[displacementAt + k] = (byte) (displacement >> 8 * k);
      }
    }
    Instruction i = made.instruction;
    if (!redecode(bytes, i, 0)
        || !same(i.opcode, op)
        || i.memory != how.memory
        || writes(i, reserved)) {
      return null;
    }
    if (i.opcode.kind() == Kind.BIT_OFFSET && i.memory) {
      return null;
    }
    boolean undefined = UndefinedFlags.of(op.mnemonic()) != 0;
    byte[] code = new byte[i.length + (undefined ? 2 : 0)];
    System.arraycopy(bytes, 0, code, 0, i.length);
    if (undefined) {
      code[i.length] = (byte) 0xa8;
      code[i.length + 1] = 0x55;
    }
    return new Sequence.Leaf(
        op.mnemonic(), code, i.base == RIP ? displacementAt : -1, i.length, target);
  }

  private static boolean writes(Instruction i, int registers) {
    Opcode op = i.opcode;
    return isIn(registers, op.reg(), i.reg) && op.regAccess().writes()
        || !i.memory && isIn(registers, op.rm(), i.rm) && op.rmAccess().writes()
        || isIn(registers, op.vvvv(), i.vvvv) && op.vvvvAccess().writes()
        // XCHG with the accumulator
        || op.registerInOpcode() && (registers >> i.rm & 1) != 0;
  }

  private static boolean isIn(int registers, Opcode.Operand operand, int number) {
    return switch (operand) {
      case GPR, GPR8, GPR16, GPR32, GPR64 -> (registers >> number & 1) != 0;
      default -> false;
    };
  }

  private static boolean isPrefix(byte b) {
    int v = b & 0xff;
    return v == 0x64 || v == 0x65 || v == 0x66 || v == 0x67 || v == 0xf0 || v == 0xf2 || v == 0xf3;
  }

  private static boolean same(Opcode is, Opcode wanted) {
    return is == wanted
        || is.map() == wanted.map()
            && is.code() == wanted.code()
            && is.extension() == wanted.extension()
            && is.prefix() == wanted.prefix()
            && is.vex() == wanted.vex()
            && is.mnemonic().equals(wanted.mnemonic())
            && is.rm() == wanted.rm()
            && is.feature() == wanted.feature();
  }

  private void encode(Opcode op) {
    a.start(0);
    Encoding h = how;
    if (h.segment != 0) {
      a.byte1(h.segment);
    }
    if (h.address32) {
      a.byte1(0x67);
    }
    int reg = op.extension() >= 0 ? op.extension() : h.reg;
    int b = h.memory ? h.base == NONE || h.base == RIP ? 0 : h.base >> 3 : h.rm >> 3;
    int x = h.memory && h.index != NONE ? h.index >> 3 : 0;
    int rxb = (reg >> 3) << 2 | x << 1 | b;
    int code = op.registerInOpcode() ? op.code() & ~7 | h.rm & 7 : op.code();
    if (op.vex()) {
      int pp = op.prefix() == 0x66 ? 1 : op.prefix() == 0xf3 ? 2 : op.prefix() == 0xf2 ? 3 : 0;
      if (op.map() == 1 && !h.wide && (rxb & 3) == 0 && random.nextBoolean()) {
        a.byte1(0xc5);
        a.byte1((~rxb & 4) << 5 | (~h.vvvv & 15) << 3 | (h.l256 ? 4 : 0) | pp);
        a.byte1(code);
      } else {
        a.vexOpcode(rxb, op.map(), h.wide, h.vvvv, h.l256, pp, code);
      }
    } else {
      int rex = rxb | (h.wide ? 8 : 0);
      boolean sixtySix = h.prefix66 || op.prefix() == 0x66;
      int repeat = op.prefix() == 0xf2 || op.prefix() == 0xf3 ? op.prefix() : h.repeat;
      a.legacyOpcode(
          h.lock, sixtySix, repeat, rex != 0 || h.forceRex ? 0x40 | rex : 0, op.map(), code);
    }
    if (op.kind() == Kind.MOV_MOFFS) {
      displacementAt = a.position();
      a.byte8(random.nextLong());
    } else if (op.kind() == Kind.ENTER) {
      a.byte2(random.nextInt(0x400));
    } else if (h.memory) {
      memoryOperand(reg);
    } else {
      a.byte1(0xc0 | (reg & 7) << 3 | h.rm & 7);
    }
    for (int n = 0; n < 12; n++) {
      a.byte1(random.nextInt(3) == 0 ? 0 : random.nextInt());
    }
  }

  private void memoryOperand(int reg) {
    Encoding h = how;
    int r = (reg & 7) << 3;
    if (h.base == RIP) {
      a.byte1(r | 5);
      displacementAt = a.position();
      a.byte4(0);
      return;
    }
    boolean sib = h.index != NONE || h.base == NONE || (h.base & 7) == 4;
    int size =
        h.base == NONE ? 4 : h.displacementSize == 0 && (h.base & 7) == 5 ? 1 : h.displacementSize;
    int mod = h.base == NONE || size == 0 ? 0 : size == 1 ? 0x40 : 0x80;
    a.byte1(mod | r | (sib ? 4 : h.base & 7));
    if (sib) {
      int scale = Integer.numberOfTrailingZeros(h.scale);
      a.byte1(
          scale << 6
              | (h.index == NONE ? 4 : h.index & 7) << 3
              | (h.base == NONE ? 5 : h.base & 7));
    }
    displacementAt = a.position();
    boolean near = h.base == CpuState.RSP;
    if (size == 1) {
      a.byte1(random.nextInt());
    } else if (size == 4) {
      a.byte4(near ? random.nextInt(2048) - 1024 : random.nextInt());
    }
  }

  /** Chooses an address in the data and makes base, index, displacement or segment base lead there. */
  private boolean placeOperand(byte[] bytes, Instruction i, long rip, boolean crossPage) {
    int size = Math.max(1, i.memorySize);
    long target = oracle.dataAddress();
    if (i.opcode.kind() == Kind.BIT_OFFSET) {
      target += 0x2000 + random.nextInt(0x1000 - 8);
      if (!smallBitOffset(i)) {
        return false;
      }
    } else if (crossPage) {
      if (size == 1) {
        return false;
      }
      target += 0x1000 * (1 + random.nextInt(3)) - 1 - random.nextInt(size - 1);
    } else {
      target += 0x1000 + random.nextInt(0x2000 - size);
      if (random.nextInt(4) != 0) {
        target &= -size & -Integer.highestOneBit(size);
      } else if ((target & 0xfff) + size > 0x1000) {
        target -= size;
      }
    }
    operandAt = (int) (target - oracle.dataAddress());
    if (i.segment != Instruction.NONE) {
      // Bases in the upper half are left out: not every host lets user mode reach its lower half
      // from there.
      if (i.opcode.kind() != Kind.GATHER && (i.addressSizePrefix || absolute(i))) {
        made.segmentBase = target - effective(i);
        // Multi-part operands wrap at 4 GiB in ways of their own.
        return made.segmentBase >= 0
            && made.segmentBase < 1L << 47
            && (effective(i) & 0xffff_ff00L) != 0xffff_ff00L;
      }
      made.segmentBase =
          i.base == CpuState.RSP
              ? random.nextInt(1024)
              : random.nextLong(i.base == RIP ? 1 << 28 : 1L << 40);
      target -= made.segmentBase;
    }
    if (i.addressSizePrefix && !oracle.isLow()) {
      return false;
    }
    if (i.opcode.kind() == Kind.GATHER) {
      // The index is a vector of small numbers; some elements reach into neighbouring pages.
      oracle.vectors().indices(random, i.index, (i.code & 1) == 0 ? 4 : 8);
      if (i.base >= 0 && i.base < 16) {
        made.gpr[i.base] = target - i.displacement;
        return true;
      }
      return false;
    }
    if (i.opcode.kind() == Kind.MOV_MOFFS) {
      for (int k = 0; k < (i.addressSizePrefix ? 4 : 8); k++) {
        bytes[displacementAt + k] = (byte) (target >> 8 * k);
      }
      return redecode(bytes, i, rip);
    }
    long[] g = made.gpr;
    if (i.opcode.kind() == Kind.XLAT) {
      g[CpuState.RBX] =
          target - (g[CpuState.RAX] & 0xff) + (i.addressSizePrefix ? random.nextLong() << 32 : 0);
      return true;
    }
    if (i.base == RIP) {
      long displacement = target - i.nextRip();
      for (int k = 0; k < 4; k++) {
        bytes[displacementAt + k] = (byte) (displacement >> 8 * k);
      }
      return redecode(bytes, i, rip);
    }
    if (i.base == NONE && i.index == NONE) {
      for (int k = 0; k < 4; k++) {
        bytes[displacementAt + k] = (byte) (target >> 8 * k);
      }
      return oracle.isLow() && redecode(bytes, i, rip);
    }
    // With 32-bit addresses the upper halves of registers don't matter.
    long upper = i.addressSizePrefix ? random.nextLong() << 32 : 0;
    long rest = target - i.displacement;
    if (i.base == NONE || i.base == i.index) {
      int factor = i.base == NONE ? i.scale : i.scale + 1;
      rest -= Math.floorMod(rest, factor);
      g[i.index] = rest / factor;
    } else if (i.base == CpuState.RSP) {
      if (i.index != NONE) {
        g[i.index] = random.nextInt(200) - 100;
        rest -= g[i.index] * i.scale;
      }
      g[CpuState.RSP] = rest;
    } else {
      g[i.base] = rest - (i.index == NONE ? 0 : g[i.index] * i.scale) + upper;
    }
    return true;
  }

  private static boolean absolute(Instruction i) {
    return i.base == NONE
        && i.index == NONE
        && i.opcode.kind() != Kind.XLAT
        && i.opcode.kind() != Kind.MOV_MOFFS;
  }

  private boolean redecode(byte[] bytes, Instruction i, long rip) {
    try {
      return decoder.decode(bytes, 0, bytes.length, rip, i);
    } catch (UndefinedInstructionException e) {
      return false;
    }
  }

  private long effective(Instruction i) {
    long[] g = made.gpr;
    if (i.opcode.kind() == Kind.XLAT) {
      long address = g[CpuState.RBX] + (g[CpuState.RAX] & 0xff);
      return i.addressSizePrefix ? address & 0xffff_ffffL : address;
    }
    long at = i.displacement;
    if (i.base >= 0 && i.base < 16) {
      at += g[i.base];
    }
    if (i.index >= 0) {
      at += g[i.index] * i.scale;
    }
    return i.addressSizePrefix ? at & 0xffff_ffffL : at;
  }

  private boolean smallBitOffset(Instruction i) {
    if (i.operandSize == 2) {
      return true;
    }
    if (i.reg == i.base || i.reg == i.index || i.reg == CpuState.RSP) {
      return false;
    }
    long offset = random.nextInt(0xfff0) - 0x8000;
    made.gpr[i.reg] = i.operandSize == 8 ? offset : random.nextLong() << 32 | offset & 0xffff_ffffL;
    return true;
  }

  /** Implicit operands that need certain values to be of interest or to be safe. */
  private void implicitOperands(Instruction i) {
    long[] g = made.gpr;
    boolean free = free(i, CpuState.RDX);
    switch (i.opcode.mnemonic()) {
      case "div", "idiv" -> {
        if (free && random.nextInt(4) != 0) {
          g[CpuState.RDX] = random.nextInt(3) - 1;
        }
      }
      case "leave" -> g[CpuState.RBP] = oracle.dataAddress() + 0x1000 + random.nextInt(0x2800);
      case "enter" -> g[CpuState.RBP] = oracle.dataAddress() + 0x1000 + random.nextInt(0x1000);
      case "cmpxchg" -> {
        if (random.nextBoolean() && (!i.memory || free(i, CpuState.RAX))) {
          g[CpuState.RAX] =
              i.memory ? image(operandAt) : i.isHighByte(i.rm) ? g[i.rm - 4] >> 8 : g[i.rm];
        }
      }
      case "cmpxchg8b", "cmpxchg16b" -> {
        if (random.nextBoolean() && free(i, CpuState.RAX) && free(i, CpuState.RDX)) {
          g[CpuState.RAX] = image(operandAt);
          g[CpuState.RDX] = image(operandAt + i.memorySize / 2);
        }
      }
      case "fnsave", "fnstenv" -> {
        // Addresses of the last instruction and its operand, and selectors.
        made.ignoredData = operandAt + (i.operandSizePrefix ? 6 : 12);
        made.ignoredDataSize = i.operandSizePrefix ? 8 : 16;
      }
      default -> {}
    }
    switch (i.opcode.kind()) {
      case MASKMOV -> {
        g[CpuState.RDI] = oracle.dataAddress() + 0x1000 + random.nextInt(0x2000);
        if (i.segment != Instruction.NONE) {
          g[CpuState.RDI] -= made.segmentBase;
        }
      }
      case MOVS, CMPS, STOS, LODS, SCAS -> {
        g[CpuState.RSI] = oracle.dataAddress() + 0x1000 + random.nextInt(0x2000);
        if (i.segment != Instruction.NONE) {
          g[CpuState.RSI] -= made.segmentBase;
        }
        g[CpuState.RDI] = oracle.dataAddress() + 0x1000 + random.nextInt(0x2000);
        g[CpuState.RCX] = random.nextInt(8) == 0 ? 0 : random.nextInt(0x1000 / i.operandSize);
        if (random.nextBoolean()) {
          made.flags |= 1 << 10;
        }
      }
      default -> {}
    }
  }

  /** Whether a register may be given another value without moving the memory operand. */
  private static boolean free(Instruction i, int register) {
    return i.base != register && i.index != register;
  }

  private long image(int at) {
    long value = 0;
    for (int n = 7; n >= 0; n--) {
      value = value << 8 | oracle.image()[at + n] & 0xff;
    }
    return value;
  }
}
