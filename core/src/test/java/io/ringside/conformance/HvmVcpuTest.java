package io.ringside.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;
import io.ringside.host.HostMapping;
import io.ringside.host.NativeMemory;
import io.ringside.hvm.HvmVcpu;
import io.ringside.hvm.KvmVm;
import io.ringside.machine.Exit;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.InterruptLine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a vCPU of KVM has beyond the suite that all methods share: interrupt chips in the kernel, messages, steps. */
@Timeout(120)
class HvmVcpuTest {
  private static final int TINY = TestMachine.RAM_SIZE;
  private static final int SERIAL_IRQ = 4;
  private static final int PIC_BASE = 0x40;

  @Test
  void instructionThatKvmCannotEmulate() {
    try (Guest g = new Guest(Method.HVM)) {
      g.pages.map(Guest.FREE, Guest.MMIO, GuestPages.ALL);
      Program p = g.kernel().mov(15, Guest.FREE);
      long at = p.here();
      // FLD tbyte [r15]: device memory is no place for an x87 operand, and KVM's emulator has no
      // x87.
      p.bytes(0x41, 0xdb, 0x2f).hlt();
      assertThat(g.run())
          .isInstanceOfSatisfying(
              Exit.Failure.class,
              failure ->
                  assertThat(failure.detail())
                      .contains("KVM can't emulate", Long.toHexString(at), "41 db 2f", "fld")
                      .doesNotContain("\n"));
    }
  }

  @Test
  void tripleFaultTellsWhere() {
    try (Guest g = new Guest(Method.HVM)) {
      // With AMD-V nothing is left of the registers.
      boolean forgettable = g.isAmd();
      Program p = g.kernel();
      long at = p.here();
      p.bytes(0x0f, 0x0b); // UD2
      g.state.set(CpuState.IDTR_LIMIT, 0);
      assertThat(g.run())
          .isInstanceOfSatisfying(
              Exit.Shutdown.class,
              shutdown ->
                  assertThat(shutdown.detail())
                      .matches(
                          ".*triple fault( at "
                              + Long.toHexString(at)
                              + ".*ud2.*)"
                              + (forgettable ? "?" : "")));
    }
  }

  @Test
  void singleSteps() {
    try (Guest g = new Guest(Method.HVM)) {
      g.kernel().nop().nop().mov(CpuState.RAX, 7).hlt();
      HvmVcpu vcpu = (HvmVcpu) g.machine.vcpu();
      vcpu.singleStep(true);
      assertThat(g.run()).isEqualTo(new Exit.SingleStep());
      assertThat(g.state.rip()).isEqualTo(Guest.KERNEL + 1);
      assertThat(g.run()).isEqualTo(new Exit.SingleStep());
      assertThat(g.state.rip()).isEqualTo(Guest.KERNEL + 2);
      vcpu.singleStep(false);
      g.runToHalt();
      assertThat(g.gpr(CpuState.RAX)).isEqualTo(7);
    }
  }

  @Test
  void linesInterruptAndHaltSleepsInTheKernel() throws InterruptedException {
    try (WithChips m = new WithChips()) {
      Program p = new Program(Guest.KERNEL);
      initialisePic(p);
      p.sti();
      p.hlt();
      p.bytes(0xeb, 0xfd); // JMP to the HLT
      m.put(p);
      Program handler = new Program(Guest.USER);
      handler.mov(CpuState.RAX, 0x21).bytes(0xe6, 0x80).hlt(); // OUT 80h, AL
      m.put(handler);
      GuestTables.gate(m.ram, PIC_BASE + SERIAL_IRQ, Guest.USER, 0, 1, false);

      Thread device =
          new Thread(
              () -> {
                sleepALittle();
                m.line.set(true);
              });
      device.start();
      assertThat(m.vcpu.run()).isEqualTo(new Exit.PortWrite(0x80, 1, 0x21));
      device.join();

      Thread other =
          new Thread(
              () -> {
                sleepALittle();
                m.vcpu.kick();
              });
      other.start();
      // Halted in the handler with interrupts off: only the kick ends that.
      assertThat(m.vcpu.run()).isEqualTo(new Exit.Interrupted());
      other.join();
    }
  }

  private static void initialisePic(Program p) {
    int[][] words = {
      {0x20, 0x11}, {0x21, PIC_BASE}, {0x21, 4}, {0x21, 1}, {0x21, 0xef}, {0xa1, 0xff}
    };
    for (int[] word : words) {
      p.mov(CpuState.RAX, word[1]).bytes(0xe6, word[0]);
    }
  }

  private static void sleepALittle() {
    try {
      Thread.sleep(50);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A VM with interrupt chips, as machines have it. */
  private static final class WithChips implements AutoCloseable {
    private final HostMapping mapping = HostMapping.guestRam(TINY, GuestMemory.HIGH_RAM_START, 0);
    private final NativeMemory ram = mapping.memory();
    private final KvmVm vm;
    private final InterruptLine line;
    private final HvmVcpu vcpu;

    WithChips() {
      Method.assumeKvm();
      GuestMemory memory = new GuestMemory(ram, TINY);
      vm = new KvmVm(memory);
      line = vm.createInterruptChips().isaLine(SERIAL_IRQ);
      vcpu = HvmVcpu.withChips(vm, memory);
      GuestTables.install(ram);
      GuestTables.start(vcpu.state());
      vcpu.state().rip(Guest.KERNEL);
      vcpu.state().gpr(CpuState.RSP, Guest.KERNEL_STACK);
      vcpu.stateLoaded();
    }

    void put(Program program) {
      byte[] code = program.a.toByteArray();
      ram.write(program.address, code, 0, code.length);
    }

    @Override
    public void close() {
      vcpu.close();
      vm.close();
      mapping.close();
    }
  }
}
