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
 * Every x87, MMX, SSE and AVX instruction, in all its forms, translated and on the host's processor, with random control
 * words, unmasked exceptions among them. Not here: the FXSAVE and XSAVE families (see the conformance suite), and the
 * addresses that FNSAVE and FNSTENV store, which are the translation's.
 */
class VectorInstructionsTest {
  private static final Set<Kind> KINDS =
      Set.of(Kind.GENERIC, Kind.PCMPSTRI, Kind.MASKMOV, Kind.GATHER);

  @Test
  void btAgreesWithTheHost() {
    sweep(1, 20, false);
  }

  @Test
  void btAgreesWithTheHostAtLowAddresses() {
    sweep(1, 20, true);
  }

  @Test
  @Tag("nightly")
  void btAgreesWithTheHostMoreOften() {
    sweep(10, 1, false);
  }

  private static void sweep(int thorough, int oneIn, boolean low) {
    try (Sweep sweep = new Sweep(Long.getLong("ringside.seed", 1), low)) {
      List<String> untested = new ArrayList<>();
      Set<Feature> shown = sweep.oracle.features();
      for (Opcode op : sweep.table.opcodes()) {
        if (op.usesFpu()
            && KINDS.contains(op.kind())
            && shown.contains(op.feature())
            && sweep.run(op, thorough, oneIn) == 0) {
          untested.add(op.mnemonic());
        }
      }
      assertThat(sweep.failures()).isEmpty();
      assertThat(untested).isEmpty();
    }
  }
}
