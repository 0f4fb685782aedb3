package io.ringside.bt;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.host.HostMapping;
import io.ringside.host.NativeMemory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SoftTlbTest {
  private static final long RAM = 0x7000_0000_0000L;
  private static final long RAM_END = 64 << 20;
  private static final long PAGE = 0x12_3000;

  private final HostMapping mapping = Context.allocate();
  private final NativeMemory context = mapping.memory();
  private final SoftTlb tlb = new SoftTlb(context, RAM, RAM_END);

  @AfterEach
  void close() {
    mapping.close();
  }

  private boolean hits(int table, long gva, boolean write) {
    long slot = 8 * (gva >>> 12 & Context.TLB_ENTRIES - 1);
    return context.getLong((write ? Context.tlbWrite(table) : Context.tlbRead(table)) + slot)
        == -(gva & -4096);
  }

  @Test
  void fillsAndFlushes() {
    tlb.fill(0, 0x5678, PAGE, true, true, false, 12);
    tlb.fill(2, 0xffff_8000_0000_9000L, PAGE, false, false, true, 12);
    assertThat(hits(0, 0x5000, false)).isTrue();
    assertThat(hits(0, 0x5000, true)).isTrue();
    assertThat(hits(1, 0x5000, false)).isFalse();
    assertThat(hits(2, 0xffff_8000_0000_9000L, true)).isFalse();
    assertThat(context.getLong(Context.tlbHost(0, false) + 8 * 5)).isEqualTo(RAM + PAGE);
    tlb.flushNonGlobal();
    assertThat(hits(0, 0x5000, false)).isFalse();
    assertThat(hits(2, 0xffff_8000_0000_9000L, false)).isTrue();
    tlb.flushAll();
    assertThat(hits(2, 0xffff_8000_0000_9000L, false)).isFalse();
  }

  @Test
  void takesBackWritesThroughOneMapping() {
    tlb.fill(0, 0x5000, PAGE, true, true, false, 12);
    tlb.fill(0, 0x6000, PAGE + 4096, true, true, false, 12);
    tlb.revokeWrites(PAGE >>> 12);
    assertThat(hits(0, 0x5000, true)).isFalse();
    assertThat(hits(0, 0x5000, false)).as("loads go on").isTrue();
    assertThat(hits(0, 0x6000, true)).as("another page").isTrue();
  }

  @Test
  void takesBackWritesThroughSeveralMappings() {
    tlb.fill(0, 0x5000, PAGE, true, true, false, 12);
    tlb.fill(1, 0xffff_8000_0000_5000L, PAGE, true, true, true, 12);
    tlb.fill(2, 0x7000, PAGE, true, true, false, 12);
    tlb.revokeWrites(PAGE >>> 12);
    assertThat(hits(0, 0x5000, true)).isFalse();
    assertThat(hits(1, 0xffff_8000_0000_5000L, true)).isFalse();
    assertThat(hits(2, 0x7000, true)).isFalse();
  }

  @Test
  void takesBackWritesAfterTheMappingMoved() {
    tlb.fill(0, 0x5000, PAGE, true, true, false, 12);
    tlb.fill(0, 0x5000, PAGE + 4096, true, true, false, 12);
    tlb.fill(1, 0x9000, PAGE, true, true, false, 12);
    tlb.revokeWrites(PAGE >>> 12);
    assertThat(hits(1, 0x9000, true)).isFalse();
    assertThat(hits(0, 0x5000, true)).as("now another page's").isTrue();
    tlb.fill(0, 0x5000, PAGE, true, true, false, 12);
    tlb.flushNonGlobal();
    tlb.fill(1, 0xa000, PAGE, true, true, false, 12);
    tlb.fill(0, 0x5000, PAGE, true, true, false, 12);
    tlb.revokeWrites(PAGE >>> 12);
    assertThat(hits(1, 0xa000, true)).isFalse();
    assertThat(hits(0, 0x5000, true)).isFalse();
  }

  @Test
  void readsAndWritesDoNotDriveOutEachOther() {
    long other = 0x5000 + 4096L * Context.TLB_ENTRIES;
    tlb.fill(1, 0x5000, PAGE, false, true, false, 12);
    tlb.fill(1, other, PAGE + 4096, true, true, false, 12);
    assertThat(hits(1, 0x5000, false)).isTrue();
    assertThat(hits(1, other, true)).isTrue();
    tlb.invalidate(other);
    assertThat(hits(1, 0x5000, false)).isTrue();
    assertThat(hits(1, other, true)).isFalse();
  }
}
