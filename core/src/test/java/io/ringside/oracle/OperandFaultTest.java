package io.ringside.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.conformance.GuestPages;
import io.ringside.x86.Feature;
import io.ringside.x86.Kind;
import io.ringside.x86.Opcode;
import io.ringside.x86.Opcode.Operand;
import io.ringside.x86.OpcodeTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Every instruction with a memory operand, on a page that is absent, read-only or the supervisor's, at its start and across
 * its end: the page fault's address and error code are right, and no register or memory has changed. The status flags in
 * the frame are not looked at: where the instruction sets them all, the translation's check may have clobbered them.
 */
class OperandFaultTest {
  private static final int PAGE = 2;

  private enum State {
    ABSENT,
    READ_ONLY,
    SUPERVISOR
  }

  private final OpcodeTable table = new OpcodeTable();
  private final SplittableRandom random = new SplittableRandom(Long.getLong("ringside.seed", 1));
  private final List<String> failures = new ArrayList<>();
  private int tested;

  @Test
  void btRaisesTheRightPageFault() {
    try (Oracle oracle = new Oracle()) {
      CaseGenerator generator = new CaseGenerator(oracle, table, random);
      generator.fillImage();
      Set<Feature> shown = oracle.features();
      for (State pageState : State.values()) {
        oracle.page(
            PAGE,
            switch (pageState) {
              case ABSENT -> 0;
              case READ_ONLY -> GuestPages.ALL & ~GuestPages.WRITABLE;
              case SUPERVISOR -> GuestPages.ALL & ~GuestPages.USER;
            });
        for (Opcode op : table.opcodes()) {
          if (accesses(op) && shown.contains(op.feature())) {
            run(oracle, generator, op, pageState);
          }
        }
      }
    }
    assertThat(failures).isEmpty();
    assertThat(tested).isGreaterThan(900);
  }

  /** Kinds whose only memory operand is that of ModRM and accessed as a whole. */
  private static boolean accesses(Opcode op) {
    boolean plain =
        switch (op.kind()) {
          case GENERIC,
              SHIFT_CL,
              CMPXCHG_PAIR,
              MOV_MOFFS,
              PCMPSTRI,
              PUSH,
              JMP_INDIRECT,
              CALL_INDIRECT,
              FXSAVE,
              FXRSTOR,
              MOV_FROM_SEGMENT ->
              true;
          default -> false;
        };
    // Masked loads and stores access what the mask says.
    return plain
        && op.rm() != Operand.NONE
        && !op.mnemonic().contains("maskmov")
        && !op.registerInOpcode();
  }

  private void run(Oracle oracle, CaseGenerator generator, Opcode op, State pageState) {
    int cases = 0;
    for (int n = 0; n < 30; n++) {
      CaseGenerator.Encoding h = generator.how;
      h.clear();
      int size = random.nextInt(3);
      h.prefix66 = size == 1;
      h.wide = size == 2;
      h.l256 = op.vex() && random.nextBoolean();
      h.memory = true;
      h.reg = random.nextInt(16);
      h.vvvv = op.vvvv() == Operand.NONE ? 0 : random.nextInt(16);
      h.base = new int[] {0, 1, 3, 6, 9, 10, 12, 13, 15}[random.nextInt(9)];
      h.lock = op.lockable() && random.nextInt(3) == 0;
      Case c = generator.made;
      c.user = pageState == State.SUPERVISOR || random.nextBoolean();
      c.vectors = false;
      boolean crossing = random.nextBoolean();
      if (!generator.make(op, false, new byte[0]) || c.instruction.memorySize == 0) {
        continue;
      }
      boolean write = op.rmAccess().writes() || c.instruction.lock;
      if (pageState == State.READ_ONLY && !write) {
        continue;
      }
      int bytes = c.instruction.memorySize;
      if (op.kind() == Kind.MOV_MOFFS || bytes == 1 && crossing) {
        continue;
      }
      // Aligned, for instructions that check that first; or the last byte in the page.
      long page = oracle.dataAddress() + 4096L * PAGE;
      boolean aligned = op.usesFpu() || op.kind() == Kind.CMPXCHG_PAIR;
      long operand =
          crossing && !aligned ? page - bytes + 1 + random.nextInt(bytes - 1) : page + 64;
      c.gpr[h.base] = operand - c.instruction.displacement;
      cases++;
      long address = Math.max(operand, page);
      int error = (pageState == State.ABSENT ? 0 : 1) | (write ? 2 : 0) | (c.user ? 4 : 0);
      String difference = oracle.expectPageFault(c, address, error);
      if (!difference.isEmpty() && failures.size() < 20) {
        failures.add(pageState + " " + difference);
      }
    }
    tested += cases == 0 ? 0 : 1;
  }
}
