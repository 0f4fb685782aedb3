package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertPageFault;
import static io.ringside.cpu.Faults.assertProtection;
import static io.ringside.cpu.TestProcessor.CODE;
import static io.ringside.cpu.TestProcessor.KERNEL;
import static io.ringside.cpu.TestProcessor.TSS;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.machine.Exit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PortInstructionsTest {
  private static final long BUFFER = 0x30_0000;

  private final TestProcessor cpu = new TestProcessor();
  private final CpuState state = cpu.state;

  private Exit exit(String code) {
    assertThat(cpu.emulate(code)).isEqualTo(Outcome.EXIT);
    return cpu.processor.exit();
  }

  @ParameterizedTest
  @CsvSource({
    "e4 60, 60, 1",
    "66 e5 61, 61, 2",
    "e5 ff, ff, 4",
    "ec, 1234, 1",
    "66 ed, 1234, 2",
    "ed, 1234, 4"
  })
  void reads(String code, String port, int size) {
    state.gpr(CpuState.RDX, 0x5555_1234L);
    state.gpr(CpuState.RAX, -1);
    assertThat(exit(code)).isEqualTo(new Exit.PortRead(Integer.parseInt(port, 16), size));
    assertThat(state.rip()).as("not done yet").isEqualTo(CODE);
    assertThat(cpu.processor.completeRead(0x8182_8384L)).isEqualTo(Outcome.NEXT);
    long expected =
        size == 4 ? 0x8182_8384L : size == 2 ? 0xffff_ffff_ffff_8384L : 0xffff_ffff_ffff_ff84L;
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(expected);
    assertThat(state.rip()).isEqualTo(CODE + code.replace(" ", "").length() / 2);
  }

  @ParameterizedTest
  @CsvSource({
    "e6 80, 80, 1, 84",
    "66 e7 80, 80, 2, 8384",
    "e7 80, 80, 4, 81828384",
    "ee, cf8, 1, 84",
    "ef, cf8, 4, 81828384"
  })
  void writes(String code, String port, int size, String value) {
    state.gpr(CpuState.RDX, 0xcf8);
    state.gpr(CpuState.RAX, 0x1111_1111_8182_8384L);
    assertThat(exit(code))
        .isEqualTo(
            new Exit.PortWrite(
                Integer.parseInt(port, 16), size, Integer.parseUnsignedInt(value, 16)));
    assertThat(state.rip()).isEqualTo(CODE + code.replace(" ", "").length() / 2);
  }

  @Test
  void repeatedInputGoesElementByElement() {
    state.gpr(CpuState.RDX, 0x1f0);
    state.gpr(CpuState.RDI, KERNEL + BUFFER);
    state.gpr(CpuState.RCX, 3);
    for (int i = 0; i < 3; i++) {
      assertThat(exit("f3 66 6d")).isEqualTo(new Exit.PortRead(0x1f0, 2));
      assertThat(cpu.processor.completeRead(0xa0 + i))
          .isEqualTo(i < 2 ? Outcome.REPEAT : Outcome.NEXT);
    }
    assertThat(cpu.ram.getLong(BUFFER)).isEqualTo(0xa2_00a1_00a0L);
    assertThat(state.gpr(CpuState.RDI)).isEqualTo(KERNEL + BUFFER + 6);
    assertThat(state.gpr(CpuState.RCX)).isZero();
    assertThat(state.rip()).isEqualTo(CODE + 3);
    state.rip(CODE);
    assertThat(cpu.emulate("f3 66 6d")).isEqualTo(Outcome.NEXT);
    assertThat(state.rip()).isEqualTo(CODE + 3);
  }

  @Test
  void repeatedOutputGoesElementByElementAndDown() {
    state.gpr(CpuState.RDX, 0x3f8);
    state.gpr(CpuState.RSI, KERNEL + BUFFER + 1);
    state.gpr(CpuState.RCX, 2);
    cpu.setFlags(RegisterBits.FLAG_DF);
    cpu.ram.putShort(BUFFER, 0x4142);
    assertThat(exit("f3 6e")).isEqualTo(new Exit.PortWrite(0x3f8, 1, 0x41));
    assertThat(state.rip()).isEqualTo(CODE);
    assertThat(exit("f3 6e")).isEqualTo(new Exit.PortWrite(0x3f8, 1, 0x42));
    assertThat(state.rip()).isEqualTo(CODE + 2);
    assertThat(state.gpr(CpuState.RSI)).isEqualTo(KERNEL + BUFFER - 1);
  }

  @Test
  void aFaultComesBeforeTheDeviceIsRead() {
    state.gpr(CpuState.RDI, 0x50_0000);
    assertPageFault(() -> cpu.execute("6c"), 2, 0x50_0000);
    cpu.gate(14, CODE + 0x1000, 0xe, 0, 0);
    assertThat(cpu.emulate("6c")).isEqualTo(Outcome.NEXT);
    assertThat(state.rip()).isEqualTo(CODE + 0x1000);
  }

  @Test
  void usersNeedPermission() {
    cpu.ram.putShort(TSS - KERNEL + 0x66, 0x68);
    cpu.enterUser();
    assertProtection(() -> cpu.execute("e4 60"));
    cpu.setFlags(RegisterBits.FLAG_IOPL);
    assertThat(exit("e4 60")).isEqualTo(new Exit.PortRead(0x60, 1));
  }

  @Test
  void theTaskStateSegmentHasAMapOfPorts() {
    state.segment(CpuState.TR, 0x40, 0x8b, 0x67 + 14, TSS);
    cpu.ram.putShort(TSS - KERNEL + 0x66, 0x68);
    cpu.ram.fill(TSS - KERNEL + 0x68, 32, 0xff);
    cpu.ram.putByte(TSS - KERNEL + 0x68 + 12, 0xf0);
    cpu.enterUser();
    assertThat(exit("e4 60")).isEqualTo(new Exit.PortRead(0x60, 1));
    cpu.processor.completeRead(0);
    state.rip(CODE);
    assertThat(exit("e7 60")).isEqualTo(new Exit.PortWrite(0x60, 4, 0));
    state.rip(CODE);
    assertProtection(() -> cpu.execute("e7 61"));
    assertProtection(() -> cpu.execute("e4 64"));
    assertProtection(() -> cpu.execute("e4 70"));
    state.segment(CpuState.TR, 0x40, 0x8b, 0x66, TSS);
    assertProtection(() -> cpu.execute("e4 60"));
  }
}
