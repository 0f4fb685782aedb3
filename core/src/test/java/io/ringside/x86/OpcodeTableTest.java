package io.ringside.x86;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.x86.Opcode.Access;
import io.ringside.x86.Opcode.Operand;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the table says about instructions, taken from the manuals. */
class OpcodeTableTest {
  private static final int CF = 1;
  private static final int PF = 1 << 2;
  private static final int AF = 1 << 4;
  private static final int ZF = 1 << 6;
  private static final int SF = 1 << 7;
  private static final int OF = 1 << 11;
  private static final int ALL = OF | SF | ZF | AF | PF | CF;

  private final OpcodeTable table = new OpcodeTable();
  private final List<Opcode> opcodes = table.opcodes();

  private Instruction decode(String hex) throws UndefinedInstructionException {
    byte[] bytes = HexFormat.of().parseHex(hex);
    Instruction instruction = new Instruction();
    assertThat(new Decoder(table).decode(bytes, 0, bytes.length, 0x1000, instruction))
        .as(hex)
        .isTrue();
    assertThat(instruction.length).as(hex).isEqualTo(bytes.length);
    return instruction;
  }

  @Test
  void everyFeatureHasInstructions() {
    Set<Feature> seen = EnumSet.noneOf(Feature.class);
    for (Opcode opcode : opcodes) {
      seen.add(opcode.feature());
    }
    // PREFETCHW is a NOP where it is not shown.
    assertThat(seen).containsAll(EnumSet.complementOf(EnumSet.of(Feature.PREFETCHW)));
  }

  @Test
  void everyKindHasInstructions() {
    Set<Kind> seen = EnumSet.noneOf(Kind.class);
    for (Opcode opcode : opcodes) {
      seen.add(opcode.kind());
    }
    assertThat(seen).containsAll(EnumSet.allOf(Kind.class));
  }

  @Test
  void factsAreConsistent() {
    for (Opcode opcode : opcodes) {
      assertThat(opcode.flagsChanged() & opcode.flagsWritten())
          .as("%s", opcode)
          .isEqualTo(opcode.flagsWritten());
      assertThat((opcode.flagsRead() | opcode.flagsChanged()) & ~ALL).as("%s", opcode).isZero();
      if (opcode.lockable()) {
        assertThat(opcode.rmAccess()).as("%s", opcode).isEqualTo(Access.READ_WRITE);
      }
      if (opcode.reg() == Operand.VECTOR
          || opcode.reg() == Operand.MMX
          || opcode.rm() == Operand.VECTOR) {
        assertThat(opcode.usesFpu()).as("%s", opcode).isTrue();
      }
      if (opcode.feature() == Feature.NEVER) {
        assertThat(opcode.kind()).as("%s", opcode).isEqualTo(Kind.UNDEFINED);
      }
      if (opcode.vvvv() != Operand.NONE) {
        assertThat(opcode.vex()).as("%s", opcode).isTrue();
      }
    }
  }

  @Test
  void anOpcodeIsAlwaysTheSameObject() throws UndefinedInstructionException {
    assertThat(decode("4801d8").opcode).isSameAs(decode("01c3").opcode);
  }

