package io.ringside.oracle;

import io.ringside.asm.Assembler;
import io.ringside.x86.OpcodeTable;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random programs, translated and on the host's processor. The seed is printed where they differ, with the program made as
 * small as it can be; {@code -Dringside.seed} sets it.
 */
class RandomSequenceTest {
  private static final int SIZE = 40;

  /** What the guest's program is disturbed by, which must make no difference. */
  enum Disturbance {
    NOTHING,
    /** A trap after every instruction. */
    SINGLE_STEP,
    /** Interrupts at any time. */
    INTERRUPTS,
    /** Flushes of the TLB, stores to the code that runs, and changes of its mappings. */
    CHANGES,
    /** Translations are thrown away often. */
    SMALL_CACHE
  }

  @ParameterizedTest(name = "bt, {0}")
  @EnumSource
  void btAgreesWithTheHost(Disturbance disturbance) {
    run(2_000, disturbance);
  }

  @ParameterizedTest(name = "bt, {0}")
  @EnumSource
  @Tag("nightly")
  void btAgreesWithTheHostOnMillionsOfInstructions(Disturbance disturbance) {
    run(20_000, disturbance);
  }

  private static void run(int sequences, Disturbance disturbance) {
    long seed = Long.getLong("ringside.seed", System.nanoTime());
    SplittableRandom random = new SplittableRandom(seed);
    OpcodeTable table = new OpcodeTable();
    Assembler a = new Assembler();
    long pieces = 0;
    try (Oracle oracle =
            new Oracle(
                disturbance == Disturbance.SMALL_CACHE ? 192 << 10 : 4 << 20, (seed & 1) != 0);
        Interrupter _ = new Interrupter(oracle, disturbance == Disturbance.INTERRUPTS)) {
      CaseGenerator encoder = new CaseGenerator(oracle, table, random);
      SequenceGenerator generator = new SequenceGenerator(oracle, encoder, table.opcodes(), random);
      generator.disturbed = disturbance == Disturbance.CHANGES;
      generator.savedFlags = disturbance != Disturbance.SINGLE_STEP;
      for (int n = 0; n < sequences; n++) {
        encoder.fillImage();
        Sequence sequence = new Sequence();
        generator.fill(sequence, SIZE, n % 2 == 1);
        Case c = new Case();
        c.stepped = disturbance == Disturbance.SINGLE_STEP;
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

  /** A thread that raises an interrupt every now and then. */
  private static final class Interrupter implements AutoCloseable {
    private final AtomicBoolean stop = new AtomicBoolean();
    private final Thread thread;

    Interrupter(Oracle oracle, boolean active) {
      thread =
          new Thread(
              () -> {
                while (active && !stop.get()) {
                  LockSupport.parkNanos(20_000);
                  if (!oracle.machine.interrupts().hasPending()) {
                    oracle.machine.interrupts().raise(Oracle.VECTOR);
                  }
                }
              });
      thread.start();
    }

    @Override
    public void close() {
      stop.set(true);
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
