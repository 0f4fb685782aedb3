package io.ringside.oracle;

import io.ringside.x86.Kind;
import io.ringside.x86.Opcode;
import io.ringside.x86.Opcode.Operand;
import io.ringside.x86.OpcodeTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/** Runs one opcode after the other in all its forms past the {@link Oracle}. */
final class Sweep implements AutoCloseable {
  /** Leaves all status flags dead before it. */
  private static final byte[] KILL_FLAGS = {(byte) 0xa8, 0x55};

  private static final byte[] NOTHING = {};
  private static final int MAX_FAILURES = 40;

  final OpcodeTable table = new OpcodeTable();
  final Oracle oracle;
  final SplittableRandom random;
  final CaseGenerator generator;
  private int sample = 1;
  private long first;
  private final Map<String, Integer> failures = new TreeMap<>();
  private final List<String> details = new ArrayList<>();

  /** Prepares; {@code low}: code and data are below 2 GiB, so that all forms of addresses reach them. */
  Sweep(long seed, boolean low) {
    oracle = new Oracle(4 << 20, low);
    random = new SplittableRandom(seed);
    generator = new CaseGenerator(oracle, table, random);
    generator.fillImage();
  }

  /**
   * Runs cases of {@code op}: register forms with every pair of registers, memory forms with every base and index.
   *
   * @param thorough how many times
   * @param oneIn one in so many of them, at random
   * @return how many cases there were
   */
  long run(Opcode op, int thorough, int oneIn) {
    sample = oneIn;
    first = oracle.cases();
    long before = oracle.cases();
    boolean bytes = op.reg() == Operand.GPR8 || op.rm() == Operand.GPR8 || (op.code() & 1) == 0;
    for (int size = 0; size < 3; size++) {
      for (int round = 0; round < thorough; round++) {
        generator.made.user = random.nextBoolean();
        registerForms(op, size, false);
        if (bytes) {
          registerForms(op, size, true);
        }
        memoryForms(op, size);
      }
    }
    return oracle.cases() - before;
  }

  private void sized(int size) {
    CaseGenerator.Encoding h = generator.how;
    h.clear();
    h.prefix66 = size == 1;
    h.wide = size == 2;
  }

  private void registerForms(Opcode op, int size, boolean rex) {
    if (op.rm() == Operand.MEMORY) {
      return;
    }
    int regs = op.reg() == Operand.NONE || op.extension() >= 0 ? 1 : 16;
    // Where rm is no operand it may belong to the opcode.
    int rms = op.rm() == Operand.NONE ? op.extension() >= 0 ? 8 : 1 : 16;
    for (int reg = 0; reg < regs; reg++) {
      for (int rm = 0; rm < rms; rm++) {
        sized(size);
        generator.how.forceRex = rex;
        generator.how.reg = reg;
        generator.how.rm = rm;
        generator.how.l256 = op.vex() && random.nextBoolean();
        generator.how.vvvv = op.vvvv() == Operand.NONE ? 0 : random.nextInt(16);
        attempt(op, false);
        if (op.vex() && regs * rms == 1) {
          // VZEROUPPER and VZEROALL: with no operands, L alone tells them apart, and chance may
          // never draw it.
          generator.how.l256 = !generator.how.l256;
          attempt(op, false);
        }
      }
    }
  }

  private void memoryForms(Opcode op, int size) {
    if (op.registerInOpcode()) {
      return;
    }
    for (int base = -1; base <= 16; base++) {
      for (int index = -1; index < 16; index++) {
        if (index == 4 || base == 16 && index >= 0) {
          continue;
        }
        sized(size);
        CaseGenerator.Encoding h = generator.how;
        h.memory = true;
        h.base = base;
        h.index = index;
        h.scale = 1 << random.nextInt(4);
        h.displacementSize = random.nextInt(3) * 2 - (random.nextInt(3) == 0 ? 1 : 0);
        h.displacementSize = h.displacementSize <= 0 ? 0 : h.displacementSize < 3 ? 1 : 4;
        h.reg = random.nextInt(16);
        h.l256 = op.vex() && random.nextBoolean();
        h.vvvv = op.vvvv() == Operand.NONE ? 0 : random.nextInt(16);
        h.forceRex = random.nextInt(4) == 0;
        h.lock = op.lockable() && random.nextInt(3) == 0;
        int segment = random.nextInt(6);
        h.segment = segment == 0 ? 0x64 : segment == 1 ? 0x65 : 0;
        h.address32 = (h.segment != 0 || oracle.isLow()) && random.nextInt(3) == 0;
        if (base == -1 && index == -1 && op.kind() != Kind.MOV_MOFFS && !oracle.isLow()) {
          h.segment = 0x65;
        }
        attempt(op, random.nextInt(8) == 0);
      }
    }
  }

  /** Runs one case of the encoding that is set up. */
  void attempt(Opcode op, boolean crossPage) {
    byte[] suffix = random.nextInt(3) == 0 ? KILL_FLAGS : NOTHING;
    if (random.nextInt(64) == 0) {
      generator.fillImage();
    }
    if (sample > 1 && oracle.cases() - first > 30 && random.nextInt(sample) != 0) {
      return;
    }
    generator.made.vectors = op.usesFpu();
    if (op.usesFpu()) {
      oracle.vectors().fill(random);
    }
    if (!generator.make(op, crossPage, suffix)) {
      return;
    }
    String difference;
    try {
      difference = oracle.run(generator.made);
    } catch (RuntimeException e) {
      throw new IllegalStateException(generator.made.toString(), e);
    }
    if (!difference.isEmpty()) {
      int count = failures.merge(op.mnemonic(), 1, Integer::sum);
      if (count <= 2 && details.size() < MAX_FAILURES) {
        details.add(difference);
      }
    }
  }

  /** What failed, as text; empty if nothing did. */
  String failures() {
    return failures.isEmpty() ? "" : failures + "\n" + String.join("\n", details);
  }

  @Override
  public void close() {
    oracle.close();
  }
}
