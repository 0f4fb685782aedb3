package io.ringside.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.x86.Feature;
import io.ringside.x86.Kind;
import io.ringside.x86.Opcode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every instruction on general registers, in all its forms, translated and on the host's processor. Not here, because a
 * process can't execute them or not with the same outcome: branches (see the random sequences), POPF, system
 * instructions and what reads segment registers (see the conformance suite); RDRAND and RDSEED; 0F 0D, whose register
 * form AMD's processors have not; SERIALIZE, which the guest has where the host has not.
 */
class IntegerInstructionsTest {
  private static final Set<Kind> KINDS =
      Set.of(
          Kind.GENERIC,
          Kind.NOP,
          Kind.SHIFT_CL,
          Kind.BIT_OFFSET,
          Kind.LEA,
          Kind.MOV_MOFFS,
          Kind.XLAT,
          Kind.CMPXCHG_PAIR,
          Kind.PUSH,
          Kind.POP,
          Kind.PUSH_IMMEDIATE,
          Kind.PUSHF,
          Kind.LEAVE,
          Kind.ENTER,
          Kind.MOVS,
          Kind.CMPS,
          Kind.STOS,
          Kind.LODS,
          Kind.SCAS,
          Kind.RDGSBASE,
          Kind.CLD,
          Kind.PAUSE);

  private static boolean excluded(Opcode op) {
    return op.feature() == Feature.SERIALIZE
        || op.map() == 1 && op.code() == 0x0d
        || op.mnemonic().equals("rdrand")
        || op.mnemonic().equals("rdseed");
  }

  @Test
  void btAgreesWithTheHost() {
    sweep(1, 4, false);
  }

  @Test
  void btAgreesWithTheHostAtLowAddresses() {
    sweep(1, 4, true);
  }

  @Test
  @Tag("nightly")
  void btAgreesWithTheHostMoreOften() {
    sweep(20, 1, false);
  }

  private static void sweep(int thorough, int oneIn, boolean low) {
    try (Sweep sweep = new Sweep(Long.getLong("ringside.seed", 1), low)) {
      List<String> untested = new ArrayList<>();
      Set<Feature> shown = sweep.oracle.features();
      for (Opcode op : sweep.table.opcodes()) {
        if (!op.usesFpu()
            && KINDS.contains(op.kind())
            && shown.contains(op.feature())
            && !excluded(op)
            && sweep.run(op, thorough, oneIn) == 0) {
          untested.add(op.mnemonic());
        }
      }
      assertThat(sweep.failures()).isEmpty();
      assertThat(untested).isEmpty();
    }
  }
}
