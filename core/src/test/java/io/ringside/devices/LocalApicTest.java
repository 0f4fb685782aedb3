package io.ringside.devices;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.ringside.machine.MachineLock;
import io.ringside.machine.MmioBus;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LocalApicTest {
  private static final long BASE = 0xfee0_0000L;
  private static final int ID = 0x20;
  private static final int TPR = 0x80;
  private static final int PPR = 0xa0;
  private static final int EOI = 0xb0;
  private static final int SVR = 0xf0;
  private static final int ESR = 0x280;
  private static final int ICR = 0x300;
  private static final int ICR_HIGH = 0x310;
  private static final int LVT_TIMER = 0x320;
  private static final int LVT_PERFORMANCE = 0x340;
  private static final int LVT_LINT0 = 0x350;
  private static final int LVT_LINT1 = 0x360;
  private static final int LVT_ERROR = 0x370;
  private static final int INITIAL = 0x380;
  private static final int CURRENT = 0x390;
  private static final int DIVIDE = 0x3e0;
  private static final int MASKED = 1 << 16;

  private final ManualTimers time = new ManualTimers();
  private final MachineLock lock = new MachineLock();
  private final ApicBus bus = new ApicBus();
  private final MmioBus mmio = new MmioBus(lock);
  private final MmioBus mmio1 = new MmioBus(lock);
  private int changes;
  private final LocalApic apic = new LocalApic(0, lock, bus, mmio, time, time, () -> 0x30);
  private final LocalApic other = new LocalApic(1, lock, bus, mmio1, time, time, () -> -1);

  @BeforeEach
  void enable() {
    apic.onInterrupt(
        () -> {
          changes++;
        });
    write(SVR, 0x1ff);
    mmio1.write(BASE + SVR, 4, 0x1ff);
  }

  private int read(int register) {
    return (int) mmio.read(BASE + register, 4);
  }

  private void write(int register, int value) {
    mmio.write(BASE + register, 4, value);
  }

  @Test
  void stateAfterReset() {
    LocalApic fresh = new LocalApic(5, lock, new ApicBus(), new MmioBus(lock), time, time, () -> 0);
    assertThat(fresh.readMmio(ID, 4)).isEqualTo(0x0500_0000);
    assertThat(fresh.readMmio(0x30, 4)).isEqualTo(0x5_0014);
    assertThat(fresh.readMmio(SVR, 4)).isEqualTo(0xff);
    assertThat(fresh.readMmio(0xe0, 4)).isEqualTo(0xffff_ffffL);
    assertThat(fresh.readMmio(LVT_LINT0, 4)).isEqualTo(MASKED);
    assertThat(fresh.readApicBase()).isEqualTo(0xfee0_0800L);
    assertThat(apic.readApicBase()).isEqualTo(0xfee0_0900L);
    fresh.writeMmio(LVT_TIMER, 4, 0x20);
    assertThat(fresh.readMmio(LVT_TIMER, 4))
        .as("masked while disabled by software")
        .isEqualTo(MASKED | 0x20);
    fresh.accept(ApicBus.FIXED, 0x40, false);
    assertThat(fresh.hasPending()).isFalse();
  }

  @Test
  void deliversByPriority() {
    apic.accept(ApicBus.FIXED, 0x41, false);
    apic.accept(ApicBus.FIXED, 0x63, false);
    assertThat(changes).isEqualTo(1);
    assertThat(read(0x200 + 0x30) >>> 3).as("IRR").isEqualTo(1);
    assertThat(apic.acknowledge()).isEqualTo(0x63);
    assertThat(read(PPR)).isEqualTo(0x60);
    assertThat(read(0x100 + 0x30)).as("ISR").isEqualTo(8);
    assertThat(apic.hasPending()).isFalse();
    apic.accept(ApicBus.FIXED, 0x6f, false);
    assertThat(apic.hasPending()).as("same class").isFalse();
    apic.accept(ApicBus.FIXED, 0x70, false);
    assertThat(apic.acknowledge()).isEqualTo(0x70);
    write(EOI, 0);
    assertThat(apic.hasPending()).isFalse();
    write(EOI, 0);
    assertThat(apic.acknowledge()).isEqualTo(0x6f);
    write(EOI, 0);
    assertThat(apic.acknowledge()).isEqualTo(0x41);
    write(EOI, 0);
    assertThat(apic.acknowledge()).isEqualTo(-1);
    assertThat(read(PPR)).isZero();
  }

  @Test
  void taskPriorityHoldsBack() {
    write(TPR, 0x53);
    assertThat(apic.readCr8()).isEqualTo(5);
    apic.accept(ApicBus.FIXED, 0x5f, false);
    assertThat(apic.hasPending()).isFalse();
    assertThat(apic.acknowledge()).isEqualTo(-1);
    assertThat(read(PPR)).isEqualTo(0x53);
    apic.writeCr8(4);
    assertThat(read(TPR)).isEqualTo(0x40);
    assertThat(apic.hasPending()).isTrue();
    assertThat(changes).isEqualTo(1);
  }

  @Test
  void externalInterruptsComeThroughLint0() {
    apic.setLint0(true);
    assertThat(apic.hasPending()).as("masked").isFalse();
    apic.enterVirtualWireMode();
    assertThat(read(LVT_LINT0)).isEqualTo(0x8700);
    assertThat(read(LVT_LINT1)).isEqualTo(0x8400);
    apic.writeCr8(15);
    assertThat(apic.hasPending()).as("whatever the task priority").isTrue();
    assertThat(apic.acknowledge()).isEqualTo(0x30);
    apic.setLint0(false);
    assertThat(apic.hasPending()).isFalse();
    write(LVT_LINT0, 0x700 | MASKED);
    apic.setLint0(true);
    assertThat(apic.hasPending()).isFalse();
    assertThat(apic.writeApicBase(0xfee0_0100L)).isTrue();
    assertThat(apic.hasPending()).as("a disabled APIC passes INTR on").isTrue();
    assertThat(apic.acknowledge()).isEqualTo(0x30);
  }

  @Test
  void lint0MayBeFixed() {
    write(LVT_LINT0, 0x55);
    apic.setLint0(true);
    assertThat(apic.acknowledge()).isEqualTo(0x55);
  }

  @Test
  void nmiComesThroughLint1AndIpi() {
    apic.enterVirtualWireMode();
    assertThat(apic.takeNmi()).isFalse();
    apic.setLint1(true);
    assertThat(changes).isEqualTo(1);
    assertThat(apic.takeNmi()).isTrue();
    assertThat(apic.takeNmi()).isFalse();
    write(ICR, 0x4_0400);
    assertThat(apic.takeNmi()).isTrue();
    write(LVT_LINT1, 0x400 | MASKED);
    apic.setLint1(false);
    apic.setLint1(true);
    assertThat(apic.takeNmi()).isFalse();
  }

  @Test
  void oneShotTimer() {
    write(DIVIDE, 0x3);
    write(LVT_TIMER, 0x40);
    write(INITIAL, 1000);
    time.advance(8000);
    assertThat(read(CURRENT)).as("divided by 16").isEqualTo(500);
    assertThat(apic.hasPending()).isFalse();
    time.advance(8000);
    assertThat(apic.acknowledge()).isEqualTo(0x40);
    assertThat(read(CURRENT)).isZero();
    assertThat(read(INITIAL)).isEqualTo(1000);
    write(EOI, 0);
    time.advance(1_000_000);
    assertThat(apic.hasPending()).isFalse();
  }

  @Test
  void periodicTimer() {
    write(DIVIDE, 0xb);
    write(LVT_TIMER, 0x2_0040);
    write(INITIAL, 1_000_000);
    for (int i = 0; i < 1000; i++) {
      time.advance(1_000_000);
      assertThat(apic.acknowledge()).isEqualTo(0x40);
      write(EOI, 0);
    }
    time.advance(250_000);
    assertThat(read(CURRENT)).isEqualTo(750_000);
    write(INITIAL, 0);
    assertThat(read(CURRENT)).isZero();
    time.advance(10_000_000);
    assertThat(apic.hasPending()).isFalse();
  }

  @Test
  void maskedTimerGoesOnCounting() {
    write(DIVIDE, 0xb);
    write(LVT_TIMER, MASKED | 0x40);
    write(INITIAL, -1);
    time.advance(1_000_000_000L);
    assertThat(read(CURRENT)).isEqualTo((int) (0xffff_ffffL - 1_000_000_000L));
    time.advance(4_000_000_000L);
    assertThat(apic.hasPending()).isFalse();
  }

  @Test
  void changingTheDividerKeepsTheCount() {
    write(DIVIDE, 0xb);
    write(LVT_TIMER, 0x40);
    write(INITIAL, 10_000);
    time.advance(4_000);
    write(DIVIDE, 0x0);
    assertThat(read(CURRENT)).isEqualTo(6_000);
    time.advance(2_000);
    assertThat(read(CURRENT)).isEqualTo(5_000);
    time.advance(9_999);
    assertThat(apic.hasPending()).isFalse();
    time.advance(1);
    assertThat(apic.hasPending()).isTrue();
  }

  @Test
  void tscDeadline() {
    apic.writeTscDeadline(time.guestTsc() + 100);
    assertThat(apic.readTscDeadline()).as("not in that mode").isZero();
    write(LVT_TIMER, 0x4_0040);
    long deadline = time.guestTsc() + 2001;
    apic.writeTscDeadline(deadline);
    assertThat(apic.readTscDeadline()).isEqualTo(deadline);
    write(INITIAL, 5);
    assertThat(read(INITIAL)).isZero();
    time.advance(1000);
    assertThat(apic.hasPending()).isFalse();
    time.advance(1);
    assertThat(apic.acknowledge()).isEqualTo(0x40);
    assertThat(apic.readTscDeadline()).isZero();
    write(EOI, 0);
    apic.writeTscDeadline(1);
    assertThat(apic.acknowledge()).as("in the past").isEqualTo(0x40);
    write(EOI, 0);
    apic.writeTscDeadline(time.guestTsc() + 1000);
    apic.writeTscDeadline(0);
    time.advance(10_000);
    assertThat(apic.hasPending()).isFalse();
    apic.writeTscDeadline(time.guestTsc() + 1000);
    write(LVT_TIMER, 0x40);
    assertThat(apic.readTscDeadline()).isZero();
    time.advance(10_000);
    assertThat(apic.hasPending()).as("the mode change disarmed it").isFalse();
    write(LVT_TIMER, 0x4_0040);
    apic.writeTscDeadline(-1);
    assertThat(apic.hasPending()).as("never").isFalse();
  }

  @Test
  void performanceCounterInterrupt() {
    write(LVT_PERFORMANCE, ApicBus.NMI << 8);
    apic.armPerformanceInterrupt(2000);
    time.advance(999);
    assertThat(apic.hasNmi()).isFalse();
    time.advance(1);
    assertThat(apic.takeNmi()).isTrue();
    time.advance(1_000_000);
    assertThat(apic.hasNmi()).as("once").isFalse();
    apic.armPerformanceInterrupt(2000);
    apic.armPerformanceInterrupt(Long.MAX_VALUE);
    assertThat(time.armedCount()).as("taken back").isZero();
    write(LVT_PERFORMANCE, 0x41);
    apic.armPerformanceInterrupt(2000);
    apic.armPerformanceInterrupt(4000);
    time.advance(1000);
    assertThat(apic.hasPending()).isFalse();
    time.advance(1000);
    assertThat(apic.acknowledge()).isEqualTo(0x41);
    write(EOI, 0);
    write(LVT_PERFORMANCE, MASKED | 0x41);
    apic.armPerformanceInterrupt(1);
    time.advance(1);
    assertThat(apic.hasPending()).isFalse();
  }

  @Test
  void ipiToOneself() {
    write(ICR, 0x4_0081);
    assertThat(apic.acknowledge()).isEqualTo(0x81);
    assertThat(read(ICR)).isEqualTo(0x4_0081);
  }

  @Test
  void ipiByPhysicalAndLogicalDestination() {
    write(ICR_HIGH, 1 << 24);
    write(ICR, 0x81);
    assertThat(apic.hasPending()).isFalse();
    assertThat(other.acknowledge()).isEqualTo(0x81);
    write(0xd0, 1 << 24);
    mmio1.write(BASE + 0xd0, 4, 2 << 24);
    write(ICR_HIGH, 2 << 24);
    write(ICR, 0x891);
    assertThat(apic.hasPending()).isFalse();
    assertThat(other.acknowledge()).isEqualTo(0x91);
    write(ICR_HIGH, 3 << 24);
    write(ICR, 0x8a1);
    assertThat(apic.acknowledge()).isEqualTo(0xa1);
    assertThat(other.acknowledge()).isEqualTo(0xa1);
    write(ICR, 0xc_00b1);
    assertThat(apic.hasPending()).as("all but oneself").isFalse();
    assertThat(other.acknowledge()).isEqualTo(0xb1);
    write(0xe0, 0x0fff_ffff);
    write(0xd0, 0x1200_0000);
    write(ICR_HIGH, 0x1200_0000);
    write(ICR, 0x8c1);
    assertThat(apic.acknowledge()).as("cluster 1, member 1").isEqualTo(0xc1);
    write(ICR_HIGH, 0x2200_0000);
    write(ICR, 0x8d1);
    assertThat(apic.hasPending()).isFalse();
  }

  @Test
  void lowestPriorityPicksTheLessBusy() {
    apic.writeCr8(8);
    for (int i = 0; i < 4; i++) {
      bus.deliver(0xff, 0xff, true, ApicBus.LOWEST_PRIORITY, 0x91 + i, false);
    }
    assertThat(apic.hasPending()).isFalse();
    assertThat(other.acknowledge()).isEqualTo(0x94);
  }

  @Test
  void initAndStartup() {
    assertThat(other.takeStartup()).isEqualTo(-1);
    write(ICR_HIGH, 1 << 24);
    write(ICR, 0xc500);
    write(ICR, 0x8500);
    assertThat(other.hasInitOrStartup()).isTrue();
    assertThat(other.takeStartup()).as("INIT comes first").isEqualTo(-1);
    assertThat(other.takeInit()).isTrue();
    assertThat(other.takeInit()).isFalse();
    assertThat(mmio1.read(BASE + SVR, 4)).isEqualTo(0xff);
    write(ICR, 0x69a);
    assertThat(other.takeStartup()).isEqualTo(0x9a);
    write(ICR, 0x69b);
    assertThat(other.takeStartup()).as("runs already").isEqualTo(-1);
    assertThat(other.hasInitOrStartup()).isFalse();
    write(ICR_HIGH, 0);
    write(ICR, 0x69a);
    assertThat(apic.takeStartup()).as("the bootstrap processor never waits").isEqualTo(-1);
  }

  @Test
  void errorsAreLatchedByAWrite() {
    write(LVT_ERROR, 0xfe);
    write(ICR, 0x4_0005);
    assertThat(apic.acknowledge()).isEqualTo(0xfe);
    assertThat(read(ESR)).isZero();
    write(ESR, 0);
    assertThat(read(ESR)).isEqualTo(0x20);
    write(ESR, 0);
    assertThat(read(ESR)).isZero();
    read(0x2f0);
    apic.accept(ApicBus.FIXED, 3, false);
    write(ESR, 0);
    assertThat(read(ESR)).isEqualTo(0xc0);
  }

  @Test
  void levelInterruptsTellTheIoApicTheirEnd() {
    IoApic ioApic = new IoApic(bus, 0);
    ioApic.writeMmio(0, 4, 0x10 + 2 * 9);
    ioApic.writeMmio(0x10, 4, 0x8061);
    ioApic.setLine(9, true);
    assertThat(read(0x180 + 0x30)).as("TMR").isEqualTo(2);
    assertThat(apic.acknowledge()).isEqualTo(0x61);
    write(EOI, 0);
    assertThat(apic.acknowledge()).as("still asserted").isEqualTo(0x61);
    ioApic.setLine(9, false);
    write(EOI, 0);
    assertThat(apic.hasPending()).isFalse();
  }

  @Test
  void movesAndDisables() {
    assertThat(apic.writeApicBase(0xfed0_0900L)).isTrue();
    assertThat(mmio.read(BASE + SVR, 4)).isEqualTo(0xffff_ffffL);
    assertThat(mmio.read(0xfed0_0000L + SVR, 4)).isEqualTo(0x1ff);
    assertThat(apic.writeApicBase(0xfee0_0901L)).as("reserved bit").isFalse();
    assertThat(apic.writeApicBase(0xfee0_0500L)).as("x2APIC without enable").isFalse();
    assertThat(apic.writeApicBase(0xfee0_0100L)).isTrue();
    assertThat(mmio.read(0xfed0_0000L, 4)).isEqualTo(0xffff_ffffL);
    assertThat(apic.writeApicBase(0xfee0_0d00L)).as("from disabled straight to x2APIC").isFalse();
    assertThat(apic.writeApicBase(0xfee0_0900L)).isTrue();
    assertThat(read(SVR)).isEqualTo(0xff);
  }

  @Test
  void x2apicRegistersAreMsrs() {
    assertThatIllegalArgumentException().isThrownBy(() -> apic.readX2apic(0x802));
    assertThat(apic.writeX2apic(0x808, 0)).isFalse();
    assertThat(apic.writeApicBase(0xfee0_0d00L)).isTrue();
    assertThat(mmio.read(BASE + ID, 4)).as("no page any more").isEqualTo(0xffff_ffffL);
    assertThat(apic.readX2apic(0x802)).isZero();
    assertThat(apic.readX2apic(0x803)).isEqualTo(0x5_0014);
    assertThat(apic.readX2apic(0x80d)).isEqualTo(1);
    assertThat(apic.writeX2apic(0x808, 0x20)).isTrue();
    assertThat(apic.readX2apic(0x808)).isEqualTo(0x20);
    assertThat(apic.writeX2apic(0x808, 0x100)).as("reserved bit").isFalse();
    assertThat(apic.writeX2apic(0x80b, 1)).as("EOI takes only 0").isFalse();
    assertThat(apic.writeX2apic(0x80d, 1)).as("LDR is read-only").isFalse();
    assertThatIllegalArgumentException().isThrownBy(() -> apic.readX2apic(0x80b));
    assertThatIllegalArgumentException().isThrownBy(() -> apic.readX2apic(0x80e));
    assertThatIllegalArgumentException().isThrownBy(() -> apic.readX2apic(0x831));
    assertThatIllegalArgumentException().isThrownBy(() -> apic.readX2apic(0x83f));
    assertThat(apic.writeX2apic(0x83f, 0x77)).isTrue();
    assertThat(apic.acknowledge()).isEqualTo(0x77);
    assertThat(apic.writeX2apic(0x80b, 0)).isTrue();
    assertThat(apic.writeX2apic(0x830, 0x1_0000_0088L)).isTrue();
    assertThat(apic.readX2apic(0x830)).isEqualTo(0x1_0000_0088L);
    assertThat(other.acknowledge()).isEqualTo(0x88);
    assertThat(apic.writeX2apic(0x830, 0xffff_ffff_0000_0099L)).isTrue();
    assertThat(apic.acknowledge()).isEqualTo(0x99);
    assertThat(apic.writeX2apic(0x832, 0x8_0000)).as("reserved LVT bit").isFalse();
    assertThat(apic.writeX2apic(0x832, 0x4_0040)).isTrue();
    assertThat(apic.readX2apic(0x832)).isEqualTo(0x4_0040);
    assertThat(apic.writeX2apic(0x838, 0x1_0000_0000L)).isFalse();
    assertThat(apic.writeApicBase(0xfee0_0900L)).as("no way back to xAPIC").isFalse();
    assertThat(apic.writeApicBase(0xfee0_0100L)).isTrue();
    assertThat(apic.writeApicBase(0xfee0_0900L)).isTrue();
    assertThat(read(SVR)).isEqualTo(0xff);
  }

  @Test
  void messagesFromDevices() {
    assertThat(bus.message(0xfee0_1000L, 0x45)).isTrue();
    assertThat(other.acknowledge()).isEqualTo(0x45);
    assertThat(bus.message(0xfed0_0000L, 0x45)).isFalse();
    mmio1.write(BASE + 0xd0, 4, 2 << 24);
    assertThat(bus.message(0xfee0_200cL, 0x95)).isTrue();
    assertThat(other.acknowledge()).isEqualTo(0x95);
    assertThat(apic.hasPending()).isFalse();
  }
}
