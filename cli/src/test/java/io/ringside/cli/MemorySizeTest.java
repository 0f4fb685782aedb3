package io.ringside.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MemorySizeTest {
  @ParameterizedTest
  @CsvSource({
    "512M, 536870912",
    "512, 536870912",
    "32m, 33554432",
    "1G, 1073741824",
    "2GiB, 2147483648",
    "262144K, 268435456",
    "32772k, 33558528",
    "512G, 549755813888"
  })
  void parses(String text, long bytes) {
    assertThat(MemorySize.parse(text)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @CsvSource({
    "1, '--memory 1: 1M is too little; a guest needs 32M at least'",
    "0, '--memory 0: 0M is too little; a guest needs 32M at least'",
    "31M, '--memory 31M: 31M is too little; a guest needs 32M at least'",
    "513G, '--memory 513G: a guest can have 512G at most'",
    "1T, '--memory 1T: a guest can have 512G at most'",
    "99999999999999999999, '--memory 99999999999999999999: a guest can have 512G at most'",
    "9223372036854775807K, '--memory 9223372036854775807K: a guest can have 512G at most'",
    "32769K, '--memory 32769K: not a whole number of 4K pages'",
    "'', '--memory : not a size; write it like 512M or 1G'",
    "M, '--memory M: not a size; write it like 512M or 1G'",
    "-5, '--memory -5: not a size; write it like 512M or 1G'",
    "1.5G, '--memory 1.5G: not a size; write it like 512M or 1G'",
    "512MB, '--memory 512MB: not a size; write it like 512M or 1G'"
  })
  void refuses(String text, String message) {
    assertThatThrownBy(() -> MemorySize.parse(text))
        .isInstanceOf(UsageException.class)
        .hasMessage(message);
  }

  @Test
  void formatsInTheLargestWholeUnit() {
    assertThat(MemorySize.format(1L << 30)).isEqualTo("1G");
    assertThat(MemorySize.format(1536L << 20)).isEqualTo("1536M");
    assertThat(MemorySize.format(4096)).isEqualTo("4K");
  }
}
