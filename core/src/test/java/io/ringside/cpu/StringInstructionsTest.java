package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertPageFault;
import static io.ringside.cpu.TestProcessor.CODE;
import static io.ringside.cpu.TestProcessor.KERNEL;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.machine.Exit;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StringInstructionsTest {
  private static final long SOURCE = 0x30_0000;
  private static final long TARGET = 0x34_0000;
  private static final String REP_MOVSB = "f3 a4";
  private static final String REP_MOVSQ = "f3 48 a5";
  private static final String REP_STOSB = "f3 aa";

  private final TestProcessor cpu = new TestProcessor();
  private final CpuState state = cpu.state;

  private void registers(long rsi, long rdi, long rcx) {
    state.gpr(CpuState.RSI, rsi);
    state.gpr(CpuState.RDI, rdi);
    state.gpr(CpuState.RCX, rcx);
  }

  private void fillSource(int length) {
    for (int i = 0; i < length; i++) {
      cpu.ram.putByte(SOURCE + i, i * 7 + 1);
    }
  }

  /** Executes until the instruction is through; how many calls it took. */
  private int run(String code) {
    int calls = 1;
    while (cpu.execute(code) == Outcome.REPEAT) {
      assertThat(state.rip()).isEqualTo(CODE);
      calls++;
    }
    assertThat(state.rip()).isEqualTo(CODE + code.replace(" ", "").length() / 2);
    state.rip(CODE);
    return calls;
  }

  @Test
  void singleMovesNeedNoCount() {
    fillSource(16);
    registers(KERNEL + SOURCE, KERNEL + TARGET, 99);
    run("48 a5");
    assertThat(cpu.ram.getLong(TARGET)).isEqualTo(cpu.ram.getLong(SOURCE));
    assertThat(state.gpr(CpuState.RSI)).isEqualTo(KERNEL + SOURCE + 8);
    assertThat(state.gpr(CpuState.RDI)).isEqualTo(KERNEL + TARGET + 8);
    assertThat(state.gpr(CpuState.RCX)).isEqualTo(99);
  }

  @ParameterizedTest
  @ValueSource(strings = {REP_MOVSB, REP_STOSB, "f3 ac", "f3 a6", "f3 ae"})
  void singleStepsAreIterations(String code) {
    cpu.setFlags(RegisterBits.FLAG_TF);
    registers(KERNEL + SOURCE, KERNEL + TARGET, 5);
    assertThat(run(code)).isEqualTo(5);
    assertThat(state.gpr(CpuState.RCX)).isZero();
  }

  @Test
  void aCountOfZeroDoesNothing() {
    registers(0x1234, 0x5678, 0);
    run(REP_MOVSB);
    run("f3 a6");
    run(REP_STOSB);
    assertThat(state.gpr(CpuState.RSI)).isEqualTo(0x1234);
  }

  @ParameterizedTest
  @CsvSource({"f3 a4, 1", "f3 66 a5, 2", "f3 a5, 4", "f3 48 a5, 8", "f2 a4, 1"})
  void movesManyPages(String code, int size) {
    fillSource(20_000);
    registers(KERNEL + SOURCE + 5, KERNEL + TARGET + 3, 16_000 / size);
    run(code);
    assertThat(bytes(TARGET + 3, 16_000)).isEqualTo(bytes(SOURCE + 5, 16_000));
    assertThat(cpu.ram.getByte(TARGET + 3 + 16_000)).isZero();
    assertThat(cpu.ram.getByte(TARGET + 2)).isZero();
    assertThat(state.gpr(CpuState.RSI)).isEqualTo(KERNEL + SOURCE + 5 + 16_000);
    assertThat(state.gpr(CpuState.RCX)).isZero();
  }

  private byte[] bytes(long gpa, int length) {
    byte[] bytes = new byte[length];
    cpu.ram.read(gpa, bytes, 0, length);
    return bytes;
  }

  @Test
  void oneCallIsBounded() {
    registers(KERNEL + SOURCE, KERNEL + TARGET, 200_000);
    assertThat(cpu.execute(REP_MOVSB)).isEqualTo(Outcome.REPEAT);
    assertThat(state.gpr(CpuState.RCX)).isEqualTo(200_000 - 65_536);
    assertThat(state.gpr(CpuState.RSI)).isEqualTo(KERNEL + SOURCE + 65_536);
  }

  /** Element by element in the order of the manual, against the processor's own bulk copies. */
  @ParameterizedTest
  @ValueSource(
      longs = {1, 2, 3, 4, 7, 8, 9, 15, 16, 100, 4095, 4096, 5000, -1, -3, -8, -9, -64, -4096})
  void overlappingMovesActElementByElement(long distance) {
    Random random = new Random(distance);
    String[] codes = {"f3 a4", "f3 66 a5", "f3 a5", "f3 48 a5"};
    for (int log = 0; log < 4; log++) {
      for (int down = 0; down < 2; down++) {
        int size = 1 << log;
        byte[] expected = new byte[0x8000];
        random.nextBytes(expected);
        cpu.ram.write(SOURCE, expected, 0, expected.length);
        int count = 9000 / size;
        int step = down == 1 ? -size : size;
        int from = down == 1 ? 0x6000 : 0x1800;
        for (int i = 0; i < count; i++) {
          byte[] element = new byte[size];
          System.arraycopy(expected, from + i * step, element, 0, size);
          System.arraycopy(element, 0, expected, (int) (from + distance + i * step), size);
        }
        state.rflags(down == 1 ? 2 | RegisterBits.FLAG_DF : 2);
        registers(KERNEL + SOURCE + from, KERNEL + SOURCE + from + distance, count);
        run(codes[log]);
        assertThat(bytes(SOURCE, 0x8000)).as("size %d, down %d", size, down).isEqualTo(expected);
      }
    }
  }

  @Test
  void aFaultLeavesTheRegistersAtItsElement() {
    fillSource(8192);
    cpu.map(0x50_0000, TARGET, 3);
    registers(KERNEL + SOURCE, 0x50_0ff0, 100);
    assertPageFault(() -> run(REP_MOVSB), 2, 0x50_1000);
    assertThat(state.gpr(CpuState.RCX)).isEqualTo(84);
    assertThat(state.gpr(CpuState.RSI)).isEqualTo(KERNEL + SOURCE + 16);
    assertThat(state.gpr(CpuState.RDI)).isEqualTo(0x50_1000);
    assertThat(state.rip()).isEqualTo(CODE);
    cpu.map(0x50_1000, TARGET + 0x1000, 3);
    run(REP_MOVSB);
    assertThat(bytes(TARGET + 0xff0, 100)).isEqualTo(bytes(SOURCE, 100));
  }

  @Test
  void aCrossingElementFaultsWhole() {
    cpu.map(0x50_0000, TARGET, 3);
    registers(KERNEL + SOURCE, 0x50_0ffc, 1);
    cpu.ram.putLong(SOURCE, -1);
    assertPageFault(() -> run(REP_MOVSQ), 2, 0x50_1000);
    assertThat(cpu.ram.getInt(TARGET + 0xffc)).isZero();
    assertThat(state.gpr(CpuState.RCX)).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({"f3 aa, 1", "f3 66 ab, 2", "f3 ab, 4", "f3 48 ab, 8"})
  void storesFillPages(String code, int size) {
    for (long value : new long[] {0, 0x1122_3344_5566_7788L, 0x0101_0101_0101_0101L}) {
      state.gpr(CpuState.RAX, value);
      registers(0, KERNEL + TARGET + 5, 10_000 / size);
      run(code);
      for (int i = 0; i < 10_000 / size; i++) {
        long mask = size == 8 ? -1 : (1L << 8 * size) - 1;
        assertThat(cpu.ram.getLong(TARGET + 5 + (long) i * size) & mask).isEqualTo(value & mask);
        if (i == 300) {
          i = 9_600 / size;
        }
      }
      assertThat(cpu.ram.getByte(TARGET + 4)).isZero();
      assertThat(cpu.ram.getByte(TARGET + 10_005)).isZero();
      assertThat(state.gpr(CpuState.RDI)).isEqualTo(KERNEL + TARGET + 10_005);
    }
  }

  @Test
  void storesRunDown() {
    state.gpr(CpuState.RAX, 0x1122_3344L);
    cpu.setFlags(RegisterBits.FLAG_DF);
    registers(0, KERNEL + TARGET + 0x1000, 3);
    run("f3 ab");
    assertThat(cpu.ram.getLong(TARGET + 0xffc)).isEqualTo(0x1122_3344_1122_3344L);
    assertThat(cpu.ram.getInt(TARGET + 0xff8)).isEqualTo(0x1122_3344);
    assertThat(cpu.ram.getInt(TARGET + 0xff4)).isZero();
    assertThat(state.gpr(CpuState.RDI)).isEqualTo(KERNEL + TARGET + 0xff4);
  }

  @Test
  void tellsOfStoresIntoCode() {
    cpu.codePage = TARGET >>> 12;
    registers(0, KERNEL + TARGET + 0x10, 0x2000);
    run(REP_STOSB);
    assertThat(cpu.events).containsExactly("codeWritten 340010 4080");
  }

  @Test
  void loadsKeepTheLastElement() {
    fillSource(64);
    registers(KERNEL + SOURCE, 0, 3);
    state.gpr(CpuState.RAX, -1);
    run("f3 ac");
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(-256 | 15);
    run("ad");
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(cpu.ram.getInt(SOURCE + 3) & 0xffff_ffffL);
  }

  @Test
  void comparesStopAtTheFirstDifference() {
    fillSource(64);
    cpu.ram.write(TARGET, bytes(SOURCE, 64), 0, 64);
    cpu.ram.putByte(TARGET + 10, 0xff);
    registers(KERNEL + SOURCE, KERNEL + TARGET, 64);
    run("f3 a6");
    assertThat(state.gpr(CpuState.RCX)).isEqualTo(64 - 11);
    assertThat(state.gpr(CpuState.RSI)).isEqualTo(KERNEL + SOURCE + 11);
    assertThat(state.rflags() & RegisterBits.FLAG_ZF).isZero();
    assertThat(state.rflags() & RegisterBits.FLAG_CF).as("71 - 255 borrows").isNotZero();
    run("f2 a6");
    assertThat(state.gpr(CpuState.RCX)).isEqualTo(64 - 12);
    assertThat(state.rflags() & RegisterBits.FLAG_ZF).isNotZero();
  }

  @Test
  void scansFindAByte() {
    fillSource(64);
    cpu.ram.putByte(SOURCE + 20, 0);
    state.gpr(CpuState.RAX, 0);
    registers(0, KERNEL + SOURCE, -1);
    run("f2 ae");
    assertThat(state.gpr(CpuState.RDI)).isEqualTo(KERNEL + SOURCE + 21);
    assertThat(state.gpr(CpuState.RCX)).isEqualTo(-1 - 21);
    assertThat(state.rflags() & RegisterBits.FLAG_ZF).isNotZero();
  }

  @ParameterizedTest
  @CsvSource({
    // size, accumulator, memory, CF PF AF ZF SF OF
    "1, 80, 01, 810", "1, 00, 01, 95", "1, 05, 05, 44", "1, 7f, ff, 881",
    "2, 8000, 0001, 814", "4, 0, 1, 95", "4, 80000000, 1, 814", "8, 8000000000000000, 1, 814",
    "8, 7fffffffffffffff, ffffffffffffffff, 885", "8, 3, 5, 91", "8, 10, 10, 44"
  })
  void comparisonsSetAllFlags(int size, String accumulator, String memory, String expected) {
    state.gpr(CpuState.RAX, Long.parseUnsignedLong(accumulator, 16));
    cpu.ram.putLong(SOURCE, Long.parseUnsignedLong(memory, 16));
    registers(0, KERNEL + SOURCE, 1);
    run(size == 1 ? "ae" : size == 2 ? "66 af" : size == 4 ? "af" : "48 af");
    assertThat(Long.toHexString(state.rflags() & CpuState.STATUS_MASK)).isEqualTo(expected);
  }

  @Test
  void shortAddressesWrapAndZeroExtend() {
    cpu.map(0xffff_f000L, TARGET, 3);
    cpu.map(0, TARGET + 0x1000, 3);
    state.gpr(CpuState.RAX, 0x55);
    registers(0, 0x1234_5678_ffff_fffeL, 0x9999_0000_0004L);
    run("f3 67 aa");
    assertThat(cpu.ram.getShort(TARGET + 0xffe)).isEqualTo(0x5555);
    assertThat(cpu.ram.getShort(TARGET + 0x1000)).isEqualTo(0x5555);
    assertThat(cpu.ram.getByte(TARGET + 0x1002)).isZero();
    assertThat(state.gpr(CpuState.RDI)).isEqualTo(2);
    assertThat(state.gpr(CpuState.RCX)).isZero();
  }

  @Test
  void segmentOverridesConcernTheSourceOnly() {
    fillSource(16);
    state.set(CpuState.GS_BASE, KERNEL + SOURCE);
    registers(3, KERNEL + TARGET, 4);
    run("65 f3 a4");
    assertThat(bytes(TARGET, 4)).isEqualTo(bytes(SOURCE + 3, 4));
  }

  @Test
  void movesFromADeviceGoElementByElement() {
    cpu.map(0x50_0000, 0xfee0_0000L, 3);
    registers(0x50_0010, KERNEL + TARGET, 2);
    for (int i = 0; i < 2; i++) {
      assertThat(cpu.emulate("f3 a5")).isEqualTo(Outcome.EXIT);
      assertThat(cpu.processor.exit()).isEqualTo(new Exit.MmioRead(0xfee0_0010L + 4 * i, 4));
      cpu.processor.completeRead(0x100 + i);
      assertThat(cpu.processor.mustExecuteAgain()).isTrue();
      assertThat(cpu.emulate("f3 a5")).isEqualTo(i == 0 ? Outcome.REPEAT : Outcome.NEXT);
    }
    assertThat(cpu.ram.getLong(TARGET)).isEqualTo(0x101_0000_0100L);
    assertThat(state.rip()).isEqualTo(CODE + 2);
  }

  @Test
  void storesToADeviceGoElementByElement() {
    cpu.map(0x50_0000, 0xfee0_0000L, 3);
    state.gpr(CpuState.RAX, 0xabcd);
    registers(0, 0x50_0020, 2);
    assertThat(cpu.emulate("f3 66 ab")).isEqualTo(Outcome.EXIT);
    assertThat(cpu.processor.exit()).isEqualTo(new Exit.MmioWrite(0xfee0_0020L, 2, 0xabcd));
    assertThat(cpu.processor.nextPendingExit()).isFalse();
    assertThat(state.rip()).isEqualTo(CODE);
    assertThat(cpu.emulate("f3 66 ab")).isEqualTo(Outcome.EXIT);
    assertThat(cpu.processor.exit()).isEqualTo(new Exit.MmioWrite(0xfee0_0022L, 2, 0xabcd));
    assertThat(state.rip()).isEqualTo(CODE + 3);
  }
}
