package io.ringside.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Prefixes, operands, lengths and errors of single encodings. */
class DecoderTest {
  private static final long RIP = 0xFFFF_FFFF_8100_0000L;

  private final Decoder decoder = new Decoder();
  private final Instruction in = new Instruction();

  private Instruction decode(String hex) throws UndefinedInstructionException {
    byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
    assertThat(decoder.decode(bytes, 0, bytes.length, RIP, in)).as(hex).isTrue();
    assertThat(in.length).as(hex).isEqualTo(bytes.length);
    return in;
  }

  @Test
  void registersWithRex() throws UndefinedInstructionException {
    decode("4d 01 c8");
    assertThat(in.opcode.mnemonic()).isEqualTo("add");
    assertThat(in.reg).isEqualTo(9);
    assertThat(in.rm).isEqualTo(8);
    assertThat(in.operandSize).isEqualTo(8);
    assertThat(in.memory).isFalse();
    assertThat(in.nextRip()).isEqualTo(RIP + 3);
  }

  @Test
  void highBytesNeedThatThereIsNoRex() throws UndefinedInstructionException {
    decode("88 e0");
    assertThat(in.isHighByte(in.reg)).isTrue();
    assertThat(in.isHighByte(in.rm)).isFalse();
    decode("40 88 e0");
    assertThat(in.isHighByte(in.reg)).isFalse();
  }

  @Test
  void sib() throws UndefinedInstructionException {
    decode("4b 8b 44 a5 80");
    assertThat(in.memory).isTrue();
    assertThat(in.base).isEqualTo(13);
    assertThat(in.index).isEqualTo(12);
    assertThat(in.scale).isEqualTo(4);
    assertThat(in.displacement).isEqualTo(-128);
    decode("8b 04 25 00 00 00 80");
    assertThat(in.base).isEqualTo(Instruction.NONE);
    assertThat(in.index).isEqualTo(Instruction.NONE);
    assertThat(in.displacement).isEqualTo(-0x8000_0000L);
    decode("8b 04 24");
    assertThat(in.base).isEqualTo(4);
    assertThat(in.index).isEqualTo(Instruction.NONE);
  }

  @Test
  void ripRelativeCountsTheImmediate() throws UndefinedInstructionException {
    decode("81 05 10 00 00 00 78 56 34 12");
    assertThat(in.base).isEqualTo(Instruction.BASE_RIP);
    assertThat(in.displacement).isEqualTo(RIP + 10 + 0x10);
    assertThat(in.immediate).isEqualTo(0x12345678);
    decode("67 8b 05 10 00 00 00");
    assertThat(in.displacement).isEqualTo((RIP + 7 + 0x10) & 0xFFFF_FFFFL);
  }

  @Test
  void relativeBranchesHaveAbsoluteTargets() throws UndefinedInstructionException {
    assertThat(decode("eb fe").immediate).isEqualTo(RIP);
    assertThat(decode("e8 fb ff ff ff").immediate).isEqualTo(RIP);
    assertThat(decode("0f 84 00 01 00 00").immediate).isEqualTo(RIP + 0x106);
    // Intel's processors ignore the 66 prefix here.
    assertThat(decode("66 e9 00 01 00 00").immediate).isEqualTo(RIP + 0x106);
    assertThat(in.operandSize).isEqualTo(8);
  }

