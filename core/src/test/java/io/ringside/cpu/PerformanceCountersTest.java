package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertProtection;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PerformanceCountersTest {
  private static final int CONTROL = 0xc001_0000;
  private static final int COUNTER = 0xc001_0004;

  /** EN, OS, USR, event 76h. */
  private static final long CYCLES = 0x43_0076;

  private static final long INTERRUPT = 1 << 20;
  private static final long RANGE = 1L << 48;

  private final TestProcessor cpu = new TestProcessor();
  private final Msrs msrs = cpu.processor.msrs();

  @Test
  void countersKeepWhatIsWritten() {
    for (int n = 0; n < 4; n++) {
      assertThat(msrs.read(CONTROL + n)).isZero();
      msrs.write(COUNTER + n, 0xffff_1234_5678_9abcL + n);
      assertThat(msrs.read(COUNTER + n)).as("48 bits").isEqualTo(0x1234_5678_9abcL + n);
      msrs.write(CONTROL + n, -1);
      assertThat(msrs.read(CONTROL + n)).as("no reserved bits").isEqualTo(0x030f_ffdf_ffffL);
    }
    assertProtection(() -> msrs.read(0xc001_0008));
    assertProtection(() -> msrs.write(0xc001_0008, 0));
  }

  @Test
  void cyclesAreTicksOfTheTimeStampCounterWhileEnabled() {
    msrs.write(COUNTER, 7);
    msrs.write(CONTROL, CYCLES);
    cpu.hostTsc += 100;
    assertThat(msrs.read(COUNTER)).isEqualTo(107);
    msrs.write(Msrs.TSC, 0);
    assertThat(msrs.read(COUNTER)).as("guest moved its TSC").isEqualTo(107);
    msrs.write(CONTROL, CYCLES & ~(1 << 22));
    cpu.hostTsc += 100;
    assertThat(msrs.read(COUNTER)).isEqualTo(107);
    msrs.write(CONTROL, CYCLES & ~(3 << 16));
    cpu.hostTsc += 100;
    assertThat(msrs.read(COUNTER)).as("neither CPL").isEqualTo(107);
    msrs.write(CONTROL, CYCLES);
    msrs.write(COUNTER, RANGE - 1);
    cpu.hostTsc += 11;
    assertThat(msrs.read(COUNTER)).as("wraps around").isEqualTo(10);
  }

  @Test
  void otherEventsDoNotCount() {
    msrs.write(CONTROL + 1, CYCLES & ~0xff | 0xc0);
    msrs.write(CONTROL + 2, CYCLES | 1L << 32);
    cpu.hostTsc += 100;
    assertThat(msrs.read(COUNTER + 1)).isZero();
    assertThat(msrs.read(COUNTER + 2)).isZero();
  }

  @Test
  void theNextOverflowIsArmed() {
    msrs.write(COUNTER, RANGE - 1000);
    msrs.write(CONTROL, CYCLES);
    assertThat(cpu.performanceInterrupt).as("not asked for").isEqualTo(Long.MAX_VALUE);
    msrs.write(CONTROL, CYCLES | INTERRUPT);
    assertThat(cpu.performanceInterrupt).isEqualTo(1000);
    cpu.hostTsc += 100;
    msrs.write(COUNTER + 3, RANGE - 50);
    msrs.write(CONTROL + 3, CYCLES | INTERRUPT);
    assertThat(cpu.performanceInterrupt).as("the sooner one").isEqualTo(50);
    msrs.write(CONTROL + 3, 0);
    assertThat(cpu.performanceInterrupt).isEqualTo(900);
    msrs.write(CONTROL, 0);
    assertThat(cpu.performanceInterrupt).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void theInstruction() {
    msrs.write(COUNTER + 2, 0x1234_5678_9abcL);
    cpu.state.gpr(CpuState.RCX, 2);
    cpu.execute("0f 33");
    assertThat(cpu.state.gpr(CpuState.RAX)).isEqualTo(0x5678_9abcL);
    assertThat(cpu.state.gpr(CpuState.RDX)).isEqualTo(0x1234);
    cpu.enterUser();
    assertProtection(() -> cpu.execute("0f 33"));
    cpu.state.set(CpuState.CR4, cpu.state.get(CpuState.CR4) | RegisterBits.CR4_PCE);
    cpu.execute("0f 33");
    cpu.state.gpr(CpuState.RCX, 4);
    assertProtection(() -> cpu.execute("0f 33"));
    TestProcessor intel = new TestProcessor(HostCpuidFake.intel());
    assertProtection(() -> intel.execute("0f 33"));
  }
}
