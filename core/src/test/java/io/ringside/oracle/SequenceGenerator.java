package io.ringside.oracle;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;
import io.ringside.oracle.Sequence.Node;
import io.ringside.x86.Feature;
import io.ringside.x86.Kind;
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

  private final CaseGenerator encoder;
  private final SplittableRandom random;
  private final Oracle oracle;
  private final List<Opcode> integer = new ArrayList<>();
  private final List<Opcode> vector = new ArrayList<>();
  private boolean vectors;
  private int counters;

  SequenceGenerator(Oracle oracle, CaseGenerator encoder, List<Opcode> opcodes, SplittableRandom random) {
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
      case "rdrand", "rdseed", "fnsave", "fnstenv", "div", "idiv", "serialize" -> true;
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
      int kind = depth < 4 ? random.nextInt(24) : 99;
      if (kind > 6 || left < 3) {
        leaf(into);
        left--;
        continue;
      }
      List<Node> body = new ArrayList<>();
      int inner = 1 + random.nextInt(left - 1);
      block(body, inner, depth + 1);
      left -= inner;
      into.add(
          switch (kind) {
            case 0, 1, 2 -> new Sequence.Skip(random.nextInt(16), body);
            case 3 -> new Sequence.Loop(oracle.dataAddress() + COUNTERS + 64 * counters++, 1 + random.nextInt(3), body);
            case 4 -> new Sequence.Call(random.nextBoolean() ? -1 : anyButRsp(), body);
            case 5 -> new Sequence.PushPop(random.nextInt(16), anyButRsp(), body);
            default -> new Sequence.SavedFlags(body);
          });
    }
  }

  private int anyButRsp() {
    int r = random.nextInt(15);
    return r < 4 ? r : r + 1;
  }

  private void leaf(List<Node> into) {
    while (true) {
      List<Opcode> from = vectors && random.nextBoolean() ? vector : integer;
      Opcode op = from.get(random.nextInt(from.size()));
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
      h.memory = op.rm() == Operand.MEMORY || !op.registerInOpcode() && random.nextInt(3) == 0;
      long target = 0;
      if (h.memory) {
        h.lock = op.lockable() && random.nextInt(4) == 0;
        if (!op.usesFpu() && random.nextInt(3) == 0) {
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
      Sequence.Leaf leaf = encoder.leaf(op, target);
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
    byte[] code = sequence.assemble(a, 0);
    c.offset = oracle.place(code.length);
    c.code = sequence.assemble(a, oracle.host.codeAddress(c.offset));
    c.nativeCode = c.code;
  }
}