  @Test
  void moffs() throws UndefinedInstructionException {
    decode("48 a1 88 77 66 55 44 33 22 11");
    assertThat(in.opcode.kind()).isEqualTo(Kind.MOV_MOFFS);
    assertThat(in.memory).isTrue();
    assertThat(in.base).isEqualTo(Instruction.NONE);
    assertThat(in.displacement).isEqualTo(0x1122334455667788L);
    assertThat(in.memorySize).isEqualTo(8);
    assertThat(in.reg).isZero();
    decode("67 a0 78 56 34 f2");
    assertThat(in.displacement).isEqualTo(0xF2345678L);
    assertThat(in.memorySize).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({
    "b8 78563412, 4, 0x12345678",
    "48b8 efcdab8967452301, 8, 0x123456789abcdef",
    "66b8 ffff, 2, -1",
    "b0 80, 1, -128",
    "48c7c0 ffffffff, 4, -1",
    "83c0 ff, 1, -1",
    "68 00000080, 4, -2147483648",
    "6668 0080, 2, -32768",
    "6a ff, 1, -1",
    "c2 0800, 2, 8",
    "cd 80, 1, -128",
    "666948 10 3412, 2, 0x1234",
  })
  void immediates(String hex, int size, String value) throws UndefinedInstructionException {
    decode(hex);
    assertThat(in.immediateSize).isEqualTo(size);
    assertThat(in.immediate).isEqualTo(Long.decode(value));
  }

  @Test
  void enterHasTwoImmediates() throws UndefinedInstructionException {
    decode("c8 34 12 1f");
    assertThat(in.immediate).isEqualTo(0x1234);
    assertThat(in.immediateSize).isEqualTo(2);
    assertThat(in.immediate2).isEqualTo(0x1F);
  }

  @ParameterizedTest
  @CsvSource({
    "50, 8",
    "6650, 2",
    "4850, 8",
    "c3, 8",
    "66c3, 8",
    "ffd0, 8",
    "66ffd0, 8",
    "9c, 8",
    "669c, 2",
    "c9, 8",
    "48cf, 8",
    "cf, 4",
    "a4, 1",
    "a5, 4",
    "66a5, 2",
    "48a5, 8",
    "ec, 1",
    "ed, 4",
    "66ed, 2",
    "48ed, 4",
    "6d, 4",
    "0fb6c0, 4",
    "480fb6c0, 8",
    "f6e0, 1",
    "0f20c0, 8",
    "660f6ec0, 4",
    "66480f6ec0, 8",
    "f3480f2ac0, 8",
    "660f38f6c0, 4",
    "0fa0, 8",
    "0f90c0, 1",
    "c4e278f2c3, 4",
    "c4e2f8f2c3, 8",
  })
  void operandSizes(String hex, int size) throws UndefinedInstructionException {
    assertThat(decode(hex).operandSize).isEqualTo(size);
  }

  @ParameterizedTest
  @CsvSource({
    "f390, pause",
    "90, nop",
    "6690, nop",
    "4190, xchg",
    "f34190, xchg",
    "f30fb8c0, popcnt",
    "66f30fb8c0, popcnt",
    "0fbcc0, bsf",
    "f30fbcc0, tzcnt",
    "f20fbcc0, bsf",
    "f30fbdc0, lzcnt",
    "0f58c0, addps",
    "660f58c0, addpd",
    "66f30f58c0, addss",
    "f3660f58c0, addss",
    "f2f30f58c0, addss",
    "f3f20f58c0, addsd",
    "66f20f38f1c0, crc32",
    "660f38f000, movbe",
    "f3c3, ret",
    "f2c3, ret",
    "f30f1efa, endbr64",
    "f30f1ec8, nop",
    "0f1efa, nop",
    "98, cwde",
    "6698, cbw",
    "66f398, cbw",
    "4898, cdqe",
    "6699, cwd",
    "4899, cqo",
    "480fc708, cmpxchg16b",
    "0fc708, cmpxchg8b",
    "0f01f8, swapgs",
    "0f01f9, rdtscp",
    "0f01e0, smsw",
    "0faee8, lfence",
    "0faef9, sfence",
    "f30f1a00, nop",
    "f30f09, wbinvd",
    "9b, fwait",
    "d9c8, fxch",
    "ddd8, fstp",
    "0f0d08, prefetchw",
    "f30fc7f8, rdpid",
    "0fc7f8, rdseed",
    "660fc7f0, rdrand",
  })
  void prefixesSelect(String hex, String mnemonic) throws UndefinedInstructionException {
    assertThat(decode(hex).opcode.mnemonic()).isEqualTo(mnemonic);
  }

  @Test
  void aRexThatIsNotLastIsIgnored() throws UndefinedInstructionException {
    decode("48 66 01 d8");
    assertThat(in.rex).isZero();
    assertThat(in.operandSize).isEqualTo(2);
    decode("66 48 01 d8");
    assertThat(in.operandSize).isEqualTo(8);
    decode("41 48 01 d8");
    assertThat(in.rex).isEqualTo(0x48);
  }

  @Test
  void onlyFsAndGsOverride() throws UndefinedInstructionException {
    assertThat(decode("64 8b 00").segment).isEqualTo(4);
    assertThat(decode("65 2e 8b 00").segment).isEqualTo(5);
    assertThat(decode("2e 8b 00").segment).isEqualTo(Instruction.NONE);
  }

  @Test
  void vex() throws UndefinedInstructionException {
    decode("c4 c1 35 fe c2");
    assertThat(in.opcode.mnemonic()).isEqualTo("vpaddd");
    assertThat(in.opcode.feature()).isEqualTo(Feature.AVX2);
    assertThat(in.vex).isTrue();
    assertThat(in.vex256).isTrue();
    assertThat(in.vvvv).isEqualTo(9);
    assertThat(in.reg).isZero();
    assertThat(in.rm).isEqualTo(10);
    assertThat(in.rex).isZero();
    decode("c5 f1 fe c2");
    assertThat(in.opcode.feature()).isEqualTo(Feature.AVX);
    decode("c4 e2 71 90 04 d0");
    assertThat(in.opcode.kind()).isEqualTo(Kind.GATHER);
    assertThat(in.index).isEqualTo(2);
    assertThat(in.memorySize).isEqualTo(4);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "f0 01 d8", // LOCK, register destination
        "f0 03 00", // LOCK, memory is the source
        "f0 39 18", // LOCK CMP
        "f0 90",
        "f0 0f a3 18", // LOCK BT
        "8d c0", // LEA of a register
        "0f b2 c0",
        "ff d8",
        "ff ff", // far pointers in registers, FF /7
        "8e c8",
        "8c f0", // MOV to CS, from segment register 6
        "0f 20 c8",
        "0f 22 e8",
        "44 0f 21 c0", // CR1, CR5, DR8
        "8f c8", // 8F /1 (XOP)
        "62 f1 7c 48 28 c0", // EVEX
        "66 c5 f8 28 c0",
        "48 c5 f8 28 c0",
        "f3 c5 f8 28 c0",
        "f0 c5 f8 28 00", // prefixes before VEX
        "c5 f0 28 c0", // VEX.vvvv must be 1111
        "c4 e4 78 28 c0", // VEX map 4
        "c4 e2 7c f2 c3", // ANDN with VEX.L
        "c4 e2 69 90 04 d0", // gather: index and mask are the same
        "c4 e2 79 90 00", // gather without SIB
        "f3 0f 28 c0",
        "f2 0f 28 c0",
        "0f 7c c0",
        "0f b8 c0",
        "0f 24 c0",
        "0f 38 ff c0",
        "f3 0f ae e0",
        "0f c7 cb", // CMPXCHG8B of a register
        "0f 0f c0 90", // 3DNow!
        "d9 d1",
        "d9 e2",
        "db e5",
        "dd f0",
        "de d8",
        "df e1",
      })
  void undefined(String hex) {
    assertThatExceptionOfType(UndefinedInstructionException.class)
        .isThrownBy(() -> decode(hex))
        .matches(e -> !e.tooLong());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0f0b", "0fb9c0", "0fffc0", "06", "27", "60", "9a", "ea", "d6", "0f01c1", "0f01d9", "c6f800"
      })
  void undefinedKinds(String hex) throws UndefinedInstructionException {
    assertThat(decode(hex).opcode.kind()).isEqualTo(Kind.UNDEFINED);
  }

  @Test
  void lockOnMemoryDestinations() throws UndefinedInstructionException {
    assertThat(decode("f0 01 18").lock).isTrue();
    assertThat(decode("f0 48 0f c7 08").lock).isTrue();
    assertThat(decode("f0 0f ba 28 03").lock).isTrue();
  }

  @Test
  void asksForMoreBytesUntilTheInstructionIsWhole() throws UndefinedInstructionException {
    String[] samples = {
      "66 f0 48 81 84 c8 44 33 22 11 88 77 66 55",
      "48 b8 01 02 03 04 05 06 07 08",
      "c4 e3 7d 18 84 c8 44 33 22 11 01",
      "0f 0b",
      "64 48 8b 04 25 28 00 00 00"
    };
    for (String sample : samples) {
      byte[] bytes = HexFormat.of().parseHex(sample.replace(" ", ""));
      byte[] longer = Arrays.copyOf(bytes, 64);
      for (int available = 0; available < bytes.length; available++) {
        assertThat(decoder.decode(longer, 0, available, RIP, in))
            .as("%s, %s bytes", sample, available)
            .isFalse();
      }
      assertThat(decoder.decode(longer, 0, bytes.length, RIP, in)).isTrue();
      assertThat(decoder.decode(longer, 0, 64, RIP, in)).isTrue();
      assertThat(in.length).isEqualTo(bytes.length);
    }
  }

  @Test
  void moreThanFifteenBytesAreTooLong() throws UndefinedInstructionException {
    byte[] fits = HexFormat.of().parseHex("66".repeat(13) + "01d8");
    assertThat(decoder.decode(fits, 0, 15, RIP, in)).isTrue();
    byte[] tooLong = HexFormat.of().parseHex("66".repeat(14) + "01d8");
    for (byte[] bytes :
        new byte[][] {
          tooLong, Arrays.copyOf(tooLong, 64), HexFormat.of().parseHex("66".repeat(15))
        }) {
      assertThatExceptionOfType(UndefinedInstructionException.class)
          .isThrownBy(() -> decoder.decode(bytes, 0, bytes.length, RIP, in))
          .matches(UndefinedInstructionException::tooLong);
    }
    assertThat(decoder.decode(tooLong, 0, 14, RIP, in)).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "48 8b 47 10 | mov rax,QWORD PTR [rdi+0x10]",
        "65 48 8b 04 25 00 00 00 00 | mov rax,QWORD PTR gs:0x0",
        "f0 48 0f c7 0f | lock cmpxchg16b OWORD PTR [rdi]",
        "f3 48 a5 | rep movs QWORD PTR es:[rdi],QWORD PTR ds:[rsi]",
        "0f 22 d8 | mov cr3,rax",
        "eb fe | jmp 0xffffffff81000000",
        "48 8d 05 00 00 00 00 | lea rax,[rip+0x0] # 0xffffffff81000007",
        "c4 e3 75 18 07 01 | vinsertf128 ymm0,ymm1,XMMWORD PTR [rdi],0x1",
        "d8 c1 | fadd st,st(1)",
        "48 cf | iretq",
        "83 c0 ff | add eax,0xffffffff",
      })
  void texts(String hex, String text) throws UndefinedInstructionException {
    assertThat(Disassembler.format(decode(hex))).isEqualTo(text);
  }

  @Test
  void lineWithAddressAndBytes() throws UndefinedInstructionException {
    decode("48 89 c3");
    assertThat(Disassembler.format(in, new byte[] {0, 0x48, (byte) 0x89, (byte) 0xC3}, 1))
        .isEqualTo("ffffffff81000000: 48 89 c3  mov rbx,rax");
  }
}
