package io.ringside.bt;

import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.bt.Context.CTX;
import static io.ringside.bt.Context.S0;
import static io.ringside.bt.Context.S1;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;
import io.ringside.x86.Instruction;
import io.ringside.x86.Kind;
import io.ringside.x86.Opcode;
import io.ringside.x86.Opcode.Operand;

/**
 * Identity translation: encodes an instruction again with the guest's registers replaced by the host registers that
 * hold them and its memory operand by [S0 + S1]. A guest register that lives in the context block is loaded to a
 * scratch register before and stored after, or used in place where the encoding allows memory; AH, CH, DH and BH
 * become the low byte of a rotated copy, because they can't be named beside the registers that need REX.
 */
final class GenericEmitter {
  private final Emitter e;
  private final Assembler a;

  /** A resolved operand field: the number to encode, and what to do afterwards. */
  private static final class Field {
    int register;
    int guest;
    boolean copyOut;
    boolean highByte;
    boolean inContext;
    boolean loaded;
    boolean byteRegister;
  }

  private final Field reg = new Field();
  private final Field rm = new Field();
  private final Field vvvv = new Field();
  private int freeScratch;

  GenericEmitter(Emitter emitter) {
    this.e = emitter;
    this.a = emitter.a;
  }

  /** Translates {@code i}; {@code countInCl}: it reads CL. */
  void emit(Instruction i, boolean countInCl) {
    Opcode op = i.opcode;
    if (op.usesFpu()) {
      e.needFpu();
    }
    boolean memory = i.memory;
    freeScratch = countInCl ? 0 : 1 << RCX;
    if (memory) {
      e.access(i, i.memorySize, op.rmAccess().writes() || i.lock);
    } else {
      freeScratch |= 1 << S0 | 1 << S1;
    }
    emitOperands(i, op, memory, countInCl);
  }

  /** Translates BT, BTS, BTR or BTC with its offset in a register. */
  void emitBitOffset(Instruction i) {
    Opcode op = i.opcode;
    if (!i.memory) {
      freeScratch = 1 << RCX | 1 << S0 | 1 << S1;
      emitOperands(i, op, false, false);
      return;
    }
    e.access(i, Emitter.Address.BIT_OPERAND, 0, i.operandSize, op.rmAccess().writes() || i.lock);
    int source = e.gprIn(RCX, i.reg);
    // The address has the upper bits of the offset already; PEXT is an AND that leaves the flags
    // alone.
    int mask =
        switch (i.operandSize) {
          case 2 -> Context.BIT_OFFSET_MASK_16;
          case 4 -> Context.BIT_OFFSET_MASK_32;
          default -> Context.BIT_OFFSET_MASK_64;
        };
    a.pext(RCX, source, CTX, mask);
    int rex = (i.w ? 8 : 0) | e.operandRex();
    a.legacyOpcode(i.lock, i.operandSizePrefix, 0, 0x40 | rex, op.map(), i.code);
    e.operandModRm(RCX);
  }

  private void emitOperands(Instruction i, Opcode op, boolean memory, boolean countInCl) {
    boolean directContext = !memory && useInPlace(i, op);
    if (memory && e.operandIndex == NONE) {
      freeScratch |= 1 << S1;
    } else if (memory && fieldsInContext(i, op) > Integer.bitCount(freeScratch)) {
      a.lea(S0, S0, S1, 1, 0);
      freeScratch |= 1 << S1;
      e.operandIndex = NONE;
    }
    resolve(reg, op.reg(), i.reg, i, op.regAccess());
    if (memory || directContext) {
      rm.copyOut = false;
      rm.highByte = false;
      rm.byteRegister = false;
    } else {
      resolve(rm, op.rm(), i.rm, i, op.rmAccess());
    }
    resolve(vvvv, i.vex ? op.vvvv() : Operand.NONE, i.vvvv, i, op.vvvvAccess());
    if (countInCl) {
      e.readGpr(RCX, CpuState.RCX);
    }
    int rexBits = (reg.register & 8) >> 1;
    if (memory) {
      rexBits |= e.operandRex();
    } else if (!directContext) {
      rexBits |= (rm.register & 8) >> 3;
    }
    if (i.vex) {
      int pp = op.prefix() == 0x66 ? 1 : op.prefix() == 0xf3 ? 2 : op.prefix() == 0xf2 ? 3 : 0;
      int v = op.vvvv() == Operand.NONE ? 0 : vvvv.register;
      a.vexOpcode(rexBits, op.map(), i.w, v, i.vex256, pp, i.code);
    } else {
      boolean needsRex =
          i.w
              || rexBits != 0
              || reg.byteRegister && reg.register >= 4
              || rm.byteRegister && rm.register >= 4;
      int rex = needsRex ? 0x40 | (i.w ? 8 : 0) | rexBits : 0;
      int code = op.registerInOpcode() ? i.code & ~7 | rm.register & 7 : i.code;
      a.legacyOpcode(i.lock, i.operandSizePrefix, i.rep, rex, op.map(), code);
    }
    if (i.modrm != Instruction.NONE) {
      if (memory) {
        e.operandModRm(reg.register);
      } else if (directContext) {
        a.memory(reg.register, CTX, NONE, 1, CpuState.gprOffset(i.rm));
      } else {
        a.byte1(0xc0 | (reg.register & 7) << 3 | rm.register & 7);
      }
    }
    immediate(i);
    // The register field first: XADD of a register with itself leaves the sum.
    // VEX.vvvv before both: MULX with one register twice leaves the upper half in it.
    copyOut(vvvv);
    copyOut(reg);
    copyOut(rm);
  }

