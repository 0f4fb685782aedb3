package io.ringside.oracle;

import io.ringside.asm.Assembler;
import io.ringside.x86.OpcodeTable;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Random programs, translated and on the host's processor. The seed is printed where they differ, with the program made as
 * small as it can be; {@code -Dringside.seed} sets it.
 */
class RandomSequenceTest {
  private static final int SIZE = 40;

  @Test
  void btAgreesWithTheHost() {
    run(2_000);
  }

  @Test
  @Tag("nightly")
  void btAgreesWithTheHostOnMillionsOfInstructions() {
    run(30_000);
  }

  private static void run(int sequences) {
    long seed = Long.getLong("ringside.seed", System.nanoTime());
    SplittableRandom random = new SplittableRandom(seed);
    OpcodeTable table = new OpcodeTable();
    Assembler a = new Assembler();
    long pieces = 0;
    try (Oracle oracle = new Oracle()) {
      CaseGenerator encoder = new CaseGenerator(oracle, table, random);
      SequenceGenerator generator = new SequenceGenerator(oracle, encoder, table.opcodes(), random);
      for (int n = 0; n < sequences; n++) {
        encoder.fillImage();
        Sequence sequence = new Sequence();
        generator.fill(sequence, SIZE, n % 2 == 1);
        Case c = new Case();
        generator.start(c);
        if (c.vectors) {
          oracle.vectors().fill(random);
        }
        generator.assemble(sequence, c, a);
        pieces += Sequence.count(sequence.nodes);
        String difference = oracle.run(c);
        if (!difference.isEmpty()) {
          difference = reduce(oracle, generator, sequence, c, a, difference);
          throw new AssertionError(
              "seed " + seed + ", sequence " + n + ":\n" + sequence + difference);
        }
      }
    }
    if (pieces < 10L * sequences) {
      throw new AssertionError("only " + pieces + " instructions");
    }
  }

  /** Leaves out what can be left out with a difference remaining; the last difference. */
  private static String reduce(
      Oracle oracle,
      SequenceGenerator generator,
      Sequence sequence,
      Case c,
      Assembler a,
      String first) {
    String difference = first;
    boolean smaller = true;
    while (smaller) {
      smaller = false;
      for (Sequence.Place place : sequence.places()) {
        List<Sequence.Node> list = place.list();
        int at = list.indexOf(place.node());
        if (at < 0) {
          continue;
        }
        list.remove(at);
        generator.assemble(sequence, c, a);
        String now = oracle.run(c);
        if (now.isEmpty()) {
          list.add(at, place.node());
        } else {
          difference = now;
          smaller = true;
        }
      }
    }
    return difference;
  }
}