  @ParameterizedTest
  @CsvSource({
    "01d8, '', oszapc, oszapc", // add
    "11d8, c, oszapc, oszapc", // adc
    "ffc0, '', oszap, oszap", // inc
    "f7d0, '', '', ''", // not
    "f7d8, '', oszapc, oszapc", // neg
    "c1e003, '', oszapc, oszapc", // shl eax,3
    "c1e020, '', '', oszapc", // shl eax,32: no shift
    "48c1e020, '', oszapc, oszapc", // shl rax,32
    "48c1e040, '', '', oszapc", // shl rax,64: no shift
    "c1c003, '', oc, oc", // rol
    "c1d003, c, oc, oc", // rcl
    "d3e0, '', '', oszapc", // shl eax,cl
    "d1f8, '', oszapc, oszapc", // sar eax,1
    "0fa4d800, '', '', oszapc", // shld by 0
    "0fafc3, '', oc, oszapc", // imul
    "f7f3, '', '', oszapc", // div
    "0fa3d8, '', c, oszapc", // bt
    "0fbcc3, '', z, oszapc", // bsf
    "0f42c3, c, '', ''", // cmovb
    "0f4fc3, osz, '', ''", // cmovg
    "0f9ac0, p, '', ''", // setp
    "7000, o, '', ''", // jo
    "7600, zc, '', ''", // jbe
    "e100, z, '', ''", // loope
    "f5, c, c, c", // cmc
    "9e, '', szapc, szapc", // sahf
    "9f, szapc, '', ''", // lahf
    "9c, oszapc, '', ''", // pushf
    "660f38f6c3, c, c, c", // adcx
    "f30f38f6c3, o, o, o", // adox
    "c4e278f2c3, '', oszapc, oszapc", // andn
    "c4e27bf6c3, '', '', ''", // mulx
    "0f2fc1, '', oszapc, oszapc", // comiss
    "660f3817c1, '', oszapc, oszapc", // ptest
    "dbf1, '', zpc, oszapc", // fcomi
    "da c1, c, '', ''", // fcmovb
  })
  void flags(String hex, String read, String written, String changed)
      throws UndefinedInstructionException {
    Opcode opcode = decode(hex.replace(" ", "")).opcode;
    assertThat(opcode.flagsRead()).as("read").isEqualTo(mask(read));
    assertThat(opcode.flagsWritten()).as("written").isEqualTo(mask(written));
    assertThat(opcode.flagsChanged()).as("changed").isEqualTo(mask(changed));
  }

  private static int mask(String flags) {
    int mask = 0;
    for (char flag : flags.toCharArray()) {
      mask |=
          switch (flag) {
            case 'o' -> OF;
            case 's' -> SF;
            case 'z' -> ZF;
            case 'a' -> AF;
            case 'p' -> PF;
            default -> CF;
          };
    }
    return mask;
  }

  /** Sizes of memory operands; each was also found out by placing the operand at the end of a page. */
  @ParameterizedTest
  @CsvSource({
    "8a03, 1",
    "668b03, 2",
    "8b03, 4",
    "488b03, 8",
    "0fb603, 1",
    "0fb703, 2",
    "480fbe03, 1",
    "486303, 4",
    "488d03, 0",
    "0f1f03, 0",
    "0f1803, 0",
    "0f0d03, 0",
    "0f013b, 0",
    "0fae3b, 1",
    "660fae33, 1",
    "480fc70b, 16",
    "0fc70b, 8",
    "0f0113, 10",
    "0f0103, 10",
    "0f0123, 2",
    "0f0003, 2",
    "0f0203, 2",
    "ff13, 8",
    "66ff13, 8",
    "ff33, 8",
    "66ff33, 2",
    "8f03, 8",
    "ff1b, 6",
    "48ff1b, 10",
    "66ff1b, 4",
    "0fb203, 6",
    "d903, 4",
    "dd03, 8",
    "db2b, 10",
    "df23, 10",
    "df33, 10",
    "de03, 2",
    "df2b, 8",
    "d923, 28",
    "66d923, 14",
    "dd33, 108",
    "66dd33, 94",
    "d92b, 2",
    "0fae03, 512",
    "0fae0b, 512",
    "0fae13, 4",
    "0fae23, 0",
    "0f1003, 16",
    "f30f1003, 4",
    "f20f1003, 8",
    "0f1203, 8",
    "f20f1203, 8",
    "0f6003, 4",
    "660f6003, 16",
    "660f3830 03, 8",
    "660f383103, 4",
    "660f383203, 2",
    "660f3a200300, 1",
    "660fc40300, 2",
    "660f3a140300, 1",
    "660f3a160300, 4",
    "66480f3a160300, 8",
    "660f3a210300, 4",
    "f30f5a03, 4",
    "f20f5a03, 8",
    "0f5a03, 8",
    "f30f2a03, 4",
    "f3480f2a03, 8",
    "f3480f2c03, 4",
    "0f7f03, 8",
    "660f6e03, 4",
    "66480f6e03, 8",
    "660fd603, 8",
    "c5f81003, 16",
    "c5fc1003, 32",
    "c5fa1003, 4",
    "c5fc5a03, 16",
    "c5fd5a03, 32",
    "c5fee603, 16",
    "c4e27d1803, 4",
    "c4e27d1903, 8",
    "c4e27d1a03, 16",
    "c4e37d190300, 16",
    "c4e37d180300, 16",
    "c4e27d3003, 16",
    "c4e27d3203, 4",
    "c4e27d1303, 16",
    "c4e37d1d0300, 16",
    "c4e27d7803, 1",
    "c4e27d7903, 2",
    "c5fdd103, 16",
    "c5ff1203, 32",
    "c5fb1203, 8",
    "c4e2f99803, 16",
    "c4e2f99903, 8",
    "c4e2799903, 4",
    "660f3880 03, 16",
    "660f388203, 16",
    "480fa303, 8",
    "0fba2307, 4",
    "0fc303, 4",
    "660f38f003, 2",
    "f20f38f003, 1",
  })
  void memorySizes(String hex, int size) throws UndefinedInstructionException {
    assertThat(decode(hex.replace(" ", "")).memorySize).isEqualTo(size);
  }

