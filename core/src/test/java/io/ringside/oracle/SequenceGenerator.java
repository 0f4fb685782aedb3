package io.ringside.oracle;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;
import io.ringside.oracle.Sequence.Node;
import io.ringside.x86.Feature;
import io.ringside.x86.Opcode;
import io.ringside.x86.Opcode.Operand;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/** Makes random {@link Sequence}s: any instructions that keep RSP, on operands in the data, within random structure. */
final class SequenceGenerator {
  /** The last page of the data has the loops' counters. */
  private static final int COUNTERS = NativeProcessor.DATA_SIZE - 4096;

  private static final Sequence.Target[] TARGETS = Sequence.Target.values();
  private static final int[] POINTERS = {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

  private final CaseGenerator encoder;
  private final SplittableRandom random;
  private final Oracle oracle;
  private final List<Opcode> integer = new ArrayList<>();
  private final List<Opcode> vector = new ArrayList<>();
  private boolean vectors;
  private int counters;

  /** Whether software interrupts disturb the translator. */
  boolean disturbed;

  /** Whether PUSHF may be used: it shows TF. */
  boolean savedFlags = true;

  /** Registers that must stay, by bit: RSP and the pointers. */
  private int reserved = 1 << CpuState.RSP;

  SequenceGenerator(
      Oracle oracle, CaseGenerator encoder, List<Opcode> opcodes, SplittableRandom random) {
    this.oracle = oracle;
    this.encoder = encoder;
    this.random = random;
    Set<Feature> shown = oracle.features();
    for (Opcode op : opcodes) {
      boolean plain =
          switch (op.kind()) {
            case GENERIC, NOP, SHIFT_CL, BIT_OFFSET, LEA -> true;
            default -> false;
          };
      if (plain && shown.contains(op.feature()) && !excluded(op)) {
        (op.usesFpu() ? vector : integer).add(op);
      }
    }
  }

  /** What can't run natively with the same outcome, see the tests of single instructions. */
  private static boolean excluded(Opcode op) {
    return switch (op.mnemonic()) {
      case "rdrand", "rdseed", "fnsave", "fnstenv", "serialize" -> true;
      default -> op.map() == 1 && op.code() == 0x0d;
    };
  }

  /** Fills {@code into} with about {@code size} pieces. */
  void fill(Sequence into, int size, boolean withVectors) {
    vectors = withVectors;
    counters = 0;
    block(into.nodes, size, 0);
  }

  private void block(List<Node> into, int size, int depth) {
    int left = size;
    while (left > 0) {
      if (disturbed && random.nextInt(4) == 0) {
        into.add(
            new Sequence.Disturb(Oracle.FIRST_DISTURBANCE + random.nextInt(Oracle.DISTURBANCES)));
      }
      int kind = depth < 4 ? random.nextInt(26) : 99;
      if (kind > 8 || left < 3) {
        leaf(into);
        left--;
        continue;
      }
      List<Node> body = new ArrayList<>();
      int inner = 1 + random.nextInt(left - 1);
      left -= inner;
      if (kind >= 7) {
        int register = POINTERS[random.nextInt(POINTERS.length)];
        int before = reserved;
        reserved |= 1 << register;
        block(body, inner, depth + 1);
        reserved = before;
        if ((before >> register & 1) == 0) {
          int offset = 0x800 + (random.nextInt(0x1000) & (random.nextInt(8) == 0 ? -1 : -32));
          into.add(new Sequence.Pointer(register, oracle.dataAddress() + offset, body));
        } else {
          into.addAll(body);
        }
        continue;
      }
      block(body, inner, depth + 1);
      into.add(
          switch (kind) {
            case 0, 1, 2 ->
                new Sequence.Skip(random.nextInt(random.nextInt(3) == 0 ? 24 : 16), body);
            case 3 ->
                new Sequence.Loop(
                    oracle.dataAddress() + COUNTERS + 64 * counters++, 1 + random.nextInt(3), body);
            case 4 ->
                new Sequence.Call(
                    TARGETS[random.nextInt(TARGETS.length)],
                    free(),
                    oracle.dataAddress() + COUNTERS + 32 + 64 * counters++,
                    random.nextInt(3) == 0 ? 8 * random.nextInt(6) : 0,
                    body);
            case 5 -> new Sequence.PushPop(random.nextInt(16), free(), body);
            default ->
                savedFlags
                    ? new Sequence.SavedFlags(body)
                    : new Sequence.Skip(random.nextInt(16), body);
          });
    }
  }

  /** A register that may be written. */
  private int free() {
    while (true) {
      int r = random.nextInt(16);
      if ((reserved >> r & 1) == 0) {
        return r;
      }
    }
  }

  /** A pointer in use, or -1. */
  private int pointer() {
    int r = POINTERS[random.nextInt(POINTERS.length)];
    for (int n = 0; n < 16; n++) {
      if ((reserved >> (r + n & 15) & 1) != 0 && (r + n & 15) != CpuState.RSP) {
        return r + n & 15;
      }
    }
    return -1;
  }

  private void leaf(List<Node> into) {
    while (true) {
      List<Opcode> from = vectors && random.nextBoolean() ? vector : integer;
      Opcode op = from.get(random.nextInt(from.size()));
      if (op.mnemonic().endsWith("div") && !op.usesFpu() && random.nextInt(20) != 0) {
        // Most of them fault, and end the sequence.
        continue;
      }
      CaseGenerator.Encoding h = encoder.how;
      h.clear();
      int size = random.nextInt(4);
      h.prefix66 = size == 1;
      h.wide = size >= 2;
      h.forceRex = random.nextInt(4) == 0;
      h.reg = random.nextInt(16);
      h.rm = random.nextInt(16);
      h.vvvv = op.vvvv() == Operand.NONE ? 0 : random.nextInt(16);
      h.l256 = op.vex() && random.nextBoolean();
      h.memory =
          op.rm() == Operand.MEMORY
              || !op.registerInOpcode() && random.nextInt(pointer() >= 0 ? 2 : 3) == 0;
      long target = 0;
      if (h.memory) {
        h.lock = op.lockable() && random.nextInt(4) == 0;
        int pointer = pointer();
        if (pointer >= 0 && random.nextInt(4) != 0) {
          h.base = pointer;
          h.displacementSize = random.nextInt(4) == 0 ? 4 : 1;
        } else if (!op.usesFpu() && random.nextInt(3) == 0) {
          h.base = CpuState.RSP;
          h.displacementSize = 1;
        } else {
          h.base = CaseGenerator.RIP;
          target = oracle.dataAddress() + random.nextInt(0x2000);
          if (random.nextInt(op.usesFpu() ? 40 : 4) != 0) {
            target &= -32;
          }
        }
      }
      Sequence.Leaf leaf = encoder.leaf(op, target, reserved);
      if (leaf != null) {
        into.add(leaf);
        return;
      }
    }
  }

  /** Registers and flags to start with. */
  void start(Case c) {
    for (int r = 0; r < 16; r++) {
      c.gpr[r] = encoder.value();
    }
    c.gpr[CpuState.RSP] = oracle.dataAddress() + 0x3000 + (random.nextInt(0x800) & -16);
    c.flags = random.nextInt() & CpuState.STATUS_MASK;
    c.sequence = true;
    c.segmentBase = 0;
    c.vectors = vectors;
    c.user = random.nextBoolean();
    c.ignoredFlags = 0;
    c.ignoredDataSize = 0;
  }

  /** Code to run {@code sequence} with. */
  void assemble(Sequence sequence, Case c, Assembler a) {
    int length = sequence.assemble(a, 0, false).length;
    c.offset = oracle.place(length);
    c.code = sequence.assemble(a, oracle.host.codeAddress(c.offset), false);
    c.nativeCode = sequence.assemble(a, oracle.host.codeAddress(c.offset), true);
  }
}
