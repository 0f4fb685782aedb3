package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertPageFault;
import static io.ringside.cpu.Faults.assertUndefined;
import static io.ringside.cpu.TestProcessor.CODE;
import static io.ringside.cpu.TestProcessor.KERNEL;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.host.NativeMemory;
import io.ringside.machine.Exit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class VectorMemoryInstructionsTest {
  private static final long TABLE = 0x30_0000;

  private final TestProcessor cpu = new TestProcessor();
  private final CpuState state = cpu.state;
  private final NativeMemory block = state.memory();

  @BeforeEach
  void setUp() {
    state.set(CpuState.CR4, state.get(CpuState.CR4) | RegisterBits.CR4_OSXSAVE);
    state.set(CpuState.XCR0, 7);
    block.putLong(CpuState.XSAVE + 512, 7);
    state.gpr(CpuState.RBX, KERNEL + TABLE);
    for (int i = 0; i < 1024; i++) {
      cpu.ram.putInt(TABLE + 4L * i, 0x1000 + i);
    }
    for (int register = 0; register < 3; register++) {
      for (int offset = 0; offset < 32; offset += 8) {
        vector(register, offset, -1L);
      }
    }
  }

  private void vector(int number, int offset, long value) {
    block.putLong(FpuState.vectorOffset(number, offset), value);
  }

  private int lane(int number, int lane) {
    return block.getInt(FpuState.vectorOffset(number, lane / 2 * 8) + lane % 2 * 4);
  }

  private void lane(int number, int lane, int value) {
    block.putInt(FpuState.vectorOffset(number, lane / 2 * 8) + lane % 2 * 4, value);
  }

  @Test
  void gathersDwords() {
    for (int i = 0; i < 8; i++) {
      lane(1, i, i * i);
    }
    lane(2, 3, 0x7fff_ffff);
    lane(0, 3, 42);
    // vpgatherdd ymm0, [rbx+ymm1*4], ymm2
    cpu.execute("c4 e2 6d 90 04 8b");
    for (int i = 0; i < 8; i++) {
      assertThat(lane(0, i)).as("lane %d", i).isEqualTo(i == 3 ? 42 : 0x1000 + i * i);
      assertThat(lane(2, i)).isZero();
    }
    assertThat(state.rip()).isEqualTo(CODE + 6);
  }

  @Test
  void signExtendsIndexesAndAddsDisplacements() {
    lane(1, 0, -1);
    lane(1, 1, 5);
    vector(1, 8, 0);
    // vpgatherdd xmm0, [rbx+xmm1*8+16], xmm2
    cpu.execute("c4 e2 69 90 44 cb 10");
    assertThat(lane(0, 0)).isEqualTo(0x1002);
    assertThat(lane(0, 1)).isEqualTo(0x100e);
    assertThat(lane(0, 2)).isEqualTo(0x1004);
    for (int i = 4; i < 8; i++) {
      assertThat(lane(0, i)).as("above 128 bits").isZero();
      assertThat(lane(2, i)).isZero();
    }
  }

  @Test
  void gathersQwordsByDwordIndexes() {
    for (int i = 0; i < 8; i++) {
      lane(1, i, i + 1);
    }
    // vpgatherdq ymm0, [rbx+xmm1*8], ymm2
    cpu.execute("c4 e2 ed 90 04 cb");
    for (int i = 0; i < 4; i++) {
      assertThat(lane(0, 2 * i)).isEqualTo(0x1002 + 2 * i);
      assertThat(lane(0, 2 * i + 1)).isEqualTo(0x1003 + 2 * i);
    }
  }

  @Test
  void gathersDwordsByQwordIndexesIntoTheLowHalf() {
    for (int i = 0; i < 4; i++) {
      vector(1, 8 * i, 10L + i);
    }
    // vgatherqps xmm0, [rbx+ymm1*4], xmm2
    cpu.execute("c4 e2 6d 93 04 8b");
    for (int i = 0; i < 8; i++) {
      assertThat(lane(0, i)).isEqualTo(i < 4 ? 0x100a + i : 0);
      assertThat(lane(2, i)).isZero();
    }
    vector(2, 0, -1L);
    state.rip(CODE);
    // vpgatherqd xmm0, [rbx+xmm1*4], xmm2
    cpu.execute("c4 e2 69 91 04 8b");
    assertThat(lane(0, 1)).isEqualTo(0x100b);
    assertThat(lane(0, 2)).isZero();
  }

  @Test
  void gathersQwordsByQwordIndexes() {
    for (int i = 0; i < 4; i++) {
      vector(1, 8 * i, 100L - i);
    }
    // vgatherqpd ymm0, [rbx+ymm1*8], ymm2
    cpu.execute("c4 e2 ed 93 04 cb");
    for (int i = 0; i < 4; i++) {
      assertThat(lane(0, 2 * i)).isEqualTo(0x1000 + 200 - 2 * i);
    }
  }

  @Test
  void aFaultKeepsTheElementsBefore() {
    cpu.map(0x50_0000, TABLE, 3);
    state.gpr(CpuState.RBX, 0x50_0000);
    for (int i = 0; i < 8; i++) {
      lane(1, i, i);
    }
    lane(1, 2, 0x400);
    lane(0, 2, 7);
    assertPageFault(() -> cpu.execute("c4 e2 6d 90 04 8b"), 0, 0x50_1000);
    assertThat(lane(0, 1)).isEqualTo(0x1001);
    assertThat(lane(2, 1)).isZero();
    assertThat(lane(2, 2)).isEqualTo(-1);
    assertThat(lane(0, 2)).isEqualTo(7);
    cpu.map(0x50_1000, TABLE, 3);
    lane(0, 0, 5);
    cpu.execute("c4 e2 6d 90 04 8b");
    assertThat(lane(0, 0)).as("done before").isEqualTo(5);
    assertThat(lane(0, 2)).isEqualTo(0x1000);
    assertThat(lane(0, 7)).isEqualTo(0x1007);
  }

  @Test
  void gathersFromDevices() {
    cpu.map(0x50_0000, 0xfee0_0000L, 3);
    state.gpr(CpuState.RBX, 0x50_0000);
    vector(2, 8, 0);
    vector(1, 0, 3L << 32 | 1);
    for (int i = 0; i < 2; i++) {
      assertThat(cpu.emulate("c4 e2 69 90 04 8b")).isEqualTo(Outcome.EXIT);
      assertThat(cpu.processor.exit())
          .isEqualTo(new Exit.MmioRead(0xfee0_0000L + (i == 0 ? 4 : 12), 4));
      cpu.processor.completeRead(0xaa + i);
    }
    assertThat(cpu.emulate("c4 e2 69 90 04 8b")).isEqualTo(Outcome.NEXT);
    assertThat(lane(0, 0)).isEqualTo(0xaa);
    assertThat(lane(0, 1)).isEqualTo(0xab);
  }

  @Test
  void gathersNeedAvx() {
    state.set(CpuState.XCR0, 3);
    assertUndefined(() -> cpu.execute("c4 e2 6d 90 04 8b"));
  }

  @Test
  void maskedStoresWriteSelectedBytes() {
    cpu.ram.putLong(TABLE, 0);
    cpu.ram.putLong(TABLE + 8, 0);
    vector(1, 0, 0x0807_0605_0403_0201L);
    vector(1, 8, 0x100f_0e0d_0c0b_0a09L);
    vector(2, 0, 0x8000_0000_0000_ff7fL);
    vector(2, 8, 0x0000_0080_0000_0000L);
    state.gpr(CpuState.RDI, KERNEL + TABLE);
    // maskmovdqu xmm1, xmm2
    cpu.execute("66 0f f7 ca");
    assertThat(cpu.ram.getLong(TABLE)).isEqualTo(0x0800_0000_0000_0200L);
    assertThat(cpu.ram.getLong(TABLE + 8)).isEqualTo(0x0000_000d_0000_0000L);
  }

  @Test
  void maskedStoresFaultBeforeTheyWrite() {
    cpu.map(0x50_0000, TABLE, 3);
    cpu.ram.putLong(TABLE + 0xff8, 0);
    state.gpr(CpuState.RDI, 0x50_0ff8);
    assertPageFault(() -> cpu.execute("66 0f f7 ca"), 2, 0x50_1000);
    assertThat(cpu.ram.getLong(TABLE + 0xff8)).isZero();
    vector(2, 8, 0);
    cpu.execute("66 0f f7 ca");
    assertThat(cpu.ram.getLong(TABLE + 0xff8)).isEqualTo(-1);
  }

  @Test
  void mmxRegistersAreNumberedApartFromTheStack() {
    block.putShort(CpuState.XSAVE + 2, 3 << 11);
    for (int i = 0; i < 8; i++) {
      block.putLong(CpuState.XSAVE + 32 + 16 * i, 0x0101_0101_0101_0101L * ((i + 3) % 8 + 1));
      block.putLong(CpuState.XSAVE + 40 + 16 * i, 0xffff);
    }
    // MM7 has the mask: bytes of 8; make them select.
    block.putLong(CpuState.XSAVE + 32 + 16 * 4, 0x80_0080L);
    cpu.ram.putLong(TABLE, 0);
    state.gpr(CpuState.RDI, KERNEL + TABLE);
    // maskmovq mm2, mm7
    cpu.execute("0f f7 d7");
    assertThat(cpu.ram.getLong(TABLE)).isEqualTo(0x03_0003L);
    assertThat(block.getShort(CpuState.XSAVE + 2)).as("TOP").isZero();
    assertThat(block.getByte(CpuState.XSAVE + 4)).isEqualTo(0xff);
    assertThat(block.getByte(CpuState.XSAVE + 32 + 16 * 5)).as("MM5").isEqualTo(6);
  }
}