  @ParameterizedTest
  @CsvSource({
    "01d8, GPR, READ, GPR, READ_WRITE",
    "03c3, GPR, READ_WRITE, GPR, READ",
    "89d8, GPR, READ, GPR, WRITE",
    "39d8, GPR, READ, GPR, READ",
    "87d8, GPR, READ_WRITE, GPR, READ_WRITE",
    "0fb6c3, GPR, WRITE, GPR8, READ",
    "0fb7c3, GPR, WRITE, GPR16, READ",
    "4863c3, GPR, WRITE, GPR32, READ",
    "0f44c3, GPR, READ_WRITE, GPR, READ",
    "8d03, GPR, WRITE, MEMORY, NONE",
    "0fc3 03, GPR, READ, MEMORY, WRITE",
    "58, NONE, NONE, GPR, WRITE",
    "50, NONE, NONE, GPR, READ",
    "0fc8, NONE, NONE, GPR, READ_WRITE",
    "69c300000000, GPR, WRITE, GPR, READ",
    "0fafc3, GPR, READ_WRITE, GPR, READ",
    "660f6ec3, VECTOR, WRITE, GPR32, READ",
    "66480f7ec3, VECTOR, READ, GPR64, WRITE",
    "660f3a20c300, VECTOR, READ_WRITE, GPR32, READ",
    "f20f38f0c3, GPR32, READ_WRITE, GPR8, READ",
    "f2480f38f1c3, GPR64, READ_WRITE, GPR, READ",
    "f30f2ac3, VECTOR, READ_WRITE, GPR, READ",
    "0fd7c3, GPR32, WRITE, MMX, READ",
    "0f20c3, SYSTEM, READ, GPR64, WRITE",
    "0f22c3, SYSTEM, WRITE, GPR64, READ",
    "8cd8, SYSTEM, READ, GPR, WRITE",
    "0f90c3, NONE, NONE, GPR, WRITE",
    "f30f1003, VECTOR, WRITE, MEMORY, READ",
    "f30f10c3, VECTOR, READ_WRITE, VECTOR, READ",
    "a1 0000000000000000, GPR, WRITE, MEMORY, READ",
    "a3 0000000000000000, GPR, READ, MEMORY, WRITE",
  })
  void operands(String hex, Operand reg, Access regAccess, Operand rm, Access rmAccess)
      throws UndefinedInstructionException {
    Opcode opcode = decode(hex.replace(" ", "")).opcode;
    assertThat(opcode.reg()).isEqualTo(reg);
    assertThat(opcode.regAccess()).isEqualTo(regAccess);
    assertThat(opcode.rm()).isEqualTo(rm);
    assertThat(opcode.rmAccess()).isEqualTo(rmAccess);
  }
}
