package io.ringside.cpu;

import static io.ringside.cpu.Faults.assertFault;
import static io.ringside.cpu.Faults.assertProtection;
import static io.ringside.cpu.Faults.assertUndefined;
import static io.ringside.cpu.TestProcessor.CODE;
import static io.ringside.cpu.TestProcessor.GDT;
import static io.ringside.cpu.TestProcessor.KERNEL_CS;
import static io.ringside.cpu.TestProcessor.KERNEL_DS;
import static io.ringside.cpu.TestProcessor.STACK;
import static io.ringside.cpu.TestProcessor.TSS_SELECTOR;
import static io.ringside.cpu.TestProcessor.USER_DS;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SegmentInstructionsTest {
  private static final String MOV_DS_AX = "8e d8";
  private static final String MOV_SS_AX = "8e d0";
  private static final String MOV_FS_AX = "8e e0";
  private static final long DATA = STACK - 0x800;

  private final TestProcessor cpu = new TestProcessor();
  private final CpuState state = cpu.state;

  private Outcome execute(String code, long rax) {
    state.gpr(CpuState.RAX, rax);
    state.rip(CODE);
    return cpu.execute(code);
  }

  @Test
  void loadsADataSegment() {
    cpu.descriptor(0x50, 0x1240_f256_789a_0fffL);
    assertThat(execute(MOV_FS_AX, 0x53)).isEqualTo(Outcome.NEXT);
    assertThat(state.selector(CpuState.FS)).isEqualTo(0x53);
    assertThat(state.base(CpuState.FS)).isEqualTo(0x1256_789a);
    assertThat(state.limit(CpuState.FS)).isEqualTo(0xfff);
    assertThat(state.accessRights(CpuState.FS)).isEqualTo(0x40f3);
    assertThat(cpu.get(GDT + 0x50)).as("accessed").isEqualTo(0x1240_f356_789a_0fffL);
  }

  @Test
  void loadsFromTheLdt() {
    state.segment(CpuState.LDTR, 0x60, 0x82, 0xf, TestProcessor.KERNEL + 0x30_0000);
    cpu.ram.putLong(0x30_0008, 0x00cf_f300_0000_ffffL);
    execute(MOV_DS_AX, 0xf);
    assertThat(state.limit(CpuState.DS)).isEqualTo(0xffff_ffffL);
    assertFault(() -> execute(MOV_DS_AX, 0x17), 13, 0x14);
    state.segment(CpuState.LDTR, 0, 0, 0, 0);
    assertFault(() -> execute(MOV_DS_AX, 0xf), 13, 0xc);
  }

  @Test
  void nullSelectorsClearTheBase() {
    state.set(CpuState.FS_BASE, 0x1234);
    execute(MOV_FS_AX, 3);
    assertThat(state.selector(CpuState.FS)).isEqualTo(3);
    assertThat(state.base(CpuState.FS)).isZero();
  }

  @Test
  void dataSegmentsAreChecked() {
    assertFault(() -> execute(MOV_DS_AX, 0x80), 13, 0x80);
    assertFault(() -> execute(MOV_DS_AX, 0x50), 13, 0x50);
    assertFault(() -> execute(MOV_DS_AX, KERNEL_DS | 3), 13, KERNEL_DS);
    cpu.descriptor(0x50, 0x00af_f900_0000_ffffL);
    assertFault(() -> execute(MOV_DS_AX, 0x53), 13, 0x50);
    cpu.descriptor(0x50, 0x00cf_7300_0000_ffffL);
    assertFault(() -> execute(MOV_DS_AX, 0x53), GuestFault.SEGMENT_NOT_PRESENT, 0x50);
    cpu.enterUser();
    assertFault(() -> execute(MOV_DS_AX, KERNEL_DS), 13, KERNEL_DS);
    execute(MOV_DS_AX, USER_DS);
    assertUndefinedCs();
  }

  /** Where the VMM stands in for ring 0, it has the descriptors; those that aren't present are descriptors too. */
  @Test
  void descriptorsOfTheVmm() {
    long present = 0x00cf_f200_0000_ffffL;
    long absent = 0x00cf_7200_0000_ffffL;
    long gate = 0x0000_8c00_0033_1234L;
    cpu.enterUser();
    cpu.processor.enterVmm(
        (VmmEntry)
            Proxy.newProxyInstance(
                VmmEntry.class.getClassLoader(),
                new Class<?>[] {VmmEntry.class},
                (vmm, method, arguments) -> {
                  assertThat(method.getName()).isEqualTo("descriptor");
                  return switch ((int) arguments[0]) {
                    case 0x0f -> present;
                    case 0x17 -> absent;
                    case 0x1f -> gate;
                    default -> 0L;
                  };
                }));
    execute(MOV_DS_AX, 0xf);
    assertThat(state.accessRights(CpuState.DS)).isEqualTo(0xc0f3);
    assertFault(() -> execute(MOV_DS_AX, 0x17), GuestFault.SEGMENT_NOT_PRESENT, 0x14);
    assertFault(() -> execute(MOV_SS_AX, 0x17), GuestFault.STACK_SEGMENT, 0x14);
    assertFault(() -> execute(MOV_DS_AX, 0x1f), 13, 0x1c);
    assertFault(() -> execute(MOV_DS_AX, 0x27), 13, 0x24);
    assertThat(accessRights(0xf)).isEqualTo(0xcf_f300);
    assertThat(accessRights(0x17)).isEqualTo(0xcf_7300);
    assertThat(accessRights(0x27)).isEqualTo(-1);
  }

  /** What LAR tells, -1 if nothing. */
  private long accessRights(int selector) {
    state.gpr(CpuState.RCX, -1);
    execute("0f 02 c8", selector);
    return state.gpr(CpuState.RCX);
  }

  private void assertUndefinedCs() {
    cpu.decode(MOV_DS_AX);
    cpu.instruction.reg = CpuState.CS;
    assertUndefined(() -> cpu.processor.instructions().execute(cpu.instruction));
  }

  @Test
  void stackSegmentsAreCheckedAndHoldInterruptsBack() {
    assertThat(execute(MOV_SS_AX, KERNEL_DS)).isEqualTo(Outcome.NEXT_INHIBITED);
    assertThat(execute(MOV_SS_AX, 0)).isEqualTo(Outcome.NEXT_INHIBITED);
    assertFault(() -> execute(MOV_SS_AX, USER_DS), 13, USER_DS & ~3);
    assertFault(() -> execute(MOV_SS_AX, KERNEL_CS), 13, KERNEL_CS);
    cpu.descriptor(0x50, 0x00cf_1300_0000_ffffL);
    assertFault(() -> execute(MOV_SS_AX, 0x50), GuestFault.STACK_SEGMENT, 0x50);
    cpu.enterUser();
    assertProtection(() -> execute(MOV_SS_AX, 0));
    assertProtection(() -> execute(MOV_SS_AX, 3));
  }

  @Test
  void pushesPopsAndStoresSelectors() {
    state.segment(CpuState.GS, USER_DS, 0xc0f3, 0xffff_ffffL, 0x77);
    cpu.execute("0f a8");
    assertThat(cpu.get(STACK - 8)).isEqualTo(USER_DS);
    cpu.execute("0f a1");
    assertThat(state.selector(CpuState.FS)).isEqualTo(USER_DS);
    assertThat(state.gpr(CpuState.RSP)).isEqualTo(STACK);
    execute("8c e8", -1);
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(USER_DS);
    execute("66 8c e8", -1);
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(-65536 | USER_DS);
    state.gpr(CpuState.RBX, DATA);
    cpu.put(DATA, -1);
    execute("48 8c 2b", 0);
    assertThat(cpu.get(DATA)).isEqualTo(-65536 | USER_DS);
  }

  @Test
  void loadsFarPointers() {
    state.gpr(CpuState.RBX, DATA);
    // AMD's processors have no 64-bit offset (APM vol. 3, LSS).
    boolean amd = cpu.processor.cpuid().isAmd();
    cpu.put(DATA, amd ? (long) KERNEL_DS << 32 | 0x5566_7788L : 0x1122_3344_5566_7788L);
    cpu.put(DATA + 8, KERNEL_DS);
    execute("48 0f b2 03", 0);
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(amd ? 0x5566_7788L : 0x1122_3344_5566_7788L);
    assertThat(state.selector(CpuState.SS)).isEqualTo(KERNEL_DS);
    cpu.put(DATA, (long) USER_DS << 32 | 0x9876_5432L);
    execute("0f b4 03", -1);
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(0x9876_5432L);
    assertThat(state.selector(CpuState.FS)).isEqualTo(USER_DS);
  }

  @Test
  void loadsAndStoresTableRegisters() {
    state.gpr(CpuState.RBX, DATA);
    cpu.put(DATA, 0x8000_5678_9abc_1234L);
    cpu.put(DATA + 8, 0xffffL);
    assertThatLoads("0f 01 13", CpuState.GDTR_BASE);
    assertThatLoads("0f 01 1b", CpuState.IDTR_BASE);
    cpu.put(DATA + 8, 0x7fL);
    assertProtection(() -> execute("0f 01 13", 0));
    cpu.put(DATA, 0);
    cpu.put(DATA + 8, -1);
    execute("0f 01 03", 0);
    assertThat(cpu.get(DATA)).isEqualTo(0x8000_5678_9abc_1234L);
    assertThat(cpu.get(DATA + 8)).isEqualTo(0xffff_ffff_ffff_ffffL);
  }

  private void assertThatLoads(String code, int field) {
    execute(code, 0);
    assertThat(state.get(field)).isEqualTo(0xffff_8000_5678_9abcL);
    assertThat(state.get(field + 8)).isEqualTo(0x1234);
  }

  @Test
  void tableRegistersAreForTheSupervisor() {
    cpu.map(0x50_0000, 0x30_0000, 7);
    state.gpr(CpuState.RBX, 0x50_0000);
    cpu.enterUser();
    assertProtection(() -> execute("0f 01 13", 0));
    execute("0f 01 03", 0);
    state.set(CpuState.CR4, state.get(CpuState.CR4) | RegisterBits.CR4_UMIP);
    for (String code : new String[] {"0f 01 03", "0f 01 0b", "0f 00 c0", "0f 00 c8", "0f 01 e0"}) {
      assertProtection(() -> execute(code, 0));
    }
  }

  @Test
  void loadsTheTaskRegisterAndMakesItBusy() {
    cpu.put(GDT + TSS_SELECTOR, 0x1200_8934_5678_0067L);
    cpu.put(GDT + TSS_SELECTOR + 8, 0xffff_8000L);
    execute("0f 00 d8", TSS_SELECTOR);
    assertThat(state.base(CpuState.TR)).isEqualTo(0xffff_8000_1234_5678L);
    assertThat(state.limit(CpuState.TR)).isEqualTo(0x67);
    assertThat(state.accessRights(CpuState.TR)).isEqualTo(0x8b);
    assertThat(cpu.get(GDT + TSS_SELECTOR)).isEqualTo(0x1200_8b34_5678_0067L);
    assertFault(() -> execute("0f 00 d8", TSS_SELECTOR), 13, TSS_SELECTOR);
    assertProtection(() -> execute("0f 00 d8", 0));
    execute("0f 00 c8", -1);
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(TSS_SELECTOR);
  }

  @Test
  void systemDescriptorsAreChecked() {
    cpu.put(GDT + TSS_SELECTOR, 0x0000_0900_0000_0067L);
    assertFault(
        () -> execute("0f 00 d8", TSS_SELECTOR), GuestFault.SEGMENT_NOT_PRESENT, TSS_SELECTOR);
    assertFault(() -> execute("0f 00 d8", TSS_SELECTOR | 4), 13, TSS_SELECTOR | 4);
    assertFault(() -> execute("0f 00 d8", 0x78), 13, 0x78);
    assertFault(() -> execute("0f 00 d0", KERNEL_DS), 13, KERNEL_DS);
    cpu.put(GDT + 0x50, 0x0000_8200_0000_0fffL);
    execute("0f 00 d0", 0x50);
    assertThat(state.limit(CpuState.LDTR)).isEqualTo(0xfff);
    execute("0f 00 d0", 0);
    assertThat(state.selector(CpuState.LDTR)).isZero();
    cpu.enterUser();
    assertProtection(() -> execute("0f 00 d0", 0));
  }

  @ParameterizedTest
  @CsvSource({
    // instruction, selector, CPL, result, or x where ZF is clear
    "0f 02 c8, 10, 0, af9b00", "0f 02 c8, 18, 0, cf9300", "0f 02 c8, 18, 3, x",
        "0f 02 c8, 33, 3, affb00",
    "0f 02 c8, 13, 0, x", "0f 02 c8, 0, 0, x", "0f 02 c8, 200, 0, x", "0f 02 c8, 40, 0, 8900",
    "0f 03 c8, 10, 0, ffffffff", "0f 03 c8, 40, 0, 67", "0f 03 c8, 48, 0, x",
        "0f 03 c8, 2b, 3, ffffffff"
  })
  void inspectsDescriptors(String code, String selector, int cpl, String expected) {
    cpu.put(GDT + TSS_SELECTOR, 0x0000_8900_0000_0067L);
    if (cpl == 3) {
      cpu.enterUser();
    }
    state.gpr(CpuState.RCX, 0x1234);
    execute(code, Long.parseLong(selector, 16));
    boolean zero = (state.rflags() & RegisterBits.FLAG_ZF) != 0;
    assertThat(zero).isEqualTo(!expected.equals("x"));
    assertThat(Long.toHexString(state.gpr(CpuState.RCX))).isEqualTo(zero ? expected : "1234");
  }

  @ParameterizedTest
  @CsvSource({
    "0f 00 e0, 10, 0, true", "0f 00 e8, 10, 0, false", "0f 00 e8, 18, 0, true",
        "0f 00 e0, 18, 3, false",
    "0f 00 e8, 2b, 3, true", "0f 00 e8, 1b, 0, false", "0f 00 e0, 0, 0, false",
        "0f 00 e0, 50, 0, false"
  })
  void verifiesSegments(String code, String selector, int cpl, boolean expected) {
    if (cpl == 3) {
      cpu.enterUser();
    }
    execute(code, Long.parseLong(selector, 16));
    assertThat((state.rflags() & RegisterBits.FLAG_ZF) != 0).isEqualTo(expected);
  }

  @Test
  void machineStatusWord() {
    execute("0f 01 e0", -1);
    assertThat(state.gpr(CpuState.RAX)).isEqualTo(0x8005_0033L);
    execute("0f 01 f0", 0xc);
    assertThat(state.get(CpuState.CR0)).as("PE stays").isEqualTo(0x8005_003dL);
    execute("0f 06", 0);
    assertThat(state.get(CpuState.CR0)).isEqualTo(0x8005_0035L);
    assertThat(cpu.events).containsExactly("modeChanged", "modeChanged");
  }
}