  private void immediate(Instruction i) {
    switch (i.immediateSize) {
      case 1 -> a.byte1((int) i.immediate);
      case 2 -> a.byte2((int) i.immediate);
      case 4 -> a.byte4((int) i.immediate);
      case 8 -> a.byte8(i.immediate);
      default -> {}
    }
    if (i.opcode.map() == 1 && i.code == 0x78) {
      // EXTRQ and INSERTQ have two.
      a.byte1(i.immediate2);
    }
  }

  private static boolean isGpr(Operand operand) {
    return switch (operand) {
      case GPR, GPR8, GPR16, GPR32, GPR64 -> true;
      default -> false;
    };
  }

  private static int size(Operand operand, Instruction i) {
    return switch (operand) {
      case GPR8 -> 1;
      case GPR16 -> 2;
      case GPR32 -> 4;
      case GPR64 -> 8;
      default -> i.operandSize;
    };
  }

  private static boolean needsScratch(Operand operand, int number, Instruction i) {
    return isGpr(operand)
        && (Context.host(number) < 0 || size(operand, i) == 1 && i.isHighByte(number));
  }

  /** How many scratch registers the fields beside a memory operand need. */
  private static int fieldsInContext(Instruction i, Opcode op) {
    int n = 0;
    if (needsScratch(op.reg(), i.reg, i)) {
      n++;
    }
    if (i.vex && needsScratch(op.vvvv(), i.vvvv, i)) {
      n++;
    }
    return n;
  }

  /** Whether a register rm that lives in the context block can be a memory operand there. */
  private static boolean useInPlace(Instruction i, Opcode op) {
    if (i.modrm == Instruction.NONE
        || op.registerInOpcode()
        || !isGpr(op.rm())
        || size(op.rm(), i) == 1 && i.isHighByte(i.rm)
        || Context.host(i.rm) >= 0) {
      return false;
    }
    if (op.kind() == Kind.BIT_OFFSET) {
      // With a memory operand the offset would reach beyond the register.
      return false;
    }
    if (isGpr(op.reg()) && i.reg == i.rm || op.map() == 0 && (i.code & 0xfe) == 0x86) {
      // The same register twice needs one copy; XCHG with memory would lock the bus.
      return false;
    }
    return switch (op.rmAccess()) {
      case READ -> true;
      case WRITE, READ_WRITE -> op.map() == 0 && size(op.rm(), i) == 8;
      case NONE -> false;
    };
  }

  private void resolve(Field f, Operand operand, int number, Instruction i, Opcode.Access access) {
    f.guest = number;
    f.copyOut = false;
    f.highByte = false;
    f.inContext = false;
    f.byteRegister = false;
    if (!isGpr(operand)) {
      f.register = operand == Operand.VECTOR || operand == Operand.NONE ? number : number & 7;
      return;
    }
    int size = size(operand, i);
    if (size == 1 && i.isHighByte(number)) {
      f.guest = number - 4;
      f.highByte = true;
      f.byteRegister = true;
      f.copyOut = access.writes();
      f.register = takeScratch();
      a.rorx(f.register, Context.host(f.guest), 8);
      return;
    }
    f.byteRegister = size == 1;
    int host = Context.host(number);
    if (host >= 0) {
      f.register = host;
      return;
    }
    f.inContext = true;
    f.copyOut = access.writes();
    if (f == rm && reg.inContext && reg.guest == number) {
      f.register = reg.register;
      reg.copyOut |= f.copyOut;
      f.copyOut = reg.copyOut;
      reg.copyOut = false;
      if (!reg.loaded && (access.reads() || size < 4)) {
        a.load(f.register, CTX, CpuState.gprOffset(number));
      }
      return;
    }
    f.register = takeScratch();
    f.loaded = access.reads() || size < 4;
    if (f.loaded) {
      a.load(f.register, CTX, CpuState.gprOffset(number));
    }
  }

  private int takeScratch() {
    int register = Integer.numberOfTrailingZeros(freeScratch);
    if (register == 32) {
      throw new IllegalStateException("no scratch register left");
    }
    freeScratch &= ~(1 << register);
    return register;
  }

  private void copyOut(Field f) {
    if (!f.copyOut) {
      return;
    }
    if (f.highByte) {
      // Only the byte goes back: the instruction may have written the rest of the register.
      int parent = Context.host(f.guest);
      a.rorx(parent, parent, 8);
      int rex = 0x40 | (f.register & 8) >> 1 | (parent & 8) >> 3;
      a.byte1(rex);
      a.byte1(0x88);
      a.byte1(0xc0 | (f.register & 7) << 3 | parent & 7);
      a.rorx(parent, parent, 56);
    } else {
      a.store(CTX, CpuState.gprOffset(f.guest), f.register);
    }
    f.copyOut = false;
  }
}
