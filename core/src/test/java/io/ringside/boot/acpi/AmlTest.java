package io.ringside.boot.acpi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class AmlTest {
  @Test
  void integersTakeTheirShortestForm() {
    assertThat(hex(Aml.integer(0))).isEqualTo("00");
    assertThat(hex(Aml.integer(1))).isEqualTo("01");
    assertThat(hex(Aml.integer(2))).isEqualTo("0a02");
    assertThat(hex(Aml.integer(0xff))).isEqualTo("0aff");
    assertThat(hex(Aml.integer(0x100))).isEqualTo("0b0001");
    assertThat(hex(Aml.integer(0xffff))).isEqualTo("0bffff");
    assertThat(hex(Aml.integer(0x1_0000))).isEqualTo("0c00000100");
    assertThat(hex(Aml.integer(0xffff_fffeL))).isEqualTo("0cfeffffff");
  }

  @Test
  void eisaIds() {
    assertThat(hex(Aml.eisaId("PNP0A03"))).isEqualTo("0c41d00a03");
    assertThat(hex(Aml.eisaId("PNP0501"))).isEqualTo("0c41d00501");
  }

  @Test
  void namesArePaddedToFourCharacters() {
    assertThat(hex(Aml.name("\\_S5", Aml.integer(0)))).isEqualTo("08" + "5c" + "5f53355f" + "00");
    assertThat(hex(Aml.name("_HID", Aml.integer(1)))).isEqualTo("08" + "5f484944" + "01");
  }

  @Test
  void packages() {
    assertThat(hex(Aml.packageOf(Aml.integer(5), Aml.integer(0))))
        .isEqualTo("12" + "05" + "02" + "0a05" + "00");
  }

  @Test
  void lengthsCountThemselves() {
    // A scope is its opcode, the length, a name of 5 bytes, and the contents.
    assertThat(hex(Aml.scope("\\_SB", new byte[0x3f - 6]))).startsWith("10" + "3f" + "5c5f53425f");
    assertThat(hex(Aml.scope("\\_SB", new byte[0x3f - 5]))).startsWith("10" + "4104" + "5c");
    assertThat(hex(Aml.scope("\\_SB", new byte[0xfff - 7]))).startsWith("10" + "4fff" + "5c");
    assertThat(hex(Aml.scope("\\_SB", new byte[0xfff - 6]))).startsWith("10" + "810001" + "5c");
  }

  @Test
  void resourceDescriptors() {
    assertThat(hex(Aml.ports(0x3f8, 8))).isEqualTo("4701f803f8030108");
    assertThat(hex(Aml.irq(4))).isEqualTo("221000");
    assertThat(hex(Aml.resources(Aml.irq(8)))).isEqualTo("11" + "08" + "0a05" + "220001" + "7900");
    assertThat(hex(Aml.buses(0, 255)))
        .isEqualTo("880d00020c00" + "0000" + "0000" + "ff00" + "0000" + "0001");
    assertThat(hex(Aml.portWindow(0xd00, 0xffff)))
        .isEqualTo("880d00010c03" + "0000" + "000d" + "ffff" + "0000" + "00f3");
    assertThat(hex(Aml.memoryWindow(0xc000_0000L, 0xfebf_ffffL)))
        .isEqualTo("871700000c01" + "00000000" + "000000c0" + "ffffbffe" + "00000000" + "0000c03e");
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
