package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class EscapeFilterTest {
  @Test
  void passesWhatIsTyped() {
    assertThat(typed('l', 's', '\r', 0, 0xff)).containsExactly((int) 'l', (int) 's', 13, 0, 0xff);
  }

  @Test
  void findsTheSequences() {
    assertThat(typed(1, 'x')).containsExactly(EscapeFilter.NOTHING, EscapeFilter.LEAVE);
    assertThat(typed(1, 0x18)).containsExactly(EscapeFilter.NOTHING, EscapeFilter.LEAVE);
    assertThat(typed(1, 'h')).containsExactly(EscapeFilter.NOTHING, EscapeFilter.HELP);
    assertThat(typed(1, 'a')).containsExactly(EscapeFilter.NOTHING, 1);
    assertThat(typed(1, 1)).containsExactly(EscapeFilter.NOTHING, 1);
  }

  @Test
  void anyOtherKeyGoesOutAfterTheCtrlA() {
    assertThat(typed(1, 'e', 'x'))
        .containsExactly(EscapeFilter.NOTHING, EscapeFilter.AFTER_CTRL_A | 'e', (int) 'x');
  }

  @Test
  void twoCtrlAsDontStartASequence() {
    assertThat(typed(1, 1, 'x')).containsExactly(EscapeFilter.NOTHING, 1, (int) 'x');
  }

  private static List<Integer> typed(int... bytes) {
    EscapeFilter filter = new EscapeFilter();
    List<Integer> results = new ArrayList<>();
    for (int value : bytes) {
      results.add(filter.accept(value));
    }
    return results;
  }
}
