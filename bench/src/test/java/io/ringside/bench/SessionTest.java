package io.ringside.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SessionTest {
  @Test
  void stopsAtTheLineThatIsWaitedFor() throws Exception {
    List<String> lines = new ArrayList<>();
    Session.Outcome outcome =
        new Session(List.of("/bin/sh", "-c", "echo one; echo two; sleep 60; echo three"), 60)
            .run(
                line -> {
                  lines.add(line);
                  return line.equals("two");
                },
                false);
    assertThat(lines).containsExactly("one", "two");
    assertThat(outcome.matched()).isTrue();
    assertThat(outcome.wallSeconds()).isBetween(0.0, 50.0);
    assertThat(outcome.lastLine()).isEqualTo("two");
  }

  @Test
  void endsAProgramThatFallsSilent() throws Exception {
    Session.Outcome outcome =
        new Session(List.of("/bin/sh", "-c", "echo one; sleep 60; echo two"), 1)
            .run(line -> false, false);
    assertThat(outcome.silent()).isTrue();
    assertThat(outcome.matched()).isFalse();
    assertThat(outcome.lastLine()).isEqualTo("one");
  }

  @Test
  void measuresCpuTimeAndMemory() throws Exception {
    // Fields of proc(5) of this very process, which has used some of both.
    ProcessHandle self = ProcessHandle.current();
    assertThat(ProcessMeter.cpuSeconds(self)).isPositive();
    ProcessMeter.Memory memory = ProcessMeter.memory(self.pid());
    assertThat(memory.resident()).isGreaterThan(10_000);
    assertThat(memory.shared()).isBetween(0L, memory.resident());
  }

  @Test
  void aMissingProgramIsAnError() {
    assertThatThrownBy(() -> new Session(List.of("/no/such/program"), 1).run(line -> true, false))
        .isInstanceOf(IOException.class);
  }
}
